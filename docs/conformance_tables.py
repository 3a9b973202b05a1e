"""Write the tables of docs/conformance.md: what passes at every door, and what does not and why.

They follow from what came of the cases when they were last played, which is recorded in
`tests/conformance/outcomes.json`. So they are made and checked without the cases; the tests play
these and compare.

python docs/conformance_tables.py           write them
python docs/conformance_tables.py --check   fail if they are not as they would be written
python docs/conformance_tables.py --play    play every case at every door first, some three minutes
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import trio
from generated import with_tables, write_or_check

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.conformance import judge, outcomes, unsupported  # noqa: E402 # a script finds tests so
from tests.conformance.cases import CASES, JUDGE, Case  # noqa: E402
from tests.conformance.outcomes import FAILS, NOT_JUDGED, PASSES, TITLES  # noqa: E402

PAGE = Path(__file__).with_name("conformance.md")
LONGEST_SECONDS = 600
ALL = "all"

Counts = Counter[tuple[str, str]]


def row(cells: list[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |\n"


def table(corner: str, rows: list[str], columns: list[str], passed: Counts, judged: Counts) -> str:
    """How many pass in each row and column; in bold of how many, where some do not."""

    def cell(key: tuple[str, str]) -> str:
        if not judged[key]:
            return ""
        if passed[key] == judged[key]:
            return str(passed[key])
        return f"**{passed[key]} of {judged[key]}**"

    return (
        row([corner, *columns])
        + f"|---|{'--:|' * len(columns)}\n"
        + "".join(row([name, *(cell((name, column)) for column in columns)]) for name in rows)
    )


def counted(cells: Iterator[tuple[str, str, str]]) -> tuple[Counts, Counts]:
    """How many pass, and how many are judged, by row and column and in all.

    Args:
        cells: a row, a column and the letter of a case, each.
    """
    passed: Counts = Counter()
    judged: Counts = Counter()
    for name, column, letter in cells:
        for key in {(name, column), (name, ALL), (ALL, column), (ALL, ALL)}:
            judged[key] += letter != NOT_JUDGED
            passed[key] += letter == PASSES
    return passed, judged


def passing() -> str:
    """Passing of judged cases in process, for each family and version."""
    recorded = outcomes.recorded()
    counts = counted((case.family, case.version, found[0]) for case, found in recorded.items())
    versions = sorted({case.version for case in recorded})
    families = sorted({case.family for case in recorded})
    return table("family", [*families, ALL], [*versions, ALL], *counts)


def by_door(heading: str, row_of: Callable[[Case], str]) -> str:
    """The same for each door, and each row that a case may belong to.

    Args:
        heading: of the rows' names.
        row_of: gives the name of a case's row.
    """
    recorded = outcomes.recorded()
    counts = counted(
        (row_of(case), title, letter)
        for case, found in recorded.items()
        for title, letter in zip(TITLES, found, strict=True)
    )
    names = sorted({row_of(case) for case in recorded})
    return table(heading, [*names, ALL], list(TITLES), *counts)


def doors() -> str:
    """The same for each version and door."""
    return by_door("version", lambda case: case.version)


def families() -> str:
    """The same for each family and door."""
    return by_door("family", lambda case: case.family)


def failing() -> str:
    """What does not pass, at which doors, and why."""
    recorded = outcomes.recorded()
    lines = ["| cases | at | why they do not pass |\n", "|---|---|---|\n"]
    for pattern, why in unsupported.reasons().items():
        found = [letters for case, letters in recorded.items() if unsupported.covers(pattern, case)]
        at = [
            title
            for place, title in enumerate(TITLES)
            if any(letters[place] == FAILS for letters in found)
        ]
        where = "every door" if len(at) == len(TITLES) else "; ".join(at)
        lines.append(f"| `{pattern}` | {where} | {why} |\n")
    return "".join(lines)


def page(current: str) -> str:
    """The page with its tables as the outcomes have them."""
    made = {"passing": passing, "doors": doors, "families": families, "failing": failing}
    return with_tables(current, "conformance_tables.py", made)


def play() -> None:
    """Play every case at every door, and record what comes of it."""
    from tests.conformance.test_cases import difference_of, made_users  # needs what tests need

    if not CASES.is_dir() or not JUDGE.is_file():
        sys.exit(f"There are no cases at {CASES}, or no judge: STRONGROOM_SHARED says where.")
    cases = outcomes.judged_cases()
    letters: dict[Case, str] = {}
    with tempfile.TemporaryDirectory() as place:
        users = made_users(Path(place))
        for case in cases:
            difference = trio.run(difference_of, case, users, Path(place))
            letters[case] = FAILS if difference else PASSES
    for door in outcomes.DOORS:
        with tempfile.TemporaryDirectory() as place:
            found = judge.results(Path(place), door.encoding, LONGEST_SECONDS)
        for case in cases:
            letters[case] += outcomes.letter(case, found)
    outcomes.record(letters)


if __name__ == "__main__":
    if "--play" in sys.argv[1:]:
        play()
    sys.exit(write_or_check({PAGE: page(PAGE.read_text("utf-8"))}, "docs/conformance_tables.py"))
