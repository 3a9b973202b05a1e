"""The XML encoding: an element is named after its tag, and has a type and a value.

    <BatchCount type="Integer" value="1"/>
    <RequestPayload> ... </RequestPayload>                        Structure needs no type
    <TTLV tag="0x540001" type="TextString" value="..."/>          a tag without a name

Theory: bytes become elements, elements become items; both steps run alone. The parser is the
standard library's expat, with all refused that a message does not need: a document type (and with
it entities, external or nested, which have no other place to be declared), processing instructions,
text between elements, attributes but `tag`, `name`, `type` and `value`, namespaces but KMIP's own,
and every character encoding but UTF-8. Depth, number and size are limited as the elements arrive.

XML 1.0 has no form for most control characters, not even escaped, and the other encodings do. An
answer is not lost for one in somebody's name: U+FFFD is written in its place.

Source: KMIP Additional Message Encodings 1.0 section 6.1; KMIP Profiles 2.1 section 5.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, Final, NamedTuple
from xml.parsers import expat

from kmip.encodings.literals import (
    LITERALS,
    MAX_BYTES,
    TAG_OF,
    Meaning,
    encoded,
    tag_of,
    type_of,
    write,
)
from kmip.encodings.ttlv import MAX_DEPTH, MAX_ITEMS
from kmip.enums import ItemType
from kmip.errors import InvalidMessage
from kmip.items import Item, Value, is_known, tag_name
from kmip.versions import V1_0, ProtocolVersion

NAMESPACE: Final = "urn:oasis:tc:kmip:xmlns"
"""The namespace of KMIP's elements; without one they mean the same."""

_PREFIX: Final = NAMESPACE + " "
_ANY_TAG: Final = "TTLV"
_STRUCTURE: Final = int(ItemType.STRUCTURE)
_ALLOWED: Final = frozenset({"tag", "name", "type", "value"})
_LONG_TAG: Final = 16_384
"""Characters of a tag beyond which its attributes are counted before expat makes them, all of them
at one go in which no other thread has its turn: so many hold 3000, some 5 ms."""
_ATTRIBUTE: Final = re.compile("=\\s*+(?:\"[^\"]*+\"|'[^']*+')")
_MAX_ATTRIBUTES: Final = 16
"""More than the four of an item, and the namespaces that may be declared beside them."""
_PIECE: Final = 16_384
"""Characters of a text that are escaped at one go: at most 5 ms."""
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_IN_ITS_PLACE: Final = "\ufffd"
_ESCAPES: Final = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        # As they are, a parser would give spaces for them (XML 1.0 section 3.3.3).
        "\t": "&#9;",
        "\n": "&#10;",
        "\r": "&#13;",
    }
)


class Element(NamedTuple):
    """An XML element: its name without a namespace, its attributes, and what is in it."""

    name: str
    attributes: Mapping[str, str]
    children: tuple["Element", ...] = ()


@dataclass(frozen=True, slots=True)
class XML:
    """The encoding with its limits; a `kmip.encodings.codec.Codec`.

    Attributes:
        max_depth: structures within structures.
        max_items: items in all.
        max_bytes: length of what is read, and of what is written.
    """

    media_type: ClassVar[str] = "text/xml"

    max_depth: int = MAX_DEPTH
    max_items: int = MAX_ITEMS
    max_bytes: int = MAX_BYTES

    def decode(self, data: bytes) -> Item:
        """The item that `data` holds.

        Args:
            data: an XML document in UTF-8, any bytes.

        Raises:
            InvalidMessage: the bytes are no such document, or go beyond the limits.
        """
        element = parse(data, self.max_bytes, self.max_depth, self.max_items)
        return from_element(element, max_depth=self.max_depth)

    def encode(self, item: Item, version: ProtocolVersion = V1_0) -> bytes:
        """The XML document of `item`, in UTF-8, without a declaration, line breaks or indentation.

        See `Codec.encode`; what XML cannot hold is written as U+FFFD.
        """
        parts: list[str] = []
        _write(item, parts, Meaning(), self.max_depth, version)
        return encoded("".join(parts), self.max_bytes)


MESSAGE: Final = XML()
decode, encode = MESSAGE.decode, MESSAGE.encode


def parse(
    data: bytes,
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    max_elements: int = MAX_ITEMS,
    *,
    allow_text: bool = False,
) -> Element:
    """The elements of an XML document, before they mean anything.

    Args:
        data: the document, any bytes.
        max_bytes: how long it may be.
        max_depth: elements with something in them, within each other.
        max_elements: elements in all.
        allow_text: text between elements is left out; without it, it is refused.

    Raises:
        InvalidMessage: it is not well-formed, holds what no message needs, or goes beyond a limit.
    """
    if len(data) > max_bytes:
        raise InvalidMessage(f"a message is at most {max_bytes} bytes long")
    text = _utf_8(data)
    if not allow_text:
        _check_long_tags(text)
    builder = _Builder(max_depth, max_elements)
    parser = expat.ParserCreate("UTF-8", namespace_separator=" ")
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    if not allow_text:
        parser.CharacterDataHandler = builder.text
    parser.XmlDeclHandler = builder.declaration
    parser.StartDoctypeDeclHandler = builder.document_type
    parser.ProcessingInstructionHandler = builder.instruction
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise InvalidMessage("not well-formed XML", f"line {error.lineno}") from None
    (root,) = builder.levels[0].children
    return root


def _utf_8(data: bytes) -> str:
    # Whatever encoding is set, expat reads UTF-16 where a mark or a zero byte suggests it.
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InvalidMessage("a message is XML 1.0 in UTF-8")
    return text


def _check_long_tags(text: str) -> None:
    """Refuse a tag with very many attributes; a `<` is in no value (XML 1.0 section 2.4)."""
    for tag in text.split("<"):
        if len(tag) > _LONG_TAG and any(islice(_ATTRIBUTE.finditer(tag), _MAX_ATTRIBUTES, None)):
            raise InvalidMessage("an attribute that no item has")


class _Level:
    """An element that is still open."""

    __slots__ = ("attributes", "children", "name")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Element] = []


class _Builder:
    """Gathers elements as expat finds them; `levels[0]` is the document itself."""

    def __init__(self, max_depth: int, max_elements: int) -> None:
        self.max_depth = max_depth
        self.left = max_elements
        self.levels = [_Level("", {})]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self.left -= 1
        if self.left < 0:
            raise InvalidMessage("too many items")
        if len(self.levels) > self.max_depth + 1:
            raise InvalidMessage("structures are nested too deep")
        name = name.removeprefix(_PREFIX)
        if " " in name:
            raise InvalidMessage("an element of another namespace")
        if not attributes.keys() <= _ALLOWED:
            raise InvalidMessage("an attribute that no item has")
        self.levels.append(_Level(name, attributes))

    def end(self, name: str) -> None:
        """An element ends."""
        level = self.levels.pop()
        element = Element(level.name, level.attributes, tuple(level.children))
        self.levels[-1].children.append(element)

    def text(self, text: str) -> None:
        """Text stands between elements."""
        if text.strip(" \t\r\n"):
            raise InvalidMessage("text between items")

    def declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        """The document begins with an XML declaration."""
        if version != "1.0" or (encoding or "UTF-8").upper() != "UTF-8":
            raise InvalidMessage("a message is XML 1.0 in UTF-8")

    def document_type(self, name: str, system: str | None, public: str | None, own: int) -> None:
        """A document type, in which entities could be declared."""
        raise InvalidMessage("a document type")

    def instruction(self, target: str, data: str) -> None:
        """A processing instruction."""
        raise InvalidMessage("a processing instruction")


def from_element(
    element: Element, meaning: Meaning | None = None, max_depth: int = MAX_DEPTH
) -> Item:
    """The item that an element is.

    Args:
        element: as `parse` gives it.
        meaning: of the structure in which it stands, where there is one.
        max_depth: structures within each other.

    Raises:
        InvalidMessage: it is none.
    """
    meaning = meaning or Meaning()
    tag = _tag(element)
    try:
        kind = type_of(element.attributes.get("type", "Structure"))
        value = None if kind == _STRUCTURE else _value(kind, element, meaning.of(tag))
        _check(element, kind)
    except InvalidMessage as error:
        raise InvalidMessage(str(error), tag_name(tag)) from None
    if value is not None:
        meaning.saw(tag, value)
        return Item(tag, kind, value)
    if max_depth <= 0:
        raise InvalidMessage("structures are nested too deep")
    inner = Meaning()
    children = (from_element(child, inner, max_depth - 1) for child in element.children)
    return Item(tag, kind, tuple(children))


def _check(element: Element, kind: int) -> None:
    if kind == _STRUCTURE and "value" in element.attributes:
        raise InvalidMessage("a structure has no value")
    if kind != _STRUCTURE and element.children:
        raise InvalidMessage("only a structure has items in it")


def _value(kind: int, element: Element, about: int) -> Value:
    if "value" not in element.attributes:
        raise InvalidMessage("no value")
    return LITERALS[kind].read(element.attributes["value"], about)


def _tag(element: Element) -> int:
    if element.name != _ANY_TAG:
        if element.attributes.keys() & {"tag", "name"} or element.name not in TAG_OF:
            raise InvalidMessage("no such tag")
        return TAG_OF[element.name]
    if "tag" not in element.attributes:
        raise InvalidMessage("no tag")
    return tag_of(element.attributes["tag"])


def _write(
    item: Item, parts: list[str], meaning: Meaning, depth: int, version: ProtocolVersion
) -> None:
    """Append the text of `item`."""
    tag, kind, value = item
    name = tag_name(tag) if is_known(tag) else _ANY_TAG
    start = f"<{name}" if name != _ANY_TAG else f'<{name} tag="0x{tag:06x}"'
    if kind != _STRUCTURE:
        parts.append(f'{start} type="{ItemType(kind).names[0]}" value="')
        parts.append(_escape(write(item, meaning.of(tag), version)))
        parts.append('"/>')
        meaning.saw(tag, value)
        return
    if depth <= 0:
        raise ValueError("structures are nested too deep")
    parts.append(f"{start}>")
    inner = Meaning()
    for child in item.children:
        _write(child, parts, inner, depth - 1, version)
    parts.append(f"</{name}>")


def _escape(text: str) -> str:
    """A text as a value, made piece by piece, between which other threads have their turn."""
    pieces = (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))
    return "".join(_FORBIDDEN.sub(_IN_ITS_PLACE, each).translate(_ESCAPES) for each in pieces)
