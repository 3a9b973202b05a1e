"""The JSON encoding: an item is an object with a tag, a type and a value.

    {"tag": "BatchCount", "type": "Integer", "value": 1}
    {"tag": "RequestPayload", "value": [...]}                      Structure needs no type
    {"tag": "0x540001", "type": "TextString", "value": "..."}      a tag without a name

A "name" beside them is read over, and the value of a structure with nothing in it may be null.

    type                                    written              also read
    INTEGER                                 number, mask names   hexadecimal text
    LONG_INTEGER                            number, beyond 2**52 hexadecimal text
    BIG_INTEGER                             hexadecimal text     number
    ENUMERATION                             name or hexadecimal  number
    BOOLEAN                                 true, false          hexadecimal text
    INTERVAL                                number               hexadecimal text
    all others                              text as in XML

Theory: the standard library reads the syntax, and what it would let pass is refused: numbers that
are no integers, keys that occur twice, keys that no item has, anything nested deeper than a message
is, halves of characters, and every character encoding but UTF-8. Objects are counted as they are
read.

The library's scanner in C lets no other thread compute before its end, but where an object ends. So
a text of very many values is read by its scanner in Python, as it is written by its writer in
Python: whoever waits for the interpreter meanwhile has their turn.

Source: KMIP Additional Message Encodings 1.0 section 4.1; KMIP Profiles 2.1 section 5.
"""

import json
import json.scanner
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NoReturn

from kmip.encodings.literals import (
    INTEGER,
    LITERALS,
    LONG_INTEGER,
    MAX_BYTES,
    UNSIGNED,
    Meaning,
    Number,
    encoded,
    mask_names,
    tag_of,
    type_of,
    write,
)
from kmip.encodings.ttlv import MAX_DEPTH, MAX_ITEMS
from kmip.enums import ItemType
from kmip.errors import InvalidMessage
from kmip.items import Item, Value, is_known, tag_name
from kmip.versions import V1_0, ProtocolVersion

SAFE: Final = 1 << 52
"""Beyond it JavaScript, and other readers of JSON with floating-point numbers, lose digits."""

SCANNED_MARKS: Final = 16_384
"""Commas and brackets in a text that is read at one go: some 5 ms, if all of them are of values."""

_KEYS: Final = frozenset({"tag", "name", "type", "value"})
_STRUCTURE: Final = int(ItemType.STRUCTURE)

NUMBERS: Final[dict[int, Number]] = {
    ItemType.INTEGER: INTEGER,
    ItemType.LONG_INTEGER: LONG_INTEGER,
    ItemType.ENUMERATION: UNSIGNED,
    ItemType.INTERVAL: UNSIGNED,
}
"""The types whose values may be JSON numbers."""

WRITTEN: Final[dict[int, Callable[[Any, str, int], Any]]] = {
    ItemType.INTEGER: lambda number, text, about: (
        "|".join(mask_names(number, about)) or int(number)
    ),
    ItemType.LONG_INTEGER: lambda number, text, about: (
        int(number) if abs(number) < SAFE else LONG_INTEGER.hexadecimal(number)
    ),
    ItemType.BIG_INTEGER: lambda number, text, about: f"0x{text}",
    ItemType.BOOLEAN: lambda truth, text, about: truth,
    ItemType.INTERVAL: lambda number, text, about: int(number),
}
"""How a value is written whose form is not that of XML: from the value, that form, and `about`."""


@dataclass(frozen=True, slots=True)
class JSON:
    """The encoding with its limits; a `kmip.encodings.codec.Codec`.

    Attributes:
        max_depth: structures within structures.
        max_items: items in all.
        max_bytes: length of what is read, and of what is written.
    """

    media_type: ClassVar[str] = "application/json"

    max_depth: int = MAX_DEPTH
    max_items: int = MAX_ITEMS
    max_bytes: int = MAX_BYTES

    def decode(self, data: bytes) -> Item:
        """The item that `data` holds.

        Args:
            data: a JSON text in UTF-8, any bytes.

        Raises:
            InvalidMessage: the bytes are no such text, or go beyond the limits.
        """
        return from_object(self.parse(data), max_depth=self.max_depth)

    def parse(self, data: bytes) -> Any:
        """What the standard library makes of `data`, before it means anything.

        Raises:
            InvalidMessage: the bytes are no JSON, hold what no item has, or are too many.
        """
        if len(data) > self.max_bytes:
            raise InvalidMessage(f"a message is at most {self.max_bytes} bytes long")
        try:
            return _decoder(data, self.max_items).decode(data.decode())
        except RecursionError:
            raise InvalidMessage("structures are nested too deep") from None
        except ValueError:
            raise InvalidMessage("not a JSON text in UTF-8") from None

    def encode(self, item: Item, version: ProtocolVersion = V1_0) -> bytes:
        """The JSON text of `item`, in UTF-8, without spaces; see `Codec.encode`."""
        found = to_object(item, Meaning(), self.max_depth, version)
        return encoded(written(found, (",", ":")), self.max_bytes)


MESSAGE: Final = JSON()
decode, encode = MESSAGE.decode, MESSAGE.encode


def written(found: Any, separators: tuple[str, str] | None = None) -> str:
    """The JSON text of what `to_object` makes, written piece by piece.

    Args:
        found: the objects.
        separators: between two values, and between key and value; None: with a space each.
    """
    return "".join(json.JSONEncoder(ensure_ascii=False, separators=separators).iterencode(found))


def _decoder(data: bytes, max_items: int) -> json.JSONDecoder:
    """What reads a text within the limits, whatever it holds."""
    decoder: Any = json.JSONDecoder(
        object_pairs_hook=_Objects(max_items),
        parse_float=_refuse_number,
        parse_constant=_refuse_number,
    )
    if data.count(b",") + data.count(b"[") > SCANNED_MARKS:
        decoder.parse_int = _Counted(max_items, int)
        decoder.parse_array = _Counted(max_items, decoder.parse_array)
        scanner: Any = json.scanner
        decoder.scan_once = scanner.py_make_scanner(decoder)
    made: json.JSONDecoder = decoder
    return made


class _Counted:
    """What reads one number or one array; an item has one at most."""

    def __init__(self, left: int, read: Callable[..., Any]) -> None:
        self.left = left
        self.read = read

    def __call__(self, *arguments: Any) -> Any:
        """What it reads, if there were not too many."""
        self.left -= 1
        if self.left < 0:
            raise InvalidMessage("too many items")
        return self.read(*arguments)


class _Objects:
    """Makes objects of their pairs, and counts them."""

    def __init__(self, max_items: int) -> None:
        self.left = max_items

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """An object without a key that occurs twice, and without one that no item has."""
        self.left -= 1
        if self.left < 0:
            raise InvalidMessage("too many items")
        found = dict(pairs)
        if len(found) != len(pairs):
            raise InvalidMessage("a key occurs twice")
        if not found.keys() <= _KEYS:
            raise InvalidMessage("a key that no item has")
        return found


def _refuse_number(text: str) -> NoReturn:
    raise InvalidMessage("a number that is no integer")


def from_object(found: Any, meaning: Meaning | None = None, max_depth: int = MAX_DEPTH) -> Item:
    """The item that a JSON object is.

    Args:
        found: what the standard library makes of JSON.
        meaning: of the structure in which it stands, where there is one.
        max_depth: structures within each other.

    Raises:
        InvalidMessage: it is none.
    """
    if not isinstance(found, dict) or not isinstance(found.get("tag"), str):
        raise InvalidMessage("an item is an object with a tag")
    meaning = meaning or Meaning()
    tag = tag_of(found["tag"])
    try:
        kind = _type(found)
        value = None if kind == _STRUCTURE else _value(kind, found.get("value"), meaning.of(tag))
    except InvalidMessage as error:
        raise InvalidMessage(str(error), tag_name(tag)) from None
    if value is not None:
        meaning.saw(tag, value)
        return Item(tag, kind, value)
    children = found.get("value")
    if children is None:
        children = []
    if not isinstance(children, list):
        raise InvalidMessage("the value of a structure is a list", tag_name(tag))
    if max_depth <= 0:
        raise InvalidMessage("structures are nested too deep")
    inner = Meaning()
    return Item(tag, kind, tuple(from_object(child, inner, max_depth - 1) for child in children))


def _type(found: dict[str, Any]) -> int:
    name = found.get("type", "Structure")
    if not isinstance(name, str):
        raise InvalidMessage("no such item type")
    if not isinstance(found.get("name", ""), str):
        raise InvalidMessage("a name is a text")
    return type_of(name)


def _value(kind: int, value: Any, about: int) -> Value:
    if isinstance(value, str):
        if not _is_whole(value):
            raise InvalidMessage("half a character")
        return LITERALS[kind].read(value, about)
    if isinstance(value, bool):
        if kind == ItemType.BOOLEAN:
            return value
    elif isinstance(value, int):
        if kind in NUMBERS:
            return NUMBERS[kind].check(value)
        if kind == ItemType.BIG_INTEGER and -SAFE <= value <= SAFE:
            return value.to_bytes(8, "big", signed=True)
    raise InvalidMessage("the wrong kind of value for its type")


def _is_whole(text: str) -> bool:
    """Whether `text` has no surrogates, which JSON can spell and UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def to_object(
    item: Item, meaning: Meaning, max_depth: int, version: ProtocolVersion
) -> dict[str, Any]:
    """What the standard library makes JSON of.

    Raises:
        ValueError: a value does not fit its type; the caller's mistake.
    """
    tag, kind, value = item
    name = tag_name(tag) if is_known(tag) else f"0x{tag:06x}"
    if kind != _STRUCTURE:
        about = meaning.of(tag)
        written: Any = write(item, about, version)
        if kind in WRITTEN:
            written = WRITTEN[kind](value, written, about)
        meaning.saw(tag, value)
        return {"tag": name, "type": ItemType(kind).names[0], "value": written}
    if max_depth <= 0:
        raise ValueError("structures are nested too deep")
    inner = Meaning()
    children = [to_object(child, inner, max_depth - 1, version) for child in item.children]
    return {"tag": name, "value": children}
