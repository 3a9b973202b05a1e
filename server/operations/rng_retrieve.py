"""RNG Retrieve (2.1 section 6.1.49)."""

from kmip.enums import Data, Operation
from kmip.errors import InvalidField
from kmip.payloads.rng_retrieve import RNGRetrieveRequest, RNGRetrieveResponse
from server.context import Context
from server.crypto import costs
from server.crypto.keys import symmetric_keys
from server.registry import operation


@operation(Operation.RNG_RETRIEVE)
async def rng_retrieve(context: Context, request: RNGRetrieveRequest) -> RNGRetrieveResponse:
    """Give random bytes of the kernel's generator."""
    if request.data_length < 1:
        raise InvalidField("at least one byte is retrieved")
    data = await context.compute(
        costs.RANDOM.of(request.data_length),
        symmetric_keys.generate_secret,
        8 * request.data_length,
    )
    context.give(data, Data.RNG_RETRIEVE)
    return RNGRetrieveResponse(data=data)
