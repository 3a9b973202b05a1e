"""What MAC and MAC Verify have in common (2.1 sections 6.1.32 and 6.1.33)."""

from kmip.payloads.mac import MACRequest
from kmip.payloads.mac_verify import MACVerifyRequest
from server.attributes import usage_limits
from server.context import Context
from server.crypto.macs import MACStream
from server.keys import key_use, multipart
from server.keys.multipart import Part


async def part_of(
    context: Context,
    request: MACRequest | MACVerifyRequest,
    data: bytes,
    expected: bytes | None = None,
) -> Part[MACStream]:
    """The part that a request is, its MAC begun or found.

    Args:
        context: of the request; its operation says whether the key protects.
        request: one part.
        data: of the part.
        expected: a MAC to verify that comes with this part.

    Raises:
        As `server.keys.key_use.key_for`, `MACStream` and `server.keys.multipart.part_of`.
    """
    use = key_use.USES[context.operation]
    legacy = context.allow_legacy if use.protects else context.allow_legacy_reading

    async def begin() -> tuple[str, MACStream]:
        key = await key_use.key_for(
            context, request.unique_identifier, request.cryptographic_parameters, use
        )
        if use.protects:
            usage_limits.charge(context, key.managed_object, len(data))
        stream = MACStream(key.key, key.algorithm, key.parameters, allow_legacy=legacy)
        return key.managed_object.identifier, stream

    return await multipart.part_of(context, request, begin, len(data), expected=expected)
