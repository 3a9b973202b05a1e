"""A request message as structures, payloads included, read by compiled functions."""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

from kmip.compiled.reading import NOT_TAKEN, reader_of
from kmip.compiled.source import VERSION_BYTES, VERSION_ITEMS, Irregular
from kmip.enums import ItemType, Operation
from kmip.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip.payloads import PAYLOADS
from kmip.tags import Tag
from kmip.versions import ProtocolVersion

MAX_BYTES: Final = 8 * 1024
"""Of a message: longer ones go through items, whose number is limited there, and whose reading can
be handed to a thread. Keys, attributes and what is commonly encrypted are shorter by far."""

_HEADER: Final = struct.Struct(">II").unpack_from


def _word(tag: Tag) -> int:
    return tag << 8 | ItemType.STRUCTURE


_MESSAGE: Final = _word(Tag.REQUEST_MESSAGE)
_REQUEST_HEADER: Final = _word(Tag.REQUEST_HEADER)
_BATCH_ITEM: Final = _word(Tag.BATCH_ITEM)
_VERSION_AT: Final = 16
_VERSIONS: Final = {item: version for version, item in VERSION_ITEMS.items()}


class Request(NamedTuple):
    """A request message that was read.

    Attributes:
        message: whose payloads are structures of the operations' own.
        version: the message's.
    """

    message: RequestMessage
    version: ProtocolVersion


def read_request(data: bytes) -> Request | None:
    """The request message that is all of `data`; None where it must be read through items.

    Args:
        data: any bytes. What is wrong is never told from here.
    """
    if len(data) > MAX_BYTES:
        return None
    try:
        return _request(data)
    except NOT_TAKEN:
        return None


def _request(data: bytes) -> Request | None:
    word, length = _HEADER(data, 0)
    if word != _MESSAGE or length != len(data) - 8:
        return None
    version = _VERSIONS.get(data[_VERSION_AT : _VERSION_AT + VERSION_BYTES])
    word, length = _HEADER(data, 8)
    at = _VERSION_AT + length
    if version is None or word != _REQUEST_HEADER or at > len(data):
        return None
    header = reader_of(RequestHeader, version)(data, _VERSION_AT, at)
    items = []
    while at < len(data):
        word, length = _HEADER(data, at)
        start, at = at + 8, at + 8 + length
        if word != _BATCH_ITEM or at > len(data):
            return None
        items.append(_batch_item(data, start, at, version))
    return Request(RequestMessage(request_header=header, batch_item=tuple(items)), version)


def _batch_item(data: bytes, start: int, stop: int, version: ProtocolVersion) -> RequestBatchItem:
    item: RequestBatchItem = reader_of(RequestBatchItem, version, placed=True)(data, start, stop)
    place: Any = item.request_payload  # read as where it is
    if place is not None:
        if not isinstance(item.operation, Operation):
            raise Irregular
        item.request_payload = reader_of(PAYLOADS[item.operation].request, version)(data, *place)
    return item
