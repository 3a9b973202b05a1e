"""The documents lead where they say, and what the README promises first is so."""

import re
from pathlib import Path

import pytest

from kmip.versions import SUPPORTED
from server.__main__ import parser

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = (*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md")))
MUST_KNOW = (
    *("overview", "protocol", "errors", "storage", "keys", "configuration"),
    *("limits", "limitations", "dependencies"),
)
SENT_BY_SERVERS = {"Notify", "Put"}
"""Operations that no client sends (2.1 section 6.2)."""
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]+))?\)")


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """What can stand after # in a link to the page."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for place, anchor in LINK.findall(prose(page)):
        target = page.parent / place if place else page
        assert target.exists(), place
        if anchor:
            assert anchor in anchors(target), f"{place}#{anchor}"


@pytest.mark.parametrize("name", MUST_KNOW)
def test_the_readme_leads_to_what_an_operator_must_know(name: str) -> None:
    assert (f"docs/{name}.md", "") in LINK.findall(prose(README))


def test_the_readme_names_the_versions_that_are_spoken() -> None:
    spoken = ", ".join(map(str, sorted(SUPPORTED)))
    assert f"| versions | KMIP {spoken} |" in README.read_text("utf-8")


def test_every_operation_of_clients_is_performed_and_the_documents_say_so() -> None:
    protocol = prose(ROOT / "docs" / "protocol.md")
    missing = set(re.findall(r"^\| ([^|]+) \| 0x\w\w \| no \|", protocol, re.MULTILINE))
    assert missing <= SENT_BY_SERVERS
    assert "every operation that clients send;" in README.read_text("utf-8")
    assert "Every operation that clients send is performed" in protocol.replace("\n", " ")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_document_shows_can_be_typed(page: Path) -> None:
    commands = re.findall(
        r"(?:^|`|bin/)strongroom ([a-z][a-z-]+)", page.read_text("utf-8"), re.MULTILINE
    )
    known = parser().format_help()
    for command in commands:
        assert re.search(rf"^    {command}\b", known, re.MULTILINE), command


def test_the_server_says_what_the_page_of_errors_has_it_say() -> None:
    part = (
        (ROOT / "docs" / "errors.md")
        .read_text("utf-8")
        .split("## What the server says when it does not start\n")[1]
    )
    sentences = re.findall(r"\*([^*]+)\*", part)
    assert len(sentences) > 10
    code = "".join(path.read_text("utf-8") for path in sorted((ROOT / "server").rglob("*.py")))
    assert [one for one in sentences if one not in code] == []
