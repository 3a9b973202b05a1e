"""Archive (2.1 section 6.1.4)."""

from kmip.enums import Operation
from kmip.payloads.archive import ArchiveRequest, ArchiveResponse
from kmip.tags import Tag
from server.context import Context
from server.registry import operation


@operation(Operation.ARCHIVE)
async def archive(context: Context, request: ArchiveRequest) -> ArchiveResponse:
    """Move an object to archival storage, where its material cannot be used."""
    held = await context.change(request.unique_identifier)
    if not held.archived:
        held.archived = True
        held.attributes.set(Tag.ARCHIVE_DATE, context.now)
        context.keep(held)
    return ArchiveResponse(unique_identifier=held.identifier)
