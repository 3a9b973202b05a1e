"""Decrypt (2.1 section 6.1.11)."""

from kmip.enums import Data, Operation
from kmip.payloads.decrypt import DecryptRequest, DecryptResponse
from server.context import Context
from server.crypto.ciphers import encryption
from server.keys import key_use, multipart
from server.registry import operation


@operation(Operation.DECRYPT)
async def decrypt(context: Context, request: DecryptRequest) -> DecryptResponse:
    """Decrypt data, or the next part of them; a wrong tag or padding does not say which."""
    data = context.data_of(request.data) or b""

    async def begin() -> tuple[str, encryption.DecryptStream]:
        key = await key_use.key_for(
            context,
            request.unique_identifier,
            request.cryptographic_parameters,
            key_use.USES[Operation.DECRYPT],
        )
        stream = encryption.DecryptStream(
            key.key,
            key.algorithm,
            key.parameters,
            iv_counter_nonce=request.iv_counter_nonce,
            additional_data=request.authenticated_encryption_additional_data or b"",
            tag=request.authenticated_encryption_tag,
            allow_legacy=context.allow_legacy_reading,
            longest=context.server.config.max_whole_bytes,
        )
        return key.managed_object.identifier, stream

    kept = len(request.authenticated_encryption_additional_data or b"")
    part = await multipart.part_of(context, request, begin, len(data), kept=kept)
    if not part.is_last:
        ready = await part.compute(context, part.computation.update, data)
        return DecryptResponse(
            unique_identifier=part.identifier,
            data=ready or None,
            correlation_value=part.correlation_value,
        )
    plain = await part.compute(context, part.computation.finalize, data)
    return DecryptResponse(
        unique_identifier=part.identifier,
        data=context.give(multipart.rest(request, plain), Data.DECRYPT),
    )
