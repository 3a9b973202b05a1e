"""docs/overview.md and the other pages name modules, files and rooms that exist."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.test_glossary import find

ROOT = Path(__file__).parents[1]
OVERVIEW = ROOT / "docs" / "overview.md"
PAGES = [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
NAME = re.compile(
    r"(?<![\w./-])((?:kmip|server|enclave|storage)(?:\.[A-Za-z_]\w*)+)(?![\w/-]|\.pem|\.key)(?<!\.md)"
)
PATH = re.compile(r"(?<![\w./-])((?:kmip|server|enclave|storage|tests|docs)/(?!s )[\w./-]*\w)")
NOT_OURS = frozenset({"server.pem", "server.key", "kmip.pie.client"})
"""Files of a data directory, and a module of PyKMIP."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_module_that_a_page_names_exists(page: Path) -> None:
    names = {name for name in NAME.findall(page.read_text("utf-8")) if name not in NOT_OURS}
    for name in sorted(names):
        assert find(name) is not None, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_of_the_project_that_a_page_names_exists(page: Path) -> None:
    for path in sorted(set(PATH.findall(page.read_text("utf-8")))):
        assert (ROOT / path).exists(), path


def test_the_rooms_are_drawn_in_the_order_that_the_contract_holds() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = (
        contract["layers"]
        for contract in contracts["contracts"]
        if contract.get("containers") == ["server"]
    )
    rooms = [room for layer in layers for room in layer.split(" | ")]
    drawing = OVERVIEW.read_text("utf-8").split("<!-- rooms: begin -->")[1].split("<!--")[0]
    assert re.findall(r"^([a-z_]+)/? ", drawing, re.MULTILINE) == rooms


@pytest.mark.parametrize(
    "room",
    [one.parent for one in sorted(ROOT.glob("server/**/__init__.py"))],
    ids=lambda one: one.name,
)
def test_every_room_says_what_belongs_there_and_what_does_not(room: Path) -> None:
    first = (room / "__init__.py").read_text("utf-8")
    assert first.startswith('"""')
    assert re.search(r"belongs?\b|nothing here", first, re.IGNORECASE), room
