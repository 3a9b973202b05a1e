"""The cases that do not pass yet, each with its reason: `unsupported.toml`."""

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

from tests.conformance.cases import Case

FILE = Path(__file__).with_name("unsupported.toml")


def reasons() -> dict[str, str]:
    """The reason for each pattern of cases."""
    table = tomllib.loads(FILE.read_text())
    return {str(pattern): str(reason) for pattern, reason in table.items()}


def covers(pattern: str, case: Case) -> bool:
    """Whether a pattern means a case: its family, its name or all of `1.4/FAMILY/NAME`."""
    return any(fnmatchcase(name, pattern) for name in (str(case), case.name, case.family))


def reason(case: Case) -> str | None:
    """Why a case does not pass yet, where that is so."""
    return next((why for pattern, why in reasons().items() if covers(pattern, case)), None)
