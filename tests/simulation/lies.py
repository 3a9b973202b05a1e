"""False answers: what a database in the hands of an attacker can say, who cannot open seals."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from storage.backend import Attempt, Commit, Kind, Position, Tail
from tests.simulation.database import Database, State


class Liar:
    """Makes false answers of true ones.

    Args:
        database: whose states of before it may tell of.

    Attributes:
        counts: how often it lied, by kind.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._chance = random.Random(f"liar {database.scenario.seed}")
        self.counts: dict[str, int] = {}

    def answer(self, what: str, true: Callable[[], Any], *args: Any) -> Any:
        """The answer to a request, true or not."""
        scenario = self._database.scenario
        lies = [lie for lie in scenario.lies if what in self._about(lie, args)]
        if not lies or not self._database.chances(scenario.lying):
            return true()
        lie = self._chance.choice(lies)
        self.counts[lie] = self.counts.get(lie, 0) + 1
        self._database.note("lie:", lie)
        change = getattr(self, "_" + lie.replace(" ", "_"))
        if lie.endswith(" blob"):
            return self._of_blobs(change, what, true(), *args)
        if what == "precedence":
            return self._of_position(change, true, *args)
        reply = change(true, *args[:1])
        return true() if reply is None and what != "commit" else reply

    @staticmethod
    def _about(lie: str, args: Sequence[Any]) -> Sequence[str]:
        """The requests that a kind of lie answers; blobs come with the log too, if wanted."""
        subject = lie.split()[-1]
        if subject == "blob":
            return ("get", "tail") if args[-1:] != ((),) else ("get",)
        if subject in ("tail", "log", "head"):
            return ("tail", "precedence")
        endings = {
            "scan": "scan",
            "header": "load",
            "queue": "precedence",
            "index": "read_index",
            "marks": "marks",
        }
        return (endings.get(subject, "commit"),)

    def _of_blobs(
        self, change: Callable[..., bytes | None], what: str, true: Any, first: Any, wanted: Any
    ) -> Any:
        """The reply of `get`, or that of `tail`, with its blobs changed."""
        if what == "get":
            return [
                change(first, name.handle, blob) for name, blob in zip(wanted, true, strict=True)
            ]
        if not isinstance(true, Tail):
            return true
        pairs = zip(wanted, true.blobs, strict=True)
        return replace(
            true, blobs=[change(kind, name.handle, blob) for (kind, name), blob in pairs]
        )

    def _before(self) -> State:
        """A state of before, with a head if there is one."""
        states = [state for state in self._database.states if state.head is not None]
        return self._chance.choice(states or [self._database.now])

    def _flipped(self, blob: bytes) -> bytes:
        changed = bytearray(blob)
        changed[self._chance.randrange(len(changed))] ^= 1 << self._chance.randrange(8)
        return bytes(changed)

    async def _of_position(
        self, change: Callable[..., Any], true: Callable[[], Any], after: int, *args: Any
    ) -> Any:
        """The reply of `precedence`, with its tail changed, or its number."""
        position = await true()
        if not isinstance(position, Position):
            return position
        if change == self._false_queue:
            return replace(position, ahead=change())
        return replace(position, tail=change(lambda: position.tail, after) or position.tail)

    def _false_queue(self) -> int:
        return self._chance.choice((0, 0, 1, 5))

    # Of blobs

    def _old_blob(self, kind: Kind, handle: bytes, true: bytes | None) -> bytes | None:
        old = [
            blob
            for state in self._database.states
            for name, blob in state.blobs[kind].items()
            if name.handle == handle
        ]
        return self._chance.choice(old or [true])

    def _other_blob(self, kind: Kind, handle: bytes, true: bytes | None) -> bytes | None:
        return self._chance.choice([*self._database.now.blobs[kind].values(), true])

    def _no_blob(self, kind: Kind, handle: bytes, true: bytes | None) -> bytes | None:
        return None

    def _edited_blob(self, kind: Kind, handle: bytes, true: bytes | None) -> bytes | None:
        return self._flipped(true) if true else true

    # Of the log

    def _old_tail(self, true: Any, after: int) -> Any:
        tail = true()
        return (
            replace(self._before().tail(after), blobs=tail.blobs)
            if isinstance(tail, Tail)
            else None
        )

    def _edited_head(self, true: Any, after: int) -> Any:
        tail = true()
        return replace(tail, head=self._flipped(tail.head)) if isinstance(tail, Tail) else None

    def _of_log(self, true: Any, change: Callable[[list[tuple[int, bytes]]], Any]) -> Any:
        tail = true()
        if not isinstance(tail, Tail) or not tail.entries:
            return None
        entries = list(tail.entries)
        change(entries)
        return replace(tail, entries=entries)

    def _short_log(self, true: Any, after: int) -> Any:
        return self._of_log(true, lambda log: log.pop(self._chance.randrange(len(log))))

    def _edited_log(self, true: Any, after: int) -> Any:
        def change(log: list[tuple[int, bytes]]) -> None:
            at = self._chance.randrange(len(log))
            log[at] = (log[at][0], self._flipped(log[at][1]))

        return self._of_log(true, change)

    def _exchanged_log(self, true: Any, after: int) -> Any:
        def change(log: list[tuple[int, bytes]]) -> None:
            blobs = [blob for _, blob in log]
            log[:] = [
                (number, blob) for (number, _), blob in zip(log, reversed(blobs), strict=True)
            ]

        return self._of_log(true, change)

    def _doubled_log(self, true: Any, after: int) -> Any:
        return self._of_log(true, lambda log: log.append((log[-1][0] + 1, log[-1][1])))

    # Of commits

    def _commit_that_was_not(self, true: Any, commit: Commit) -> Any:
        return None

    def _refusal_that_was_none(self, true: Any, commit: Commit) -> Any:
        return true() or self._database.now.tail(commit.number - 1)

    def _refusal_without_reason(self, true: Any, commit: Commit) -> Any:
        return self._before().tail(commit.number - 1)

    # Of the opening

    def _old_scan(self, true: Any, cursor: bytes) -> Any:
        page, following = true()
        old = self._before().blobs[Kind.META]
        blobs = {name.handle: blob for name, blob in old.items()}
        return [(handle, blobs.get(handle, blob)) for handle, blob in page], following

    def _short_scan(self, true: Any, cursor: bytes) -> Any:
        page, following = true()
        return page[1:], following

    def _edited_scan(self, true: Any, cursor: bytes) -> Any:
        page, following = true()
        return [(handle, self._flipped(blob)) for handle, blob in page], following

    def _old_header(self, true: Any) -> Any:
        return self._before().header, self._database.now.head

    # Of what attempts have left

    def _no_marks(self, true: Any, where: int) -> Any:
        return []

    def _old_marks(self, true: Any, where: int) -> Any:
        marks = self._chance.choice(self._database.states).marks
        return [mark for (number, _), mark in marks.items() if number == where]

    def _false_marks(self, true: Any, where: int) -> Any:
        blobs = [
            (kind, name)
            for kind in Kind for name in self._database.now.blobs[kind]
            if self._database.bucket(name.handle) == where
        ]  # fmt: skip
        puts = tuple(one for one in blobs if self._chance.random() < 0.5)
        superseded = tuple(one for one in blobs if self._chance.random() < 0.5)
        number = self._chance.randint(1, max(1, self._database.now.number))
        return [*true(), Attempt(number, b"%d-false" % number, where, puts, superseded)]

    # Of the saved index

    def _old_index(self, true: Any, names: Sequence[bytes]) -> Any:
        index = self._chance.choice(self._database.indexes)
        return [index.get(name) for name in names]

    def _no_index(self, true: Any, names: Sequence[bytes]) -> Any:
        return [blob if self._chance.random() < 0.5 else None for blob in true()]

    def _edited_index(self, true: Any, names: Sequence[bytes]) -> Any:
        return [self._flipped(blob) if blob else blob for blob in true()]

    def _exchanged_index(self, true: Any, names: Sequence[bytes]) -> Any:
        blobs = list(self._database.now.index.values())
        return [self._chance.choice(blobs) if blob else blob for blob in true()]
