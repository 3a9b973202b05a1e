"""The OASIS test cases: where they lie, and how a file becomes exchanges of items.

A case file holds requests and the responses that are expected, in the XML encoding, with
placeholders where a value is known only when the case is played. They are kept inside the items,
in forms that a case has no other use for:

    "$UNIQUE_IDENTIFIER_0"     a text that begins with a dollar
    $DATA_0 as a byte string   bytes that begin with a dollar
    $NOW-3600                  a time about the year 146 billion: `NOW` - 3600
"""

import os
import re
from pathlib import Path
from typing import NamedTuple, TypeGuard

import pytest

from kmip.encodings import xml
from kmip.encodings.xml import Element
from kmip.items import Item, Value
from kmip.tags import Tag

SHARED = Path(
    os.environ.get("STRONGROOM_SHARED", Path(__file__).resolve().parents[3] / "shared")
).resolve()
CASES = SHARED / "oasis" / "cases"
JUDGE = SHARED / "oasis" / "runner" / "run.py"

needs_cases = pytest.mark.skipif(
    not CASES.is_dir(), reason=f"no OASIS cases at {CASES}: STRONGROOM_SHARED says where they are"
)

NOW = 1 << 62
"""The time that stands for the moment in which a case is played, in seconds."""

NOW_REACH = 1 << 40

LONGEST_FILE = 1 << 22
"""Bytes; the longest has 180 KiB."""


def is_relative(value: Value) -> TypeGuard[int]:
    """Whether a value is a time about `NOW`."""
    return isinstance(value, int) and abs(value - NOW) < NOW_REACH


class Exchange(NamedTuple):
    """A request, and the response that is expected."""

    request: Item
    response: Item


class Case(NamedTuple):
    """One case file.

    Attributes:
        version: "1.4".
        name: as its file, "CS-BC-M-GCM-1-14".
    """

    path: Path
    version: str
    name: str

    @property
    def stem(self) -> str:
        """The name without the version: the same case in every version."""
        return re.sub(r"-\d\d$", "", self.name)

    @property
    def family(self) -> str:
        """The stem without the number: the cases that belong together."""
        if re.fullmatch(r"TC-\d+", self.stem):
            return "TC"
        return re.sub(r"-\d+[A-Z]?(-12-3DES|-ECC)?$", "", self.stem)

    def __str__(self) -> str:
        return f"{self.version}/{self.family}/{self.name}"


def _case(path: Path) -> Case:
    digits = path.stem[-2:]
    return Case(path, f"{digits[0]}.{digits[1]}", path.stem)


def _in_order(case: Case) -> tuple[str, str, list[int | str]]:
    numbered = [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", case.name)]
    return case.version, case.family, numbered


def all_cases() -> list[Case]:
    """Every case there is, by version, family and number; none where the files are absent."""
    return sorted((_case(path) for path in CASES.glob("*/*.xml")), key=_in_order)


def read(path: Path) -> list[Exchange]:
    """The exchanges of a case file, with its placeholders.

    Two mistakes of the printed files are mended: a root element closed twice, and line breaks of
    the document left as runs of spaces within Attribute Names.
    """
    data = re.sub(rb"(</KMIP>)\s*</KMIP>\s*$", rb"\1", path.read_bytes())
    root = xml.parse(data, max_bytes=LONGEST_FILE, allow_text=True)
    messages = [xml.from_element(_mended(element)) for element in root.children]
    # Not always in turn: a few files have two requests before their responses.
    requests = [item for item in messages if item.tag == Tag.REQUEST_MESSAGE]
    responses = [item for item in messages if item.tag == Tag.RESPONSE_MESSAGE]
    return [Exchange(*pair) for pair in zip(requests, responses, strict=True)]


def _mended(element: Element) -> Element:
    attributes = dict(element.attributes)
    value = attributes.get("value", "")
    if element.name == "AttributeName":
        attributes["value"] = re.sub(r"\s+", " ", value)
    elif value.startswith("$") and attributes["type"] == "DateTime":
        attributes["value"] = f"0x{NOW + int(value.removeprefix('$NOW') or 0):016x}"
    elif value.startswith("$") and attributes["type"] == "ByteString":
        attributes["value"] = value.encode().hex()
    return Element(element.name, attributes, tuple(map(_mended, element.children)))
