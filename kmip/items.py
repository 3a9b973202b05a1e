"""The item: a tag, a type and a value, without interpretation.

A message in any encoding is a tree of items. An encoding reads bytes to items and writes items to
bytes, so that encodings and messages do not know of each other.

    type                  value
    STRUCTURE             tuple of items, or `Contents`
    INTEGER               int, 32 bits, signed
    LONG_INTEGER          int, 64 bits, signed
    BIG_INTEGER           bytes, two's complement, a multiple of 8 bytes (kept as sent, so that what
                          was decoded encodes to the same bytes)
    ENUMERATION           int, 32 bits, unsigned
    BOOLEAN               bool
    TEXT_STRING           str
    BYTE_STRING           bytes
    DATE_TIME             int, seconds since 1970-01-01T00:00:00Z, 64 bits, signed
    INTERVAL              int, seconds, 32 bits, unsigned
    DATE_TIME_EXTENDED    int, microseconds since 1970-01-01T00:00:00Z, 64 bits, signed
    IDENTIFIER, REFERENCE, NAME_REFERENCE
                          str (3.0)

Times are whole numbers and not `datetime`: the protocol's range of 64 bits is larger than Python's
years 1 to 9999, and a value that a client stored must come back as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kmip.enums import ItemType
from kmip.tags import Tag
from kmip.vocabulary import Named

EXTENSION_TAGS = range(0x540000, 0x550000)
"""Tags left to vendors (2.1 section 11.56)."""


def is_extension_tag(tag: int) -> bool:
    """Whether a tag is a vendor's; unlike `in`, as fast for a Tag as for int."""
    return EXTENSION_TAGS.start <= tag < EXTENSION_TAGS.stop


class Item(NamedTuple):
    """One TTLV item; see the table at the top of the module for its value."""

    tag: int
    type: int
    value: Value

    def __repr__(self) -> str:
        """Tag, type and size; never the value, which may be a key."""
        kind = ItemType(self.type)
        size = len(self.value) if isinstance(self.value, tuple | bytes | str) else 1
        return f"Item({tag_name(self.tag)}, {kind.name}, {size})"

    @property
    def children(self) -> tuple[Item, ...]:
        """The items of a structure; empty for every other type."""
        value = self.value
        if isinstance(value, tuple):
            return value
        return value.items if isinstance(value, Contents) else ()

    def first(self, tag: int) -> Item | None:
        """The first child with `tag`, if there is one."""
        for child in self.children:
            if child.tag == tag:
                return child
        return None


class Contents:
    """The items in a structure that is there as bytes: they are read when they are asked for.

    Args:
        content: of the structure, in the encoding that `read` reads.
        read: gives the items of such bytes.

    Attributes:
        content: the same bytes.
    """

    __slots__ = ("_items", "_read", "content")

    def __init__(self, content: bytes, read: Callable[[bytes], tuple[Item, ...]]) -> None:
        self.content = content
        self._read = read
        self._items: tuple[Item, ...] | None = None

    @property
    def items(self) -> tuple[Item, ...]:
        """The items."""
        if self._items is None:
            self._items = self._read(self.content)
        return self._items

    def __eq__(self, other: object) -> bool:
        return self.items == (other.items if isinstance(other, Contents) else other)

    def __hash__(self) -> int:
        return hash(self.items)


Value = int | str | bytes | tuple[Item, ...] | Contents


def structure(tag: int, *children: Item) -> Item:
    """A structure of `children`."""
    return Item(tag, ItemType.STRUCTURE, children)


def tag_name(tag: int) -> str:
    """The tag's name in XML and JSON, or its six hexadecimal digits."""
    return Tag(tag).names[0] if tag in TAGS else f"{tag:06X}"


def is_known(tag: int) -> bool:
    """Whether some version of the specification has this tag."""
    return tag in TAGS


TAGS: dict[int, Named] = {int(tag): tag for tag in Tag}
