"""The glossary is true: its names exist in the code, and what it rules out is said nowhere."""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
GLOSSARY = ROOT / "docs" / "glossary.md"
PLACES = (
    ".ci",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "bench",
    "check",
    "docs",
    "enclave",
    "kmip",
    "run",
    "server",
    "storage",
    "tests",
)
"""Where the words that are not used are looked for: files, and directories with all in them."""
SUFFIXES = frozenset({".md", ".py", ".sh", ".service", ""})

Row = tuple[str, ...]


def rows(heading: str) -> list[Row]:
    """The cells of the table under a heading."""
    section = GLOSSARY.read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [tuple(line.strip("| ").split(" | ")) for line in lines[2:]]


WORDS = rows("Words")


# What the entries say


def test_entries_are_sorted_and_unique() -> None:
    words = [row[0].casefold() for row in WORDS]
    assert words == sorted(set(words))


@pytest.mark.parametrize("row", WORDS, ids=lambda row: row[0])
def test_every_entry_has_a_meaning_and_a_source(row: Row) -> None:
    _, meaning, source, _ = row
    assert not meaning[0].islower()
    assert meaning.endswith(".")
    assert source


def find(name: str) -> object:
    """What a dotted name of the code names: a module, or something in one.

    Raises:
        AttributeError, ImportError: nothing.
    """
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = import_module(".".join(parts[:length]))
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise ImportError(name)


@pytest.mark.parametrize("name", re.findall(r"`([^`]+)`", "\n".join(row[3] for row in WORDS)))
def test_every_name_of_code_exists(name: str) -> None:
    assert find(name) is not None


@pytest.mark.parametrize("name", ["kmip.nothing", "kmip.items.Nothing", "nothing.at.all"])
def test_a_name_that_does_not_exist_is_found_out(name: str) -> None:
    with pytest.raises((AttributeError, ImportError)):
        find(name)


# What is not said


class Rule(NamedTuple):
    """A row of the table of words that are not used.

    Attributes:
        words: a pattern of them.
        text: whether it is for documents, docstrings, comments and messages.
        names: whether it is for names in the code.
        whole: whether a name must be the word, and not only have it among its words.
    """

    words: re.Pattern[str]
    text: bool
    names: bool
    whole: bool


def rule(words: Iterable[str], where: str) -> Rule:
    """The rule that a row makes; spaces and hyphens are the same, and so are lines' ends."""
    spellings = (re.sub(r"[- ]", r"[-\\s#]+", word) for word in words)
    pattern = re.compile(rf"\b(?:{'|'.join(spellings)})\b", re.IGNORECASE)
    return Rule(pattern, where != "names", where != "text", where == "names")


RULES = [
    rule(re.findall(r"`([^`]+)`", words), where)
    for words, _, where in rows("Words that are not used")
]


def in_text(text: str) -> list[str]:
    """The words of `text` that are not used."""
    return [found[0] for row in RULES if row.text for found in row.words.finditer(text)]


def in_name(name: str) -> list[str]:
    """The words of a name that are not used: `heldBack` and `held_back` have two words."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("_", " ").strip()
    found = []
    for row in RULES:
        match = row.words.fullmatch if row.whole else row.words.search
        if row.names and match(words):
            found.append(name)
    return found


def bound(tree: ast.AST) -> Iterator[str]:
    """The names that a module binds; what it only uses may be another library's."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name) | ast.alias(asname=str(name)):
                yield name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                yield name
            case _:
                pass


def in_code(source: str) -> list[str]:
    """What is not used in a module: in its strings, its comments and the names it binds."""
    tree = ast.parse(source)
    found = [word for name in bound(tree) for word in in_name(name)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found += in_text(node.value)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return found + in_text(
        "\n".join(each.string for each in tokens if each.type == tokenize.COMMENT)
    )


@pytest.mark.parametrize(
    "text",
    [
        "Empty-handed",
        "an empty\n    handed server",
        "his key",
        "(he)",
        "is at\n# hand",
        "pretended",
    ],
)
def test_words_that_are_not_used_are_found_in_text(text: str) -> None:
    assert in_text(text)


@pytest.mark.parametrize("text", ["the this", "household", "what is withheld", "held", "handled"])
def test_other_words_are_not_taken_for_them(text: str) -> None:
    assert not in_text(text)


@pytest.mark.parametrize(
    "source",
    [
        "held = 1",
        "def f(held): ...",
        "def f():\n    '''What lies in it.'''",
        "x = f'{y} is at hand'",
        "x = 1  # his own",
        "class PretendedChip: ...",
        "self._held = 1",
        "[held for held in ()]",
    ],
)
def test_words_that_are_not_used_are_found_in_code(source: str) -> None:
    assert in_code(source)


@pytest.mark.parametrize(
    "source",
    [
        "from hypothesis import given",
        "withheld = household = 1",
        "given_names = lock.held",
        "the, this, shed = 1, 2, 3",
    ],
)
def test_other_names_are_not_taken_for_them(source: str) -> None:
    assert not in_code(source)


def files() -> list[Path]:
    """The files that are looked at: all but this one, which has the words as examples."""
    return [
        path
        for place in map(ROOT.joinpath, PLACES)
        for path in ((place,) if place.is_file() else sorted(place.rglob("*")))
        if path.is_file() and path.suffix in SUFFIXES and path != Path(__file__)
    ]


def part_of(path: Path) -> str:
    """The part of a file that is looked at: what has been released stays as it was."""
    text = path.read_text("utf-8")
    if path.name == "CHANGELOG.md":
        return text.split("\n## Unreleased\n")[1].split("\n## ")[0]
    if path == GLOSSARY:
        return text.split("\n## Words that are not used\n")[0]
    return text


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_not_used_is_said_nowhere(path: Path) -> None:
    assert (in_code if path.suffix == ".py" else in_text)(part_of(path)) == []
