"""PKCS#11: a client initializes the library, asks what it is, and finalizes it."""

from kmip.enums import Operation, PKCS11Function, PKCS11ReturnCode, ResultReason
from server.sessions import streams
from tests.server.conftest import Clock, InProcessClient
from tests.server.operations.test_login import reason_of

Op = Operation
F = PKCS11Function
R = ResultReason


async def test_a_library_is_initialized_asked_and_finalized(ask: InProcessClient):
    begun = await ask(Op.PKCS_11, pkcs_11_function=F.C_INITIALIZE, pkcs_11_input_parameters=b"\x01")
    assert begun.pkcs_11_return_code == PKCS11ReturnCode.OK
    value = begun.correlation_value
    answer = await ask(Op.PKCS_11, pkcs_11_function=F.C_GETINFO, correlation_value=value)
    info = answer.pkcs_11_output_parameters
    assert len(info) == 2 + 32 + 8 + 32 + 2
    assert info[:2] == b"\x03\x00"
    assert info[2:34] == b"Strongroom".ljust(32)
    assert info[34:42] == bytes(8)
    ended = await ask(
        Op.PKCS_11,
        pkcs_11_function=F.C_FINALIZE,
        pkcs_11_interface="PKCS 11",
        correlation_value=value,
    )
    assert ended.pkcs_11_return_code == PKCS11ReturnCode.OK
    again = {"pkcs_11_function": F.C_GETINFO, "correlation_value": value}
    assert await reason_of(ask, Op.PKCS_11, **again) == R.INVALID_CORRELATION_VALUE


async def test_a_library_belongs_to_its_client_and_ends_by_itself(
    ask: InProcessClient, clock: Clock
):
    begun = await ask(Op.PKCS_11, pkcs_11_function=F.C_INITIALIZE)
    fields = {"pkcs_11_function": F.C_GETINFO, "correlation_value": begun.correlation_value}
    bob = ask.named("bob")
    assert await reason_of(bob, Op.PKCS_11, **fields) == R.INVALID_CORRELATION_VALUE
    clock.now += streams.SECONDS + 1
    assert await reason_of(ask, Op.PKCS_11, **fields) == R.INVALID_CORRELATION_VALUE


async def test_what_is_not_there_is_refused(ask: InProcessClient):
    info = {"pkcs_11_function": F.C_GETINFO}
    assert await reason_of(ask, Op.PKCS_11, **info) == R.INVALID_CORRELATION_VALUE
    session = {"pkcs_11_function": F.C_OPENSESSION}
    assert await reason_of(ask, Op.PKCS_11, **session) == R.PKCS_11_INVALID_FUNCTION
    vendors = {"pkcs_11_function": F.C_INITIALIZE, "pkcs_11_interface": "Vendor"}
    assert await reason_of(ask, Op.PKCS_11, **vendors) == R.PKCS_11_INVALID_INTERFACE
