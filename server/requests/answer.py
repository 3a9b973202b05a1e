"""One message in, one message out, in any encoding.

`answer` is the whole of the server for whoever has a message and a client: the TLS socket, an HTTPS
door, the fuzzers and the conformance cases call the same function. It gives bytes for any bytes, in
the encoding in which they came.

Where several servers share a store, one may not let in whom another has removed, and a client finds
at each what it has done at any other. So what the others have committed is taken over once for each
message, after it has come in and before its sender is identified.
"""

from __future__ import annotations

import logging
from typing import Final

from kmip.encodings import ttlv
from kmip.encodings.codec import Codec
from kmip.enums import ResultReason, ResultStatus
from kmip.errors import (
    InvalidMessage,
    KMIPError,
    ResponseTooLarge,
    UnsupportedProtocolVersion,
)
from kmip.items import Item
from kmip.messages import (
    RequestHeader,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    request_of,
    response_item,
    version_of,
)
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_0, ProtocolVersion
from server.access.client import Client
from server.requests import authentication, batch, store_failures
from server.state import Server
from storage import StorageError

log: Final = logging.getLogger(__name__)


async def answer(
    server: Server, message: bytes, client: Client | None, codec: Codec = ttlv.MESSAGE
) -> bytes:
    """The response to a request message, whatever the bytes, and whatever goes wrong here.

    Args:
        server: what all requests share.
        message: one whole message.
        client: whom the transport has identified; None: a credential in the message must.
        codec: the encoding of the message, and of the response.
    """
    try:
        return await _answer(server, message, client, codec)
    except Exception:
        log.exception("a message could not be answered")
        return codec.encode(internal_error(server))


async def _answer(server: Server, message: bytes, client: Client | None, codec: Codec) -> bytes:
    try:
        item = codec.decode(message)
    except KMIPError as error:
        return codec.encode(refusal(server, V1_0, error))
    response = await respond(server, item, client)
    try:
        return _encoded(response, codec, _maximum(item, server.config.max_message_bytes))
    except KMIPError as error:
        log.info("a response was not sent: %s", error)
        return codec.encode(refusal(server, version_of(response), error))


def _encoded(response: Item, codec: Codec, limit: int) -> bytes:
    """The bytes of a response, at most `limit` as they are sent.

    Raises:
        ResponseTooLarge: it has more.
        KMIPError: it has a text that this encoding cannot hold, which the request had not.
    """
    try:
        encoded = codec.encode(response)
    except InvalidMessage as error:
        raise KMIPError(f"the response cannot be written in this encoding: {error}") from None
    if len(encoded) > limit:
        raise ResponseTooLarge("the response would be longer than the client takes")
    return encoded


async def respond(server: Server, item: Item, client: Client | None) -> Item:
    """The response to a request message as items, in the request's version."""
    version = V1_0
    try:
        requested = version_of(item)
        version = nearest(requested)
        if requested != version:
            raise UnsupportedProtocolVersion(f"version {requested} is not spoken here")
        request = request_of(item, version)
        batch.check(request, server.config.max_batch_items)
    except KMIPError as error:
        log.info("a message was refused: %s", error)
        return refusal(server, version, error)
    header = request.request_header
    try:
        await server.store.refresh()
        known = await authentication.identify(server, client, header.authentication, version)
    except KMIPError as error:
        log.info("a client was refused: %s", error)
        items = batch.refused(request, error.reason(version), str(error))
    except StorageError as error:
        message = store_failures.told(error)
        items = batch.refused(request, ResultReason.GENERAL_FAILURE, message)
    else:
        items = await batch.run(server, request, known, version)
    return response_item(_message(server, version, header, items), version)


def refusal(server: Server, version: ProtocolVersion, error: KMIPError) -> Item:
    """The response to a message that cannot be taken as a whole."""
    item = ResponseBatchItem(
        result_status=ResultStatus.OPERATION_FAILED,
        result_reason=error.reason(version),
        result_message=str(error).encode("ascii", "backslashreplace").decode(),
    )
    return response_item(_message(server, version, None, (item,)), version)


def internal_error(server: Server) -> Item:
    """The response where a fault of ours leaves nothing better to say."""
    item = ResponseBatchItem(
        result_status=ResultStatus.OPERATION_FAILED,
        result_reason=ResultReason.GENERAL_FAILURE,
        result_message="internal error",
    )
    return response_item(_message(server, V1_0, None, (item,)), V1_0)


def _message(
    server: Server,
    version: ProtocolVersion,
    header: RequestHeader | None,
    items: tuple[ResponseBatchItem, ...],
) -> ResponseMessage:
    return ResponseMessage(
        response_header=ResponseHeader(
            protocol_version=version,
            time_stamp=int(server.clock()),
            client_correlation_value=header.client_correlation_value if header else None,
            batch_count=len(items),
        ),
        batch_item=items,
    )


def nearest(version: ProtocolVersion) -> ProtocolVersion:
    """The version spoken here that a client of `version` is most likely to read.

    It is the newest one that is not newer, as each minor version reads those before it; for a
    client older than all, the oldest.
    """
    if version in SUPPORTED:
        return version
    older = [spoken for spoken in SUPPORTED if spoken <= version]
    return older[0] if older else SUPPORTED[-1]


def _maximum(item: Item, limit: int) -> int:
    """The longest response in bytes that the client takes and the server sends."""
    header = item.first(Tag.REQUEST_HEADER)
    size = header.first(Tag.MAXIMUM_RESPONSE_SIZE) if header else None
    if size is not None and isinstance(size.value, int):
        return min(limit, size.value)
    return limit
