"""The verbs on attributes, and Locate, which finds objects by them.

An attribute is named as the specification names it, whatever the case, with or without spaces, `-`
and `_`; a vendor attribute as `VENDOR:NAME`. A value is typed as KMIP's JSON and XML write it (a
name of an enumeration or mask, a number, an ISO 8601 date, hexadecimal digits, a text), and a
structure as the JSON list of its items. The form that the attribute has decides which it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from json import dumps
from typing import Any, Final

from kmip.attribute_table import ATTRIBUTES as ROWS
from kmip.attributes import (
    AttributeInstance,
    AttributeName,
    Attributes,
    InstanceReference,
    VendorAttributeName,
)
from kmip.encodings import json
from kmip.encodings.literals import LITERALS
from kmip.enums import ItemType, Operation
from kmip.errors import KMIPError
from kmip.items import Item
from kmip.structures import to_item
from kmip.tags import Tag
from server.commands import say
from server.commands.one_operation import VERSION, plain
from server.commands.verbs.keys import TAG, TAGS, text_value
from server.commands.verbs.verb import Verb, argument, say_identifier
from server.setup.failure import Failure

MAX_FOUND: Final = 1_000
"""Identifiers of one answer, unless another number is typed."""

TYPES: Final = (
    ItemType.TEXT_STRING,
    ItemType.ENUMERATION,
    ItemType.INTEGER,
    ItemType.LONG_INTEGER,
    ItemType.BOOLEAN,
    ItemType.DATE_TIME,
    ItemType.INTERVAL,
    ItemType.BYTE_STRING,
)
"""The types that a value may be of, in the order in which they are tried: where a form takes
several, as that of a Unique Identifier does, the first is what people mean."""


def _bare(name: str) -> str:
    return "".join(one for one in name.lower() if one not in " -_")


_BY_NAME: Final[dict[str, Tag]] = {
    _bare(name): tag
    for tag, row in ROWS.items()
    if row.span.covers(VERSION)
    for name in (row.name, tag.name)
}


def attribute_named(name: str) -> AttributeName:
    """The attribute that was typed.

    Raises:
        Failure: there is none of this name.
    """
    vendor, colon, rest = name.partition(":")
    if colon and vendor and rest:
        return VendorAttributeName(vendor, rest)
    tag = _BY_NAME.get(_bare(name))
    if tag is None:
        raise Failure(f"KMIP {VERSION} has no attribute {plain(name)}.")
    return tag


def instance_of(name: str, text: str) -> AttributeInstance:
    """The attribute and the value that were typed.

    Raises:
        Failure: there is no such attribute, or the value is none of its values.
    """
    attribute = attribute_named(name)
    if isinstance(attribute, VendorAttributeName):
        return AttributeInstance(attribute, text_value(text))
    row = ROWS[attribute]
    for item in _readings(attribute, text):
        try:
            return AttributeInstance(attribute, row.form.read(item, VERSION))
        except KMIPError:
            continue  # the form takes another type
    raise Failure(f"{plain(row.name)} has no value {plain(text)}.")


def _readings(tag: Tag, text: str) -> list[Item]:
    """Every item that a text may be the value of."""
    found = []
    for kind in TYPES:
        try:
            found.append(Item(tag, kind, LITERALS[kind].read(text, tag)))
        except KMIPError:
            continue
    try:
        parts = json.MESSAGE.parse(text.encode())
        if isinstance(parts, list):
            found.append(json.from_object({"tag": tag.title, "value": parts}))
    except (KMIPError, UnicodeEncodeError):
        pass
    return found


# attributes


def _of(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"unique_identifier": arguments.object_id}


def _got(arguments: argparse.Namespace) -> Mapping[str, Any]:
    names = tuple(attribute_named(name) for name in arguments.attribute)
    return {**_of(arguments), "attribute_names": names}


def _show(_: argparse.Namespace, answer: Any) -> None:
    """One line of JSON for each value, as KMIP writes an item."""
    item = to_item(answer, Tag.RESPONSE_PAYLOAD, VERSION)
    for child in item.children:
        if child.tag == Tag.ATTRIBUTES:
            for each in child.children:
                say(_line(json.encode(each, VERSION).decode()))


def _line(text: str) -> str:
    """A text of JSON, with what might steer a terminal written in JSON's own escapes."""
    return "".join(one if one.isprintable() else dumps(one)[1:-1] for one in text)


def _new(arguments: argparse.Namespace) -> Mapping[str, Any]:
    return {**_of(arguments), "new_attribute": instance_of(arguments.name, arguments.value)}


def _modified(arguments: argparse.Namespace) -> Mapping[str, Any]:
    fields = dict(_new(arguments))
    if arguments.current is not None:
        fields["current_attribute"] = instance_of(arguments.name, arguments.current)
    return fields


def _deleted(arguments: argparse.Namespace) -> Mapping[str, Any]:
    if arguments.value is None:
        reference = InstanceReference(attribute_named(arguments.name))
        return {**_of(arguments), "attribute_reference": reference}
    return {
        **_of(arguments),
        "current_attribute": instance_of(arguments.name, arguments.value),
    }


# locate


def _sought(arguments: argparse.Namespace) -> Mapping[str, Any]:
    typed = [(name, value) for name, value in arguments.attribute]
    if arguments.algorithm is not None:
        typed.append((Tag.CRYPTOGRAPHIC_ALGORITHM.name, arguments.algorithm))
    if arguments.cryptographic_length is not None:
        typed.append((Tag.CRYPTOGRAPHIC_LENGTH.name, str(arguments.cryptographic_length)))
    if arguments.object_type is not None:
        typed.append((Tag.OBJECT_TYPE.name, arguments.object_type))
    instances = [instance_of(name, value) for name, value in typed]
    sought = Attributes((one.attribute, one.value) for one in instances)
    for tag in arguments.tag:
        sought.add(TAG, text_value(tag))
    return {"maximum_items": arguments.maximum, "attributes": sought}


def _say_found(_: argparse.Namespace, answer: Any) -> None:
    for identifier in answer.unique_identifier:
        say(plain(identifier))


# The table

OP = Operation
_OBJECT: Final = argument("-i", "--id", dest="object_id", required=True, help="the object")
_NAME: Final = argument("name", metavar="ATTRIBUTE", help="as CryptographicLength or vendor:name")
_VALUE: Final = argument("value", metavar="VALUE")

ATTRIBUTES: Final = (
    Verb(
        ("get",),
        "show attributes, one value a line",
        OP.GET_ATTRIBUTES,
        (
            _OBJECT,
            argument("attribute", nargs="*", metavar="ATTRIBUTE", help="which (default: all)"),
        ),
        _got,
        _show,
    ),
    Verb(
        ("set",),
        "give an attribute its one value",
        OP.SET_ATTRIBUTE,
        (_OBJECT, _NAME, _VALUE),
        _new,
        say_identifier,
    ),
    Verb(
        ("add",),
        "give an attribute one more value",
        OP.ADD_ATTRIBUTE,
        (_OBJECT, _NAME, _VALUE),
        _new,
        say_identifier,
    ),
    Verb(
        ("modify",),
        "change a value of an attribute",
        OP.MODIFY_ATTRIBUTE,
        (
            _OBJECT,
            _NAME,
            _VALUE,
            argument("--current", metavar="VALUE", help="the value to change, of several"),
        ),
        _modified,
        say_identifier,
    ),
    Verb(
        ("delete",),
        "delete an attribute, or one of its values",
        OP.DELETE_ATTRIBUTE,
        (_OBJECT, _NAME, argument("value", nargs="?", metavar="VALUE", help="(default: all)")),
        _deleted,
        say_identifier,
    ),
)
LOCATE: Final = Verb(
    (),
    "find objects on an attested server",
    OP.LOCATE,
    (
        TAGS,
        argument("-a", "--algorithm", help="such as AES, RSA, EC"),
        argument("-l", "--cryptographic-length", type=int, metavar="BITS"),
        argument("-o", "--object-type", help="such as SymmetricKey, PrivateKey"),
        argument(
            "--attribute",
            nargs=2,
            action="append",
            default=[],
            metavar=("ATTRIBUTE", "VALUE"),
            help="any attribute; may be repeated",
        ),
        argument(
            "--maximum",
            type=int,
            default=MAX_FOUND,
            help=f"of identifiers (default: {MAX_FOUND})",
        ),
    ),
    _sought,
    _say_found,
)
