"""One message in, one message out, in any encoding.

`answer` is the whole of the server for whoever has a message and a client: the TLS socket, an HTTPS
door, the fuzzers and the conformance cases call the same function. It gives bytes for any bytes, in
the encoding in which they came.

Where several servers share a store, one may not let in whom another has removed, and a client finds
at each what it has done at any other. So what the others have committed is taken over once for each
message, after it has come in and before its sender is identified.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from typing import Final

from kmip.compiled.requests import Request, read_request
from kmip.compiled.writing import written
from kmip.encodings import ttlv
from kmip.encodings.codec import Codec
from kmip.encodings.stated_version import stated_version
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
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    request_of,
    response_item,
    version_of,
)
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_0, V1_2, ProtocolVersion
from server.access.attested_clients import EVIDENCE
from server.access.client import Client
from server.long_steps import LOOP_BYTES, LOOP_VALUES, stepped
from server.objects.refreshing import refresh
from server.requests import asynchronous, audit, authentication, batch, store_failures
from server.requests.foreseen import foreseen
from server.sessions.client_turns import Turn
from server.setup import logs
from server.state import Server
from storage import StorageError

log: Final = logging.getLogger(__name__)


NUMBERS: Final = itertools.count(1)
"""Of the requests since the process started, by which lines of log and audit are joined."""


async def answer(
    server: Server,
    message: bytes,
    client: Client | None,
    codec: Codec = ttlv.MESSAGE,
    *,
    address: str = "",
    turn: Turn | None = None,
) -> bytes:
    """The response to a request message, whatever the bytes, and whatever goes wrong here.

    Args:
        server: what all requests share.
        message: one whole message.
        client: whom the transport has identified; None: a credential in the message must.
        codec: the encoding of the message, and of the response.
        address: where it comes from, for the log.
        turn: the message's part in its client's turns; None: it need not take turns.
    """
    origin = logs.Origin(next(NUMBERS), address, client.name if client is not None else "")
    before = logs.origin.set(origin)
    server.request_counts.messages += 1
    try:
        return await _answer(server, message, client, codec, origin, turn)
    except Exception:
        log.exception("a message could not be answered")
        return codec.encode(internal_error(server))
    finally:
        logs.origin.reset(before)


async def _answer(
    server: Server,
    message: bytes,
    client: Client | None,
    codec: Codec,
    origin: logs.Origin,
    turn: Turn | None,
) -> bytes:
    if turn is not None:
        await turn.take()
    read = _read(server, message, codec) or await _read_items(server, message, codec)
    if isinstance(read, Item):
        return codec.encode(read)
    request, version = read
    response = await _performed(server, request, version, client, origin.address, turn)
    if turn is not None:
        await turn.take()
    header = request.request_header
    try:
        return await _encoded(response, version, codec, _maximum(server, header))
    except KMIPError as error:
        log.info("a response was not sent: %s", error)
        return codec.encode(refusal(server, version, error, header.client_correlation_value))


def _read(server: Server, message: bytes, codec: Codec) -> Request | None:
    """A request that is as most are; None where it has to be read through items."""
    read = read_request(message) if codec.media_type == ttlv.MESSAGE.media_type else None
    if read is not None:
        try:
            batch.check(read.message, server.config.max_batch_items, read.version)
            if asynchronous.is_later(read.message):
                return None  # what is kept is made of items
        except KMIPError:
            return None
    return read


async def _read_items(server: Server, message: bytes, codec: Codec) -> Request | Item:
    """A request in any encoding; or the response that refuses it."""
    try:
        item = await stepped(len(message) > LOOP_BYTES, codec.decode, message)
    except KMIPError as error:
        log.info("a message of %d bytes was refused: %s", len(message), error)
        return refusal(server, nearest(stated_version(message) or V1_0), error)
    version = V1_0
    try:
        requested = version_of(item)
        version = nearest(requested)
        if requested != version:
            raise UnsupportedProtocolVersion(f"version {requested} is not spoken here")
        request = await stepped(_is_long(item.children), request_of, item, version)
        batch.check(request, server.config.max_batch_items, version)
        asynchronous.is_later(request)
    except KMIPError as error:
        log.info("a message was refused: %s", error)
        return refusal(server, version, error, _correlation(item))
    return Request(request, version)


async def _encoded(
    response: ResponseMessage, version: ProtocolVersion, codec: Codec, limit: int
) -> bytes:
    """The bytes of a response that has at most `limit` bytes as TTLV.

    The room of a response is counted in TTLV while it is made, so that a change whose answer would
    not fit is not made; so is what the client takes, whatever encoding it is then written in (the
    published cases of the JSON and XML profiles count so).

    Raises:
        ResponseTooLarge: it has more.
        KMIPError: this encoding cannot hold it.
    """
    is_long = _is_long(response.batch_item)
    data = await stepped(is_long, _written, response, version)
    if len(data) > limit:
        raise ResponseTooLarge("the response would be longer than the client takes")
    if codec.media_type == ttlv.MESSAGE.media_type:
        return data
    try:
        is_long = len(data) > LOOP_BYTES
        item = await stepped(is_long, response_item, response, version)
        return await stepped(is_long, codec.encode, item, version)
    except InvalidMessage as error:
        raise KMIPError(f"the response cannot be written in this encoding: {error}") from None


def _written(response: ResponseMessage, version: ProtocolVersion) -> bytes:
    content = written(response, version)
    if content is None:
        return ttlv.encode(response_item(response, version))
    return ttlv.encode(ttlv.with_content(Tag.RESPONSE_MESSAGE, content))


async def _performed(
    server: Server,
    request: RequestMessage,
    version: ProtocolVersion,
    client: Client | None,
    address: str,
    turn: Turn | None,
) -> ResponseMessage:
    """The response to a request message that was read and checked."""
    header, answered = request.request_header, None
    can_attest = bool(header.attestation_capable_indicator) and version >= V1_2
    try:
        await refresh(server.store, foreseen(server, request))
        if server.follow_rules is not None:
            await server.follow_rules()
        known = await authentication.identify(
            server, client, header.authentication, version, address, can_attest=can_attest
        )
    except KMIPError as error:
        _tell_refused(server, client, request, error, version)
        items = batch.refused(server, request, error.reason(version), str(error))
    except StorageError as error:
        message = store_failures.log_and_explain(error)
        items = batch.refused(server, request, ResultReason.GENERAL_FAILURE, message)
    else:
        answered = known.server_hashed_password
        if asynchronous.is_later(request):
            if turn is not None:
                turn.release()
            items = await asynchronous.submit(server, request, known, version)
        else:
            items = await batch.run(server, request, known, version, turn)
    response = _message(server, version, header, items, answered)
    if can_attest and server.attested_clients:
        sender = authentication.sender_of(client, address)
        nonce = server.attested_clients.nonces.issue(sender, server.clock())
        response.response_header.nonce = nonce
        response.response_header.attestation_type = (EVIDENCE,)
    return response


def _is_long(batch: Sequence[object]) -> bool:
    """Whether reading or writing a batch of so many items is long, their payloads apart."""
    return len(batch) > LOOP_VALUES


def _tell_refused(
    server: Server,
    client: Client | None,
    request: RequestMessage,
    error: KMIPError,
    version: ProtocolVersion,
) -> None:
    """One line in the log and one in the audit log, of so many a minute from one address."""
    origin = logs.origin.get()
    untold = server.refusals.take(origin.address if origin else "", server.clock())
    if untold is None:
        return
    named = authentication.claimed(request.request_header.authentication, version)
    more = f"; {untold} more were refused since the last such line" if untold else ""
    log.warning("a client was refused%s: %s%s", named, error, more)
    audit.write(
        audit.line(
            server.clock(),
            client or NOBODY,
            request.batch_item[0].operation,
            None,
            ResultStatus.OPERATION_FAILED,
            error.reason(version),
            logs.request_number(),
        )
        for _ in range(1)
    )


NOBODY: Final = Client("", "none")
"""Who has shown no certificate, and nothing else that holds."""


def refusal(
    server: Server, version: ProtocolVersion, error: KMIPError, correlation: str | None = None
) -> Item:
    """The response to a message that cannot be taken as a whole.

    Args:
        server: what all requests share.
        version: of the response.
        error: why it cannot be taken.
        correlation: the message's Client Correlation Value, which comes back.
    """
    server.request_counts.refused[error.reason(version)] += 1
    item = ResponseBatchItem(
        result_status=ResultStatus.OPERATION_FAILED,
        result_reason=error.reason(version),
        result_message=str(error),
    )
    message = _message(server, version, None, (item,))
    message.response_header.client_correlation_value = correlation
    return response_item(message, version)


def _correlation(request: Item) -> str | None:
    """The Client Correlation Value of a request whose header may be wrong otherwise."""
    header = request.first(Tag.REQUEST_HEADER)
    value = header.first(Tag.CLIENT_CORRELATION_VALUE) if header else None
    return value.value if value is not None and isinstance(value.value, str) else None


def internal_error(server: Server) -> Item:
    """The response where a fault of ours leaves nothing better to say."""
    server.request_counts.refused[ResultReason.GENERAL_FAILURE] += 1
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
    server_hashed_password: bytes | None = None,
) -> ResponseMessage:
    return ResponseMessage(
        response_header=ResponseHeader(
            protocol_version=version,
            time_stamp=int(server.clock()),
            server_hashed_password=server_hashed_password,
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


def _maximum(server: Server, header: RequestHeader) -> int:
    """The longest response in bytes that the client takes and the server sends."""
    limit, requested = server.config.max_message_bytes, header.maximum_response_size
    return limit if requested is None else min(limit, requested)
