"""Asynchronous requests as they are kept: waiting, in process, and answered.

Theory: a message that is answered later is a *job*. It is a record of the store, so that it
outlives its connection and its server, and any server on the store may run it and give its answer.
Who runs it claims it first, by compare and set, for `LEASE_SECONDS` that are renewed while it runs.
A job whose lease has ended was begun by a server that is gone; nobody knows whether what it did
became durable, so it is not run again but answered by a failure that says so: at most once.

    asynchronous requests   meta: the job; body: the message, without its credentials
    asynchronous answers    meta: the job; body: the response message, or nothing

A job ends with one commit that removes the one and makes the other. Each batch item has an
Asynchronous Correlation Value of its own (2.1 section 11.3): 16 random bytes that all items of a
message share, and the item's place in two. A record is named by the hash of the random bytes, and a
job is its client's alone: of a client with a ticket the ticket's, and of one whose rights are
narrow only if they cover what the job does.

Source: KMIP 2.1 sections 6.1.5, 6.1.38, 6.1.39, 6.1.41, 7.2 and 9.1.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import trio

from kmip.enums import Operation, ProcessingStage
from kmip.errors import InvalidAsynchronousCorrelationValue, ServerLimitExceeded
from server.objects.own_records import OwnRecords
from server.objects.transaction import Transaction
from server.sessions.permission import Permission
from storage import KEEP, Put, Record, Remove, SealedStore

WAITING: Final = b"asynchronous requests"
ANSWERS: Final = b"asynchronous answers"

SECRET_BYTES: Final = 16
VALUE_BYTES: Final = SECRET_BYTES + 2

MAX_PER_CLIENT: Final = 256
"""Jobs of one client that wait, run or have an answer that is kept: each is a record."""
MAX_BYTES_PER_CLIENT: Final = 8 << 20
"""Of the records of one client's jobs, when it asks for one more."""
MAX_KEPT: Final = 8192
"""Jobs of all clients, with the answers that are about to be removed."""
MAX_BYTES: Final = 256 << 20
"""Of all jobs' records."""
MAX_REQUEST_BYTES: Final = 256 << 10
"""Of one message that is to be answered later: a batch of some hundred items, not bulk data."""
MAX_ANSWER_BYTES: Final = 64 << 10
"""Of one job's answer; an item whose answer does not fit fails before it is made durable."""
ANSWER_SECONDS: Final = 3600
"""For which an answer is kept for a Poll."""
OBTAINED_SECONDS: Final = 60
"""For which an answer is kept after a Poll has given it, whose response may have been lost."""
LEASE_SECONDS: Final = 60
"""For which a claim holds. It is renewed thrice in that time."""
LOOK_SECONDS: Final = 2.0
"""After which a server looks for jobs that others on the store have taken in."""
WAIT_SECONDS: Final = 60
"""For which Process waits for a job to end."""


@dataclass(frozen=True, slots=True)
class Job:
    """One message that is answered later.

    Attributes:
        client: whose it is; `how` it was identified and what `shown_by` are as in `Client`.
        identification: what the client was identified by, as it is kept.
        secret: the random part of its correlation values, hexadecimal.
        ticket: the key of the ticket's record, hexadecimal; empty without one.
        version: of the message: major and minor.
        operations: of its items.
        submitted: when it came, microseconds since 1970.
        request: the number of the message at the server that took it in, for the logs.
        stage: how far it is.
        claimed_by: the server that runs it: random bytes, hexadecimal.
        lease: until when the claim holds, seconds since 1970.
        failed: places of the items that failed.
        is_canceled: whether Cancel has ended it.
        obtained: places of the items whose answers Poll or Cancel has given.
        ends: until when its answer is kept, seconds since 1970; 0: it has none.
        length: bytes of its body.
    """

    client: str
    how: str
    version: tuple[int, int]
    operations: tuple[int, ...]
    submitted: int
    shown_by: str | None = None
    identification: dict[str, Any] | None = field(default=None, repr=False)
    secret: str = field(default="", repr=False)
    ticket: str = field(default="", repr=False)
    request: int | None = None
    stage: int = int(ProcessingStage.SUBMITTED)
    claimed_by: str = ""
    lease: int = 0
    failed: tuple[int, ...] = ()
    is_canceled: bool = False
    obtained: tuple[int, ...] = ()
    ends: int = 0
    length: int = 0

    def encode(self) -> bytes:
        """As it is kept."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @property
    def is_answered(self) -> bool:
        """Whether it has ended."""
        return self.stage == ProcessingStage.COMPLETED


def _decode(content: bytes) -> Job:
    fields = json.loads(content)
    for name in ("version", "operations", "failed", "obtained"):
        fields[name] = tuple(fields[name])
    return Job(**fields)


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks about jobs.

    Attributes:
        client: the client's name.
        ticket: the key of the ticket that it has shown, hexadecimal; empty without one.
        permission: what narrows its rights.
    """

    client: str
    ticket: str = field(default="", repr=False)
    permission: Permission | None = field(default=None, repr=False)

    def may_see(self, job: Job) -> bool:
        """Whether a job is the client's, and within its rights."""
        if self.client != job.client or self.ticket not in ("", job.ticket):
            return False
        if self.permission is None:
            return True
        performed = map(operation_of, job.operations)
        return all(isinstance(one, Operation) and self.permission.covers(one) for one in performed)


@dataclass(frozen=True, slots=True)
class Kept:
    """A job as its record has it.

    Attributes:
        key: of the record.
        version: of the record.
        job: the job.
        place: of the item that a correlation value names.
    """

    key: bytes
    version: int
    job: Job
    place: int = 0


class Jobs:
    """All jobs on a store.

    Args:
        store: where they are kept.
    """

    def __init__(self, store: SealedStore) -> None:
        self.instance = secrets.token_hex(16)
        self.hurried: list[bytes] = []
        self.running: dict[bytes, str] = {}
        self._store = store
        self._waiting = OwnRecords(store, WAITING)
        self._answers = OwnRecords(store, ANSWERS)
        self._changed = trio.Event()

    # For clients

    async def submit(self, job: Job, message: bytes, now: int) -> list[bytes]:
        """Keep a job, durable when this returns; the correlation values of its items.

        Raises:
            ServerLimitExceeded: it is too long, or there are too many.
            storage.StorageError: it cannot be kept.
        """
        if len(message) > MAX_REQUEST_BYTES:
            raise ServerLimitExceeded(
                f"a message that is answered later has at most {MAX_REQUEST_BYTES} bytes"
            )
        count = size = kept = total = 0
        for records in (self._waiting, self._answers):
            count += await records.count(job.client, now=now)
            size += await records.size(job.client, now=now)
            kept += await records.count()
            total += await records.size()
        if count >= MAX_PER_CLIENT or size + len(message) > MAX_BYTES_PER_CLIENT:
            raise ServerLimitExceeded("too many of your requests wait, or for you to Poll them")
        if kept >= MAX_KEPT or total + len(message) > MAX_BYTES:
            raise ServerLimitExceeded("too many requests wait; try again later")
        secret = secrets.token_bytes(SECRET_BYTES)
        job = replace(job, secret=secret.hex(), length=len(message))
        await self._waiting.commit(self._put(self._waiting, _key(secret), job, 0, message))
        self.wake()
        return [secret + place.to_bytes(2) for place in range(len(job.operations))]

    def _put(
        self, records: OwnRecords, key: bytes, job: Job, version: int, body: bytes | None
    ) -> Put:
        """The change that makes or replaces a job's record; without a body the one there stays."""
        return records.put(
            key,
            job.encode(),
            version,
            body=KEEP if body is None else body,
            length=job.length,
            whose=job.client,
            ends=job.ends or None,
        )

    async def find(self, value: bytes, asking: Asking, now: int) -> Kept:
        """The job, and the place of its item, that a client's correlation value names.

        Raises:
            InvalidAsynchronousCorrelationValue: the client has none such, or not any more.
            storage.StorageError: the store does not give it.
        """
        if len(value) == VALUE_BYTES:
            found = await self._read(_key(value[:SECRET_BYTES]))
            place = int.from_bytes(value[SECRET_BYTES:])
            if found is not None and asking.may_see(found.job):
                is_over = found.job.ends and found.job.ends <= now
                if place < len(found.job.operations) and not is_over:
                    return replace(found, place=place)
        raise InvalidAsynchronousCorrelationValue("no request of yours has this value")

    async def _read(self, key: bytes) -> Kept | None:
        for records in (self._waiting, self._answers):
            record = await records.read(key)
            if record is not None:
                return Kept(key, record.version, _decode(record.meta))
        return None

    async def outstanding(self, asking: Asking, now: int) -> list[tuple[bytes, int, Job]]:
        """Correlation value, place and job of each item whose answer the client has not got."""
        found = []
        for records in (self._waiting, self._answers):
            for record in await records.all(asking.client, now=now, limit=MAX_PER_CLIENT):
                job = _decode(record.meta)
                if not asking.may_see(job):
                    continue
                left = [at for at in range(len(job.operations)) if at not in job.obtained]
                secret = bytes.fromhex(job.secret)
                found += [(secret + at.to_bytes(2), at, job) for at in left]
        return found

    async def answer(self, kept: Kept) -> bytes | None:
        """The response message of a job that has ended; None: it was canceled.

        Raises:
            storage.Conflict: it has changed meanwhile.
        """
        return await self._store.read_body(self._answers.name(kept.key), kept.version) or None

    def obtain(self, objects: Transaction, kept: Kept, now: int) -> None:
        """Note that the client gets the answer of an item, with a transaction."""
        job = kept.job
        if kept.place in job.obtained:
            return
        obtained = (*job.obtained, kept.place)
        is_whole = len(obtained) == len(job.operations)
        ends = min(job.ends, now + OBTAINED_SECONDS) if is_whole else job.ends
        changed = replace(job, obtained=obtained, ends=ends)
        objects.put_note(self._put(self._answers, kept.key, changed, kept.version, None))

    def cancel(self, objects: Transaction, kept: Kept, now: int) -> None:
        """End a job that has not begun, with a transaction: nothing of its message stays."""
        places = tuple(range(len(kept.job.operations)))
        changed = replace(
            kept.job,
            stage=int(ProcessingStage.COMPLETED),
            is_canceled=True,
            failed=places,
            obtained=(kept.place,),
            ends=now + ANSWER_SECONDS,
            length=0,
        )
        objects.remove_note(self._waiting.name(kept.key))
        objects.put_note(self._put(self._answers, kept.key, changed, 0, b""))

    async def finished(self, key: bytes) -> bool:
        """Have a job run before others, and wait until it has ended; whether it has."""
        self.hurried.append(key)
        self.wake()
        try:
            with trio.move_on_after(WAIT_SECONDS):
                while True:
                    changed = self._changed
                    await self._waiting.refresh()
                    if not self._waiting.is_there(key):
                        return True
                    with trio.move_on_after(LOOK_SECONDS):
                        await changed.wait()
        finally:
            self.hurried.remove(key)
        return False

    # For who runs them

    def wake(self) -> None:
        """Have all who wait look again."""
        self._changed.set()
        self._changed = trio.Event()

    @property
    def changed(self) -> trio.Event:
        """Set when there may be something to do; to be taken before looking."""
        return self._changed

    async def claim_next(self, now: int) -> Kept | None:
        """Claim a job: hurried ones first, then the oldest of a client that has none running here.

        Returns:
            The job. If its `claimed_by` is not this server, its server is gone, and it is to be
            ended and not run.

        Raises:
            storage.StorageError: the store does not answer.
        """
        await self._waiting.refresh()
        names = (await self._store.search(self._waiting.query())).names
        oldest = [self._waiting.key(name) for name in reversed(names)]
        hurried = [key for key in self.hurried if self._waiting.is_there(key)]
        for key in (*hurried, *oldest):
            if key in self.running:
                continue
            record = await self._waiting.read(key)
            if record is None:
                continue
            job = _decode(record.meta)
            if job.stage != ProcessingStage.SUBMITTED:
                if job.lease <= now:
                    return Kept(key, record.version, job)
                continue
            if job.client in self.running.values() and key not in hurried:
                continue
            if await self._claim(key, now):
                return await self._read(key)
        return None

    async def _claim(self, key: bytes, now: int) -> bool:
        claimed = False

        def decide(record: Record | None) -> Put | None:
            nonlocal claimed
            job = None if record is None else _decode(record.meta)
            claimed = job is not None and job.stage == ProcessingStage.SUBMITTED
            if record is None or job is None or not claimed:
                return None
            return self._put(self._waiting, key, self._claimed(job, now), record.version, None)

        await self._waiting.change(key, decide)
        return claimed

    def _claimed(self, job: Job, now: int) -> Job:
        stage = int(ProcessingStage.IN_PROCESS)
        return replace(job, stage=stage, claimed_by=self.instance, lease=now + LEASE_SECONDS)

    async def renew(self, key: bytes, now: int) -> None:
        """Prolong this server's claim.

        Raises:
            storage.StorageError: that cannot be kept.
        """

        def decide(record: Record | None) -> Put | None:
            job = None if record is None else _decode(record.meta)
            if record is None or job is None or job.claimed_by != self.instance:
                return None
            return self._put(self._waiting, key, self._claimed(job, now), record.version, None)

        await self._waiting.change(key, decide)

    async def message(self, kept: Kept) -> bytes:
        """The message of a claimed job.

        Raises:
            storage.StorageError: the store does not give it.
        """
        return await self._store.read_body(self._waiting.name(kept.key), kept.version) or b""

    async def end(self, kept: Kept, answer: bytes, failed: Sequence[int], now: int) -> None:
        """Put the answer in the place of a job, unless another server has ended it.

        Raises:
            storage.StorageError: that cannot be kept.
        """

        async def decide() -> list[Put | Remove] | None:
            record = await self._waiting.read(kept.key)
            if record is None or _decode(record.meta).claimed_by != kept.job.claimed_by:
                return None
            job = replace(
                _decode(record.meta),
                stage=int(ProcessingStage.COMPLETED),
                failed=tuple(failed),
                ends=now + ANSWER_SECONDS,
                length=len(answer),
            )
            answered = self._put(self._answers, kept.key, job, 0, answer)
            return [Remove(record.name, record.version), answered]

        await self._waiting.commit_decided(decide)
        self.wake()


def operation_of(number: int) -> Operation | int:
    """The operation of this number, or the number itself."""
    return Operation(number) if number in Operation._value2member_map_ else number


def _key(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()
