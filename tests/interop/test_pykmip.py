"""Unmodified PyKMIP 0.11 against the real server process, in every version it speaks.

The scenarios are functions in `scenarios/`, performed by PyKMIP in the environment that ./check
makes for it; this module finds them by reading their source. What they found about that client is
in docs/interoperability.md.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.conftest import PYKMIP

VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4", "2.0")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not PYKMIP.exists(), reason=f"no PyKMIP at {PYKMIP}: ./check installs it"),
]


def marks(function: ast.FunctionDef) -> dict[str, str] | None:
    """The arguments of `@scenario(...)`; None where the function has no such mark."""
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "scenario":
            return {str(each.arg): ast.literal_eval(each.value) for each in decorator.keywords}
    return None


def scenarios() -> Iterator[tuple[str, str, str]]:
    """Every scenario in every version it is for: its name, the version, the server's kind."""
    for path in sorted(Path(__file__).with_name("scenarios").glob("*.py")):
        for function in ast.parse(path.read_text()).body:
            if not isinstance(function, ast.FunctionDef):
                continue
            mark = marks(function)
            if mark is None:
                continue
            first, last = mark.get("since", VERSIONS[0]), mark.get("until", VERSIONS[-1])
            for version in VERSIONS[VERSIONS.index(first) : VERSIONS.index(last) + 1]:
                yield f"{path.stem}.{function.name}", version, mark.get("server", "plain")


@pytest.mark.parametrize(
    "scenario,version,kind", [pytest.param(*row, id=f"{row[0]}-{row[1]}") for row in scenarios()]
)
def test_pykmip(request: pytest.FixtureRequest, scenario: str, version: str, kind: str) -> None:
    server = request.getfixturevalue(f"{kind}_server")
    request.getfixturevalue("driver").perform(server, scenario, version)
