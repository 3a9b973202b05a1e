"""Functions that read a structure from its bytes; see `kmip.compiled` for what they leave aside.

A reader is `read(data, at, end)`: the structure whose content is `data[at:end]`. It goes over the
items once. Each is known by its tag and its type together, one number of 32 bits, which is compared
with those that the declaration has, in its order: clients send in it. An example, of a structure
with two optional fields:

    def read(data, at, end):
        f0 = absent
        f1 = absent
        while at < end:
            first = at
            word, length = header(data, at)
            start = at + 8
            stop = start + length
            at = stop + (-length & 7)
            if at > end: raise Irregular
            if word == 0x42009407:
                v = data[start:stop].decode()
                if at != stop and data[stop:at] != zeros[at - stop]: raise Irregular
                if f0 is not absent: raise Irregular
                f0 = v
            elif word == 0x42004205:
                ...
            else: raise Irregular
        return cls(unique_identifier=c3 if f0 is absent else f0, ...)
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, fields
from functools import partial
from typing import Any, Final, NamedTuple

from kmip.compiled.attribute_reading import ReadValue, reader_of_carriage
from kmip.compiled.source import ITEMS, VERSION_ITEMS, Irregular, Source
from kmip.encodings.ttlv import HEADER_BYTES
from kmip.enums import Data, ItemType, UniqueIdentifier
from kmip.errors import KMIPError
from kmip.key_block import KeyBlock, KeyBlockForm, KeyValue, KeyValueForm, MaterialForm
from kmip.messages import OperationForm, ProtocolVersionForm
from kmip.objects import OBJECTS, ObjectCarriage
from kmip.payloads.data import DataForm
from kmip.structures import (
    BigIntegerForm,
    Carriage,
    Converted,
    EnumerationForm,
    Form,
    MaskForm,
    Nested,
    Plain,
    Raw,
    Structure,
    StructureField,
    Versioned,
    plan_of,
)
from kmip.types import DateTimeForm, IdentifierForm
from kmip.versions import ProtocolVersion

Read = Callable[[bytes, int, int], Any]


class Branch(NamedTuple):
    """How a value is read where it comes with one tag and type.

    Attributes:
        lines: leave the value in `v`; they know data, first, start, stop, length and at.
        type: the item type; None: any.
        tag: where it is not the field's.
    """

    lines: tuple[str, ...]
    type: ItemType | None
    tag: int | None = None


_PADDED: Final = "if at != stop and data[stop:at] != zeros[at - stop]: raise Irregular"
_TEXT: Final = ("v = data[start:stop].decode()", _PADDED)
_BYTES: Final = ("v = data[start:stop]", _PADDED)
_OF_FOUR: Final = "if length != 4 or pad: raise Irregular"
_OF_EIGHT: Final = "if length != 8: raise Irregular"
_INTEGER: Final = ("v, pad = i32(data, start)", _OF_FOUR)
_UNSIGNED: Final = ("v, pad = u32(data, start)", _OF_FOUR)
_LONG: Final = ("(v,) = i64(data, start)", _OF_EIGHT)
_KNOWN: Final = "if v is None: raise Irregular"
_VALUES: Final[dict[ItemType, tuple[str, ...]]] = {
    ItemType.TEXT_STRING: _TEXT,
    ItemType.BYTE_STRING: _BYTES,
    ItemType.INTEGER: _INTEGER,
    ItemType.ENUMERATION: _UNSIGNED,
    ItemType.INTERVAL: _UNSIGNED,
    ItemType.LONG_INTEGER: _LONG,
    ItemType.DATE_TIME: _LONG,
    ItemType.DATE_TIME_EXTENDED: _LONG,
    ItemType.BOOLEAN: (*_LONG, "if v != 0 and v != 1: raise Irregular", "v = v == 1"),
}
_GLOBALS: Final = {
    "header": struct.Struct(">II").unpack_from,
    "i32": struct.Struct(">iI").unpack_from,
    "u32": struct.Struct(">II").unpack_from,
    "i64": struct.Struct(">q").unpack_from,
    "decode": ITEMS.decode,
    "absent": object(),
}
_VERSIONS: Final = {item[HEADER_BYTES:]: version for version, item in VERSION_ITEMS.items()}


def reader_of(cls: type[Structure], version: ProtocolVersion, *, placed: bool = False) -> Read:
    """The function that reads a structure in a version.

    It raises `Irregular`, or one of `NOT_TAKEN`, for everything that it does not take.

    Args:
        cls: declared with `structure`.
        version: the protocol version the structure comes in.
        placed: give, for a field whose item is kept as it is, where its content begins and ends.
    """
    key = (cls, version, placed)
    read = _READERS.get(key)
    if read is None:
        read = _READERS[key] = _compiled(cls, version, placed=placed)
    return read


_READERS: Final[dict[tuple[type[Structure], ProtocolVersion, bool], Read]] = {}


def _compiled(cls: type[Structure], version: ProtocolVersion, *, placed: bool) -> Read:
    source = Source()
    source.names.update(_GLOBALS)
    plan = plan_of(cls)
    source.add(0, ("def read(data, at, end):",))
    source.add(1, (f"f{n} = absent" for n in range(len(plan.fields))))
    source.add(1, ("while at < end:",))
    source.add(2, _ITEM)
    word = "if"
    for number, field in enumerate(plan.fields):
        store = _stored(number, is_list=_is_list(field))
        for branch in _branches(source, field, version, placed=placed):
            source.add(2, (f"{word} {_condition(field, branch)}:",))
            source.add(3, (*branch.lines, *store))
            word = "elif"
    source.add(2, ("else: raise Irregular",) if plan.fields else ("raise Irregular",))
    source.add(1, _made(source, cls, plan.fields, version))
    return source.function("read", f"reader of {cls.__name__} {version}")


NOT_TAKEN: Final = (Irregular, KMIPError, struct.error, UnicodeDecodeError)
"""What a reader raises for what it does not take. An error of the protocol is raised by what went
through items, and is told by the generic way, which knows the path to it."""

_ITEM: Final = (
    "first = at",
    "word, length = header(data, at)",
    "start = at + 8",
    "stop = start + length",
    "at = stop + (-length & 7)",
    "if at > end: raise Irregular",
)


def is_of_object(field: StructureField) -> bool:
    """Whether a field has a managed object, under the tag of its type."""
    carriage: object = field.carriage
    return isinstance(carriage, ObjectCarriage)


def _is_list(field: StructureField) -> bool:
    """Whether several items make the field's value."""
    return field.many or (field.carriage is not None and not is_of_object(field))


def _stored(number: int, *, is_list: bool) -> tuple[str, ...]:
    if is_list:
        return (f"if f{number} is absent: f{number} = [v]", f"else: f{number}.append(v)")
    return (f"if f{number} is not absent: raise Irregular", f"f{number} = v")


def _condition(field: StructureField, branch: Branch) -> str:
    tag = field.tag if branch.tag is None else branch.tag
    if branch.type is None:
        return f"word >> 8 == {tag:#x}"
    return f"word == {tag << 8 | branch.type:#x}"


def _made(
    source: Source,
    cls: type[Structure],
    declared: Sequence[StructureField],
    version: ProtocolVersion,
) -> Iterator[str]:
    """The lines that check what must be there, and make the structure."""
    arguments = []
    defaults = {field.name: field for field in fields(cls)}
    for number, field in enumerate(declared):
        found = f"f{number}"
        if field.required:
            yield f"if {found} is absent: raise Irregular"
        if field.carriage is not None and _is_list(field):
            value = _carried(source, field.carriage, found, version)
        else:
            value = f"tuple({found})" if field.many else found
        if not field.required:
            default = defaults[field.name]
            if default.default is not MISSING:
                absent = source.name(default.default)
            else:
                absent = f"{source.name(default.default_factory)}()"
            value = f"{absent} if {found} is absent else {value}"
        arguments.append(f"{field.name}={value}")
    yield f"return {source.name(cls)}({', '.join(arguments)})"


def _carried(source: Source, carriage: Carriage, found: str, version: ProtocolVersion) -> str:
    """The value that the items of a carriage are, or what is at their places."""
    read = reader_of_carriage(carriage, version, partial(_value_reader, version=version))
    if read is not None:
        return f"{source.name(read)}(data, {found})"
    return f"{source.name(carriage.read)}({found}, {source.name(version)})"


def _value_reader(form: Form, version: ProtocolVersion) -> ReadValue:
    """The function that reads a value of a form out of an item, whatever the item's tag."""
    source = Source()
    source.names.update(_GLOBALS)
    source.add(0, ("def read(data, first, at):",))
    source.add(1, ("word, length = header(data, first)", "start = first + 8"))
    source.add(1, ("stop = start + length", "kind = word & 255"))
    emit = _FORMS.get(type(form))
    if emit is None:
        reads = f"v = {source.name(form.read)}(v, {source.name(version)})"
        source.add(1, (*_AS_ITEM, reads))
    else:
        word = "if"
        for branch in emit(source, form, version):
            source.add(1, (f"{word} kind == {int(branch.type or 0)}:",))
            source.add(2, branch.lines)
            word = "elif"
        source.add(1, ("else: raise Irregular",))
    source.add(1, ("return v",))
    return source.function("read", f"reader of a value {version}")


def _branches(
    source: Source, field: StructureField, version: ProtocolVersion, *, placed: bool
) -> Iterator[Branch]:
    """The ways in which a field's value may come."""
    if is_of_object(field):
        for tag, cls in OBJECTS.values():
            yield Branch(_nested(source, cls, version), ItemType.STRUCTURE, tag)
    elif field.carriage is not None:
        value_reader = partial(_value_reader, version=version)
        places = reader_of_carriage(field.carriage, version, value_reader) is not None
        for each in field.carriage.tags:
            yield Branch(("v = (first, at)",) if places else _AS_ITEM, None, int(each))
    else:
        emit = _FORMS.get(type(field.form))
        if emit is not None:
            yield from emit(source, field.form, version)
        elif placed and isinstance(field.form, Raw):
            yield Branch(("v = (start, stop)",), ItemType.STRUCTURE)
        else:
            read = source.name(field.form.read)
            yield Branch((*_AS_ITEM, f"v = {read}(v, {source.name(version)})"), None)


_AS_ITEM: Final = ("v = decode(data[first:at])",)

Branches = Iterator[Branch]


def _nested(source: Source, cls: type[Structure], version: ProtocolVersion) -> tuple[str, ...]:
    return (f"v = {source.name(reader_of(cls, version))}(data, start, stop)",)


def _plain(source: Source, form: Plain, version: ProtocolVersion) -> Branches:
    yield Branch(_VALUES[form.type], form.type)


def _member(source: Source, members: Any) -> tuple[str, ...]:
    known = source.name(members._value2member_map_)
    return (*_UNSIGNED, f"v = {known}.get(v)", _KNOWN)


def _enumeration(source: Source, form: EnumerationForm, version: ProtocolVersion) -> Branches:
    yield Branch(_member(source, form.members), ItemType.ENUMERATION)


def _mask(source: Source, form: MaskForm, version: ProtocolVersion) -> Branches:
    made = f"v = {source.name(form.bits)}(v & 0xFFFFFFFF)"
    yield Branch((*_INTEGER, made), ItemType.INTEGER)


def _big_integer(source: Source, form: BigIntegerForm, version: ProtocolVersion) -> Branches:
    lines = (
        "if not length or length & 7: raise Irregular",
        "v = int.from_bytes(data[start:stop], 'big', signed=True)",
    )
    yield Branch(lines, ItemType.BIG_INTEGER)


def _structure(source: Source, form: Nested, version: ProtocolVersion) -> Branches:
    yield Branch(_nested(source, form.cls, version), ItemType.STRUCTURE)


def _converted(source: Source, form: Converted, version: ProtocolVersion) -> Branches:
    into = f"v = {source.name(form.into)}(v)"
    for branch in _of_form(source, form.form, version):
        yield branch._replace(lines=(*branch.lines, into))


def _versioned(source: Source, form: Versioned, version: ProtocolVersion) -> Branches:
    for kind, each in form.readers.items():
        for branch in _of_form(source, each, version):
            if branch.type == kind:
                yield branch


def _identifier(source: Source, form: IdentifierForm, version: ProtocolVersion) -> Branches:
    for kind in (ItemType.TEXT_STRING, ItemType.IDENTIFIER, ItemType.REFERENCE):
        yield Branch(_TEXT, kind)
    yield Branch(_member(source, UniqueIdentifier), ItemType.ENUMERATION)
    yield Branch(_INTEGER, ItemType.INTEGER)


def _date_time(source: Source, form: DateTimeForm, version: ProtocolVersion) -> Branches:
    yield Branch(_LONG, ItemType.DATE_TIME)
    yield Branch((*_LONG, "v //= 1_000_000"), ItemType.DATE_TIME_EXTENDED)


def _data(source: Source, form: DataForm, version: ProtocolVersion) -> Branches:
    yield Branch(_BYTES, ItemType.BYTE_STRING)
    yield Branch(_INTEGER, ItemType.INTEGER)
    yield Branch(_member(source, Data), ItemType.ENUMERATION)


def _operation(source: Source, form: OperationForm, version: ProtocolVersion) -> Branches:
    yield Branch(_member(source, form.members), ItemType.ENUMERATION)


def _protocol_version(
    source: Source, form: ProtocolVersionForm, version: ProtocolVersion
) -> Branches:
    read = f"{source.name(form.read)}(decode(data[first:at]), {source.name(version)})"
    lines = (
        f"v = {source.name(_VERSIONS)}.get(data[start:stop])",
        f"if v is None: v = {read}",
    )
    yield Branch(lines, ItemType.STRUCTURE)


def _key_material(source: Source, form: MaterialForm, version: ProtocolVersion) -> Branches:
    yield Branch(_BYTES, ItemType.BYTE_STRING)
    yield Branch(_AS_ITEM, ItemType.STRUCTURE)


def _key_value(source: Source, form: KeyValueForm, version: ProtocolVersion) -> Branches:
    yield Branch(_BYTES, ItemType.BYTE_STRING)
    yield Branch(_nested(source, KeyValue, version), ItemType.STRUCTURE)


def _key_block(source: Source, form: KeyBlockForm, version: ProtocolVersion) -> Branches:
    bound = f"v = {source.name(form.bound)}(v, {source.name(version)})"
    yield Branch((*_nested(source, KeyBlock, version), bound), ItemType.STRUCTURE)


_FORMS: Final[dict[type, Callable[[Source, Any, ProtocolVersion], Branches]]] = {
    Plain: _plain,
    EnumerationForm: _enumeration,
    MaskForm: _mask,
    BigIntegerForm: _big_integer,
    Nested: _structure,
    Converted: _converted,
    Versioned: _versioned,
    IdentifierForm: _identifier,
    DateTimeForm: _date_time,
    DataForm: _data,
    OperationForm: _operation,
    ProtocolVersionForm: _protocol_version,
    MaterialForm: _key_material,
    KeyValueForm: _key_value,
    KeyBlockForm: _key_block,
}
"""What is read without an item between. Every other form reads an item."""


def _of_form(source: Source, form: Form, version: ProtocolVersion) -> Branches:
    """The branches of a form within another."""
    return _FORMS[type(form)](source, form, version)
