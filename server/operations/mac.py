"""MAC (2.1 section 6.1.32)."""

from kmip.enums import Data, Operation
from kmip.payloads.mac import MACRequest, MACResponse
from server.attributes import usage_limits
from server.context import Context
from server.crypto import macs
from server.keys import key_use, multipart
from server.registry import operation


@operation(Operation.MAC)
async def mac(context: Context, request: MACRequest) -> MACResponse:
    """Compute the MAC of data, or of many parts."""
    data = context.data_of(request.data) or b""

    async def begin() -> tuple[str, macs.MACStream]:
        key = await key_use.key_for(
            context,
            request.unique_identifier,
            request.cryptographic_parameters,
            key_use.USES[Operation.MAC],
        )
        usage_limits.charge(context, key.managed_object, len(data))
        stream = macs.MACStream(
            key.key, key.algorithm, key.parameters, allow_legacy=context.allow_legacy
        )
        return key.managed_object.identifier, stream

    part = await multipart.part_of(context, request, begin, length=len(data))
    if not part.is_last:
        part.state.update(data)
        return MACResponse(
            unique_identifier=part.identifier, correlation_value=part.correlation_value
        )
    computed = part.state.finalize(data)
    return MACResponse(
        unique_identifier=part.identifier, mac_data=context.give(computed, Data.MAC_MAC_DATA)
    )
