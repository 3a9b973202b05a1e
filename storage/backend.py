"""The interface between the sealed store and whatever keeps its bytes.

Trust: none. A back end sees pseudorandom handles, sealed blobs of padded sizes, and a clear header
that holds only salts and wrapped keys. It is trusted neither with confidentiality nor with
integrity nor with freshness: everything it gives back is authenticated, and compared with what the
store knows, above this interface. It is relied on for two things only, and failing them loses
availability or durability, never secrecy: that `commit` applies all or nothing, and that what it
acknowledged is still there after a crash.

Theory of operation: the bytes of one store are a header, a head, a log, and two maps from handles
to blobs (meta and body). They change only through `commit`, which names the head it follows:
compare-and-set on the head orders all writers. Heads never repeat (each is sealed under a fresh
nonce), so comparing the bytes is enough. SQLite does it in one transaction, Redis in one script.

Which blob of a handle is meant is told by its tag, its last 16 bytes, which the store knows of
every blob that is due. A back end may name its blobs by handle and tag, and so never overwrite one;
or by the handle alone, and give whatever blob is there.

A back end over several machines cannot apply a commit at once. It may put the blobs first, each
beside what is there, then compare and set the head, and then drop what is superseded: a reader, who
asks by tag, meets nothing else. What has been put and was not committed is left then, and what
was superseded stays, where a server ends in between. Such a back end gives the means to find it
(`Spread`), and `storage.sweep` says when it may be dropped.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from storage.errors import Damaged
from storage.xaes import TAG_BYTES

HANDLE_BYTES = 16
LEASE_S: Final = 0.5
"""How long the first of the writers' queue keeps the others waiting, at the most: a full batch on a
processor that is ten times as busy as it should be. Whoever has ended without leaving the queue
delays the others so long once."""


def blob_of(value: object) -> bytes:
    """What a back end has in the place of bytes, which may be of any type whatever was put there.

    Raises:
        Damaged: it is none.
    """
    if not isinstance(value, bytes):
        raise Damaged
    return value


def blob_or_none(value: object) -> bytes | None:
    """The same, where there may be nothing.

    Raises:
        Damaged: it is neither bytes nor nothing.
    """
    return None if value is None else blob_of(value)


class Kind(StrEnum):
    """The two maps a back end keeps."""

    META = "meta"
    BODY = "body"


class BlobName(NamedTuple):
    """One blob of all that were ever written at a handle.

    Attributes:
        handle: 16 bytes.
        tag: of the blob, see `tag`.
    """

    handle: bytes
    tag: bytes


Wanted = tuple[Kind, BlobName]
"""A blob, and in which map it is."""


def tag(blob: bytes) -> bytes:
    """The last 16 bytes of a blob: which of all blobs ever sealed it is."""
    return blob[-TAG_BYTES:]


@dataclass(frozen=True, slots=True)
class Tail:
    """The head and the log entries after a given number, as of one instant.

    Attributes:
        head: the sealed head.
        entries: (number, sealed entry), ascending. Where the log has been trimmed past the number
            asked for, the first entry has a later number than the one that follows it.
        blobs: those that were wanted with it, in the same order; None where there is none. They may
            be of another instant: whoever wants them tells by their tags whether they are due.
    """

    head: bytes
    entries: Sequence[tuple[int, bytes]]
    blobs: Sequence[bytes | None] = ()


@dataclass(frozen=True, slots=True)
class Position:
    """The answer to a writer that asks for precedence.

    Attributes:
        ahead: how many go before it; 0: it has precedence.
        tail: as of the same instant.
    """

    ahead: int
    tail: Tail


@dataclass(frozen=True, slots=True)
class Commit:
    """One change of a store, to be applied whole or not at all.

    Attributes:
        number: of the log entry; 0 makes a new store, or is a part of a copy, and has no entry.
        expected: the head that must be there, byte for byte; None: there must be none.
        head: the head to put in its place.
        entry: the log entry to append under `number`; not kept when `number` is 0.
        oldest: log entries with a lower number may be dropped.
        meta: handle of 16 bytes to blob; None removes.
        body: the same for bodies.
        header: the header to put in its place; None leaves it.
        superseded: for each map, handle to the tag of the blob that the commit replaces or removes.
    """

    number: int
    expected: bytes | None
    head: bytes
    entry: bytes
    oldest: int
    meta: Mapping[bytes, bytes | None]
    body: Mapping[bytes, bytes | None]
    header: bytes | None = None
    superseded: Mapping[Kind, Mapping[bytes, bytes]] = field(default_factory=dict)

    def blobs(self, kind: Kind) -> Mapping[bytes, bytes | None]:
        """The changes to one of the two maps."""
        return self.meta if kind is Kind.META else self.body


@dataclass(frozen=True, slots=True)
class Attempt:
    """A mark: somebody has put blobs for a commit, and it was not told yet what came of it.

    Attributes:
        number: of the commit that was to be.
        name: of the attempt; its marks in several buckets have the same.
        bucket: where the mark is.
        puts: blobs that it has put there.
        superseded: blobs there that are due no more if it was the commit.
    """

    number: int
    name: bytes
    bucket: int
    puts: tuple[Wanted, ...]
    superseded: tuple[Wanted, ...]


class Spread(Protocol):
    """What a back end has besides that puts blobs before the commit (see above)."""

    async def unsettled(self) -> Sequence[Attempt]:
        """All marks that were there throughout the call, and perhaps others."""
        ...

    async def settle(
        self, number: int, attempts: Collection[Attempt], dead: Collection[Wanted]
    ) -> None:
        """Drop marks, and blobs together with the mark in whose bucket they are.

        Args:
            number: of a commit that has happened; no attempt at it, or at an earlier one, can put
                anything into these buckets afterwards.
            attempts: whose marks are dropped.
            dead: the blobs.
        """
        ...


class Backend(Protocol):
    """Keeps the bytes of one sealed store; not trusted (see above).

    Every method but `aclose` raises `Unavailable` when it cannot be answered now. Methods may be
    called from several tasks at once. `testing.check_backend` is the exercise every one passes.
    """

    @property
    def exclusive(self) -> bool:
        """Whether nobody else can write while this back end is open.

        The store then need not ask whether its resident table is fresh.
        """
        ...

    @property
    def label(self) -> bytes:
        """What tells this place from others that the same server program keeps; or nothing.

        The slots of a store are bound to it, so a store that was moved to another label does not
        open there.
        """
        ...

    @property
    def spread(self) -> Spread | None:
        """The means to find what attempts at commits have left, where any can leave something.

        Known once `load` was called.
        """
        ...

    async def open(self, *, create: bool = True) -> None:
        """Take hold of the place.

        Args:
            create: make an empty place where there is nothing.

        Raises:
            Missing: there is nothing, and `create` is False. A back end whose places need not be
                made opens all the same, and `load` finds neither header nor head.
            InUse: it is exclusive and somebody holds it.
            Damaged: what is there is not a store's file, or is cut short.
        """
        ...

    async def load(self) -> tuple[bytes | None, bytes | None]:
        """The header and the head as of one instant; None for what is not there."""
        ...

    async def tail(self, after: int, wanted: Sequence[Wanted] = ()) -> Tail:
        """The head, and all log entries still kept with a number above `after`.

        Args:
            after: a number.
            wanted: blobs to be given in the same round trip, as `get` would give them.

        Raises:
            Damaged: there is no head.
        """
        ...

    async def get(self, kind: Kind, names: Sequence[BlobName]) -> list[bytes | None]:
        """The blob of each name, in the same order; None where there is none.

        A back end that names blobs by their handles alone gives what is there, whatever its tag.
        """
        ...

    async def scan(self, cursor: bytes) -> tuple[Sequence[tuple[bytes, bytes]], bytes | None]:
        """One page of all (handle, meta blob), and the cursor of the next page or None.

        Begin with an empty cursor. What exists throughout the scan is given at least once; what
        changes during it may be given old, new or both. Of a back end that is `spread`, blobs that
        an attempt has put are left out while its mark is there, and those it would supersede are
        not: the log tells of it, if it was the commit.
        """
        ...

    async def precedence(self, after: int, *, again: bool = False) -> Position:
        """Queue up among those who write, see `storage.precedence`.

        While the first of the queue has been that for less than `LEASE_S`, commits of all others
        are refused. Who is in the queue already keeps their place, and is answered once they are
        the first, or the second and so should know what to follow, or after `LEASE_S`.

        Args:
            after: for the tail that comes with the answer.
            again: leave the queue first, and queue up behind those who are waiting.

        Raises:
            Damaged: there is no head.
        """
        ...

    async def cede(self) -> None:
        """Leave the queue of those who write; does nothing for who is not in it."""
        ...

    async def commit(self, commit: Commit) -> Tail | None:
        """Apply `commit` if the head is the expected one, durably, all or nothing.

        Returns:
            None when applied; otherwise nothing was applied, and this is the tail after
            `commit.number - 1`: what the writer had missed, which is nothing where another one has
            precedence. The tail of a place without a head has an empty one.

        Raises:
            Unavailable: it may have been applied or not.
        """
        ...

    async def confirm(self) -> None:
        """Wait until every commit that `tail` can tell of is as durable as `commit` promises.

        For a writer who finds its commit in the log after `commit` has failed.
        """
        ...

    async def read_index(self, names: Sequence[bytes]) -> list[bytes | None]:
        """What was kept of a saved index under each name; None where there is nothing.

        Args:
            names: 16 bytes each; of a mebibyte each, 16 at once are not too many.
        """
        ...

    async def write_index(self, blobs: Mapping[bytes, bytes | None]) -> None:
        """Keep blobs of a saved index under names of 16 bytes; None drops one.

        It is no part of a commit, and need not be durable: what is lost of a saved index, or all of
        it, costs time at the next opening, and nothing else. One blob is there whole or not at all.
        """
        ...

    async def index_names(self) -> Sequence[bytes]:
        """The names under which anything is kept by `write_index`."""
        ...

    async def aclose(self) -> None:
        """Let go of the place. Never fails; closing twice is fine."""
        ...
