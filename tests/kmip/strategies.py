"""Hypothesis strategies for declared structures, made from their plans.

`structures(cls, version)` draws what can be encoded for `version`, without fields and attributes
that it lacks, so that what is written is read back equal. Forms and carriages are looked up in
`FORMS` and `CARRIAGES` by their class; one that is missing there is a KeyError, not a gap.
"""

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any

from hypothesis import strategies as st

from kmip.attribute_encoding import Gathered, Listed, Referenced, Single, exists, single_form
from kmip.attribute_table import ATTRIBUTES
from kmip.attributes import (
    AttributeInstance,
    Attributes,
    InstanceReference,
    VendorAttributeName,
    custom_value,
)
from kmip.enums import Data as DataReference
from kmip.enums import ItemType, KeyFormatType, UniqueIdentifier
from kmip.items import Item
from kmip.key_block import BARE, TRANSPARENT, KeyBlock, KeyBlockForm, KeyValue, KeyValueForm
from kmip.messages import ProtocolVersionForm
from kmip.objects import OBJECTS, ObjectCarriage
from kmip.payloads.attribute_instance import (
    DeletedInstance,
    ModifiedInstance,
    ReturnedInstance,
    ReturnedList,
)
from kmip.payloads.certificate_request import RequestValue
from kmip.payloads.data import DataForm
from kmip.payloads.factory_defaults import GroupNames
from kmip.payloads.query_information import VendorSpecific
from kmip.payloads.rights import TicketTime, TicketTimeForm
from kmip.structures import (
    BigIntegerForm,
    Converted,
    EnumerationForm,
    MaskForm,
    Nested,
    Plain,
    Raw,
    Versioned,
    plan_of,
)
from kmip.tags import Tag
from kmip.types import DateTimeForm, IdentifierForm
from kmip.versions import DIALECTS, AttributeForm, ProtocolVersion

texts = st.text(max_size=12)
byte_strings = st.binary(max_size=24)
integers = st.integers(-(1 << 31), (1 << 31) - 1)
long_integers = st.integers(-(1 << 63), (1 << 63) - 1)
intervals = st.integers(0, (1 << 32) - 1)

PLAIN = {
    ItemType.INTEGER: integers,
    ItemType.LONG_INTEGER: long_integers,
    ItemType.ENUMERATION: st.integers(0, (1 << 32) - 1),
    ItemType.BOOLEAN: st.booleans(),
    ItemType.TEXT_STRING: texts,
    ItemType.BYTE_STRING: byte_strings,
    ItemType.DATE_TIME: long_integers,
    ItemType.INTERVAL: intervals,
    ItemType.DATE_TIME_EXTENDED: long_integers,
    ItemType.IDENTIFIER: texts,
    ItemType.REFERENCE: texts,
    ItemType.NAME_REFERENCE: texts,
}
"""The values of an item of each type; a big integer's come from its form."""

big_integers = st.integers(-(1 << 130), 1 << 130)


def leaves(tag):
    """Items with `tag` of every type that is no structure."""
    return st.sampled_from(sorted(PLAIN)).flatmap(
        lambda kind: st.builds(Item, st.just(tag), st.just(kind), PLAIN[kind])
    )


def identifiers():
    """Texts, batch item numbers, and "what that operation made"."""
    return texts | st.sampled_from(UniqueIdentifier) | st.integers(0, 1 << 16)


def _key_blocks(version):
    def block(form):
        slots = {
            **_slots(KeyBlock, version),
            "key_format_type": st.just(form),
            "key_value": st.none() | byte_strings | _key_values(form, version),
        }
        return st.builds(KeyBlock, **slots).filter(_is_read_as_written)

    return st.sampled_from(KeyFormatType).flatmap(block)


def _is_read_as_written(block):
    """Bytes in place of a Key Value are wrapped; else they are read as the material itself."""
    is_plain = block.key_format_type in BARE and block.key_wrapping_data is None
    return not (is_plain and isinstance(block.key_value, bytes))


def _key_values(form, version):
    transparent = TRANSPARENT.get(form)
    material = byte_strings if transparent is None else structures(transparent, version)
    attributes = st.none() | attribute_sets(version, 1)
    return st.builds(KeyValue, key_material=material, attributes=attributes)


def _versioned(form, tag, version):
    """The form that the version writes, whose values are those it can tell."""
    return next(of_form(row, tag, version) for span, _, row in form.rows if span.covers(version))


FORMS: dict[type, Callable[..., st.SearchStrategy[Any]]] = {
    Plain: lambda form, tag, version: PLAIN[form.type],
    EnumerationForm: lambda form, tag, version: st.sampled_from(form.members),
    MaskForm: lambda form, tag, version: st.integers(0, (1 << 32) - 1).map(form.bits),
    BigIntegerForm: lambda form, tag, version: big_integers,
    Nested: lambda form, tag, version: structures(form.cls, version),
    Raw: lambda form, tag, version: leaves(tag),
    Versioned: _versioned,
    Converted: lambda form, tag, version: (
        st.sampled_from(ItemType)
        if tag == Tag.EXTENSION_TYPE
        else of_form(form.form, tag, version).map(form.into)
    ),
    IdentifierForm: lambda form, tag, version: identifiers(),
    DateTimeForm: lambda form, tag, version: long_integers,
    DataForm: lambda form, tag, version: byte_strings | st.sampled_from(DataReference) | integers,
    TicketTimeForm: lambda form, tag, version: (
        st.builds(TicketTime, intervals)
        | st.builds(TicketTime, long_integers, absolute=st.just(True))
    ),
    ProtocolVersionForm: lambda form, tag, version: st.builds(ProtocolVersion, integers, integers),
    KeyValueForm: lambda form, tag, version: byte_strings,
    KeyBlockForm: lambda form, tag, version: _key_blocks(version),
}
"""By the class of a form: (form, tag, version) to the values."""


def of_form(form, tag, version):
    """The values of one form under `tag`."""
    return FORMS[type(form)](form, tag, version)


# Attributes


customs = st.builds(VendorAttributeName, st.sampled_from("xy"), texts)


def keys(version):
    """The attributes that the version has."""
    return st.sampled_from([key for key in ATTRIBUTES if exists(key, version)]) | customs


def selectors(version):
    """What a reference of the version can name; 3.0 has group links for object groups."""
    return keys(version).filter(
        lambda key: not (key == Tag.GROUP_LINK and DIALECTS[version].links_are_attributes)
    )


def attribute_value(key, version):
    """The values of one attribute."""
    if isinstance(key, VendorAttributeName):
        return leaves(Tag.ATTRIBUTE_VALUE).map(custom_value)
    form = of_form(ATTRIBUTES[key].form, key, version)
    if key == Tag.GROUP_LINK and DIALECTS[version].links_are_attributes:
        # Other types than Reference would be an Object Group's.
        return texts
    return form


@cache
def attribute_sets(version, min_size=0):
    """`Attributes` of the version; several values where an attribute may have them."""

    @st.composite
    def draw_attributes(draw):
        found = Attributes()
        for key in draw(st.lists(keys(version), min_size=min_size, max_size=4, unique=True)):
            row = ATTRIBUTES.get(key)
            many = 3 if row is None or row.many else 1
            for value in draw(st.lists(attribute_value(key, version), min_size=1, max_size=many)):
                found.add(key, value)
        return found

    return draw_attributes()


def instances(version, indices):
    """One attribute's value, with an index where the version has them."""
    index = indices if single_form(version) == AttributeForm.NAMED else st.none()
    return keys(version).flatmap(
        lambda key: st.builds(AttributeInstance, st.just(key), attribute_value(key, version), index)
    )


@st.composite
def _templates(draw, version):
    found = draw(attribute_sets(version)).copy()
    if single_form(version) == AttributeForm.NAMED:
        names = of_form(ATTRIBUTES[Tag.NAME].form, Tag.NAME, version)
        found.templates = tuple(draw(st.lists(names, max_size=2)))
    return found


def _deleted(version):
    named = single_form(version) == AttributeForm.NAMED
    return st.builds(
        InstanceReference, selectors(version), st.integers(0, 1 << 16) if named else st.none()
    )


CARRIAGES: dict[type, Callable[..., st.SearchStrategy[Any]]] = {
    Gathered: lambda version: _templates(version),
    Listed: lambda version: attribute_sets(version, 1),
    ReturnedList: lambda version: attribute_sets(version, 1),
    Single: lambda version: instances(version, st.none() | st.integers(1, 1 << 16)),
    ModifiedInstance: lambda version: instances(version, st.integers(0, 1 << 16)),
    ReturnedInstance: lambda version: instances(version, st.none() | st.integers(0, 1 << 16)),
    DeletedInstance: _deleted,
    Referenced: lambda version: st.lists(selectors(version), max_size=3).map(tuple),
    ObjectCarriage: lambda version: st.sampled_from([cls for _, cls in OBJECTS.values()]).flatmap(
        lambda cls: structures(cls, version)
    ),
    RequestValue: lambda version: byte_strings,
    GroupNames: lambda version: st.lists(texts, max_size=2).map(tuple),
    VendorSpecific: lambda version: st.just(()),
}
"""By the class of a carriage: version to the values."""


# Structures


def _field(field, version, absent):
    """The values of a field; None among them where its default is that it is absent."""
    if field.carriage is not None:
        values = CARRIAGES[type(field.carriage)](version)
    else:
        values = of_form(field.form, field.tag, version)
        if field.many:
            return st.lists(values, max_size=2).map(tuple)
    return st.none() | values if absent else values


def _slots(cls, version):
    """By name the values of the fields that the version has."""
    absent = {field.name for field in fields(cls) if field.default is None}
    return {
        field.name: _field(field, version, field.name in absent)
        for field in plan_of(cls).fields
        if field.span.covers(version)
    }


def structures(cls: Any, version: ProtocolVersion) -> st.SearchStrategy[Any]:
    """Instances of a declared structure that `version` can tell."""
    return _structures(cls, version)


@cache
def _structures(cls: Any, version: ProtocolVersion) -> st.SearchStrategy[Any]:
    return st.builds(cls, **_slots(cls, version))
