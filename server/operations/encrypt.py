"""Encrypt (2.1 section 6.1.17)."""

from dataclasses import replace

from kmip.enums import Data, Operation
from kmip.payloads.encrypt import EncryptRequest, EncryptResponse
from server.attributes import usage_limits
from server.context import Context
from server.crypto.ciphers import encryption
from server.keys import key_use, multipart
from server.registry import operation


@operation(Operation.ENCRYPT)
async def encrypt(context: Context, request: EncryptRequest) -> EncryptResponse:
    """Encrypt data, or the next part of them."""
    data = context.data_of(request.data) or b""

    async def begin() -> tuple[str, encryption.EncryptStream]:
        key = await key_use.key_for(
            context,
            request.unique_identifier,
            request.cryptographic_parameters,
            key_use.USES[Operation.ENCRYPT],
        )
        usage_limits.charge(context, key.managed_object, len(data))
        stream = encryption.EncryptStream(
            key.key,
            key.algorithm,
            key.parameters,
            iv_counter_nonce=request.iv_counter_nonce,
            additional_data=request.authenticated_encryption_additional_data or b"",
            allow_legacy=context.allow_legacy,
            longest=context.server.config.max_whole_bytes,
        )
        return key.managed_object.identifier, stream

    kept = len(request.authenticated_encryption_additional_data or b"")
    part = await multipart.part_of(context, request, begin, len(data), kept=kept)
    made_vector = None if request.correlation_value else part.computation.iv_counter_nonce
    if not part.is_last:
        ready = await part.compute(context, part.computation.update, data)
        return EncryptResponse(
            unique_identifier=part.identifier,
            data=ready or None,
            iv_counter_nonce=made_vector,
            correlation_value=part.correlation_value,
        )
    done = await part.compute(context, part.computation.finalize, data)
    tag = done.authenticated_encryption_tag
    if tag and not context.gives(EncryptResponse, "authenticated_encryption_tag"):
        done, tag = replace(done, data=done.data + tag), None  # as Decrypt takes it
    return EncryptResponse(
        unique_identifier=part.identifier,
        data=context.give(multipart.rest(request, done.data), Data.ENCRYPT),
        iv_counter_nonce=made_vector,
        authenticated_encryption_tag=tag,
    )
