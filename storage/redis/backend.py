"""The back end on Redis or Valkey.

Theory of operation: two threads, one that reads and one that commits, each with a connection of its
own, so that a read does not wait for a commit that waits for disks. A commit is one script, and so
is the reading of head and log (`scripts`). The primary alone is read: a replica may be behind.

A store that is made in a Cluster, with a durability that survives a failover, has its blobs on all
nodes (`spread`): they are put before the script, which commits, and read beside the log. Any other
store has them beside the head, and one that was made so stays so.
"""

import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final

import trio

from storage.backend import (
    HANDLE_BYTES,
    Backend,
    BlobName,
    Commit,
    Kind,
    Position,
    Tail,
    Wanted,
    blob_of,
    blob_or_none,
)
from storage.durability import Durability
from storage.errors import Damaged, StorageError, Unavailable
from storage.redis.buckets import Attempted
from storage.redis.condition import Condition
from storage.redis.link import Command, Link, Reply
from storage.redis.pipeline import PATIENCE_S, Pipeline
from storage.redis.places import Form, RedisPlace
from storage.redis.route import Route
from storage.redis.scripts import BUCKETS, LABEL, Call, Keys, Layout, entries
from storage.redis.spread import SpreadBlobs, cursor_of, cursors

_AT_ONCE: Final = 16  # buckets scanned in one round trip
_COUNT: Final = 100  # blobs of each, about


class RedisBackend:
    """A back end that several servers share.

    Args:
        place: where the Redis is.
        label: which store in it: 1 to 64 letters, digits, dots, dashes and underscores.
        durability: what an acknowledged commit must survive.
        replicas: how many must have each commit, for `Durability.REPLICAS`.
        tls: the context for a place under TLS.
        patience_s: how long a call waits for Redis to be there; None: `PATIENCE_S`.

    Raises:
        ValueError: the label has another form, or TLS and the place do not go together.
    """

    exclusive = False

    def __init__(
        self,
        place: RedisPlace,
        label: str,
        *,
        durability: Durability = Durability.FSYNC,
        replicas: int = 1,
        tls: ssl.SSLContext | None = None,
        patience_s: float | None = None,
    ) -> None:
        if not LABEL.fullmatch(label):
            raise ValueError("a label has 1 to 64 letters, digits, dots, dashes and underscores")
        if place.tls and tls is None:
            raise ValueError("a place under TLS needs a context")
        self.label = b"redis-findex/" + label.encode()
        self._place, self._tls = place, tls if place.tls else None
        self._name = label
        self._keys = Keys(label)
        self._condition = Condition(place.form, self._keys, durability, replicas)
        self._patience_s = PATIENCE_S if patience_s is None else patience_s
        self._reader: Pipeline | None = None
        self._writer: Pipeline | None = None
        self._blobs: SpreadBlobs | None = None
        self._is_queued = False  # among the writers, and not the first

    def __repr__(self) -> str:
        return f"<RedisBackend at {self._place}>"

    @property
    def concerns(self) -> Sequence[str]:
        """What could be better about this Redis, as far as it was looked at."""
        return self._condition.concerns

    @property
    def spread(self) -> SpreadBlobs | None:
        """See `Backend`."""
        return self._blobs

    async def open(self, *, create: bool = True) -> None:
        """See `Backend`. There is nothing to be made.

        Raises:
            Unsuitable: this Redis cannot keep a store, or not as durably as is asked.
        """
        self._reader = self._pipeline("redis-reader", writes=False)
        self._writer = self._pipeline("redis-writer", writes=True)
        command = ("HMGET", self._keys.place, "format", "head")
        form, head = await self._writer.call([command], lambda link, replies: replies[0])
        await self._lay_out(form, is_begun=head is not None)

    async def _lay_out(self, form: object, *, is_begun: bool) -> None:
        """Look for blobs where the place says that they are."""
        is_spread = (
            self._place.form is Form.CLUSTER and self._condition.durability is Durability.REPLICAS
        )
        layout = Layout.of(form, is_begun=is_begun, is_spread=is_spread)
        if layout is Layout.SPREAD and self._blobs is None:
            blobs = SpreadBlobs(self._name, self._route(), self._condition, self._patience_s)
            try:
                await blobs.open()
            except BaseException:
                await blobs.aclose()
                raise
            self._blobs = blobs
        elif layout is Layout.ONE_SLOT and self._blobs is not None:
            blobs, self._blobs = self._blobs, None
            await blobs.aclose()
        self._keys.layout = layout

    def _route(self) -> Route:
        return Route(self._place, self._keys.place, self._tls)

    def _pipeline(self, name: str, *, writes: bool) -> Pipeline:
        route = self._route()
        check = partial(self._condition.check, writes=writes)
        return Pipeline(name, route, check, self._patience_s)

    async def load(self) -> tuple[bytes | None, bytes | None]:
        """See `Backend`."""
        command = ("HMGET", self._keys.place, "header", "head", "format")
        header, head, form = await self._reading.call([command], lambda link, replies: replies[0])
        await self._lay_out(form, is_begun=head is not None)
        return blob_or_none(header), blob_or_none(head)

    async def tail(self, after: int, wanted: Sequence[Wanted] = ()) -> Tail:
        """See `Backend`."""
        if self._blobs is not None:
            return await self._tail_and_blobs(self._blobs, after, wanted)
        gets = (self._keys.get(kind, name) for kind, name in wanted)
        commands: list[Command | Call] = [self._keys.tail(after), *gets]

        def tail(link: Link, replies: list[Reply]) -> Tail:
            found = _tail(replies[0])
            blobs = [blob_or_none(reply) for reply in replies[1:]]
            return replace(found, blobs=blobs) if blobs else found

        return await self._reading.call(commands, tail)

    async def _tail_and_blobs(
        self, spread: SpreadBlobs, after: int, wanted: Sequence[Wanted]
    ) -> Tail:
        """The tail and blobs, of several nodes at the same time."""
        found: list[bytes | None] = []

        async def fetch() -> None:
            with suppress(StorageError):  # whoever reads one asks for it again, and hears why
                found.extend(await spread.get_with_news(wanted))

        error: StorageError | None = None
        async with trio.open_nursery() as nursery:
            if wanted:
                nursery.start_soon(fetch)
            try:
                commands = [self._keys.tail(after)]
                tail = await self._reading.call(commands, lambda link, replies: _tail(replies[0]))
            except StorageError as failure:
                error = failure
                nursery.cancel_scope.cancel()
        if error is not None:
            raise error
        return replace(tail, blobs=found or [None] * len(wanted)) if wanted else tail

    async def get(self, kind: Kind, names: Sequence[BlobName]) -> list[bytes | None]:
        """See `Backend`."""
        if self._blobs is not None:
            return await self._blobs.get([(kind, name) for name in names])
        commands = [self._keys.get(kind, name) for name in names]

        def blobs(link: Link, replies: list[Reply]) -> list[bytes | None]:
            return [blob_or_none(reply) for reply in replies]

        return await self._reading.call(commands, blobs) if commands else []

    async def scan(self, cursor: bytes) -> tuple[Sequence[tuple[bytes, bytes]], bytes | None]:
        """See `Backend`. A cursor is that of each bucket begun, and which one is next."""
        page: list[tuple[bytes, bytes]] = []
        following: bytes | None = cursor
        while not page and following is not None:
            page, following = await (self._blobs.scan if self._blobs else self._scan)(following)
        return page, following

    async def _scan(self, cursor: bytes) -> tuple[list[tuple[bytes, bytes]], bytes | None]:
        begun, following = cursors(cursor)
        while len(begun) < _AT_ONCE and following < BUCKETS:
            begun.append((following, 0))
            following += 1
        buckets = self._keys.buckets[Kind.META]
        commands = [("HSCAN", buckets[number], at, "COUNT", _COUNT) for number, at in begun]
        replies = await self._reading.call(commands, lambda link, replies: replies)
        page: list[tuple[bytes, bytes]] = []
        left: list[tuple[int, int]] = []
        for (number, _), reply in zip(begun, replies, strict=True):
            at, blobs = _scanned(reply)
            page += blobs
            if at:
                left.append((number, at))
        return page, cursor_of(left, following)

    async def precedence(self, after: int, *, again: bool = False) -> Position:
        """See `Backend`."""
        commands: list[Command | Call] = [self._keys.precedence(after, again=again)]
        if self._is_queued and not again:
            commands.insert(0, self._keys.place_moves())  # the script runs once it is answered
        position = await self._writing.call(commands, lambda link, replies: _position(replies[-1]))
        self._is_queued = position.ahead > 0
        return position

    async def cede(self) -> None:
        """See `Backend`."""
        self._is_queued = False
        await self._writing.call([self._keys.cede()], lambda link, replies: None)

    async def commit(self, commit: Commit) -> Tail | None:
        """See `Backend`."""
        if self._blobs is None:
            return await self._commit(commit)
        return await self._commit_spread(self._blobs, commit)

    async def _commit(self, commit: Commit) -> Tail | None:
        """The script: the commit itself."""

        def finish(link: Link, replies: list[Reply]) -> Tail | None:
            if replies[0] != 1:
                return _tail(replies[0])
            self._condition.confirm(link)
            return None

        return await self._writing.call([self._keys.commit(commit)], finish, is_read=False)

    async def _commit_spread(self, spread: SpreadBlobs, commit: Commit) -> Tail | None:
        attempted = Attempted.of(commit)
        if not commit.number and attempted.shares:
            missed = await self._overtaken(commit)  # what a copy puts has no marks to be found by
            if missed is not None:
                return missed
        try:
            is_put = await spread.put(attempted)
        except BaseException:
            spread.failed(attempted)  # the script was not sent
            raise
        if not is_put:
            spread.failed(attempted)
            missed = await self._overtaken(commit)
            if missed is None:
                raise Damaged("in a bucket of the store is what a later one has left")
            return missed
        bare = replace(commit, meta={}, body={}, superseded={})
        missed = await self._commit(bare)
        if missed is None:
            spread.happened(attempted)
        elif (commit.number, commit.entry) not in missed.entries:
            spread.failed(attempted)
        return missed

    async def _overtaken(self, commit: Commit) -> Tail | None:
        """The tail after a commit's number, if the head is not the one that it expects."""
        command = ("HGET", self._keys.place, "head")
        head = await self._writing.call([command], lambda link, replies: blob_or_none(replies[0]))
        if head == commit.expected:
            return None
        return Tail(b"", []) if head is None else await self.tail(commit.number - 1)

    async def read_index(self, names: Sequence[bytes]) -> list[bytes | None]:
        """See `Backend`."""
        if not names:
            await trio.lowlevel.checkpoint()
            return []
        replies = await self._reading.call([self._keys.read_index(names)], lambda link, all_: all_)
        if not isinstance(replies[0], list) or len(replies[0]) != len(names):
            raise Damaged
        return [blob_or_none(blob) for blob in replies[0]]

    async def write_index(self, blobs: Mapping[bytes, bytes | None]) -> None:
        """See `Backend`. What is lost on the way is sent again: it is the same each time."""
        commands = self._keys.write_index(blobs)
        if commands:
            await self._writing.call(commands, lambda link, replies: None)

    async def index_names(self) -> Sequence[bytes]:
        """See `Backend`."""
        names: dict[bytes, None] = {}
        at = 0
        while True:
            command = self._keys.scan_index(at)
            replies = await self._reading.call([command], lambda link, all_: all_)
            at, page = _scanned(replies[0])
            names.update((name, None) for name, _ in page)
            if not at:
                return list(names)

    async def confirm(self) -> None:
        """See `Backend`.

        Redis waits for what its own connection has written, so something is written that changes
        nothing.
        """
        if self._condition.durability is not Durability.REPLICAS:
            return
        command = ("HSET", self._keys.place, "format", self._keys.layout.value)
        await self._writing.call([command], lambda link, _: self._condition.confirm(link))

    @property
    def _reading(self) -> Pipeline:
        if self._reader is None:
            raise Unavailable("the store in Redis is closed")
        return self._reader

    @property
    def _writing(self) -> Pipeline:
        if self._writer is None:
            raise Unavailable("the store in Redis is closed")
        return self._writer

    async def aclose(self) -> None:
        """See `Backend`."""
        reader, self._reader = self._reader, None
        writer, self._writer = self._writer, None
        blobs, self._blobs = self._blobs, None
        if blobs is not None:
            await blobs.aclose()
        for pipeline in (reader, writer):
            if pipeline is not None:
                await pipeline.stop()


def _tail(reply: Reply) -> Tail:
    """The head and the entries that a script gives.

    Raises:
        Damaged: it gives none, or something else.
    """
    if not isinstance(reply, list) or len(reply) != 2 or not isinstance(reply[0], bytes):
        raise Damaged
    return Tail(reply[0], list(entries(reply[1])))


def _position(reply: Reply) -> Position:
    """How many are ahead, and the tail, that a script gives.

    Raises:
        Damaged: it gives none, or something else.
    """
    if not isinstance(reply, list) or len(reply) != 3 or not isinstance(reply[0], int):
        raise Damaged
    return Position(max(0, reply[0]), _tail(reply[1:]))


def _scanned(reply: Any) -> tuple[int, list[tuple[bytes, bytes]]]:
    """Redis's next cursor in a bucket (0: none), and what it gave: handle and blob."""
    try:
        at, flat = reply
        fields = zip(flat[::2], flat[1::2], strict=True)
        blobs = [(_handle(field), blob_of(blob)) for field, blob in fields]
        number = int(at)
    except (TypeError, ValueError):
        raise Damaged from None
    if not 0 <= number < 1 << 64:
        raise Damaged
    return number, blobs


def _handle(field: object) -> bytes:
    if not isinstance(field, bytes) or len(field) < HANDLE_BYTES:
        raise Damaged
    return field[:HANDLE_BYTES]


_: type[Backend] = RedisBackend
