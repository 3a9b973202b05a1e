"""Where something is not as expected."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kmip.encodings import text
from kmip.enums import ItemType
from kmip.items import Item, Value, tag_name
from kmip.tags import Tag


class Difference(Exception):
    """The first thing that is not as expected."""


def different(path: str, expected: object, got: object) -> Difference:
    """A difference at a place in the response."""
    return Difference(f"{path or '/'}: expected {_text(expected)}, got {_text(got)}")


def _text(thing: object) -> str:
    if isinstance(thing, Item):
        return " ".join(text.encode(thing, insecure_show_secrets=True).split())[:400]
    return str(thing)


def outcome(item: Item) -> str:
    parts = (Tag.OPERATION, Tag.RESULT_STATUS, Tag.RESULT_REASON, Tag.RESULT_MESSAGE)
    return ", ".join(_text(part) for tag in parts if (part := item.first(tag)))


NO_PAYLOAD = Item(Tag.REQUEST_PAYLOAD, ItemType.STRUCTURE, ())


@dataclass(frozen=True)
class Place:
    """Where in a response a comparison is.

    Attributes:
        path: names from the message on.
        operation: what was asked for.
        request: its payload as it was sent.
        identifier: the object that the item is about.
    """

    path: str = ""
    operation: int | None = None
    request: Item = NO_PAYLOAD
    identifier: Value | None = None

    def into(self, name: object) -> Place:
        """One step further."""
        return replace(self, path=f"{self.path}/{name}")


def check_order(item: Item, fields: list[Tag], place: Place) -> None:
    """Only these fields, in this order (R1)."""
    places = [
        fields.index(Tag(child.tag)) if child.tag in fields else -1 for child in item.children
    ]
    if places != sorted(places) or -1 in places:
        raise different(place.path, f"the order {[tag_name(field) for field in fields]}", item)
