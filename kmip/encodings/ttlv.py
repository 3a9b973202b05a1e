"""TTLV, the binary encoding (2.1 section 12.1.1).

    offset  bytes  what
    0       3      tag
    3       1      item type
    4       4      length of the value in bytes, without padding
    8       n      value
    8+n     0..7   zero padding up to a multiple of 8

Theory: the forms of the values are declared with construct in `VALUES`; one `Construct`, `TTLV`,
walks over the items. The walk is strict, and so whatever decodes encodes to the same bytes, with
one exception: true in the wrong byte order (`SWAPPED_TRUE`). It does not use construct's own
repetition and choice: `GreedyRange` swallows errors (a truncated child would vanish), `Padding`
does not look at the padding, and their errors quote the value, which may be a key. For the same
reason, and for speed, `decode` and `encode` call the walk itself and not construct's entry, which
would put it on a stream.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

import construct

from kmip.enums import ItemType
from kmip.errors import InvalidMessage
from kmip.items import EXTENSION_TAGS, Contents, Item, Value, tag_name
from kmip.versions import V1_0, ProtocolVersion

if TYPE_CHECKING:
    _Items = construct.Construct[Item, Item]
else:
    _Items = construct.Construct

HEADER: Final = construct.Struct("word" / construct.Int32ub, "length" / construct.Int32ub)
HEADER_BYTES: Final = HEADER.sizeof()

MAX_DEPTH: Final = 32
"""Nested structures. The deepest message of the OASIS cases has 9; the stack allows far more."""

MAX_ITEMS: Final = 65_536
"""Items in a message: what a message of 1 MiB with 16-byte items can hold at most, and about the
0.1 s that one client may take from the others."""

MAX_BYTES: Final = 1 << 32
"""Bytes of a message: what its length field of 32 bits can say. How much of that is received at
all is up to whoever receives it: `kmip.framing` refuses longer messages by their first 8 bytes."""

STANDARD_TAGS: Final = range(0x420000, 0x430000)


class Form(NamedTuple):
    """How a value of one type is encoded in bytes.

    Attributes:
        value: the construct of the value without padding.
        length: bytes where the type fixes them.
        multiple: of how many bytes the length is a multiple.
    """

    value: construct.Construct[Any, Any]
    length: int | None = None
    multiple: int = 1


VALUES: Final[dict[int, Form]] = {
    ItemType.INTEGER: Form(construct.Int32sb, 4),
    ItemType.LONG_INTEGER: Form(construct.Int64sb, 8),
    ItemType.BIG_INTEGER: Form(construct.GreedyBytes, None, 8),
    ItemType.ENUMERATION: Form(construct.Int32ub, 4),
    ItemType.BOOLEAN: Form(construct.Int64ub, 8),
    ItemType.TEXT_STRING: Form(construct.GreedyString("utf-8")),
    ItemType.BYTE_STRING: Form(construct.GreedyBytes),
    ItemType.DATE_TIME: Form(construct.Int64sb, 8),
    ItemType.INTERVAL: Form(construct.Int32ub, 4),
    ItemType.DATE_TIME_EXTENDED: Form(construct.Int64sb, 8),
    ItemType.IDENTIFIER: Form(construct.GreedyString("utf-8")),
    ItemType.REFERENCE: Form(construct.GreedyString("utf-8")),
    ItemType.NAME_REFERENCE: Form(construct.GreedyString("utf-8")),
}


class Number(NamedTuple):
    """How a number of one type is read and written.

    Attributes:
        length: its bytes.
        unpack: reads it where it begins.
        pack: writes the item's first word, its length, the number and its padding.
    """

    length: int
    unpack: Callable[[bytes, int], tuple[int]]
    pack: Callable[[int, int, int], bytes]


def _number(form: Form) -> Number:
    """The declared number, by the `struct` that construct itself uses."""
    code: str = form.value.fmtstr  # type: ignore[attr-defined]  # a FormatField, as numbers are
    length = form.length or 0
    whole = struct.Struct(f">II{code[1:]}{'4x' * (length == 4)}")
    return Number(length, struct.Struct(code).unpack_from, whole.pack)


# The walk calls the declared forms' own packers directly: going through construct's stream for
# each of them costs twice the time.
_NUMBERS: Final = {int(kind): _number(form) for kind, form in VALUES.items() if form.length}
_NUMBER_BYTES: Final = 16
"""Of every item that holds a number: header, number and padding."""
_TEXTS: Final = frozenset(
    int(kind) for kind, form in VALUES.items() if isinstance(form.value, construct.StringEncoded)
)
_BYTES: Final = {
    int(kind): form.multiple for kind, form in VALUES.items() if form.value is construct.GreedyBytes
}
_HEADER: Final = struct.Struct(">II")
_STRUCTURE: Final = int(ItemType.STRUCTURE)
_BOOLEAN: Final = int(ItemType.BOOLEAN)
SWAPPED_TRUE: Final = 1 << 56
"""True as a client in use writes it, IBM's libkmip on x86: the bytes of a 1 in the wrong order."""
_ZEROS: Final = tuple(b"\0" * n for n in range(8))


class TTLV(_Items):
    """One item and all that is in it, and nothing after it; a `kmip.encodings.codec.Codec`.

    Args:
        max_depth: structures within structures.
        max_items: items in all.
        max_bytes: length of what is read.
    """

    media_type: ClassVar[str] = "application/octet-stream"

    def __init__(
        self,
        max_depth: int = MAX_DEPTH,
        max_items: int = MAX_ITEMS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        super().__init__()
        self.max_depth = max_depth
        self.max_items = max_items
        self.max_bytes = max_bytes

    def decode(self, data: bytes) -> Item:
        """The item that `data` holds, exactly.

        Args:
            data: the whole of one item, any bytes.

        Raises:
            InvalidMessage: the bytes are no item, or go beyond the limits.
        """
        if len(data) > self.max_bytes:
            raise InvalidMessage(f"a message is at most {self.max_bytes} bytes long")
        walk = _Walk(data, self.max_depth, self.max_items)
        (item,) = walk.items(0, len(data), 0, single=True)
        return item

    def encode(self, item: Item, version: ProtocolVersion = V1_0) -> bytes:
        """The bytes of `item`, a multiple of 8; the same in every version, as it has no words.

        Raises:
            ValueError: a value does not fit its type; the caller's mistake.
        """
        parts: list[bytes] = []
        try:
            _write(item, parts, self.max_depth)
        except struct.error:
            raise _misfit(item) from None
        return b"".join(parts)

    def _parse(self, stream: Any, context: Any, path: str) -> Item:
        return self.decode(stream.read())

    def _build(self, obj: Item, stream: Any, context: Any, path: str) -> Any:
        stream.write(self.encode(obj))
        return obj


MESSAGE: Final = TTLV()


def decode(data: bytes, message: TTLV = MESSAGE) -> Item:
    """The item that is all of `data`, by the limits of `message`; see `TTLV.decode`."""
    return message.decode(data)


def encode(item: Item, message: TTLV = MESSAGE) -> bytes:
    """The bytes of `item`, by the limits of `message`; see `TTLV.encode`."""
    return message.encode(item)


def with_content(tag: int, content: bytes) -> Item:
    """The structure of which these are the bytes, without its header.

    Args:
        tag: the structure's.
        content: that was encoded here, and not by a peer: no limit holds when it is read again.
    """
    return Item(tag, _STRUCTURE, Contents(content, _items_of))


def count_items(data: bytes) -> int:
    """The items in some bytes, with those in structures.

    Args:
        data: whole items that were encoded here, or decoded before.
    """
    count = at = 0
    while at < len(data):
        word, length = _HEADER.unpack_from(data, at)
        at += HEADER_BYTES if word & 0xFF == _STRUCTURE else HEADER_BYTES + length + (-length & 7)
        count += 1
    return count


def _items_of(content: bytes) -> tuple[Item, ...]:
    return _Walk(content, MAX_DEPTH, len(content)).items(0, len(content), 0)


class _Walk:
    """One pass over the bytes of a message."""

    __slots__ = ("data", "left", "max_depth")

    def __init__(self, data: bytes, max_depth: int, max_items: int) -> None:
        self.data = data
        self.max_depth = max_depth
        self.left = max_items

    def items(self, at: int, end: int, depth: int, *, single: bool = False) -> tuple[Item, ...]:
        """The items from `at` to `end`."""
        data, found = self.data, []
        if depth > self.max_depth:
            raise InvalidMessage("structures are nested too deep", f"byte {at}")
        while at < end:
            if end - at < HEADER_BYTES:
                raise InvalidMessage("truncated item", f"byte {at}")
            word, length = _HEADER.unpack_from(data, at)
            tag, kind, start = word >> 8, word & 0xFF, at + HEADER_BYTES
            stop = start + length
            after = stop + (-length & 7)
            if after > end:
                raise InvalidMessage("longer than what holds it", _place(tag, at))
            self.left -= 1
            if self.left < 0:
                raise InvalidMessage("too many items", _place(tag, at))
            if tag not in STANDARD_TAGS and tag not in EXTENSION_TAGS:
                raise InvalidMessage("not a KMIP tag", _place(tag, at))
            if kind == _STRUCTURE:
                if length & 7:
                    raise InvalidMessage("wrong length for its type", _place(tag, at))
                value: Value = self.items(start, stop, depth + 1)
            else:
                value = self.value(tag, kind, start, stop)
                if after != stop and data[stop:after] != _ZEROS[after - stop]:
                    raise InvalidMessage("padding is not zero", _place(tag, at))
            found.append(Item(tag, kind, value))
            at = after
            if single:
                break
        if single and (at != end or not found):
            raise InvalidMessage("bytes after the item" if found else "no item", f"byte {at}")
        return tuple(found)

    def value(self, tag: int, kind: int, start: int, stop: int) -> Value:
        """The value of any type but a structure, without its padding."""
        length = stop - start
        form = _NUMBERS.get(kind)
        if form is not None:
            if length != form.length:
                raise InvalidMessage("wrong length for its type", _place(tag, start))
            (number,) = form.unpack(self.data, start)
            if kind != _BOOLEAN:
                return number
            if number > 1 and number != SWAPPED_TRUE:
                raise InvalidMessage("a boolean is neither 0 nor 1", _place(tag, start))
            return bool(number)
        if kind in _TEXTS:
            try:
                return self.data[start:stop].decode()
            except UnicodeDecodeError:
                raise InvalidMessage("a text is not UTF-8", _place(tag, start)) from None
        if kind in _BYTES:
            if length % _BYTES[kind] or (_BYTES[kind] > 1 and not length):
                raise InvalidMessage("wrong length for its type", _place(tag, start))
            return self.data[start:stop]
        raise InvalidMessage("no such item type", _place(tag, start))


def _place(tag: int, at: int) -> str:
    return f"{tag_name(tag)} at byte {at}"


def _write(item: Item, parts: list[bytes], depth: int) -> int:
    """Append the bytes of `item`; how many they are."""
    tag, kind, value = item
    number = _NUMBERS.get(kind)
    if number is not None:
        if kind == _BOOLEAN and value not in (False, True):
            raise _misfit(item)
        parts.append(number.pack(tag << 8 | kind, number.length, value))  # type: ignore[arg-type]  # pack refuses other types
        return _NUMBER_BYTES
    if kind == _STRUCTURE:
        if depth <= 0:
            raise ValueError("structures are nested too deep")
        if type(value) is Contents:
            parts += (_HEADER.pack(tag << 8 | kind, len(value.content)), value.content)
            return HEADER_BYTES + len(value.content)
        if not isinstance(value, tuple):
            raise _misfit(item)
        place = len(parts)
        parts.append(b"")
        length = 0
        for child in value:
            length += _write(child, parts, depth - 1)
        parts[place] = _HEADER.pack(tag << 8 | kind, length)
        return HEADER_BYTES + length
    raw = _bytes_of(item)
    length = len(raw)
    padding = -length & 7
    parts += (_HEADER.pack(tag << 8 | kind, length), raw, _ZEROS[padding])
    return HEADER_BYTES + length + padding


def _bytes_of(item: Item) -> bytes:
    """The value of a text or of bytes, without padding."""
    _, kind, value = item
    if kind in _TEXTS and isinstance(value, str):
        return value.encode()
    if kind in _BYTES and isinstance(value, bytes):
        multiple = _BYTES[kind]
        if multiple == 1 or (value and len(value) % multiple == 0):
            return value
    raise _misfit(item)


def _misfit(item: Item) -> ValueError:
    """The error for a value that its type cannot have; it does not contain the value."""
    return ValueError(f"{tag_name(item.tag)} has a value that does not fit its type")
