"""Keys in use: mask, state, dates, limits, and material that is not there."""

from dataclasses import dataclass
from typing import Any

import pytest

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    DigitalSignatureAlgorithm,
    Operation,
    PaddingMethod,
    ResultReason,
    UsageLimitsUnit,
    ValidityIndicator,
)
from kmip.errors import (
    IncompatibleCryptographicUsageMask,
    InvalidObjectType,
    MissingData,
    ObjectArchived,
    UsageLimitExceeded,
    WrongKeyLifecycleState,
)
from kmip.masks import CryptographicUsageMask as Mask
from kmip.tags import Tag
from tests.server.conftest import NOW, Clock, InProcessClient
from tests.server.samples import (
    ACTIVE,
    ANY_USE,
    COMPROMISED,
    STOPPED,
    archived,
    attribute,
    create,
    create_pair,
    destroyed,
    limits,
    opaque,
    refused,
    register,
)

CBC = CryptographicParameters(
    block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5, random_iv=True
)
HMAC = CryptographicParameters(cryptographic_algorithm=CryptographicAlgorithm.HMAC_SHA256)
ECDSA = CryptographicParameters(
    digital_signature_algorithm=DigitalSignatureAlgorithm.ECDSA_WITH_SHA256
)
DATA = b"some data"


@dataclass
class KeyUse:
    """A use of a key that protects, and the one that undoes it.

    Attributes:
        protect: an operation.
        process: an operation.
        mask: the bit that `protect` needs.
        other: the bit that `process` needs.
        parameters: of both.
    """

    protect: Operation
    process: Operation
    mask: Mask
    other: Mask
    parameters: CryptographicParameters

    async def keys(
        self, ask: InProcessClient, *pairs: Any, mask: Mask = ANY_USE
    ) -> tuple[str, str]:
        """The keys of both uses."""
        if self.protect == Operation.SIGN:
            return await create_pair(ask, *pairs, mask=mask)
        key = await create(ask, *pairs, mask=mask)
        return key, key

    def fields(self, key: str) -> dict[str, Any]:
        return {"unique_identifier": key, "cryptographic_parameters": self.parameters}

    async def protected(self, ask: InProcessClient, key: str) -> dict[str, Any]:
        """What `process` takes beside the key."""
        made = await ask(self.protect, data=DATA, **self.fields(key))
        if self.protect == Operation.ENCRYPT:
            return {"data": made.data, "iv_counter_nonce": made.iv_counter_nonce}
        if self.protect == Operation.SIGN:
            return {"data": DATA, "signature_data": made.signature_data}
        return {"data": DATA, "mac_data": made.mac_data}

    async def processed(self, ask: InProcessClient, key: str, output: dict[str, Any]) -> None:
        got = await ask(self.process, **self.fields(key), **output)
        if self.process == Operation.DECRYPT:
            assert got.data == DATA
        else:
            assert got.validity_indicator == ValidityIndicator.VALID


ENCRYPTING = KeyUse(Operation.ENCRYPT, Operation.DECRYPT, Mask.ENCRYPT, Mask.DECRYPT, CBC)
SIGNING = KeyUse(Operation.SIGN, Operation.SIGNATURE_VERIFY, Mask.SIGN, Mask.VERIFY, ECDSA)
MACING = KeyUse(Operation.MAC, Operation.MAC_VERIFY, Mask.MAC_GENERATE, Mask.MAC_VERIFY, HMAC)

each = pytest.mark.parametrize(
    "key_use", [ENCRYPTING, SIGNING, MACING], ids=["encrypt", "sign", "mac"]
)


@each
async def test_an_active_key_protects_and_processes(ask: InProcessClient, key_use: KeyUse):
    one, other = await key_use.keys(ask, ACTIVE)
    await key_use.processed(ask, other, await key_use.protected(ask, one))


@each
async def test_the_mask_says_which(ask: InProcessClient, key_use: KeyUse):
    one, other = await key_use.keys(ask, ACTIVE, mask=key_use.mask)
    output = await key_use.protected(ask, one)
    kind = IncompatibleCryptographicUsageMask
    await refused(ask, kind, key_use.process, **key_use.fields(other), **output)
    one, other = await key_use.keys(ask, ACTIVE, mask=key_use.other)
    await refused(ask, kind, key_use.protect, data=DATA, **key_use.fields(one))
    one, other = await key_use.keys(ask, ACTIVE, mask=Mask(0))
    await refused(ask, kind, key_use.protect, data=DATA, **key_use.fields(one))


@each
async def test_an_unrestricted_key_does_everything(ask: InProcessClient, key_use: KeyUse):
    one, other = await key_use.keys(ask, ACTIVE, mask=Mask.UNRESTRICTED)
    await key_use.processed(ask, other, await key_use.protected(ask, one))


@each
async def test_before_it_is_active_it_does_nothing(
    ask: InProcessClient, key_use: KeyUse, clock: Clock
):
    one, other = await key_use.keys(ask, (Tag.ACTIVATION_DATE, NOW + 10))
    await refused(ask, WrongKeyLifecycleState, key_use.protect, data=DATA, **key_use.fields(one))
    clock.now += 10
    output = await key_use.protected(ask, one)
    clock.now -= 1
    await refused(ask, WrongKeyLifecycleState, key_use.process, **key_use.fields(other), **output)


@each
@pytest.mark.parametrize("how", [STOPPED, COMPROMISED], ids=["stopped", "compromised"])
async def test_afterwards_it_only_processes(ask: InProcessClient, key_use: KeyUse, how):
    one, other = await key_use.keys(ask, ACTIVE)
    output = await key_use.protected(ask, one)
    for key in {one, other}:
        await ask(Operation.REVOKE, unique_identifier=key, **how)
    await refused(ask, WrongKeyLifecycleState, key_use.protect, data=DATA, **key_use.fields(one))
    await key_use.processed(ask, other, output)
    for key in {one, other}:
        await ask(Operation.DESTROY, unique_identifier=key)
    await refused(ask, WrongKeyLifecycleState, key_use.process, **key_use.fields(other), **output)


@each
async def test_it_stops_protecting_and_starts_processing_at_dates(
    ask: InProcessClient, key_use: KeyUse, clock: Clock
):
    start, stop = (Tag.PROCESS_START_DATE, NOW + 20), (Tag.PROTECT_STOP_DATE, NOW + 10)
    one, other = await key_use.keys(ask, ACTIVE, start, stop)
    output = await key_use.protected(ask, one)
    await refused(ask, WrongKeyLifecycleState, key_use.process, **key_use.fields(other), **output)
    clock.now += 9
    await key_use.protected(ask, one)
    clock.now += 1
    await refused(ask, WrongKeyLifecycleState, key_use.protect, data=DATA, **key_use.fields(one))
    clock.now += 10
    await key_use.processed(ask, other, output)


@each
@pytest.mark.parametrize(
    "unit,cost", [(UsageLimitsUnit.BYTE, len(DATA)), (UsageLimitsUnit.OBJECT, 1)]
)
async def test_protecting_is_counted_and_processing_is_not(
    ask: InProcessClient, key_use: KeyUse, unit: UsageLimitsUnit, cost: int
):
    one, other = await key_use.keys(ask, ACTIVE, limits(unit, 2 * cost + cost - 1))
    for left in (2 * cost - 1, cost - 1):
        output = await key_use.protected(ask, one)
        assert (await attribute(ask, one, Tag.USAGE_LIMITS)).usage_limits_count == left
        await key_use.processed(ask, other, output)
    await refused(ask, UsageLimitExceeded, key_use.protect, data=DATA, **key_use.fields(one))
    await key_use.processed(ask, other, output)


async def test_a_use_that_is_refused_costs_nothing(ask: InProcessClient):
    key = await create(ask, ACTIVE, limits(UsageLimitsUnit.OBJECT, 5))
    short = CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC)
    fields = {"cryptographic_parameters": short, "iv_counter_nonce": b"short", "data": bytes(16)}
    (answer,) = await ask.batch(ask.item(Operation.ENCRYPT, unique_identifier=key, **fields))
    assert answer.result_reason is not None
    assert (await attribute(ask, key, Tag.USAGE_LIMITS)).usage_limits_count == 5


async def test_a_use_counts_although_its_answer_does_not_fit(ask: InProcessClient):
    key = await create(ask, ACTIVE, limits(UsageLimitsUnit.BYTE, 100))
    cbc = CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC, random_iv=True)
    item = ask.item(
        Operation.ENCRYPT, unique_identifier=key, cryptographic_parameters=cbc, data=bytes(32)
    )
    (answer,) = (await ask.message(item, maximum_response_size=260)).batch_item
    assert answer.result_reason == ResultReason.RESPONSE_TOO_LARGE
    assert (await attribute(ask, key, Tag.USAGE_LIMITS)).usage_limits_count == 68


async def test_a_use_counts_although_its_data_fail(ask: InProcessClient):
    """What was performed counts, whatever came of it (2.1 section 4.59)."""
    key = await create(ask, ACTIVE, limits(UsageLimitsUnit.OBJECT, 5))
    odd = CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC, random_iv=True)
    (answer,) = await ask.batch(
        ask.item(
            Operation.ENCRYPT, unique_identifier=key, cryptographic_parameters=odd, data=b"odd"
        )
    )
    assert answer.result_reason is not None
    assert (await attribute(ask, key, Tag.USAGE_LIMITS)).usage_limits_count == 4


async def test_without_material_there_is_no_use(ask: InProcessClient):
    for key, kind in (
        (await archived(ask, ACTIVE), ObjectArchived),
        (await destroyed(ask), WrongKeyLifecycleState),
        (await register(ask, opaque(), ACTIVE), InvalidObjectType),
    ):
        await refused(ask, kind, Operation.ENCRYPT, data=DATA, **ENCRYPTING.fields(key))


async def test_verifying_needs_something_to_verify(ask: InProcessClient):
    one, other = await SIGNING.keys(ask, ACTIVE)
    key = await create(ask, ACTIVE)
    for operation, parameters, which in (
        (Operation.SIGNATURE_VERIFY, ECDSA, other),
        (Operation.MAC_VERIFY, HMAC, key),
    ):
        fields = {"unique_identifier": which, "cryptographic_parameters": parameters}
        await refused(ask, MissingData, operation, data=DATA, **fields)
    assert one


async def test_a_wrong_signature_or_mac_is_told_apart_from_a_failure(ask: InProcessClient):
    for key_use in (SIGNING, MACING):
        one, other = await key_use.keys(ask, ACTIVE)
        output = await key_use.protected(ask, one)
        output["data"] = b"other data"
        got = await ask(key_use.process, **key_use.fields(other), **output)
        assert got.validity_indicator == ValidityIndicator.INVALID


async def test_parameters_of_the_key_hold_where_the_request_has_none(ask: InProcessClient):
    key = await create(ask, ACTIVE, (Tag.CRYPTOGRAPHIC_PARAMETERS, CBC))
    made = await ask(Operation.ENCRYPT, unique_identifier=key, data=DATA)
    assert len(made.data) == 16
    got = await ask(
        Operation.DECRYPT,
        unique_identifier=key,
        data=made.data,
        iv_counter_nonce=made.iv_counter_nonce,
    )
    assert got.data == DATA
