"""Decrypt (2.1 section 6.1.11)."""

from typing import Final

from kmip.enums import Data, Operation
from kmip.payloads.decrypt import DecryptRequest, DecryptResponse
from server.context import Context
from server.crypto.ciphers import encryption
from server.keys import key_use, multipart
from server.registry import operation

SLOW_BYTES: Final = 1 << 18
"""Data from which on a thread decrypts: below, changing threads takes longer than AES."""


@operation(Operation.DECRYPT)
async def decrypt(context: Context, request: DecryptRequest) -> DecryptResponse:
    """Decrypt data, or the next part of them; a wrong tag or padding does not say which."""
    data = context.data_of(request.data) or b""
    is_slow = len(data) >= SLOW_BYTES

    async def begin() -> tuple[str, encryption.DecryptStream]:
        nonlocal is_slow
        key = await key_use.key_for(
            context,
            request.unique_identifier,
            request.cryptographic_parameters,
            key_use.USES[Operation.DECRYPT],
        )
        is_slow = is_slow or not isinstance(key.key, bytes)
        stream = encryption.DecryptStream(
            key.key,
            key.algorithm,
            key.parameters,
            iv_counter_nonce=request.iv_counter_nonce,
            additional_data=request.authenticated_encryption_additional_data or b"",
            tag=request.authenticated_encryption_tag,
            allow_legacy=context.allow_legacy_reading,
        )
        return key.managed_object.identifier, stream

    part = await multipart.part_of(context, request, begin, length=len(data))
    if not part.is_last:
        return DecryptResponse(
            unique_identifier=part.identifier,
            data=part.state.update(data) or None,
            correlation_value=part.correlation_value,
        )
    if is_slow:
        plain = await context.slowly(part.state.finalize, data)
    else:
        plain = part.state.finalize(data)
    return DecryptResponse(
        unique_identifier=part.identifier,
        data=context.give(multipart.rest(request, plain), Data.DECRYPT),
    )
