"""Functions that write a structure as bytes; see `kmip.compiled` for what they leave aside.

A writer is `write(value)`: the content of the structure item that holds `value`, without the item's
header. What the version lacks is left out, and not even looked at, but for the fields that a client
needs: a value there is irregular, and the generic way says what is wrong with it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from kmip.compiled.attribute_writing import Append, writer_of_carriage
from kmip.compiled.reading import is_of_object
from kmip.compiled.source import ITEMS, VERSION_ITEMS, Irregular, Source
from kmip.enums import ItemType
from kmip.items import Item
from kmip.key_block import KeyBlock, KeyBlockForm, KeyValue, KeyValueForm, MaterialForm
from kmip.messages import OperationForm, ProtocolVersionForm
from kmip.objects import OBJECTS
from kmip.structures import (
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
from kmip.tags import Tag
from kmip.types import DateTimeForm, IdentifierForm
from kmip.versions import V3_0, ProtocolVersion

Write = Callable[[Any], bytes]

NOT_TAKEN: Final = (Irregular, struct.error, ValueError, TypeError, AttributeError, LookupError)
"""What a writer raises for what it does not take."""
_TRUE, _FALSE = b"\0\0\0\0\0\0\0\1", bytes(8)
_GLOBALS: Final = {
    "Item": Item,
    "header": struct.Struct(">II").pack,
    "i32": struct.Struct(">IIi4x").pack,
    "u32": struct.Struct(">III4x").pack,
    "i64": struct.Struct(">IIq").pack,
    "encode": ITEMS.encode,
}
_HEADER: Final = struct.Struct(">II").pack


def writer_of(cls: type[Structure], version: ProtocolVersion) -> Write:
    """The function that writes a structure in a version.

    It raises one of `NOT_TAKEN` for everything that it does not take.

    Args:
        cls: declared with `structure`.
        version: the protocol version it is written in.
    """
    key = (cls, version)
    write = _WRITERS.get(key)
    if write is None:
        write = _WRITERS[key] = _compiled(cls, version)
    return write


_WRITERS: Final[dict[tuple[type[Structure], ProtocolVersion], Write]] = {}


def _compiled(cls: type[Structure], version: ProtocolVersion) -> Write:
    source = Source()
    source.names.update(_GLOBALS)
    plan = plan_of(cls)
    source.add(0, ("def write(value):",))
    source.add(1, ("parts = []",))
    for field in plan.needed:
        if not field.span.covers(version):
            source.add(1, (f"if value.{field.name} is not None: raise Irregular",))
    for field in plan.fields:
        if field.span.covers(version):
            source.add(1, (f"v = value.{field.name}", "if v is not None:"))
            lines = tuple(_written(source, field, version))
            if field.many and field.carriage is None:
                source.add(2, ("for v in v:",))
            source.add(2 + (field.many and field.carriage is None), lines)
    source.add(1, ("return b''.join(parts)",))
    return source.function("write", f"writer of {cls.__name__} {version}")


def written(value: Structure, version: ProtocolVersion) -> bytes | None:
    """The content of a structure's item; None where it must be written through items."""
    try:
        return writer_of(type(value), version)(value)
    except NOT_TAKEN:
        return None


def _written(source: Source, field: StructureField, version: ProtocolVersion) -> Iterator[str]:
    """The lines that append the value `v` of a field to `parts`."""
    if is_of_object(field):
        yield from _object(source, version)
    elif field.carriage is not None:
        append = writer_of_carriage(
            field.carriage, version, partial(_value_writer, version=version)
        )
        if append is not None:
            yield f"{source.name(append)}(v, parts)"
            return
        yield f"for item in {source.name(field.carriage.write)}(v, {source.name(version)}):"
        yield "    parts.append(encode(item))"
    else:
        yield from _of_form(source, field.form, field.tag, version)


def _value_writer(tag: int, form: Form, version: ProtocolVersion) -> Append:
    """The function that appends a value of a form, as an item under a tag."""
    source = Source()
    source.names.update(_GLOBALS)
    source.add(0, ("def write(v, parts):",))
    source.add(1, _of_form(source, form, tag, version))
    return source.function("write", f"writer of a value {version}")


def _of_form(source: Source, form: Form, tag: int, version: ProtocolVersion) -> Iterator[str]:
    emit = _FORMS.get(type(form))
    if emit is None:
        yield f"parts.append(encode({source.name(form.write)}({tag}, v, {source.name(version)})))"
    else:
        yield from emit(source, form, tag, version)


def _object(source: Source, version: ProtocolVersion) -> Iterator[str]:
    table = {
        cls: (tag << 8 | ItemType.STRUCTURE, writer_of(cls, version))
        for tag, cls in OBJECTS.values()
    }
    yield f"found = {source.name(table)}.get(type(v))"
    yield "if found is None: raise Irregular"
    yield "content = found[1](v)"
    yield "parts.append(header(found[0], len(content)))"
    yield "parts.append(content)"


Lines = Iterator[str]


def _padded(word: int, content: str, *before: str) -> Lines:
    yield from before
    yield f"raw = {content}"
    yield "n = len(raw)"
    yield f"parts.append(header({word}, n))"
    yield "parts.append(raw)"
    yield "if n & 7: parts.append(zeros[-n & 7])"


def _text(word: int) -> Lines:
    yield from _padded(word, "v.encode()", "if type(v) is not str: raise Irregular")


def _bytes(word: int) -> Lines:
    yield from _padded(word, "v", "if type(v) is not bytes: raise Irregular")


def _number(form: str, length: int, word: int, value: str = "v") -> Lines:
    yield f"parts.append({form}({word}, {length}, {value}))"


def _plain(source: Source, form: Plain, tag: int, version: ProtocolVersion) -> Lines:
    kind, word = form.type, tag << 8 | form.type
    match kind:
        case ItemType.TEXT_STRING | ItemType.IDENTIFIER | ItemType.REFERENCE:
            yield from _text(word)
        case ItemType.BYTE_STRING:
            yield from _bytes(word)
        case ItemType.INTEGER:
            yield from _number("i32", 4, word)
        case ItemType.ENUMERATION | ItemType.INTERVAL:
            yield from _number("u32", 4, word)
        case ItemType.BOOLEAN:
            head = _HEADER(word, 8)
            yield f"if v is True: parts.append({head + _TRUE!r})"
            yield f"elif v is False: parts.append({head + _FALSE!r})"
            yield "else: raise Irregular"
        case _:
            yield from _number("i64", 8, word)


def _enumeration(
    source: Source, form: EnumerationForm | OperationForm, tag: int, version: ProtocolVersion
) -> Lines:
    return _number("u32", 4, tag << 8 | ItemType.ENUMERATION)


def _mask(source: Source, form: MaskForm, tag: int, version: ProtocolVersion) -> Lines:
    yield "bits = int(v) & 0xFFFFFFFF"
    yield from _number("u32", 4, tag << 8 | ItemType.INTEGER, "bits")


def _structure(source: Source, form: Nested, tag: int, version: ProtocolVersion) -> Lines:
    return _nested(source, form.cls, tag, version)


def _nested(source: Source, cls: type[Structure], tag: int, version: ProtocolVersion) -> Lines:
    yield f"if type(v) is not {source.name(cls)}: raise Irregular"
    yield f"content = {source.name(writer_of(cls, version))}(v)"
    yield f"parts.append(header({tag << 8 | ItemType.STRUCTURE}, len(content)))"
    yield "parts.append(content)"


def _raw(source: Source, form: Raw, tag: int, version: ProtocolVersion) -> Lines:
    yield f"parts.append(encode(Item({tag}, v.type, v.value)))"


def _versioned(source: Source, form: Versioned, tag: int, version: ProtocolVersion) -> Lines:
    for span, _, each in form.rows:
        if span.covers(version):
            return _of_form(source, each, tag, version)
    return iter(("raise Irregular",))


def _converted(source: Source, form: Converted, tag: int, version: ProtocolVersion) -> Lines:
    yield f"v = {source.name(form.out)}(v)"
    yield from _of_form(source, form.form, tag, version)


def _identifier(source: Source, form: IdentifierForm, tag: int, version: ProtocolVersion) -> Lines:
    kind = form.type_3_0 if version >= V3_0 else ItemType.TEXT_STRING
    yield "if type(v) is str:"
    yield from (f"    {line}" for line in _padded(tag << 8 | kind, "v.encode()"))
    yield f"else: parts.append(encode({source.name(form.write)}({tag}, v, {source.name(version)})))"


def _date_time(source: Source, form: DateTimeForm, tag: int, version: ProtocolVersion) -> Lines:
    return _number("i64", 8, tag << 8 | ItemType.DATE_TIME)


def _protocol_version(
    source: Source, form: ProtocolVersionForm, tag: int, version: ProtocolVersion
) -> Lines:
    known = VERSION_ITEMS if tag == Tag.PROTOCOL_VERSION else {}
    written = f"encode({source.name(form.write)}({tag}, v, {source.name(version)}))"
    yield f"parts.append({source.name(known)}.get(v) or {written})"


def _key_material(source: Source, form: MaterialForm, tag: int, version: ProtocolVersion) -> Lines:
    yield "if type(v) is bytes:"
    yield from (f"    {line}" for line in _padded(tag << 8 | ItemType.BYTE_STRING, "v"))
    yield f"else: parts.append(encode({source.name(form.write)}({tag}, v, {source.name(version)})))"


def _key_value(source: Source, form: KeyValueForm, tag: int, version: ProtocolVersion) -> Lines:
    yield "if type(v) is bytes:"
    yield from (f"    {line}" for line in _padded(tag << 8 | ItemType.BYTE_STRING, "v"))
    yield "else:"
    yield from (f"    {line}" for line in _nested(source, KeyValue, tag, version))


def _key_block(source: Source, form: KeyBlockForm, tag: int, version: ProtocolVersion) -> Lines:
    yield f"v = {source.name(form.bare)}(v, {source.name(version)})"
    yield from _nested(source, KeyBlock, tag, version)


_FORMS: Final[dict[type, Callable[[Source, Any, int, ProtocolVersion], Lines]]] = {
    Plain: _plain,
    EnumerationForm: _enumeration,
    OperationForm: _enumeration,
    MaskForm: _mask,
    Nested: _structure,
    Raw: _raw,
    Versioned: _versioned,
    Converted: _converted,
    IdentifierForm: _identifier,
    DateTimeForm: _date_time,
    ProtocolVersionForm: _protocol_version,
    MaterialForm: _key_material,
    KeyValueForm: _key_value,
    KeyBlockForm: _key_block,
}
"""What is written without an item between. Every other form writes an item."""
