"""One batch item in, one result out, whatever happens.

Nothing that a handler does escapes from here: an error of the protocol becomes its Result Reason,
a conflict with another client's change is settled by performing the item again, and a fault of ours
becomes General Failure for the client and a traceback in the log, without values. An item that has
failed hands nothing on to those that follow: what it made may not have been counted or kept.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any, Final

import trio

from kmip.compiled.writing import written
from kmip.enums import Ephemeral, Operation, ResultReason, ResultStatus
from kmip.errors import (
    KMIPError,
    OperationNotSupported,
    ServerLimitExceeded,
    UnknownMessageExtension,
)
from kmip.items import Contents, Item
from kmip.messages import EMPTY_PAYLOAD, RequestBatchItem, ResponseBatchItem
from kmip.payloads import PAYLOADS
from kmip.structures import Structure, from_item, to_item
from kmip.tags import Tag
from kmip.versions import DIALECTS, ProtocolVersion
from server.attributes import (
    constraints,
    grantee_changes,
    unique_names,
    usage_limits,
    value_rules,
)
from server.context import Answered, Context, Room
from server.long_steps import has_many, is_long, stepped
from server.objects import refreshing
from server.objects.transaction import Transaction
from server.registry import ROUTES
from server.requests import ephemeral, kept_answers, store_failures
from server.sessions.permission import Permission
from storage import Conflict, StorageError

log: Final = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 64
"""Times an item is performed anew because others changed the same objects meanwhile. Each time one
of them has got on, so as many clients as there are attempts can change one object at once, each
several times in a row; which of them goes first is left to chance."""

HANDING_ON: Final = frozenset(
    {
        Operation.CHECK,
        Operation.CREATE,
        Operation.CREATE_KEY_PAIR,
        Operation.CREATE_SPLIT_KEY,
        Operation.CERTIFY,
        Operation.DERIVE_KEY,
        Operation.EXPORT,
        Operation.IMPORT,
        Operation.JOIN_SPLIT_KEY,
        Operation.LOCATE,
        Operation.RECERTIFY,
        Operation.RECOVER,
        Operation.REGISTER,
        Operation.REKEY,
        Operation.REKEY_KEY_PAIR,
    }
)
"""Operations that set the ID Placeholder, and Check, which keeps it. One that fails empties it, as
the specification says of Check (2.1 section 6.1.7): the items behind it mean the object that it was
to give, and must not reach an earlier one instead."""


@dataclass(slots=True)
class Result:
    """How one item went.

    Attributes:
        item: what the client is told.
        failed: whether it failed.
    """

    item: ResponseBatchItem
    failed: bool = False


async def perform(
    context: Context, item: RequestBatchItem, *, commit: bool, refresh: bool
) -> Result:
    """Perform one batch item.

    Args:
        context: what the handler may use.
        item: the operation and its payload, mostly still an item.
        commit: make its changes durable before answering; False leaves them in the transaction.
        refresh: first ask the store what other servers have done.
    """
    left = context.room.left
    version = context._version  # noqa: SLF001 - the version is hidden from handlers, not from here
    try:
        attempts = _attempts(context, item, version, commit=commit, refresh=refresh)
        payload = await _counted(context, attempts, commit=commit)
    except KMIPError as error:
        _forget(context, commit, left)
        log.info("%s failed: %s", _named(item.operation), error)
        return failed(
            item, error.reason(version), str(error), _payload(error, version), context.room
        )
    except Conflict:
        _end_streams(context)
        raise  # the whole batch is performed anew, see `server.requests.batch`
    except StorageError as error:
        _forget(context, commit, left)
        explained = store_failures.log_and_explain(error)
        return failed(item, ResultReason.GENERAL_FAILURE, explained, room=context.room)
    except trio.Cancelled:
        _forget(context, commit, left)
        raise
    except Exception:
        _forget(context, commit, left)
        log.exception("%s failed", _named(item.operation))
        return failed(item, ResultReason.GENERAL_FAILURE, "internal error", room=context.room)
    if commit:
        context.count_uses()
    context.earlier.take(context.produced)
    if context.answered is not None:
        answer = context.answered.item
        named = replace(answer, unique_batch_item_id=item.unique_batch_item_id)
        return Result(replace(named, response_payload=payload))
    return Result(
        ResponseBatchItem(
            operation=item.operation,
            unique_batch_item_id=item.unique_batch_item_id,
            result_status=ResultStatus.SUCCESS,
            response_payload=payload,
        )
    )


async def make_durable(
    objects: Transaction, item: RequestBatchItem, version: ProtocolVersion
) -> Result | None:
    """Make a whole batch durable.

    Returns:
        None, or how its last item, `item`, has failed because nothing could be made durable.

    Raises:
        storage.Conflict: others have changed the same objects meanwhile.
    """
    try:
        await commit_whole(objects)
    except KMIPError as error:
        return failed(item, error.reason(version), str(error))
    except Conflict:
        raise
    except StorageError as error:
        return failed(item, ResultReason.GENERAL_FAILURE, store_failures.log_and_explain(error))
    return None


async def commit_whole(objects: Transaction) -> None:
    """Commit, and learn how that went also where the client has left meanwhile: it is recorded.

    Raises:
        KMIPError, storage.Unavailable, storage.Conflict: as `Transaction.commit`.
    """
    with trio.CancelScope(shield=True):
        await objects.commit()


async def _attempts(
    context: Context,
    item: RequestBatchItem,
    version: ProtocolVersion,
    *,
    commit: bool,
    refresh: bool,
) -> Any:
    """The response payload, performing the item anew while it is in conflict with others."""
    for extension in item.message_extension:
        if extension.criticality_indicator:
            raise UnknownMessageExtension("a critical message extension is not known here")
    route = ROUTES.get(item.operation) if isinstance(item.operation, Operation) else None
    if route is None or not route.is_for(version):
        raise OperationNotSupported(f"{_named(item.operation)} is not supported")
    ephemeral.check(item.ephemeral)
    context.room.check()
    permission = context.client.permission
    if refresh:
        await refreshing.refresh(context.server.store)
    if permission is not None:
        permission.check_open(context.objects, int(context.server.clock()))
        await permission.begin(route.operation)
    request = item.request_payload or EMPTY_PAYLOAD
    if isinstance(request, Item):
        request = await stepped(has_many(request), from_item, request, route.request, version)
    key = kept_answers.key_of(context, item, request, version)
    kept = context.server.kept_answers.get(key) if key is not None else None
    if kept is not None:
        return context.room.take_content(Tag.RESPONSE_PAYLOAD, kept)
    left = context.room.left
    for attempt in range(MAX_ATTEMPTS):
        if attempt:
            await refreshing.refresh(context.server.store)
        context.room.left = left
        context.charges.clear()
        try:
            context.objects.begin_item()
            response = _echoing(await route.handler(context, request), request, version)
            if permission is not None:
                permission.has_reached = True
            await check_changes(context)
            await unique_names.check(context)
            payload: Item | None
            if context.answered is None:
                payload = await stepped(
                    is_long(response), _written, context.room, response, version, item.ephemeral
                )
            else:
                payload = _translated(context.room, context.answered, version)
            if permission is not None:
                await _spend(context, permission, failed=False)
            if commit:
                if context.turn is not None:
                    context.turn.release()
                await commit_whole(context.objects)
                context.charges.clear()
        except Conflict:
            if not commit:
                raise
            context.objects.forget()
        else:
            if key is not None and payload is not None and type(payload.value) is Contents:
                kept_answers.keep(context.server.kept_answers, key, payload.value.content)
            return payload
    raise ServerLimitExceeded("too many clients change the same object; try again")


async def _spend(context: Context, permission: Permission, *, failed: bool) -> None:
    """Count an operation against a ticket, also where the client has left meanwhile.

    Raises:
        InvalidTicket, UsageLimitExceeded, storage.StorageError: as `Permission.spend`.
    """
    if permission.is_counted and context.turn is not None:
        context.turn.release()
    with trio.CancelScope(shield=True):
        await permission.spend(context.objects, failed=failed)


async def _counted(context: Context, attempts: Awaitable[Any], *, commit: bool) -> Any:
    """The response payload; an item that fails takes back what it did and counts what it used.

    What was performed counts although its answer does not fit or its data fail, against Usage
    Limits and a ticket's uses: otherwise failing would be a way to ask a key without end.

    Raises:
        InvalidTicket, UsageLimitExceeded, storage.StorageError: in place of an error of an item for
            which the ticket had no use left any more, or could not be counted.
    """
    permission = context.client.permission
    try:
        return await attempts
    except Conflict:
        raise
    except (Exception, trio.Cancelled) as error:
        if permission is not None and permission.has_reached:
            is_told = isinstance(error, KMIPError)
            with nullcontext() if is_told else suppress(KMIPError, StorageError):
                await _spend(context, permission, failed=True)
        raise
    finally:
        if commit and context.charges and context.has_used:
            objects = Transaction(context.server.store, context.server.opened, context.now)
            await count_used(objects, context.charges)


async def count_used(objects: Transaction, charges: Mapping[str, int]) -> None:
    """Make durable what failed items have used of keys' Usage Limits, and nothing else of them.

    Args:
        objects: a transaction of its own.
        charges: the units used, by the keys' identifiers.
    """
    try:
        with trio.CancelScope(shield=True):  # also where the client has left meanwhile
            await usage_limits.count(objects, charges)
    except StorageError:
        log.exception("what a failed item used could not be counted")


def _echoing(response: Structure, request: Structure, version: ProtocolVersion) -> Structure:
    """The response with the request's Correlation Value, where the version wants it in each."""
    value = getattr(request, "correlation_value", None)
    if value is None or not DIALECTS[version].correlation_is_echoed:
        return response
    return replace(response, correlation_value=value)


async def check_changes(context: Context) -> None:
    """Finish what an item has changed, and refuse what no object may be.

    Raises:
        KMIPError: a value is not allowed, a constraint not met, or a change the owner's alone.
    """
    await grantee_changes.check(context)
    await value_rules.check(context)
    await context.objects.settle()
    await constraints.check(context)


def _written(
    room: Room, response: Structure, version: ProtocolVersion, held_back: Ephemeral | None
) -> Item:
    """The response payload without what is not to be returned, counted."""
    content = written(response, version) if held_back is None else None
    if content is not None:
        return room.take_content(Tag.RESPONSE_PAYLOAD, content)
    payload = to_item(response, Tag.RESPONSE_PAYLOAD, version)
    return room.take(ephemeral.without(payload, held_back))


def _translated(room: Room, answered: Answered, version: ProtocolVersion) -> Item | None:
    """The payload of an earlier item's answer, in the form of this message's version, counted."""
    payload, operation = answered.item.response_payload, answered.item.operation
    if payload is None:
        return None
    if answered.version != version and isinstance(operation, Operation):
        response = from_item(payload, PAYLOADS[operation].response, answered.version)
        payload = to_item(response, Tag.RESPONSE_PAYLOAD, version)
    return room.take(payload)


def _payload(error: KMIPError, version: ProtocolVersion) -> Item | None:
    payload = error.payload
    return (
        to_item(payload, Tag.RESPONSE_PAYLOAD, version) if isinstance(payload, Structure) else None
    )


def failed(
    item: RequestBatchItem,
    reason: ResultReason,
    message: str,
    payload: Item | None = None,
    room: Room | None = None,
) -> Result:
    """The answer to an item that failed.

    Args:
        item: the item.
        reason: why it failed.
        message: the same in words.
        payload: what the error tells beside.
        room: of the response; the words are cut to what is left of it.
    """
    text: str | None = message
    if room is not None:
        text, payload = room.take_failure(message, payload)
    answer = ResponseBatchItem(
        operation=item.operation,
        unique_batch_item_id=item.unique_batch_item_id,
        result_status=ResultStatus.OPERATION_FAILED,
        result_reason=reason,
        result_message=text,
        response_payload=payload,
    )
    return Result(answer, failed=True)


def _forget(context: Context, commit: bool, left: int | None) -> None:
    """Drop what a failed item has changed; an undoable batch drops all of it at its end.

    Args:
        context: the item's.
        commit: whether its changes are its own.
        left: the response's room before it.
    """
    context.room.left = left
    _end_streams(context)
    if context.operation in HANDING_ON:
        context.earlier.placeholder = None
    if commit:
        context.objects.forget()


def _end_streams(context: Context) -> None:
    """End the streams that a failed item was a part of: its part has been taken."""
    for value in context.produced.streams:
        context.server.streams.close(value)


def _named(operation: Operation | int) -> str:
    return operation.title if isinstance(operation, Operation) else f"operation {operation:#x}"
