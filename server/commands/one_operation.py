"""One operation as a message of KMIP 2.1, and what the server answers it."""

from __future__ import annotations

from typing import Final, TypeVar

from kmip.encodings import ttlv
from kmip.enums import Operation, ResultStatus
from kmip.messages import RequestBatchItem, RequestHeader, RequestMessage, ResponseMessage
from kmip.structures import Structure, from_item, to_item
from kmip.tags import Tag
from kmip.versions import V2_1
from server.setup.failure import Failure
from server.setup.logs import quoted

S = TypeVar("S", bound=Structure)

VERSION: Final = V2_1
LONGEST: Final = 500
"""Characters of a server's refusal that are repeated."""


def plain(text: object) -> str:
    """A text of a peer's as it may be shown on a terminal."""
    return quoted(str(text))[1:-1].replace('\\"', '"')


def request(operation: Operation, payload: Structure) -> bytes:
    """One operation as a message in TTLV."""
    message = RequestMessage(
        request_header=RequestHeader(protocol_version=VERSION, batch_count=1),
        batch_item=(
            RequestBatchItem(
                operation=operation,
                request_payload=to_item(payload, Tag.REQUEST_PAYLOAD, VERSION),
            ),
        ),
    )
    return ttlv.encode(to_item(message, Tag.REQUEST_MESSAGE, VERSION))


def response(message: bytes, payload: type[S]) -> S:
    """The payload of a response with one item.

    Raises:
        Failure: the server refused.
        KMIPError: the message is no such response.
    """
    items = from_item(ttlv.decode(message), ResponseMessage, VERSION).batch_item
    if len(items) != 1:
        raise Failure("The server's answer does not have one item.")
    item = items[0]
    if item.result_status != ResultStatus.SUCCESS or item.response_payload is None:
        why = plain((item.result_message or "no reason given")[:LONGEST]).rstrip(".")
        raise Failure(f"The server refused: {why}.")
    return from_item(item.response_payload, payload, VERSION)
