"""MAC (2.1 section 6.1.32)."""

from kmip.enums import Data, Operation
from kmip.payloads.mac import MACRequest, MACResponse
from server.context import Context
from server.keys import mac_computation
from server.registry import operation


@operation(Operation.MAC)
async def mac(context: Context, request: MACRequest) -> MACResponse:
    """Compute the MAC of data, or of many parts."""
    data = context.data_of(request.data) or b""

    part = await mac_computation.part_of(context, request, data)
    if not part.is_last:
        await part.compute(context, part.computation.update, data)
        return MACResponse(
            unique_identifier=part.identifier, correlation_value=part.correlation_value
        )
    computed = await part.compute(context, part.computation.finalize, data)
    return MACResponse(
        unique_identifier=part.identifier, mac_data=context.give(computed, Data.MAC_MAC_DATA)
    )
