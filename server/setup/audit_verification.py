"""Whether files hold every line of an audit log as it was written, and in its order.

Each file is read once, from its start to its end, and nothing of it is kept but where each chain
stands; so a file may be of any length. Files are given in any order: what is in one of them is a
run of lines for each chain, and runs are put together by their numbers.

What a server that was killed leaves is told and is no fault: a last line that is cut off. It stands
at the end of a file, or where another chain begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import BinaryIO, Final

from server.setup.audit_chain import NONE, ChainedLine, Keys, Position, read

MAX_LINE_BYTES: Final = 1 << 20
"""Of a line that is looked at: the server's have some hundreds, and at most some thousands."""
MAX_FAULTS: Final = 100
"""Faults that are told of; the others are counted."""


@dataclass(slots=True)
class Run:
    """Lines of one chain that follow each other in one file.

    Attributes:
        file: its name.
        line: of the file, where it begins, from 1.
        first: the number of its first line.
        after: the MAC that its first line comes after.
        last: its last line.
    """

    file: str
    line: int
    first: int
    after: str
    last: Position


@dataclass(slots=True)
class Verified:
    """What was found in files.

    Attributes:
        lines: how many are as they were written.
        cut: how many last lines are cut off, as a kill leaves them.
        faults: a sentence for each, the first ones.
        faulty: how many there are.
    """

    lines: int = 0
    cut: int = 0
    faults: list[str] = field(default_factory=list)
    faulty: int = 0

    def fault(self, sentence: str) -> None:
        """Note what is wrong."""
        self.faulty += 1
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(sentence)


class Verification:
    """Verifies the files of one store's servers.

    Args:
        secret: the store's audit secret, 32 bytes.
        positions: of all chains that the store knows, by their names.
    """

    def __init__(self, secret: bytes, positions: Mapping[str, Position]) -> None:
        self._secret = secret
        self._positions = positions
        self._keys: dict[str, Keys] = {}
        self._runs: dict[str, list[Run]] = {}
        self.found = Verified()

    def keys(self, chain: str) -> Keys:
        """The keys of a chain."""
        if chain not in self._keys:
            self._keys[chain] = Keys(self._secret, chain)
        return self._keys[chain]

    def add(self, name: str, file: BinaryIO) -> Iterator[ChainedLine]:
        """Read a file; gives its lines that are authentic, in their order.

        Args:
            name: of the file, for sentences.
            file: is read to its end.

        Raises:
            OSError: it cannot be read.
        """
        runs: dict[str, Run] = {}
        strange = 0  # the line that is none, if the line before was such
        for number, raw in _lines(file):
            line = read(raw)
            if line is None:
                if strange:
                    self.found.fault(f"{name}:{strange} is no line of an audit log.")
                strange = number
                continue
            chain = line.position.chain
            if not line.is_authentic(self.keys(chain)):
                del self._keys[chain]
                self.found.fault(f"{name}:{number} is not as it was written.")
                continue
            if strange:
                self._cut(name, strange, begins=line.position.number == 1)
                strange = 0
            known = self._positions.get(chain)
            if known and known.number == line.position.number and known.mac != line.position.mac:
                self.found.fault(f"{name}:{number} is of another history than the store's.")
            self._follow(name, number, line, runs)
            self.found.lines += 1
            yield line
        if strange:
            self._cut(name, strange, begins=True)

    def _cut(self, name: str, line: int, *, begins: bool) -> None:
        if begins:
            self.found.cut += 1
        else:
            self.found.fault(f"{name}:{line} is no line of an audit log.")

    def _follow(self, name: str, number: int, line: ChainedLine, runs: dict[str, Run]) -> None:
        position = line.position
        run = runs.get(position.chain)
        if run is not None and _follows(run.last, position.number, line.after):
            run.last = position
            return
        if run is not None:
            self.found.fault(
                f"{name}:{number} is line {position.number} of chain {position.chain}, where line "
                f"{run.last.number + 1} belongs."
            )
        run = Run(name, number, position.number, line.after, position)
        runs[position.chain] = run
        self._runs.setdefault(position.chain, []).append(run)

    def finish(self, *, allow_missing_beginning: bool) -> Verified:
        """Put together what was read, and compare it with the positions of the store.

        Args:
            allow_missing_beginning: older files are not given: a chain may begin with any line,
                or be missing if the store knows it to have ended.

        Returns:
            What was found; the log is whole if there is no fault.
        """
        for chain, runs in self._runs.items():
            runs.sort(key=lambda run: run.first)
            self._join(chain, runs, allow_missing_beginning=allow_missing_beginning)
        for position in self._positions.values():
            there = self._runs.get(position.chain)
            if there is None:
                if position.number and not allow_missing_beginning:
                    self.found.fault(
                        f"Chain {position.chain} is missing, of {position.number} lines."
                    )
            elif there[-1].last.number < position.number:
                self.found.fault(
                    f"Chain {position.chain} ends with line {there[-1].last.number} of "
                    f"{position.number} in {there[-1].file}."
                )
        return self.found

    def _join(self, chain: str, runs: list[Run], *, allow_missing_beginning: bool) -> None:
        first = runs[0]
        if first.first == 1:
            if first.after != NONE:
                self.found.fault(f"{first.file}:{first.line} comes first, and after a line.")
        elif not allow_missing_beginning:
            self.found.fault(f"Chain {chain} begins with line {first.first} in {first.file}.")
        for before, run in pairwise(runs):
            if not _follows(before.last, run.first, run.after):
                self.found.fault(
                    f"Chain {chain} goes on with line {run.first} in {run.file}:{run.line}, after "
                    f"line {before.last.number} in {before.file}."
                )


def _follows(before: Position, number: int, after: str) -> bool:
    return number == before.number + 1 and after == before.mac


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers, none that is empty; cut to what is looked at."""
    number = 0
    while line := file.readline(MAX_LINE_BYTES):
        number += 1
        whole = line
        while whole and not whole.endswith(b"\n"):
            whole = file.readline(MAX_LINE_BYTES)
        if line.strip():
            yield number, line.rstrip(b"\n")
