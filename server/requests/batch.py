"""A request message to a response message: order, stopping, undoing, and what items hand on.

Items are performed in the order in which they stand, whatever the Batch Order Option says. When one
fails (2.1 section 9.6):

    Stop      the rest is not performed, and not answered
    Continue  the rest is performed
    Undo      what was done is undone and answered as Operation Undone; the rest is not performed

Undoing is not doing the opposite afterwards: an undoable batch is one transaction, which is made
durable as a whole or not at all.

The first item is performed on what was known when the message's sender was identified, later ones
too while the batch is quick. In a long one the store is asked again what other servers have done,
so that a key destroyed there is not used here for minutes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import trio

from kmip.enums import BatchErrorContinuationOption as Option
from kmip.enums import (
    CredentialType,
    Operation,
    ResultReason,
    ResultStatus,
)
from kmip.errors import InvalidMessage
from kmip.messages import (
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
)
from kmip.versions import V3_0, ProtocolVersion
from server.access.client import Client
from server.context import Context, Produced, Room, text_size
from server.objects.transaction import Transaction
from server.requests import audit
from server.requests.dispatch import (
    MAX_ATTEMPTS,
    Result,
    count_used,
    failed,
    make_durable,
    perform,
)
from server.sessions.client_turns import Turn
from server.sessions.permission import UNDOABLE
from server.setup import logs
from server.state import Server
from storage import Conflict

ITEM_OVERHEAD: Final = 56
"""Bytes of a response batch item beside its payload, its message and its id: its own header, and
operation, status and reason of 16 bytes each."""
HEADER_BYTES: Final = 128
"""Bytes of a response beside its items and what it echoes, at most."""
NONCE_BYTES: Final = 88
"""Bytes of a nonce for attestation, and of the type that is taken."""
PROOF_BYTES: Final = 72
"""Bytes of a Server Hashed Password, by SHA-512."""
FRESH_SECONDS: Final = 1.0
"""An item is performed on what the store was so long ago at most, when its turn came. Asking before
each would cost a batch of short items as much as the items."""


def check(request: RequestMessage, limit: int, version: ProtocolVersion) -> None:
    """Refuse a message whose header and batch do not go together.

    Up to 2.1 a header has a Batch Count, and each of several items a Unique Batch Item ID (2.1
    sections 8.2 and 8.3; 1.4 section 7); 3.0 has neither.

    Raises:
        InvalidMessage: Batch Count is wrong or missing, an item has no id, or there is no item, or
            more than `limit`.
    """
    header, items = request.request_header, request.batch_item
    if header.batch_count is not None and header.batch_count != len(items):
        raise InvalidMessage(f"Batch Count is {header.batch_count}, and there are {len(items)}")
    if not items:
        raise InvalidMessage("a message has at least one batch item")
    if len(items) > limit:
        raise InvalidMessage(f"a batch has at most {limit} items")
    if version < V3_0 and header.batch_count is None:
        raise InvalidMessage("a Request Header has a Batch Count")
    if (
        version < V3_0
        and len(items) > 1
        and any(item.unique_batch_item_id is None for item in items)
    ):
        raise InvalidMessage("each of several batch items has a Unique Batch Item ID")


async def run(
    server: Server,
    request: RequestMessage,
    client: Client,
    version: ProtocolVersion,
    turn: Turn | None = None,
) -> tuple[ResponseBatchItem, ...]:
    """Perform the items of a checked request; their answers.

    A batch whose client has left is cancelled between two items, or while one waits for a thread;
    what was done until then is recorded.
    """
    option = request.request_header.batch_error_continuation_option or Option.STOP
    if option == Option.UNDO and len(request.batch_item) > 1:
        for attempt in range(MAX_ATTEMPTS):
            batch = _Batch(server, request, client, version, turn, is_fresh=not attempt)
            try:
                return await _undoable(batch)
            except Conflict:
                await batch.take_back(for_good=attempt == MAX_ATTEMPTS - 1)
        return await _overtaken(server, request, client, version)
    batch = _Batch(server, request, client, version, turn)
    try:
        for place, item in enumerate(request.batch_item):
            result = await batch.perform(place, item, commit=True)
            if result.failed and option == Option.STOP:
                break
    finally:
        batch.record()
    return tuple(result.item for result in batch.results)


def refused(
    server: Server, request: RequestMessage, reason: ResultReason, message: str
) -> tuple[ResponseBatchItem, ...]:
    """The answers to the items of a message whose sender is not let in: each failed alike."""
    for item in request.batch_item:
        server.request_counts.count(item.operation, ResultStatus.OPERATION_FAILED, reason, None)
    return tuple(failed(item, reason, message).item for item in request.batch_item)


async def _undoable(batch: _Batch) -> tuple[ResponseBatchItem, ...]:
    try:
        return await _performed(batch)
    except trio.Cancelled:  # nothing of it was committed
        with trio.CancelScope(shield=True):
            await batch.undo()
        batch.record()
        raise


async def _performed(batch: _Batch) -> tuple[ResponseBatchItem, ...]:
    for place, item in enumerate(batch.request.batch_item):
        result = await batch.perform(place, item, commit=False)
        if result.failed:
            await batch.undo()
            break
    else:
        if batch.turn is not None:
            batch.turn.release()
        await batch.commit()
    batch.count_uses()
    await batch.count_used()
    batch.record()
    return tuple(result.item for result in batch.results)


async def _overtaken(
    server: Server, request: RequestMessage, client: Client, version: ProtocolVersion
) -> tuple[ResponseBatchItem, ...]:
    """The answer to an undoable batch that others kept overtaking: nothing of it was done."""
    batch = _Batch(server, request, client, version)
    message = "too many clients change the same objects; try again"
    batch.results = [failed(request.batch_item[0], ResultReason.GENERAL_FAILURE, message)]
    batch.subjects = [None]
    batch.seconds = [None]
    batch.record()
    return (batch.results[0].item,)


class _Batch:
    """The items of one message, as they are performed.

    Args:
        server: performs them.
        request: the message.
        client: whom it is from.
        version: the message's.
        turn: the message's part in its client's turns.
        is_fresh: whether the store has just been refreshed.
    """

    def __init__(
        self,
        server: Server,
        request: RequestMessage,
        client: Client,
        version: ProtocolVersion,
        turn: Turn | None = None,
        *,
        is_fresh: bool = True,
    ) -> None:
        self.server = server
        self.request = request
        self.client = client
        self.version = version
        self.turn = turn
        self.now = int(server.clock())
        self.objects = Transaction(server.store, server.opened, self.now, server.served)
        self.earlier = Produced()
        self.room = _room(request, server.config.max_message_bytes)
        self.results: list[Result] = []
        self.subjects: list[str | None] = []
        self.seconds: list[float | None] = []
        self.used: list[dict[str, int]] = []
        self.counting: list[Callable[[], None]] = []
        self._refreshed = server.clock() if is_fresh else 0.0

    async def perform(self, place: int, item: RequestBatchItem, *, commit: bool) -> Result:
        """Perform the item at `place`, and keep how it went."""
        named = item.operation if isinstance(item.operation, Operation) else Operation.QUERY
        context = Context(
            server=self.server,
            client=self.client,
            operation=named,
            objects=self.objects,
            earlier=self.earlier,
            now=self.now,
            place=place,
            room=self.room,
            turn=self.turn,
            _version=self.version,
        )
        await self._take_turn(place)
        began = trio.current_time()
        result = await perform(context, item, commit=commit, refresh=self._is_stale())
        self.seconds.append(trio.current_time() - began)
        self.results.append(result)
        self.subjects.append(context.subject)
        if not commit:
            self.used.append(dict(context.charges) if context.has_used else {})
            self.counting.append(context.count_uses)
        return result

    async def _take_turn(self, place: int) -> None:
        """A long batch lets other clients in between, and other messages of its own."""
        if place and self.turn is not None:
            self.turn.release()
        if place:
            await trio.lowlevel.checkpoint()
        if self.turn is not None:
            await self.turn.take()

    def _is_stale(self) -> bool:
        """Whether the next item is to have the store refreshed; it then counts as done."""
        now = self.server.clock()
        if 0 <= now - self._refreshed < FRESH_SECONDS:
            return False
        self._refreshed = now
        return True

    async def commit(self) -> None:
        """Make all changes durable; where that fails, the last item has failed.

        Raises:
            storage.Conflict: others have changed the same objects meanwhile.
        """
        failure = await make_durable(self.objects, self.request.batch_item[-1], self.version)
        if failure is not None:
            self.results[-1] = failure
            await self.undo()

    def end_streams(self) -> None:
        """End the streams that had a part in this batch: what a part has done stays done."""
        for value in self.earlier.streams:
            self.server.streams.close(value)

    async def take_back(self, *, for_good: bool) -> None:
        """Take back what no transaction covers, since nothing of the batch becomes durable.

        Args:
            for_good: whether it will not be performed anew.
        """
        self.end_streams()
        if self.client.permission is not None:
            await self.client.permission.give_back(undone=for_good)

    async def undo(self) -> None:
        """Drop all changes, and say so of the items that had succeeded.

        They keep their payloads: what has not failed has one (2.1 section 8.6).
        """
        await self.take_back(for_good=True)
        self.objects.forget()
        self.results = [
            result
            if result.failed
            else Result(replace(result.item, result_status=ResultStatus.OPERATION_UNDONE))
            for result in self.results
        ]
        self._withhold()

    def _withhold(self) -> None:
        """Leave out what undone items give, where a ticket's use of them was given back."""
        permission = self.client.permission
        if permission is not None and permission.is_counted:
            self.results = [
                result
                if result.failed or result.item.operation not in UNDOABLE
                else Result(replace(result.item, response_payload=None))
                for result in self.results
            ]

    def count_uses(self) -> None:
        """Count the uses of objects by items that have given what they made, undone or not.

        Only now, since a batch that others overtook is performed anew.
        """
        for count, result in zip(self.counting, self.results, strict=True):
            if not result.failed and result.item.response_payload is not None:
                count()

    async def count_used(self) -> None:
        """Make durable what has been used of keys by items that failed, or give what they made.

        The rest of an undone batch gives nothing, and was undone as a whole.
        """
        if not any(result.failed for result in self.results):
            return
        charges: Counter[str] = Counter()
        for used, result in zip(self.used, self.results, strict=True):
            if result.failed or result.item.response_payload is not None:
                charges.update(used)
        if charges:
            objects = Transaction(self.server.store, self.server.opened, self.now)
            await count_used(objects, charges)

    def record(self) -> None:
        """Write the audit log's lines, and count."""
        now = self.server.clock()
        operations = [item.operation for item in self.request.batch_item]  # also a Poll's
        number = logs.request_number()
        audit.write(
            audit.line(
                now,
                self.client,
                operation,
                subject,
                result.item.result_status,
                result.item.result_reason,
                number,
            )
            for operation, subject, result in zip(
                operations, self.subjects, self.results, strict=False
            )
        )
        count = self.server.request_counts.count
        for operation, result, seconds in zip(operations, self.results, self.seconds, strict=False):
            item = result.item
            count(operation, item.result_status, item.result_reason, seconds)


def _room(request: RequestMessage, limit: int) -> Room:
    """What the response's payloads may have together."""
    header = request.request_header
    requested = header.maximum_response_size
    most = limit if requested is None else min(requested, limit)
    items = sum(
        ITEM_OVERHEAD + text_size(item.unique_batch_item_id or b"") for item in request.batch_item
    )
    echoed = text_size((header.client_correlation_value or "").encode())
    is_clients = requested is not None and requested < limit
    return Room(most - items - echoed - header_bytes(header), is_clients)


def header_bytes(header: RequestHeader) -> int:
    """Bytes of the response's header, at most; a proof and a nonce are there where asked for."""
    size = HEADER_BYTES
    if header.attestation_capable_indicator:
        size += NONCE_BYTES
    credentials = header.authentication.credential if header.authentication else ()
    if any(each.credential_type == CredentialType.HASHED_PASSWORD for each in credentials):
        size += PROOF_BYTES
    return size
