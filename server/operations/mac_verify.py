"""MAC Verify (2.1 section 6.1.33)."""

from kmip.enums import Operation
from kmip.errors import MissingData
from kmip.payloads.mac_verify import MACVerifyRequest, MACVerifyResponse
from server.context import Context
from server.keys import mac_computation
from server.registry import operation


@operation(Operation.MAC_VERIFY)
async def mac_verify(context: Context, request: MACVerifyRequest) -> MACVerifyResponse:
    """Tell whether a MAC is the key's over data, or over many parts."""
    data = context.data_of(request.data) or b""

    expected = context.data_of(request.mac_data)
    part = await mac_computation.part_of(context, request, data, expected)
    if not part.is_last:
        await part.compute(context, part.computation.update, data)
        return MACVerifyResponse(
            unique_identifier=part.identifier, correlation_value=part.correlation_value
        )
    if part.expected is None:
        raise MissingData("there is no MAC Data")
    validity = await part.compute(context, part.computation.verify, part.expected, data)
    return MACVerifyResponse(unique_identifier=part.identifier, validity_indicator=validity)
