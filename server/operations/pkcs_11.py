"""PKCS#11 (2.1 section 6.1.37; Profiles 2.1, "PKCS#11 Profiles").

What the profile's mandatory case asks for: a client initializes the library, asks what it is, and
finalizes it. The server has no slots, tokens or sessions: keys are used by KMIP's own operations.
Parameters are encoded as the profile says: integers big-endian, CK_ULONG in 8 bytes, texts padded
by spaces.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from kmip.enums import Operation, PKCS11Function, PKCS11ReturnCode
from kmip.errors import InvalidCorrelationValue, PKCS11InvalidFunction, PKCS11InvalidInterface
from kmip.payloads.pkcs_11 import PKCS11Request, PKCS11Response
from server.context import Context
from server.crypto import costs
from server.registry import operation
from server.setup.release import VERSION

INTERFACE: Final = "PKCS 11"
"""The name of the standard's own interface (PKCS#11 3.0 section 5.4)."""
CRYPTOKI: Final = (3, 0)
"""The version whose functions are meant where a request names no interface."""
INFO: Final = struct.Struct(">2B 32s Q 32s 2B")
"""CK_INFO: version, manufacturer, flags (none), description, version of the library."""


class _Library:
    """An initialized library, which computes nothing."""

    gathers: Final = False
    rate: Final = costs.NOTHING


def _initialize(context: Context, correlation_value: bytes | None) -> PKCS11Response:
    streams, client = context.server.streams, context.client.name
    value = context.once(
        lambda: streams.open(client, Operation.PKCS_11, "", _Library(), context.now, context.holder)
    )
    return _answer(PKCS11Function.C_INITIALIZE, correlation_value=value)


def _get_info(context: Context, correlation_value: bytes | None) -> PKCS11Response:
    _initialized(context, correlation_value)
    major, minor = VERSION.split(".")[:2]
    texts = [text.encode().ljust(32) for text in ("Strongroom", "Strongroom KMIP server")]
    info = INFO.pack(*CRYPTOKI, texts[0], 0, texts[1], int(major), int(minor))
    return _answer(PKCS11Function.C_GETINFO, output=info)


def _finalize(context: Context, correlation_value: bytes | None) -> PKCS11Response:
    context.once(lambda: context.server.streams.close(_initialized(context, correlation_value)))
    return _answer(PKCS11Function.C_FINALIZE)


Function = Callable[[Context, bytes | None], PKCS11Response]

FUNCTIONS: Final[dict[PKCS11Function, Function]] = {
    PKCS11Function.C_INITIALIZE: _initialize,
    PKCS11Function.C_GETINFO: _get_info,
    PKCS11Function.C_FINALIZE: _finalize,
}


@operation(Operation.PKCS_11)
async def pkcs_11(context: Context, request: PKCS11Request) -> PKCS11Response:
    """Perform a function of the library."""
    if request.pkcs_11_interface not in (None, INTERFACE):
        raise PKCS11InvalidInterface(f"the interface is {INTERFACE!r}")
    function = FUNCTIONS.get(request.pkcs_11_function)
    if function is None:
        raise PKCS11InvalidFunction(f"{request.pkcs_11_function.title} is not performed here")
    return function(context, request.correlation_value)


def _initialized(context: Context, value: bytes | None) -> bytes:
    """The correlation value of a library that its client has initialized.

    Raises:
        InvalidCorrelationValue: it is none, or not any more.
    """
    if value is None:
        raise InvalidCorrelationValue("the library is not initialized")
    context.server.streams.get(context.client.name, Operation.PKCS_11, value, context.now)
    return value


def _answer(
    function: PKCS11Function,
    *,
    correlation_value: bytes | None = None,
    output: bytes | None = None,
) -> PKCS11Response:
    return PKCS11Response(
        pkcs_11_function=function,
        correlation_value=correlation_value,
        pkcs_11_output_parameters=output,
        pkcs_11_return_code=PKCS11ReturnCode.OK,
    )
