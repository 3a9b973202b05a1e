"""Messages that are answered later: taken in as jobs, and run.

A client that must be answered later gets Operation Pending for each item, and so does one that may
be, where the work is long (2.1 section 11.3). What says how far requests are is answered at once in
any case (2.1 sections 6.1.5 and 6.1.38).

A job is run as its client, by the rights that the client has then: one that would not be identified
any more as it was (a removed user, an ended ticket, a refused certificate) is refused. Credentials
are not kept; a ticket's or a token's record is looked up by its hash.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

import trio

from kmip.encodings import ttlv
from kmip.enums import AsynchronousIndicator, Operation, ResultReason, ResultStatus
from kmip.errors import FeatureNotSupported, InvalidMessage, KMIPError
from kmip.messages import (
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    request_of,
    response_item,
)
from kmip.structures import to_item
from kmip.tags import Tag
from kmip.versions import ProtocolVersion
from server.access.client import Client
from server.long_steps import stepped
from server.requests import audit, authentication, batch, store_failures
from server.sessions import issued, jobs
from server.sessions.jobs import Job, Kept
from server.setup import logs
from server.state import Server
from storage import StorageError

log: Final = logging.getLogger(__name__)

AT_ONCE: Final = frozenset(
    {
        Operation.POLL,
        Operation.CANCEL,
        Operation.PROCESS,
        Operation.QUERY_ASYNCHRONOUS_REQUESTS,
    }
)
"""Operations that are never answered later."""
SLOW: Final = frozenset({Operation.CREATE_KEY_PAIR, Operation.REKEY_KEY_PAIR})
"""Operations for which a client that may wait does wait: RSA keys take seconds."""
LONG_BATCH: Final = 100
"""Items of a batch for which a client that may wait does wait."""
MAX_RUNNING: Final = 2
"""Jobs that one server runs at a time, of different clients."""


def is_later(request: RequestMessage) -> bool:
    """Whether a message is answered later.

    Raises:
        InvalidMessage: it must be, and asks how far requests are beside other operations.
    """
    indicator = request.request_header.asynchronous_indicator
    if indicator in (None, AsynchronousIndicator.PROHIBITED):
        return False
    operations = {item.operation for item in request.batch_item}
    at_once = operations & AT_ONCE
    if indicator == AsynchronousIndicator.OPTIONAL:
        is_long = bool(operations & SLOW) or len(request.batch_item) >= LONG_BATCH
        return is_long and not at_once
    if at_once and operations - AT_ONCE:
        raise InvalidMessage("Poll, Cancel and the like are answered at once: send them alone")
    return not at_once


async def submit(
    server: Server, request: RequestMessage, client: Client, version: ProtocolVersion
) -> tuple[ResponseBatchItem, ...]:
    """Take in a message that is answered later; the answers to its items: pending, or failed."""
    try:
        values = await _kept(server, request, client, version)
    except KMIPError as error:
        return batch.refused(server, request, error.reason(version), str(error))
    except StorageError as error:
        message = store_failures.log_and_explain(error)
        return batch.refused(server, request, ResultReason.GENERAL_FAILURE, message)
    items = tuple(
        ResponseBatchItem(
            operation=item.operation,
            unique_batch_item_id=item.unique_batch_item_id,
            result_status=ResultStatus.OPERATION_PENDING,
            asynchronous_correlation_value=value,
        )
        for item, value in zip(request.batch_item, values, strict=True)
    )
    _record(server, client, items)
    for item in items:
        server.request_counts.count(item.operation, item.result_status, None, None)
    return items


async def _kept(
    server: Server, request: RequestMessage, client: Client, version: ProtocolVersion
) -> list[bytes]:
    permission = client.permission
    if permission is not None and client.how not in ("ticket", "token"):
        raise FeatureNotSupported("a client that may fetch its new certificate waits for nothing")
    job = Job(
        client=client.name,
        how=client.how,
        version=(version.major, version.minor),
        operations=tuple(int(item.operation) for item in request.batch_item),
        submitted=int(server.clock() * 1_000_000),
        shown_by=client.shown_by,
        identification=issued.identification_fields(client.identification),
        ticket=permission.issued.key.hex() if permission and client.how == "ticket" else "",
        request=logs.request_number(),
    )
    header = replace(request.request_header, authentication=None, asynchronous_indicator=None)
    bare = replace(request, request_header=header)
    content = await stepped(True, _encoded, bare, version)
    return await server.jobs.submit(job, content, int(server.clock()))


def _encoded(request: RequestMessage, version: ProtocolVersion) -> bytes:
    return ttlv.encode(to_item(request, Tag.REQUEST_MESSAGE, version))


def _decoded(message: bytes, version: ProtocolVersion) -> RequestMessage:
    return request_of(ttlv.decode(message), version)


def _record(server: Server, client: Client, items: tuple[ResponseBatchItem, ...]) -> None:
    """Write the audit log's lines."""
    now, number = server.clock(), logs.request_number()
    audit.write(
        audit.line(
            now,
            client,
            item.operation if item.operation is not None else Operation.QUERY,
            None,
            item.result_status,
            item.result_reason,
            number,
        )
        for item in items
    )


# Running

END_SECONDS: Final = 5
"""For which an answer that is there is tried to be kept, also while the server stops."""


async def keep_running(server: Server) -> None:
    """Run jobs, a few at a time, until this is cancelled."""
    async with trio.open_nursery() as nursery:
        for _ in range(MAX_RUNNING):
            nursery.start_soon(_keep_one_running, server)


async def _keep_one_running(server: Server) -> None:
    while True:
        changed = server.jobs.changed
        try:
            if await run_next(server):
                continue
        except StorageError as error:
            log.warning("requests that wait are run later: %s", error)
        except Exception:
            log.exception("a request that waits could not be run")
        with trio.move_on_after(jobs.LOOK_SECONDS):
            await changed.wait()


async def run_next(server: Server) -> bool:
    """Run the next job, if one waits; whether there was one.

    Raises:
        storage.StorageError: the store does not answer; a job that was begun ends by its lease.
    """
    kept = await server.jobs.claim_next(int(server.clock()))
    if kept is None or kept.key in server.jobs.running:
        return False
    server.jobs.running[kept.key] = kept.job.client
    try:
        if kept.job.claimed_by != server.jobs.instance or kept.job.lease <= server.clock():
            await _end(server, kept, _failures(kept, LEFT))
        else:
            await _run_claimed(server, kept)
    finally:
        del server.jobs.running[kept.key]
        server.jobs.wake()
    return True


LEFT: Final = "the server stopped while this ran; look whether it was done, before sending it again"


async def _run_claimed(server: Server, kept: Kept) -> None:
    """Run a job while its claim is renewed; where that ends early, it has failed."""
    items = _failures(kept, LEFT)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_keep_renewed, server, kept)
            items = await _tried(server, kept)
            nursery.cancel_scope.cancel()
    finally:
        with trio.move_on_after(END_SECONDS, shield=True):
            await _end(server, kept, items)


async def _tried(server: Server, kept: Kept) -> tuple[ResponseBatchItem, ...]:
    try:
        return await _performed(server, kept)
    except StorageError as error:
        return _failures(kept, store_failures.log_and_explain(error))
    except Exception:
        log.exception("a request that was to be answered later failed")
        return _failures(kept, "internal error")


async def _keep_renewed(server: Server, kept: Kept) -> None:
    while True:
        await trio.sleep(jobs.LEASE_SECONDS / 3)
        try:
            await server.jobs.renew(kept.key, int(server.clock()))
        except StorageError as error:
            log.warning("a claim could not be renewed: %s", error)


async def _performed(server: Server, kept: Kept) -> tuple[ResponseBatchItem, ...]:
    """The answers to the items of a job's message."""
    job, version = kept.job, ProtocolVersion(*kept.job.version)
    before = logs.origin.set(logs.Origin(job.request or 0, "", job.client))
    try:
        message = await server.jobs.message(kept)
        request = await stepped(True, _decoded, message, version)
        try:
            if server.follow_rules is not None:
                await server.follow_rules()
            client = await authentication.identify_again(
                server,
                Client(job.client, job.how, shown_by=job.shown_by),
                issued.identification_of(job.identification),
                bytes.fromhex(job.ticket),
            )
        except KMIPError as error:
            items = batch.refused(server, request, error.reason(version), str(error))
            _record(server, Client(job.client, job.how), items)
            return items
        header = request.request_header
        most = min(header.maximum_response_size or jobs.MAX_ANSWER_BYTES, jobs.MAX_ANSWER_BYTES)
        request = replace(request, request_header=replace(header, maximum_response_size=most))
        turn = await server.turns.admit(client.name, len(message))
        try:
            return await batch.run(server, request, client, version, turn)
        finally:
            turn.end()
    finally:
        logs.origin.reset(before)


def _failures(kept: Kept, message: str) -> tuple[ResponseBatchItem, ...]:
    return tuple(
        ResponseBatchItem(
            operation=jobs.operation_of(number),
            result_status=ResultStatus.OPERATION_FAILED,
            result_reason=ResultReason.GENERAL_FAILURE,
            result_message=message,
        )
        for number in kept.job.operations
    )


async def _end(server: Server, kept: Kept, items: tuple[ResponseBatchItem, ...]) -> None:
    """Keep the answer; items that a failure before them has stopped were not performed."""
    version, now = ProtocolVersion(*kept.job.version), int(server.clock())
    header = ResponseHeader(protocol_version=version, time_stamp=now, batch_count=len(items))
    message = ResponseMessage(response_header=header, batch_item=items)
    succeeded = {
        place for place, item in enumerate(items) if item.result_status == ResultStatus.SUCCESS
    }
    failed = [place for place in range(len(kept.job.operations)) if place not in succeeded]
    content = ttlv.encode(response_item(message, version))
    await server.jobs.end(kept, content, failed, now)
