"""Sign (2.1 section 6.1.55)."""

from kmip.enums import Data, Operation
from kmip.payloads.sign import SignRequest, SignResponse
from server.attributes import usage_limits
from server.context import Context
from server.crypto.signatures import signing
from server.keys import key_use, multipart
from server.registry import operation


@operation(Operation.SIGN)
async def sign(context: Context, request: SignRequest) -> SignResponse:
    """Sign data, a digest the client made, or the next part of data."""
    data = context.data_of(request.data)
    if request.digested_data is not None and data is None and not request.correlation_value:
        return await _sign_digest(context, request, request.digested_data)

    async def begin() -> tuple[str, signing.SignStream]:
        key = await _key(context, request, len(data or b""))
        stream = signing.SignStream(key.key, key.parameters, allow_legacy=context.allow_legacy)
        return key.managed_object.identifier, stream

    part = await multipart.part_of(context, request, begin, len(data or b""))
    if not part.is_last:
        await part.compute(context, part.computation.update, data or b"")
        return SignResponse(
            unique_identifier=part.identifier, correlation_value=part.correlation_value
        )
    signature = await part.compute(context, part.computation.finalize, data or b"")
    return _signed(context, part.identifier, signature)


async def _sign_digest(context: Context, request: SignRequest, digest: bytes) -> SignResponse:
    key = await _key(context, request, len(digest))

    def compute() -> bytes:
        return signing.sign(
            key.key, key.parameters, digested_data=digest, allow_legacy=context.allow_legacy
        )

    cost = signing.rate_of(key.key, key.parameters).call
    signature = await context.compute(cost, compute)
    return _signed(context, key.managed_object.identifier, signature)


async def _key(context: Context, request: SignRequest, length: int) -> key_use.UsableKey:
    key = await key_use.key_for(
        context,
        request.unique_identifier,
        request.cryptographic_parameters,
        key_use.USES[Operation.SIGN],
    )
    usage_limits.charge(context, key.managed_object, length)
    return key


def _signed(context: Context, identifier: str, signature: bytes) -> SignResponse:
    context.give(signature, Data.SIGN_SIGNATURE_DATA)
    return SignResponse(unique_identifier=identifier, signature_data=signature)
