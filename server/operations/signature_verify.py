"""Signature Verify (2.1 section 6.1.56)."""

from kmip.enums import Operation, ValidityIndicator
from kmip.errors import MissingData
from kmip.payloads.signature_verify import SignatureVerifyRequest, SignatureVerifyResponse
from server.context import Context
from server.crypto.keys.key_types import public_half
from server.crypto.signatures import signing
from server.keys import key_use, multipart
from server.registry import operation


@operation(Operation.SIGNATURE_VERIFY)
async def signature_verify(
    context: Context, request: SignatureVerifyRequest
) -> SignatureVerifyResponse:
    """Tell whether a signature is the key's over data, over a digest, or over many parts."""
    data = context.data_of(request.data)
    signature = context.data_of(request.signature_data)
    if request.digested_data is not None and data is None and not request.correlation_value:
        return await _verify_digest(context, request, signature, request.digested_data)

    async def begin() -> tuple[str, signing.VerifyStream]:
        key = await _key(context, request)
        stream = signing.VerifyStream(
            key.key, key.parameters, allow_legacy=context.allow_legacy_reading
        )
        return key.managed_object.identifier, stream

    part = await multipart.part_of(context, request, begin, len(data or b""), expected=signature)
    if not part.is_last:
        await part.compute(context, part.computation.update, data or b"")
        return SignatureVerifyResponse(
            unique_identifier=part.identifier, correlation_value=part.correlation_value
        )
    validity = await part.compute(
        context, part.computation.finalize, _needed(part.expected), data or b""
    )
    return SignatureVerifyResponse(unique_identifier=part.identifier, validity_indicator=validity)


async def _verify_digest(
    context: Context, request: SignatureVerifyRequest, signature: bytes | None, digest: bytes
) -> SignatureVerifyResponse:
    key = await _key(context, request)
    expected = _needed(signature)

    def compute() -> ValidityIndicator:
        return signing.verify(
            key.key,
            key.parameters,
            expected,
            digested_data=digest,
            allow_legacy=context.allow_legacy_reading,
        )

    cost = signing.rate_of(public_half(key.key), key.parameters).call
    validity = await context.compute(cost, compute)
    return SignatureVerifyResponse(
        unique_identifier=key.managed_object.identifier, validity_indicator=validity
    )


async def _key(context: Context, request: SignatureVerifyRequest) -> key_use.UsableKey:
    return await key_use.key_for(
        context,
        request.unique_identifier,
        request.cryptographic_parameters,
        key_use.USES[Operation.SIGNATURE_VERIFY],
    )


def _needed(signature: bytes | None) -> bytes:
    if signature is None:
        raise MissingData("there is no Signature Data")
    return signature
