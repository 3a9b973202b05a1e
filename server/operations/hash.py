"""Hash (2.1 section 6.1.24)."""

from kmip.enums import Data, Operation
from kmip.payloads.hash import HashRequest, HashResponse
from server.context import Context
from server.crypto import hashes
from server.keys import multipart
from server.registry import operation


@operation(Operation.HASH)
async def hash_(context: Context, request: HashRequest) -> HashResponse:
    """Compute the hash of data, or of many parts."""
    data = context.data_of(request.data) or b""

    async def begin() -> tuple[str, hashes.HashStream]:
        stream = hashes.HashStream(
            request.cryptographic_parameters, allow_legacy=context.allow_legacy
        )
        return "", stream

    part = await multipart.part_of(context, request, begin, len(data))
    if not part.is_last:
        await part.compute(context, part.computation.update, data)
        return HashResponse(correlation_value=part.correlation_value)
    computed = await part.compute(context, part.computation.finalize, data)
    return HashResponse(data=context.give(computed, Data.HASH))
