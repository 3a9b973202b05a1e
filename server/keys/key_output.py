"""Objects as they leave the server: format, compression, wrapping, and what may leave at all."""

from __future__ import annotations

from dataclasses import replace

from kmip.enums import (
    KeyFormatType,
    KeyWrapType,
)
from kmip.errors import (
    InvalidObjectType,
    KeyFormatTypeNotSupported,
    KeyValueNotPresent,
    NotExtractable,
    Sensitive,
)
from kmip.key_block import KeyValue
from kmip.objects import Certificate, key_block_of
from kmip.payloads.export import ExportRequest
from kmip.payloads.get import GetRequest
from kmip.structures import Structure
from kmip.tags import Tag
from server.context import Context
from server.keys import key_blocks, key_use, pkcs12_output, wrapping
from server.objects.managed_object import ManagedObject


async def deliver(
    context: Context, managed_object: ManagedObject, request: GetRequest | ExportRequest
) -> Structure:
    """The object in the form that a request asks for.

    Raises:
        NotExtractable, Sensitive: its material may not leave, or not so.
        InvalidObjectType: it is to be wrapped and has no Key Block.
        KeyFormatTypeNotSupported, KeyCompressionTypeNotSupported: it has no such form.
        ObjectDestroyed, ObjectArchived, KeyValueNotPresent: there is no material to give.
    """
    content = await context.content(managed_object)
    block, wanted = key_block_of(content), request.key_wrapping_specification
    if block is None:
        _check_plain(content, request.key_format_type)
        if wanted is not None:
            raise InvalidObjectType("an object without a Key Block cannot be wrapped")
        _check_extractable(managed_object, wrapped=False)
        return content
    if block.key_value is None:
        if wanted is not None or request.key_format_type not in (None, block.key_format_type):
            raise KeyValueNotPresent("the key value is kept elsewhere, see Key Value Location")
        return content
    in_structure = isinstance(block.key_value, KeyValue)
    was_wrapped = block.key_wrapping_data is not None
    if request.key_wrap_type == KeyWrapType.NOT_WRAPPED or wanted is not None:
        block = await key_use.unwrap(context, block)
    is_wrapped = block.key_wrapping_data is not None
    _check_extractable(managed_object, wrapped=is_wrapped or wanted is not None)
    if request.key_format_type == block.key_format_type == KeyFormatType.PKCS_12:
        formed = block  # as it was imported
    elif request.key_format_type == KeyFormatType.PKCS_12 and not is_wrapped:
        formed = await pkcs12_output.contain(context, managed_object, block)
    else:
        formed = await key_blocks.in_format(
            context,
            managed_object.object_type,
            block,
            request.key_format_type,
            request.key_compression_type,
        )
    if wanted is not None:
        formed = await wrapping.wrap(context, managed_object, formed, wanted)
        if context.wraps_in_structure or (in_structure and was_wrapped):
            formed = wrapping.in_structure(formed)
    return replace(content, key_block=formed)


def _check_extractable(managed_object: ManagedObject, *, wrapped: bool) -> None:
    if managed_object.attributes.get(Tag.EXTRACTABLE) is False:
        raise NotExtractable("the object is not extractable")
    if managed_object.attributes.get(Tag.SENSITIVE) and not wrapped:
        raise Sensitive("the object is sensitive: ask for it wrapped")


def _check_plain(content: Structure, wanted: KeyFormatType | None) -> None:
    """Objects without a key block have one form."""
    own = KeyFormatType.X_509 if isinstance(content, Certificate) else None
    if wanted is not None and wanted != own:
        raise KeyFormatTypeNotSupported("the object has no such format")
