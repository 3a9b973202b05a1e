"""The survivors that were looked at: no test is missing for them, and why.

An entry names a change by what is written there and not by where: the module, the function, and
the line before and after. So it lasts as long as the line does. Without a line after, an entry is
for all changes of such lines of such modules, and `*` in their names is any text.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.mutation.changes import Mutant

FILE: Final = Path(__file__).with_name("known.toml")
KINDS: Final = ("equivalent", "text", "performance", "unreachable")
"""No caller can see it; what people read alone; what it costs alone; a fault of the system that no
test can make."""


@dataclass(frozen=True)
class Known:
    """A survivor that needs no test.

    Attributes:
        module: its path from the root of the project.
        before: the changed lines, with single spaces.
        kind: one of KINDS.
        why: a sentence.
        place: the function or class that it is in, with dots.
        after: the same lines, changed; None: whatever becomes of lines like those before.
    """

    module: str
    before: str
    kind: str
    why: str
    place: str = ""
    after: str | None = None

    def names(self, change: Mutant) -> bool:
        """Whether it is this change's."""
        if self.after is None:
            return _is_like(change.module, self.module) and _is_like(change.before, self.before)
        return (self.module, self.place, self.before, self.after) == (
            change.module,
            change.place,
            change.before,
            change.after,
        )


def _is_like(text: str, pattern: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


def known(file: Path = FILE) -> tuple[Known, ...]:
    """The entries of a file; raises ValueError for a kind that is neither one of ours nor open."""
    found = tuple(Known(**entry) for entry in tomllib.loads(file.read_text()).get("survivor", ()))
    for one in found:
        if one.kind not in (*KINDS, ""):
            raise ValueError(f"{one.module}: {one.kind} is not one of {', '.join(KINDS)}")
    return found


def find(change: Mutant, entries: Iterable[Known]) -> Known | None:
    """The entry of a change, if it has one."""
    return next((one for one in entries if one.names(change)), None)


def entry(change: Mutant) -> str:
    """A change as an entry of the file, for someone to say what kind it is and why."""
    lines = [f"{name} = {_quoted(getattr(change, name))}" for name in _NAMES]
    return "\n".join(["[[survivor]]", *lines, 'kind = ""', 'why = ""'])


_NAMES: Final = ("module", "place", "before", "after")


def _quoted(text: str) -> str:
    if "'" not in text:
        return f"'{text}'"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
