"""A database in memory that is slow, loses messages and itself, and lies, as a seed has it.

Theory: every request is a message of its own. It reaches the database after one delay, is performed
there at one instant, and is answered after another; so requests overtake each other, and one that
nobody waits for any longer may still be performed. The database keeps every state it has had: a
failover goes back to one of them, and a lie is one of them, or a change of the present one.
"""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from inspect import isawaitable
from types import MappingProxyType
from typing import Any

import trio

from storage import Unavailable
from storage.backend import Attempt, BlobName, Commit, Kind, Position, Tail, Wanted
from storage.errors import Damaged
from storage.memory import WriterQueue
from tests.simulation.scenario import Scenario
from tests.simulation.spread import (
    BUCKETS,
    SimulatedSpread,
    doubtful,
    with_buckets_of,
    with_put,
    with_settled,
)

PATIENCE_S = 1.0  # after which a request is given up
_EMPTY: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True)
class State:
    """All bytes of a store as of one instant."""

    number: int = -1
    header: bytes | None = None
    head: bytes | None = None
    log: Mapping[int, bytes] = field(default_factory=dict)
    blobs: Mapping[Kind, Mapping[BlobName, bytes]] = field(
        default_factory=lambda: {kind: {} for kind in Kind}
    )
    index: Mapping[bytes, bytes] = field(default_factory=dict)
    marks: Mapping[tuple[int, bytes], Attempt] = field(default_factory=dict)
    settled: Mapping[int, int] = field(default_factory=dict)
    version: int = 0  # of the buckets

    def after(self, commit: Commit, name: Callable[[bytes, bytes], BlobName]) -> "State":
        """The state after a commit whose blobs are named by this function of handle and tag."""
        blobs = {kind: dict(self.blobs[kind]) for kind in Kind}
        for kind in Kind:
            for handle, tag in commit.superseded.get(kind, _EMPTY).items():
                blobs[kind].pop(name(handle, tag), None)
            for handle, blob in commit.blobs(kind).items():
                if blob is not None:
                    blobs[kind][name(handle, blob[-16:])] = blob
        log = dict(self.log) | ({commit.number: commit.entry} if commit.number else {})
        log = {number: entry for number, entry in log.items() if number >= commit.oldest}
        header = self.header if commit.header is None else commit.header
        return replace(
            self, number=commit.number, header=header, head=commit.head, log=log, blobs=blobs
        )

    def tail(self, after: int) -> Tail:
        """The head and the log entries above a number."""
        entries = [(number, self.log[number]) for number in sorted(self.log) if number > after]
        return Tail(self.head or b"", entries)


class Database:
    """The one that all servers share.

    Args:
        scenario: what goes wrong.
        nursery: for its messages.

    Attributes:
        states: all that it has had, the present one last.
        replica: what a failover leaves.
        indexes: all saved indexes that it has had.
        trace: what happened, in order, as text.
        failed_over_to: the number of the last commit left by each failover.
    """

    def __init__(self, scenario: Scenario, nursery: trio.Nursery) -> None:
        self.scenario = scenario
        self.states = [State()]
        self.replica = self.states[0]
        self.indexes: list[Mapping[bytes, bytes]] = [{}]
        self.trace: list[str] = []
        self.failed_over_to: list[int] = []
        self.is_faulty = True
        self._is_down = False
        self._life = 0
        self._chance = random.Random(f"database {scenario.seed}")
        self._nursery = nursery
        self._queue = WriterQueue()
        self._order: dict[bytes, int] = {}  # of handles, by their first appearance
        self._attempts = 0
        self._replica_buckets = self.states[0]

    @property
    def now(self) -> State:
        """The present state."""
        return self.states[-1]

    def note(self, *words: object) -> None:
        """Add a line to the trace."""
        self.trace.append(f"{trio.current_time():.6f} " + " ".join(map(str, words)))

    def name(self, handle: bytes, tag: bytes) -> BlobName:
        """Under which a blob is kept."""
        is_exact = self.scenario.by_tag or self.scenario.spread
        return BlobName(handle, tag if is_exact else b"")

    def chances(self, share: float) -> bool:
        """Whether something befalls this message, while there are faults."""
        return self._chance.random() < share and self.is_faulty

    def delay_s(self) -> float:
        """How long a message is under way."""
        slow = self.chances(self.scenario.slow)
        return self._chance.uniform(0, 1.5 * PATIENCE_S if slow else 0.004)

    # What goes wrong

    async def restart(self, for_s: float) -> None:
        """Lose what is under way, and be away for a time."""
        self.note("database restarts")
        self._life += 1
        self._is_down = True
        await trio.sleep(for_s)
        self._is_down = False

    def fail_over(self) -> None:
        """Go on with what the replica has."""
        self._life += 1
        if self.scenario.mode == "lossy":
            back = self._chance.randint(0, min(3, len(self.states) - 1))
            self.replica = self.states[len(self.states) - 1 - back]
            if self.replica.head is None:
                self.replica = self.now  # a store that never was is another matter
        if self.scenario.spread:
            self._fail_over_in_part()
        self.failed_over_to.append(self.replica.number)
        self.note("database fails over, from", self.now.number, "to", self.replica.number)
        self.states.append(self.replica)
        self._queue = WriterQueue()

    def _fail_over_in_part(self) -> None:
        """The nodes fail over one by one: what has the head, what has the blobs, or both."""
        part = self._chance.choice(("head", "blobs", "both"))
        head = self.now if part == "blobs" else self.replica
        buckets = self.now if part == "head" else self._replica_buckets
        self.note("of which", part)
        self.replica = self._replica_buckets = with_buckets_of(head, buckets)

    def bucket(self, handle: bytes) -> int:
        """Where the blobs of a handle are; goes by their order, as handles are chance."""
        return self._order.setdefault(handle, len(self._order) + 1) % BUCKETS

    def fresh(self) -> int:
        """A number that was not given before."""
        self._attempts += 1
        return self._attempts

    def drop_index(self) -> None:
        """Drop the saved index, as an operator may who goes on with what is left."""
        self.states[-1] = replace(self.now, index={})

    # For mistakes

    def spawn(self, job: Callable[..., Awaitable[None]], *args: Any) -> None:
        """Do something that nobody waits for."""
        self._nursery.start_soon(job, *args)

    def put_bodies(self, commit: Commit) -> None:
        """Add the bodies of a commit to the present state."""
        for handle in (*commit.meta, *commit.body):
            self._order.setdefault(handle, len(self._order) + 1)
        self.states[-1] = replace(self.now, blobs=self.now.after(commit, self.name).blobs)

    # What it is asked

    async def ask(self, what: str, perform: Callable[[], Any], *, waits: bool = False) -> Any:
        """Send a request, and wait for its reply.

        Args:
            what: is asked, for the trace.
            perform: does it, at one instant.
            waits: until the replica has it too, where there is one.

        Raises:
            Unavailable: there is none in time.
        """
        box: list[Any] = []
        come = trio.Event()
        self._nursery.start_soon(self._message, what, perform, box, come, waits)
        with trio.move_on_after(PATIENCE_S):
            await come.wait()
        if not box:
            raise Unavailable("the database does not answer")
        if isinstance(box[0], Exception):
            raise box[0]
        return box[0]

    async def _message(
        self, what: str, perform: Callable[[], Any], box: list[Any], come: trio.Event, waits: bool
    ) -> None:
        await trio.sleep(self.delay_s())
        if self.chances(self.scenario.lost_requests):
            self.note(what, "is lost")
            return
        if self._is_down:
            box.append(Unavailable("the database is not there"))
            come.set()
            return
        life = self._life
        reply = perform()
        if isawaitable(reply):
            reply = await reply
        self.note(what, "->", describe(reply))
        if waits and self.scenario.mode == "replicas":
            await self._replicate(self.now, buckets=what.split()[-1] in ("put", "settle"))
        await trio.sleep(self.delay_s())
        if life != self._life or self.chances(self.scenario.lost_replies):
            self.note("the reply to", what, "is lost")
            return
        box.append(reply)
        come.set()

    async def _replicate(self, state: State, *, buckets: bool) -> None:
        """Have the replica take over a state, unless the database is another one meanwhile."""
        life = self._life
        await trio.sleep(self.delay_s())
        if buckets:
            if life == self._life and state.version > self._replica_buckets.version:
                self._replica_buckets = state
        elif life == self._life and state.number > self.replica.number:
            self.replica = state

    def load(self) -> tuple[bytes | None, bytes | None]:
        """See `Backend`."""
        return self.now.header, self.now.head

    def tail(self, after: int, wanted: Sequence[Wanted]) -> Tail | Damaged:
        """See `Backend`."""
        if self.now.head is None:
            return Damaged()
        blobs = [self.get(kind, [name])[0] for kind, name in wanted]
        return replace(self.now.tail(after), blobs=blobs)

    def get(self, kind: Kind, names: Sequence[BlobName]) -> list[bytes | None]:
        """See `Backend`."""
        blobs = self.now.blobs[kind]
        return [blobs.get(self.name(name.handle, name.tag)) for name in names]

    def scan(self, cursor: bytes) -> tuple[list[tuple[bytes, bytes]], bytes | None]:
        """See `Backend`. The order is that in which handles appeared first."""
        start = int(cursor or b"0")
        hidden = doubtful(self.now)
        blobs: dict[bytes, list[bytes]] = {}
        for name, blob in self.now.blobs[Kind.META].items():
            if name not in hidden:
                blobs.setdefault(name.handle, []).append(blob)
        rows = sorted((self._order[handle], handle) for handle in blobs)
        left = [(number, handle) for number, handle in rows if number > start]
        page = left[: self.scenario.page]
        following = b"%d" % page[-1][0] if len(page) < len(left) else None
        return [(handle, blob) for _, handle in page for blob in blobs[handle]], following

    def put(self, mark: Attempt, blobs: Mapping[Wanted, bytes]) -> bool:
        """See `tests.simulation.spread`."""
        state = with_put(self.now, mark, blobs)
        if state is not None:
            self.states.append(state)
        return state is not None

    def settle(
        self, where: int, number: int, names: Sequence[bytes], dead: Sequence[Wanted]
    ) -> bool:
        """See `tests.simulation.spread`."""
        self.states.append(with_settled(self.now, where, number, names, dead))
        return True

    def marks(self, where: int) -> list[Attempt]:
        """See `tests.simulation.spread`."""
        return [mark for (number, _), mark in self.now.marks.items() if number == where]

    def confirm(self) -> None:
        """See `Backend`; what is waited for is waited for later."""

    async def precedence(self, after: int, again: bool, writer: object) -> Position | Damaged:
        """See `Backend`."""
        queue = self._queue
        if self.now.head is None:
            return Damaged()
        if again:
            queue.leave(writer)
        else:
            await queue.wait(writer)
        return Position(queue.join(writer), self.now.tail(after))

    def cede(self, writer: object) -> None:
        """See `Backend`."""
        self._queue.leave(writer)

    def read_index(self, names: Sequence[bytes]) -> list[bytes | None]:
        """See `Backend`."""
        return [self.now.index.get(name) for name in names]

    def write_index(self, blobs: Mapping[bytes, bytes | None]) -> None:
        """See `Backend`."""
        changed = {**self.now.index, **blobs}
        index = {name: blob for name, blob in changed.items() if blob is not None}
        self.states[-1] = replace(self.now, index=index)
        self.indexes.append(index)

    def index_names(self) -> Sequence[bytes]:
        """See `Backend`."""
        return tuple(self.now.index)

    def commit(self, commit: Commit, writer: object) -> Tail | None:
        """See `Backend`."""
        if self.now.head != commit.expected or not self._queue.gives_way(writer):
            return self.now.tail(commit.number - 1)
        for handle in (*commit.meta, *commit.body):
            self._order.setdefault(handle, len(self._order) + 1)
        self.states.append(self.now.after(commit, self.name))
        return None


def describe(reply: Any) -> str:
    """A reply in the trace: without anything that chance has made."""
    match reply:
        case None:
            return "done"
        case Tail(head, entries, blobs):
            log = [(number, len(entry)) for number, entry in entries]
            return f"tail of {len(head)}, {log}, {describe(list(blobs))}"
        case Position(ahead, tail):
            return f"{ahead} ahead, {describe(tail)}"
        case Exception():
            return type(reply).__name__
        case tuple() if all(isinstance(name, bytes) for name in reply):
            return f"{len(reply)} names"
        case [Attempt(), *_] as marks:
            return f"{len(marks)} marks"
        case list():
            return f"blobs of {[len(blob) if blob else blob for blob in reply]}"
        case (list() as page, following):
            return f"page of {len(page)}, {following}"
        case (header, head):
            return f"header of {header and len(header)}, head of {head and len(head)}"
        case _:
            return type(reply).__name__


class SimulatedBackend:
    """A server's connection to the database.

    Args:
        database: the shared one.
        server: its name in the trace.
        lie: makes a false reply of a true one, given what was asked; None: always true.
    """

    exclusive = False
    label = b"simulated"

    def __init__(self, database: Database, server: str, lie: Callable[..., Any] | None = None):
        self.database = database
        self._server = server
        self._lie = lie
        self._is_dead = False
        self.spread = SimulatedSpread(self) if database.scenario.spread else None

    def die(self) -> None:
        """End as a process does: what is under way stays so, and nobody hears of it."""
        self._is_dead = True

    async def ask(self, what: str, *args: Any, waits: bool = False) -> Any:
        """The database's answer.

        Raises:
            Unavailable: there is none.
        """
        if self._is_dead:
            await trio.lowlevel.checkpoint()
            raise Unavailable("the server is dead")
        true = partial(getattr(self.database, what), *args)
        perform = true if self._lie is None else partial(self._lie, what, true, *args)
        about = args[0].number if isinstance(args[0] if args else None, Commit) else ""
        text = f"{self._server} {what} {about}".rstrip()
        reply = await self.database.ask(text, perform, waits=waits)
        if self._is_dead:
            raise Unavailable("the server is dead")
        return reply

    async def open(self, *, create: bool = True) -> None:
        """See `Backend`."""
        await trio.lowlevel.checkpoint()

    async def load(self) -> tuple[bytes | None, bytes | None]:
        """See `Backend`."""
        return await self.ask("load")

    async def tail(self, after: int, wanted: Sequence[Wanted] = ()) -> Tail:
        """See `Backend`."""
        return await self.ask("tail", after, wanted)

    async def get(self, kind: Kind, names: Sequence[BlobName]) -> list[bytes | None]:
        """See `Backend`."""
        return await self.ask("get", kind, names)

    async def scan(self, cursor: bytes) -> tuple[Sequence[tuple[bytes, bytes]], bytes | None]:
        """See `Backend`."""
        return await self.ask("scan", cursor)

    async def precedence(self, after: int, *, again: bool = False) -> Position:
        """See `Backend`."""
        return await self.ask("precedence", after, again, self)

    async def cede(self) -> None:
        """See `Backend`."""
        await self.ask("cede", self)

    async def commit(self, commit: Commit, *, waits: bool = True) -> Tail | None:
        """See `Backend`; without waiting for the replica, where there is one, if told so."""
        if self.spread is not None and waits:
            return await self.spread.commit(commit)
        return await self.commit_head(commit, waits=waits)

    async def commit_head(self, commit: Commit, *, waits: bool = True) -> Tail | None:
        """What of a commit is not in buckets."""
        return await self.ask("commit", commit, self, waits=waits)

    async def confirm(self) -> None:
        """See `Backend`."""
        await self.ask("confirm", waits=True)

    async def read_index(self, names: Sequence[bytes]) -> list[bytes | None]:
        """See `Backend`."""
        return await self.ask("read_index", names)

    async def write_index(self, blobs: Mapping[bytes, bytes | None]) -> None:
        """See `Backend`."""
        await self.ask("write_index", blobs)

    async def index_names(self) -> Sequence[bytes]:
        """See `Backend`."""
        return await self.ask("index_names")

    async def aclose(self) -> None:
        """See `Backend`."""
