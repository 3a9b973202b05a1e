"""Archive (2.1 section 6.1.4)."""

from kmip.enums import Operation
from kmip.payloads.archive import ArchiveRequest, ArchiveResponse
from kmip.tags import Tag
from server.context import Context
from server.registry import operation


@operation(Operation.ARCHIVE)
async def archive(context: Context, request: ArchiveRequest) -> ArchiveResponse:
    """Move an object to archival storage, where its material cannot be used."""
    managed_object = await context.change(request.unique_identifier)
    managed_object.archived = True
    managed_object.attributes.set(Tag.ARCHIVE_DATE, context.now)
    context.keep(managed_object)
    return ArchiveResponse(unique_identifier=managed_object.identifier)
