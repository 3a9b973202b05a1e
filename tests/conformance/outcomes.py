"""What came of every case at every door, as it was recorded: `outcomes.json`.

A case has a letter for each door: P it passes, F it does not, `-` it is not judged there (what it
continues is not here, and the judge does not substitute it). `docs/conformance_tables.py --play`
plays the cases and records the letters; the tests of this folder play them as well and compare.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.conformance.cases import Case, all_cases
from tests.conformance.player import is_helped, missing, reason_not_to_play

FILE: Final = Path(__file__).with_name("outcomes.json")
PASSES, FAILS, NOT_JUDGED = "PF-"


class Door(NamedTuple):
    """A way in for messages.

    Attributes:
        title: in tables.
        encoding: the judge's word for the encoding over HTTPS; None: KMIP's own port.
    """

    title: str
    encoding: str | None


DOORS: Final = (
    Door("TLS, TTLV", None),
    Door("HTTPS, TTLV", "binary"),
    Door("HTTPS, JSON", "json"),
    Door("HTTPS, XML", "xml"),
)
"""What the judge plays the cases through; `IN_PROCESS` comes before them."""
IN_PROCESS: Final = "in process, TTLV"
TITLES: Final = (IN_PROCESS, *(door.title for door in DOORS))


def is_judged(case: Case) -> bool:
    """Whether a case counts at all."""
    return not reason_not_to_play(case) and not missing(case)


def judged_cases() -> list[Case]:
    """Those that count, of those that are here."""
    return [case for case in all_cases() if is_judged(case)]


def letter(case: Case, results: Mapping[str, Mapping[str, str]]) -> str:
    """What the judge found of a case, by the results that it wrote."""
    if is_helped(case):
        return NOT_JUDGED
    return FAILS if results[case.name]["status"] == "fail" else PASSES


def recorded() -> dict[Case, str]:
    """The letters of each case, in the order of `TITLES`."""
    found = json.loads(FILE.read_text())
    return {_case(name): str(letters) for name, letters in found.items()}


def record(letters: Mapping[Case, str]) -> None:
    """Keep the letters of each case."""
    rows = {str(case): found for case, found in letters.items()}
    FILE.write_text(json.dumps(rows, indent=0) + "\n")


def _case(name: str) -> Case:
    version, _, stem = name.split("/")
    if not re.fullmatch(r"\d\.\d", version):
        raise ValueError(f"{name} has no version")
    return Case(Path(), version, stem)
