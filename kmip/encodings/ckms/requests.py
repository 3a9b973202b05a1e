"""Requests of both dialects, in the form of the specification."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from kmip.encodings.ckms.nodes import (
    AS_CALLED,
    AS_MEANT,
    KINDS,
    OBJECTS,
    TAG,
    VENDOR,
    Node,
    children,
    enumeration,
    fields,
    mapped,
    text,
    vendor_attribute,
)
from kmip.enums import Operation, ResultReason
from kmip.errors import InvalidField, InvalidMessage, KMIPError
from kmip.versions import V2_1

MAX_TAGS: Final = 100
"""Of one object: each is a value in the index, and people call a key by a handful."""

REPEATED: Final = frozenset({"UniqueIdentifier", "Link", "VendorAttributes", "AttributeReference"})
"""Fields whose values the older dialect puts into one structure of the same tag."""

MAKING: Final = {
    Operation.CREATE: "Attributes",
    Operation.CREATE_KEY_PAIR: "CommonAttributes",
    Operation.REGISTER: "Attributes",
    Operation.IMPORT: "Attributes",
}
"""Operations that make objects, and where their attributes are."""

_RANDOM_IV: Final[Node] = {"tag": "RandomIV", "type": "Boolean", "value": True}
DEFAULTS: Final[Mapping[str, Node]] = {
    "AES": {
        "tag": "CryptographicParameters",
        "value": [
            enumeration("BlockCipherMode", "GCM"),
            _RANDOM_IV,
            {"tag": "TagLength", "type": "Integer", "value": 16},
        ],
    },
    AS_MEANT: {
        "tag": "CryptographicParameters",
        "value": [enumeration("CryptographicAlgorithm", AS_MEANT), _RANDOM_IV],
    },
}
"""The Cryptographic Parameters of keys that are made without, by their algorithm."""

_OPERATIONS: Final = {name.lower(): each for each in Operation for name in each.names}
_COVERCRYPT: Final = "Covercrypt is not supported here"


class CovercryptUnsupported(KMIPError):
    """A client asks for Covercrypt, which is no algorithm of KMIP."""

    reason_1x = reason_2x = ResultReason.FEATURE_NOT_SUPPORTED


def operation_of(root: Any) -> Operation:
    """The operation that the tag of a request names.

    Raises:
        InvalidMessage: it names none.
    """
    name = root.get("tag") if isinstance(root, dict) else None
    operation = _OPERATIONS.get(name.lower()) if isinstance(name, str) else None
    if operation is None:
        raise InvalidMessage("no such operation")
    return operation


def payload_of(root: Node) -> Node:
    """The payload that a request is.

    Raises:
        InvalidField: a list of tags is none.
        InvalidMessage: what is in it is no item.
        CovercryptUnsupported: it is about Covercrypt.
    """
    kind = fields(root).get("ObjectType")
    made: Node = mapped({**root, "tag": "RequestPayload"}, partial(_read, kind))
    return made


def make_active(payload: Node, operation: Operation, now: int) -> None:
    """Have what an operation makes be Active at once, unless the client says when."""
    active = text("ActivationDate", datetime.fromtimestamp(now, UTC).isoformat())
    for each in children(payload):
        if each.get("tag") == MAKING.get(operation) and "ActivationDate" not in fields(each):
            each["value"] = [*children(each), {**active, "type": "DateTime"}]


def complete(payload: Node, operation: Operation) -> None:
    """Give what an operation makes the parameters by which these clients expect to encrypt."""
    for each in children(payload):
        found = fields(each)
        default = DEFAULTS.get(str(found.get("CryptographicAlgorithm")))
        is_bare = (
            each.get("tag") == MAKING.get(operation) and "CryptographicParameters" not in found
        )
        if is_bare and default is not None:
            each["value"] = [*children(each), default]


def query_of(payload: Node) -> tuple[str, ...] | None:
    """The tags that a payload names its object by, which are taken out of it; None: it does not.

    What has no tag at all would be whatever else there is, and of several objects only one can be
    located: then the operation would be performed on others than are meant.

    Raises:
        InvalidField: they are no list of tags, or of none, or not all that it names an object by.
    """
    named = [each for each in children(payload) if each["tag"] == "UniqueIdentifier"]
    arrays = [each["value"] for each in named if _is_array(each.get("value"))]
    if not arrays:
        return None
    if len(named) > 1:
        raise InvalidField("tags stand for one object, and others cannot be named beside it")
    tags = tuple(_listed(arrays[0]))
    if not tags:
        raise InvalidField("an object is named by one tag at least")
    payload["value"] = [each for each in children(payload) if each is not named[0]]
    return tags


def _is_array(identifier: Any) -> bool:
    return isinstance(identifier, str) and identifier.startswith("[")


def locate(tags: Sequence[str]) -> Node:
    """The payload of a Locate for what has all tags; for two of them, which is one too many."""
    attributes = [
        enumeration("ObjectType", KINDS[each].names[0])
        if each in KINDS
        else vendor_attribute(VENDOR, TAG, text("AttributeValue", each))
        for each in tags
    ]
    most = {"tag": "MaximumItems", "type": "Integer", "value": 2}
    return {"tag": "RequestPayload", "value": [most, {"tag": "Attributes", "value": attributes}]}


def message(*items: tuple[Operation, Node]) -> Node:
    """A request message of 2.1, each item by its operation and its payload."""
    major, minor = V2_1
    version = [
        {"tag": "ProtocolVersionMajor", "type": "Integer", "value": major},
        {"tag": "ProtocolVersionMinor", "type": "Integer", "value": minor},
    ]
    header = [
        {"tag": "ProtocolVersion", "value": version},
        {"tag": "BatchOrderOption", "type": "Boolean", "value": True},
        {"tag": "BatchCount", "type": "Integer", "value": len(items)},
    ]
    batch = [
        {
            "tag": "BatchItem",
            "value": [
                enumeration("Operation", operation.names[0]),
                {"tag": "UniqueBatchItemID", "type": "ByteString", "value": f"{number:02x}"},
                payload,
            ],
        }
        for number, (operation, payload) in enumerate(items)
    ]
    return {"tag": "RequestMessage", "value": [{"tag": "RequestHeader", "value": header}, *batch]}


def _read(kind: Any, nodes: list[Any]) -> list[Any]:
    return [read for node in nodes for read in _each(kind, node)]


def _each(kind: Any, node: Any) -> Iterator[Any]:
    """A node in the form of the specification: none, one or several."""
    if not isinstance(node, dict) or not isinstance(node.get("tag"), str):
        raise InvalidMessage("an item is an object with a tag")
    tag, value, inner = node["tag"], node.get("value"), children(node)
    if tag in REPEATED and inner and all(_is_value_of(tag, each) for each in inner):
        yield from inner
    elif tag == "VendorAttributes" and not inner:
        return  # the list of no tags
    elif tag in ("VendorAttributes", "Attribute") and "AttributeName" in fields(node):
        yield from _vendor_attributes(node)
    elif tag == "IvCounterNonce":
        yield {**node, "tag": "IVCounterNonce"}
    elif tag == "Object" and isinstance(kind, str) and kind in OBJECTS:
        yield {**node, "tag": kind}
    elif tag == "RevocationReason" and isinstance(value, str):
        code = enumeration("RevocationReasonCode", "Unspecified")
        yield {"tag": tag, "value": [code, text("RevocationMessage", value)]}
    elif tag == "CryptographicAlgorithm" and value == "CoverCrypt":
        raise CovercryptUnsupported(_COVERCRYPT)
    elif tag == "CryptographicAlgorithm" and value == AS_CALLED:
        yield {**node, "value": AS_MEANT}
    elif node.get("type") == "BigInteger" and isinstance(value, str):
        yield {**node, "value": _padded(value)}
    else:
        yield node


def _is_value_of(tag: Any, node: Node) -> bool:
    """Whether a node is one value of a field: an inner vendor attribute was read already."""
    return node.get("tag") == ("Attribute" if tag == "VendorAttributes" else tag)


def _padded(digits: str) -> str:
    """A big integer with the digits of whole words of 8 bytes, and the sign that it had."""
    digits = digits.removeprefix("0x")
    is_negative = len(digits) % 2 == 0 and digits[:1].lower() >= "8"
    return ("f" if is_negative else "0") * (-len(digits) % 16) + digits


def _vendor_attributes(node: Node) -> Iterator[Node]:
    """A vendor's attribute; of a list of tags one for each."""
    found = fields(node)
    vendor, name = found.get("VendorIdentification"), found["AttributeName"]
    value = next((each for each in children(node) if each["tag"] == "AttributeValue"), None)
    if value is None:
        raise InvalidMessage("an attribute has a value")
    if value.get("type") == "ByteString" and isinstance(value.get("value"), str):
        value = _as_text(value)
    if name in ("cover_crypt_policy", "cover_crypt_access_policy"):
        raise CovercryptUnsupported(_COVERCRYPT)
    if (vendor, name) != (VENDOR, TAG):
        yield vendor_attribute(str(vendor), str(name), value)
        return
    for each in _listed(value.get("value")):
        if each not in KINDS:
            yield vendor_attribute(VENDOR, TAG, text("AttributeValue", each))


def _as_text(value: Node) -> Node:
    """Bytes that are a text in UTF-8 as that text, others as they are."""
    try:
        return text("AttributeValue", bytes.fromhex(value["value"]).decode())
    except ValueError:
        return value


def _listed(array: Any) -> list[str]:
    """The tags in a JSON array, each once."""
    try:
        found = json.loads(array)
    except (TypeError, ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise InvalidField("tags are a list of texts")
    if len(found) > MAX_TAGS:
        raise InvalidField(f"an object has at most {MAX_TAGS} tags")
    return list(dict.fromkeys(found))
