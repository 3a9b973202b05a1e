"""MAC Verify (2.1 section 6.1.33)."""

from kmip.enums import Operation
from kmip.errors import MissingData
from kmip.payloads.mac_verify import MACVerifyRequest, MACVerifyResponse
from server.context import Context
from server.crypto import macs
from server.keys import key_use, multipart
from server.registry import operation


@operation(Operation.MAC_VERIFY)
async def mac_verify(context: Context, request: MACVerifyRequest) -> MACVerifyResponse:
    """Tell whether a MAC is the key's over data, or over many parts."""
    data = context.data_of(request.data) or b""

    async def begin() -> tuple[str, macs.MACStream]:
        key = await key_use.key_for(
            context,
            request.unique_identifier,
            request.cryptographic_parameters,
            key_use.USES[Operation.MAC_VERIFY],
        )
        stream = macs.MACStream(
            key.key, key.algorithm, key.parameters, allow_legacy=context.allow_legacy_reading
        )
        return key.managed_object.identifier, stream

    part = await multipart.part_of(context, request, begin, context.data_of(request.mac_data))
    if not part.is_last:
        part.state.update(data)
        return MACVerifyResponse(
            unique_identifier=part.identifier, correlation_value=part.correlation_value
        )
    if part.expected is None:
        raise MissingData("there is no MAC Data")
    return MACVerifyResponse(
        unique_identifier=part.identifier, validity_indicator=part.state.verify(part.expected, data)
    )
