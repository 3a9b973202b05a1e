"""Changes of inputs that keep most of their form, so that they get further than changed bytes.

A message is changed as the tree that it is: an item goes, comes twice, changes places, gets another
tag, type or value, or one of another message's. HTTP is changed line by line. All choices are
drawn from the given `random.Random`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from kmip.encodings.codec import CODECS, Codec
from kmip.enums import ItemType, Operation
from kmip.errors import KMIPError
from kmip.items import Item, Value
from kmip.tags import Tag

TAGS = [int(tag) for tag in Tag]
NUMBERS = (0, 1, 2, 7, 8, 16, 255, 256, 1 << 15, (1 << 31) - 1, -1, -(1 << 31))
LONG = (*NUMBERS, 1 << 40, (1 << 63) - 1, -(1 << 63))
TEXTS = ("", "aes", "rsa", "ec", "x-a", "y", "\0", "é", "𝄞", "a" * 300, "Unique Identifier", "0x00")
OCTETS = (b"", b"\0", bytes(8), bytes(16), bytes(range(32)), b"0\x80", b"\xff" * 40)


def _value(kind: int, chance: random.Random) -> Value:
    match kind:
        case ItemType.INTEGER:
            return chance.choice(NUMBERS)
        case ItemType.LONG_INTEGER | ItemType.DATE_TIME | ItemType.DATE_TIME_EXTENDED:
            return chance.choice(LONG)
        case ItemType.ENUMERATION:
            return chance.choice((chance.randrange(70), 0x80000001, 0xFFFFFFFF))
        case ItemType.INTERVAL:
            return chance.choice((0, 1, 300, 0xFFFFFFFF))
        case ItemType.BOOLEAN:
            return chance.random() < 0.5
        case ItemType.BIG_INTEGER:
            return chance.choice((bytes(8), b"\xff" * 8, b"\x7f" + bytes(15), bytes(256)))
        case ItemType.BYTE_STRING:
            return chance.choice(OCTETS)
        case ItemType.STRUCTURE:
            return ()
        case _:
            return chance.choice(TEXTS)


def _changed(item: Item, chance: random.Random) -> Item:
    """The item with another value mostly, or another tag or type."""
    what = chance.randrange(10)
    if what == 0:
        return item._replace(tag=chance.choice(TAGS))
    if what == 1 or item.children:
        kind = chance.choice(list(ItemType))
        return Item(item.tag, kind, _value(kind, chance))
    if item.tag == Tag.OPERATION:
        return item._replace(value=int(chance.choice(list(Operation))))
    if isinstance(item.value, bytes) and item.value and item.type == ItemType.BYTE_STRING:
        data = bytearray(item.value)
        data[chance.randrange(len(data))] = chance.randrange(256)
        return item._replace(value=bytes(data))
    return item._replace(value=_value(item.type, chance))


def _places(item: Item) -> int:
    return 1 + sum(map(_places, item.children))


def _pick(item: Item, chance: random.Random) -> Item:
    """An item of a tree, any with the same chance."""
    nodes, at = [item], 0
    while at < len(nodes):
        nodes.extend(nodes[at].children)
        at += 1
    return chance.choice(nodes)


def spoilt(item: Item, chance: random.Random, others: Sequence[Item]) -> Item:
    """The tree with one change, at any place but its root.

    Args:
        item: the tree.
        chance: draws.
        others: of which parts may be taken.
    """
    place = 1 + chance.randrange(max(1, _places(item) - 1))
    return _spoilt(item, place, chance, others)


def _spoilt(item: Item, place: int, chance: random.Random, others: Sequence[Item]) -> Item:
    if place == 0 or not item.children:
        return _changed(item, chance)
    place -= 1
    children = list(item.children)
    for at, child in enumerate(children):
        size = _places(child)
        if place >= size:
            place -= size
            continue
        is_here = place == 0
        match chance.randrange(8) if is_here else 8:
            case 0:
                del children[at]
            case 1:
                children.insert(at, child)
            case 2:
                other = chance.randrange(len(children))
                children[at], children[other] = children[other], child
            case 3:
                children.insert(at, _pick(chance.choice(others), chance))
            case 4:
                taken = _pick(chance.choice(others), chance)
                children[at] = Item(child.tag, taken.type, taken.value)
            case _:
                children[at] = _spoilt(child, place, chance, others)
        break
    return item._replace(value=tuple(children))


def of_message(codec: Codec, others: Sequence[Item]) -> Callable[[bytes, random.Random], bytes]:
    """A function that changes messages of an encoding, and leaves what is none as it is."""

    def change(data: bytes, chance: random.Random) -> bytes:
        try:
            item = codec.decode(data)
            for _ in range(chance.choice((1, 1, 2, 3, 5, 8))):
                item = spoilt(item, chance, others)
            return codec.encode(item)
        except (KMIPError, ValueError):
            return data

    return change


LINES = (
    b"Expect: 100-continue",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Content-Length: 0",
    b"Content-Length: 18446744073709551616",
    b"Connection: close",
    b"Connection: upgrade",
    b"Upgrade: h2c",
    b" folded",
    b"Content-Type: text/xml; charset=utf-8",
    b"Authorization: Bearer ",
    b"Authorization: bearer x y",
    b"Host: y",
    b": ",
)


def of_http(data: bytes, chance: random.Random) -> bytes:
    """Requests with a line more, less or elsewhere."""
    lines = data.split(b"\r\n")
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(lines))
        match chance.randrange(4):
            case 0:
                lines.insert(at, chance.choice(LINES))
            case 1:
                del lines[at]
            case 2:
                lines.insert(at, chance.choice(lines or [b""]))
            case _:
                line = bytearray(lines[at])
                if line:
                    line[chance.randrange(len(line))] = chance.randrange(256)
                lines[at] = bytes(line)
        if not lines:
            return b""
    return b"\r\n".join(lines)


def bytewise(data: bytes, chance: random.Random) -> bytes:
    """Bytes changed, cut or doubled, whatever they mean."""
    changed = bytearray(data or b"\0")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed))
        end = min(len(changed), at + chance.randint(1, 16))
        match chance.randrange(4):
            case 0:
                changed[at] = chance.choice((0, 1, 7, 8, 0x20, 0x22, 0x3C, 0x42, 0x7F, 0x80, 0xFF))
            case 1:
                changed[at] ^= 1 << chance.randrange(8)
            case 2:
                changed[at:at] = changed[at:end]
            case _:
                del changed[at:end]
        if not changed:
            break
    return bytes(changed)


def changes(target: str, others: Sequence[Item]) -> Callable[[bytes, random.Random], bytes]:
    """What changes the inputs of a target and keeps their form."""
    if target in CODECS:
        return of_message(CODECS[target], others)
    return of_http if target == "HTTP" else bytewise
