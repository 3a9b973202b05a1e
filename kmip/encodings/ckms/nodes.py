"""Items as objects of JSON, before they are read and after they are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from kmip.enums import ObjectType

Node = dict[str, Any]
"""An item."""

VENDOR: Final = "cosmian"
TAG: Final = "tag"
KINDS: Final[Mapping[str, ObjectType]] = {
    "_kk": ObjectType.SYMMETRIC_KEY,
    "_sk": ObjectType.PRIVATE_KEY,
    "_pk": ObjectType.PUBLIC_KEY,
    "_cert": ObjectType.CERTIFICATE,
    "_sd": ObjectType.SECRET_DATA,
    "_oo": ObjectType.OPAQUE_OBJECT,
}
"""Tags that say what kind of object it is; every object has its own without being given it."""

AS_CALLED: Final = "ChaCha20"
AS_MEANT: Final = "ChaCha20Poly1305"
"""What these clients call a key's algorithm, and by which they expect it to encrypt."""

OBJECTS: Final = frozenset(kind.names[0] for kind in ObjectType)
"""The tags of managed objects."""


def children(node: Node) -> list[Any]:
    """What is in a structure; nothing where it is none."""
    value = node.get("value")
    return value if isinstance(value, list) else []


def mapped(node: Any, change: Callable[[list[Any]], list[Any]]) -> Any:
    """The same structure, with `change` for what is in each one, from the inside out."""
    if not isinstance(node, dict) or not isinstance(node.get("value"), list):
        return node
    return {**node, "value": change([mapped(each, change) for each in node["value"]])}


def text(tag: str, value: str) -> Node:
    """A Text String."""
    return {"tag": tag, "type": "TextString", "value": value}


def enumeration(tag: str, name: str) -> Node:
    """An Enumeration, by its name."""
    return {"tag": tag, "type": "Enumeration", "value": name}


def vendor_attribute(vendor: str, name: str, value: Node) -> Node:
    """An attribute of a vendor's, as 2.1 has it."""
    named = [text("VendorIdentification", vendor), text("AttributeName", name)]
    return {"tag": "Attribute", "value": [*named, value]}


def fields(node: Node) -> dict[str, Any]:
    """The values in a structure, by their tags; of several with one tag the last."""
    return {
        str(each.get("tag")): each.get("value") for each in children(node) if isinstance(each, dict)
    }
