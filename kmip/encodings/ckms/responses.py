"""Answers in the form of the specification, put into the dialect of the request."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from kmip.encodings.ckms import newer
from kmip.encodings.ckms.nodes import (
    AS_CALLED,
    AS_MEANT,
    OBJECTS,
    TAG,
    VENDOR,
    Node,
    children,
    fields,
    mapped,
    text,
)
from kmip.encodings.ckms.requests import REPEATED
from kmip.encodings.literals import LONG_INTEGER

_UNDERSTOOD: Final = frozenset(
    {
        "ActivationDate",
        "CertificateAttributes",
        "CertificateLength",
        "CertificateType",
        "CryptographicAlgorithm",
        "CryptographicDomainParameters",
        "CryptographicLength",
        "CryptographicParameters",
        "CryptographicUsageMask",
        "KeyFormatType",
        "Link",
        "ObjectType",
        "Sensitive",
        "UniqueIdentifier",
        "VendorAttributes",
    }
)
"""The attributes that older clients read; another one makes them refuse the answer."""

_ALWAYS_IN_ONE: Final = REPEATED - {"UniqueIdentifier"}


def answer_of(payload: Node, name: str, *, is_older: bool) -> Node:
    """The answer to a request.

    Args:
        payload: the Response Payload, as `kmip.encodings.json` writes it.
        name: the tag of the request.
        is_older: its dialect.
    """
    root = {**payload, "tag": f"{name}Response"}
    if not is_older:
        whole = mapped(root, _tags_in_one)
        return _changed(mapped(whole, newer.write), _scalar)
    made: Node = mapped(root, _older)
    inner = [
        {**each, "value": [one for one in children(each) if one["tag"] in _UNDERSTOOD]}
        if each["tag"] == "Attributes"
        else each
        for each in children(made)
    ]
    whole = {**made, "value": _in_one(inner, always=name.lower() == "locate")}
    return _changed(_changed(whole, _scalar), _with_type)


def _tags_in_one(nodes: list[Any]) -> list[Any]:
    """All tags of an object as one vendor attribute."""
    tags = [fields(each)["AttributeValue"] for each in nodes if _is_tag(each)]
    if not tags:
        return nodes
    rest = [each for each in nodes if not _is_tag(each)]
    named = [text("VendorIdentification", VENDOR), text("AttributeName", TAG)]
    value = text("AttributeValue", json.dumps(tags, ensure_ascii=False, separators=(",", ":")))
    return [*rest, {"tag": "Attribute", "value": [*named, value]}]


def _is_tag(node: Node) -> bool:
    if node.get("tag") != "Attribute":
        return False
    found = fields(node)
    return (found.get("VendorIdentification"), found.get("AttributeName")) == (VENDOR, TAG)


def _older(nodes: list[Any]) -> list[Any]:
    renamed = [_renamed(each) for each in _tags_in_one(nodes)]
    return _in_one(renamed, always=False)


def _renamed(node: Node) -> Node:
    tag = node["tag"]
    if tag == "IVCounterNonce":
        return {**node, "tag": "IvCounterNonce"}
    if tag in OBJECTS and isinstance(node.get("value"), list):
        return {**node, "tag": "Object"}
    if tag == "Attribute" and "AttributeName" in fields(node):
        return {"tag": "VendorAttributes", "value": [_in_bytes(each) for each in children(node)]}
    return node


def _in_bytes(node: Node) -> Node:
    """The value of a vendor attribute as bytes, where it is a text."""
    if node["tag"] != "AttributeValue" or node.get("type") != "TextString":
        return node
    return {**node, "type": "ByteString", "value": node["value"].encode().hex()}


def _in_one(nodes: list[Any], *, always: bool) -> list[Any]:
    """All values of a field in one structure of its tag; of identifiers where there may be more."""
    tags = REPEATED if always else _ALWAYS_IN_ONE
    made: list[Any] = []
    for tag in dict.fromkeys(each["tag"] for each in nodes):
        values = [each for each in nodes if each["tag"] == tag]
        is_done = all(children(each) and children(each)[0].get("tag") == tag for each in values)
        made += [{"tag": tag, "value": values}] if tag in tags and not is_done else values
    if always and not any(each["tag"] == "UniqueIdentifier" for each in made):
        made.append({"tag": "UniqueIdentifier", "value": []})
    return made


def _changed(node: Node, change: Callable[[Node], Node]) -> Node:
    """The same tree, with `change` for every item in it, itself included, from the inside out."""
    made: Node = mapped({"value": [node]}, lambda nodes: [change(each) for each in nodes])
    first: Node = made["value"][0]
    return first


def _scalar(node: Node) -> Node:
    """Bytes in capitals, and long integers in hexadecimal, as these clients read them."""
    kind, value = node.get("type"), node.get("value")
    if kind == "ByteString" and isinstance(value, str):
        return {**node, "value": value.upper()}
    if node.get("tag") == "CryptographicAlgorithm" and value == AS_MEANT:
        return {**node, "value": AS_CALLED}
    if kind == "LongInteger" and isinstance(value, int):
        return {**node, "value": "0x" + LONG_INTEGER.hexadecimal(value)[2:].upper()}
    return node


def _with_type(node: Node) -> Node:
    """With the type of a structure, before its value."""
    return {"tag": node["tag"], "type": node.get("type", "Structure"), "value": node["value"]}
