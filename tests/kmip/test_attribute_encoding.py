import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip.attribute_encoding import (
    MAX_INSTANCES,
    MAX_TEMPLATES,
    Gathered,
    Listed,
    Referenced,
    Single,
    attribute_of_name,
    exists,
    read_attributes,
    read_named,
    read_tagged,
    single_form,
    write_attributes,
)
from kmip.attribute_table import ATTRIBUTES, LINK_TAGS
from kmip.attribute_values import Link, Name
from kmip.attributes import AttributeInstance, Attributes, VendorAttributeName
from kmip.enums import ItemType, LinkType, ObjectType
from kmip.errors import IndexOutOfBounds, InvalidMessage, UnsupportedAttribute
from kmip.items import Item, structure
from kmip.tags import Tag
from kmip.versions import INTERNAL, SUPPORTED, V1_0, V1_4, V2_0, V2_1, V3_0, AttributeForm
from tests.kmip.strategies import attribute_sets

NAMED, TAGGED = AttributeForm.NAMED, AttributeForm.TAGGED
TEMPLATE = Gathered(Tag.TEMPLATE_ATTRIBUTE, Tag.ATTRIBUTES)
ONE, TWO = Name(name_value="one"), Name(name_value="two")
COLOUR, MADE = VendorAttributeName("x", "Colour"), VendorAttributeName("acme", "Made")
RED = Item(Tag.ATTRIBUTE_VALUE, ItemType.TEXT_STRING, "red")


def text(tag, value):
    return Item(tag, ItemType.TEXT_STRING, value)


def integer(tag, value):
    return Item(tag, ItemType.INTEGER, value)


def name_item(value, tag=Tag.NAME):
    kind = Item(Tag.NAME_TYPE, ItemType.ENUMERATION, 1)
    return structure(tag, text(Tag.NAME_VALUE, value), kind)


def named(name, value, index=None):
    """An Attribute structure of 1.x."""
    place = [] if index is None else [integer(Tag.ATTRIBUTE_INDEX, index)]
    return structure(Tag.ATTRIBUTE, text(Tag.ATTRIBUTE_NAME, name), *place, value)


def vendors(vendor, name, *value):
    """An Attribute structure of 2.x."""
    first = text(Tag.VENDOR_IDENTIFICATION, vendor)
    return structure(Tag.ATTRIBUTE, first, text(Tag.ATTRIBUTE_NAME, name), *value)


def value_of(item, version=V1_4):
    """The one value that a template with this item has."""
    ((key, value),) = TEMPLATE.read([structure(Tag.TEMPLATE_ATTRIBUTE, item)], version)
    return key, value


LENGTH = integer(Tag.ATTRIBUTE_VALUE, 128)


# Both forms


def test_1_x_names_attributes_and_gives_indices():
    attributes = Attributes([(Tag.NAME, ONE), (Tag.NAME, TWO), (COLOUR, RED)])
    (item,) = TEMPLATE.write(attributes, V1_4)
    assert item == structure(
        Tag.TEMPLATE_ATTRIBUTE,
        named("Name", name_item("one", Tag.ATTRIBUTE_VALUE)),
        named("Name", name_item("two", Tag.ATTRIBUTE_VALUE), 1),
        named("x-Colour", RED),
    )


def test_2_x_has_a_tag_for_each_attribute():
    attributes = Attributes([(Tag.NAME, ONE), (Tag.NAME, TWO), (COLOUR, RED)])
    (item,) = TEMPLATE.write(attributes, V2_1)
    assert item == structure(
        Tag.ATTRIBUTES, name_item("one"), name_item("two"), vendors("x", "Colour", RED)
    )


def test_3_0_has_texts_for_names_and_a_tag_for_each_type_of_link():
    link = Link(link_type=LinkType.PARENT_LINK, linked_object_identifier="7")
    attributes = Attributes([(Tag.NAME, ONE), (Tag.LINK, link), (Tag.OBJECT_GROUP, "g")])
    (item,) = TEMPLATE.write(attributes, V3_0)
    assert item == structure(
        Tag.ATTRIBUTES,
        text(Tag.NAME, "one"),
        Item(Tag.PARENT_LINK, ItemType.REFERENCE, "7"),
        Item(Tag.GROUP_LINK, ItemType.NAME_REFERENCE, "g"),
    )
    assert TEMPLATE.read([item], V3_0) == attributes


@pytest.mark.parametrize("kind", LinkType)
def test_every_type_of_link_is_carried_in_3_0(kind):
    link = Link(link_type=kind, linked_object_identifier="7")
    (item,) = write_attributes(Attributes([(Tag.LINK, link)]), V3_0, TAGGED)
    assert item == Item(LINK_TAGS[kind], ItemType.REFERENCE, "7")
    assert read_tagged(item, V3_0).value == link


def test_a_vendors_type_of_link_has_no_tag_in_3_0():
    link = Link(link_type=LinkType(0x80000001), linked_object_identifier="7")
    attributes = Attributes([(Tag.LINK, link), (Tag.COMMENT, "c")])
    assert list(write_attributes(attributes, V3_0, TAGGED)) == [text(Tag.COMMENT, "c")]


def test_a_vendors_attribute_is_a_custom_one_in_1_x():
    (item,) = write_attributes(Attributes([(MADE, RED)]), V1_4, NAMED)
    assert item == named("x-acme-Made", RED)


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
def test_attributes_are_understood_in_any_mixture_of_forms(version):
    items = [
        structure(Tag.TEMPLATE_ATTRIBUTE, named("Cryptographic Length", LENGTH)),
        structure(Tag.ATTRIBUTES, name_item("one"), text(Tag.COMMENT, "c")),
        named("x-Colour", RED, 0),
        vendors("acme", "Made", RED),
    ]
    assert read_attributes(items, version) == Attributes(
        [
            (Tag.CRYPTOGRAPHIC_LENGTH, 128),
            (Tag.NAME, ONE),
            (Tag.COMMENT, "c"),
            (COLOUR, RED),
            (MADE, RED),
        ]
    )


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
def test_only_attributes_of_the_version_are_written(version):
    attributes = Attributes([(Tag.FRESH, True), (Tag.COMMENT, "c"), (Tag.QUANTUM_SAFE, True)])
    attributes.set(Tag.OPERATION_POLICY_NAME, "default")
    written = TEMPLATE.write(attributes, version)
    found = TEMPLATE.read(list(written), version)
    assert set(found.values) == {key for key in attributes.values if key.span.covers(version)}


def test_every_attribute_exists_at_rest():
    assert all(exists(key, INTERNAL) for key in ATTRIBUTES)
    assert exists(COLOUR, V1_0)
    assert not exists(Tag.FRESH, V1_0)
    assert exists(Tag.OBJECT_GROUP, V3_0)


@pytest.mark.parametrize("version", [*SUPPORTED, INTERNAL], ids=str)
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_attributes_are_read_as_they_were_written(version, data):
    attributes = data.draw(attribute_sets(version))
    assert TEMPLATE.read(list(TEMPLATE.write(attributes, version)), version) == attributes


# Indices


def test_indices_are_kept_in_1_x():
    attributes = Attributes()
    attributes.add(Tag.NAME, ONE, 3)
    attributes.add(Tag.NAME, TWO, 5)
    written = list(TEMPLATE.write(attributes, V1_4))
    assert TEMPLATE.read(written, V1_4) == attributes


def test_indices_are_kept_at_rest_where_they_are_not_the_next():
    attributes = Attributes([(Tag.NAME, ONE)])
    attributes.add(Tag.NAME, TWO, 4)
    attributes.add(Tag.NAME, ONE, 5)
    attributes.add(COLOUR, RED, 2)
    (item,) = TEMPLATE.write(attributes, INTERNAL)
    assert [child.value for child in item.children if child.tag == Tag.ATTRIBUTE_INDEX] == [4, 2]
    assert TEMPLATE.read([item], INTERNAL) == attributes


def test_two_values_with_the_same_index_are_both_kept():
    """A client numbers every value 0."""
    items = [named("Name", name_item(name, Tag.ATTRIBUTE_VALUE), 0) for name in ("one", "two")]
    found = read_attributes(items, V1_4)
    assert found.values == {Tag.NAME: {0: ONE, 1: TWO}}


@pytest.mark.parametrize("index", [-1, 1 << 30, (1 << 31) - 1])
def test_an_index_from_which_no_other_could_follow_is_refused(index):
    with pytest.raises(IndexOutOfBounds):
        read_named(named("Cryptographic Length", LENGTH, index), V1_4)


def test_an_index_is_a_number():
    item = structure(
        Tag.ATTRIBUTE,
        text(Tag.ATTRIBUTE_NAME, "Cryptographic Length"),
        text(Tag.ATTRIBUTE_INDEX, "0"),
        LENGTH,
    )
    with pytest.raises(InvalidMessage, match="AttributeIndex: expected INTEGER"):
        read_named(item, V1_4)


def test_a_client_gives_no_indices_among_tags():
    item = structure(Tag.ATTRIBUTES, integer(Tag.ATTRIBUTE_INDEX, 4), name_item("one"))
    with pytest.raises(UnsupportedAttribute):
        TEMPLATE.read([item], V2_1)


# Refusals


@pytest.mark.parametrize(
    "item,error",
    [
        (structure(Tag.ATTRIBUTE, LENGTH), InvalidMessage),
        (structure(Tag.ATTRIBUTE, integer(Tag.ATTRIBUTE_NAME, 1), LENGTH), InvalidMessage),
        (named("Cryptographic Length", text(Tag.ATTRIBUTE_VALUE, "128")), InvalidMessage),
        (named("Cryptographic  Length", LENGTH), UnsupportedAttribute),
        (named("cryptographic length", LENGTH), UnsupportedAttribute),
        (named("z-Colour", RED), UnsupportedAttribute),
        (named("", RED), UnsupportedAttribute),
        (named("Key Material", RED), UnsupportedAttribute),
        (structure(Tag.ATTRIBUTE, *[text(Tag.ATTRIBUTE_NAME, "x-a")] * 2), InvalidMessage),
        (
            structure(Tag.ATTRIBUTE, text(Tag.ATTRIBUTE_NAME, "x-a"), RED, text(Tag.PASSWORD, "x")),
            InvalidMessage,
        ),
        (text(Tag.KEY_MATERIAL, "x"), UnsupportedAttribute),
        (text(0x540001, "x"), UnsupportedAttribute),
        (text(Tag.CRYPTOGRAPHIC_LENGTH, "128"), InvalidMessage),
        (
            structure(
                Tag.ATTRIBUTE,
                integer(Tag.VENDOR_IDENTIFICATION, 1),
                text(Tag.ATTRIBUTE_NAME, "Colour"),
                RED,
            ),
            InvalidMessage,
        ),
    ],
)
def test_what_is_no_attribute_is_refused(item, error):
    with pytest.raises(error):
        value_of(item)


def test_a_vendors_part_of_an_attribute_is_passed_over():
    item = structure(Tag.ATTRIBUTE, text(Tag.ATTRIBUTE_NAME, "x-Colour"), RED, text(0x540001, "x"))
    assert value_of(item) == (COLOUR, RED)


def test_an_attribute_without_a_value_is_asked_for_and_not_set():
    item = structure(Tag.ATTRIBUTE, text(Tag.ATTRIBUTE_NAME, "Name"))
    assert read_named(item, V1_4) == AttributeInstance(Tag.NAME, None)
    assert not read_attributes([item, vendors("x", "Colour")], V1_4)


def test_a_structure_has_a_bounded_number_of_values():
    items = [text(Tag.OBJECT_GROUP, "g")] * (MAX_INSTANCES + 1)
    with pytest.raises(InvalidMessage, match="too many attributes"):
        read_attributes([structure(Tag.ATTRIBUTES, *items)], V2_1)
    assert len(read_attributes([structure(Tag.ATTRIBUTES, *items[1:])], V2_1).values) == 1


def test_a_request_names_a_bounded_number_of_templates():
    names = [name_item("one")] * (MAX_TEMPLATES + 1)
    with pytest.raises(InvalidMessage, match="names too many templates"):
        TEMPLATE.read([structure(Tag.TEMPLATE_ATTRIBUTE, *names)], V1_4)
    found = TEMPLATE.read([structure(Tag.TEMPLATE_ATTRIBUTE, *names[1:])], V1_4)
    assert len(found.templates) == MAX_TEMPLATES


@pytest.mark.parametrize(
    "name,key",
    [
        ("Object Type", Tag.OBJECT_TYPE),
        ("x-Colour", COLOUR),
        ("y-Colour", VendorAttributeName("y", "Colour")),
        ("x-", VendorAttributeName("x", "")),
        ("x-a-b", VendorAttributeName("x", "a-b")),
        ("xColour", VendorAttributeName("", "xColour")),
        ("X-Colour", VendorAttributeName("", "X-Colour")),
    ],
)
def test_a_name_of_1_x_means_a_key(name, key):
    assert attribute_of_name(name) == key


# The carriages


def test_templates_are_named_in_1_x():
    attributes = Attributes([(Tag.COMMENT, "c")], templates=(ONE, TWO))
    (item,) = TEMPLATE.write(attributes, V1_4)
    assert [child.tag for child in item.children] == [Tag.NAME, Tag.NAME, Tag.ATTRIBUTE]
    assert TEMPLATE.read([item], V1_4) == attributes


def test_attributes_stand_alone_in_1_x_and_together_after_it():
    attributes = Attributes([(Tag.COMMENT, "c"), (Tag.CRYPTOGRAPHIC_LENGTH, 128)])
    carriage = Listed()
    assert [item.tag for item in carriage.write(attributes, V1_4)] == [Tag.ATTRIBUTE] * 2
    assert [item.tag for item in carriage.write(attributes, V2_0)] == [Tag.ATTRIBUTES]
    assert list(carriage.write(Attributes(), V1_4)) == []
    assert list(carriage.write(Attributes(), V2_0)) == [structure(Tag.ATTRIBUTES)]
    for version in (V1_4, V2_0):
        assert carriage.read(list(carriage.write(attributes, version)), version) == attributes


NEW, CURRENT = Single(Tag.NEW_ATTRIBUTE), Single(Tag.CURRENT_ATTRIBUTE)


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
@pytest.mark.parametrize("key,value", [(Tag.NAME, ONE), (COLOUR, RED), (COLOUR, None)])
def test_one_attribute_is_read_as_it_was_written(version, key, value):
    index = 3 if single_form(version) == NAMED else None
    instance = AttributeInstance(key, value, index)
    assert NEW.read(list(NEW.write(instance, version)), version) == instance


def test_the_current_attribute_has_no_form_in_1_x():
    assert CURRENT.tags == (Tag.CURRENT_ATTRIBUTE,)
    assert NEW.tags == (Tag.NEW_ATTRIBUTE, Tag.ATTRIBUTE)


@pytest.mark.parametrize(
    "items",
    [
        [structure(Tag.NEW_ATTRIBUTE)],
        [structure(Tag.NEW_ATTRIBUTE, name_item("one"), name_item("two"))],
        [named("Cryptographic Length", LENGTH)] * 2,
        [structure(Tag.NEW_ATTRIBUTE, name_item("one")), named("x-Colour", RED)],
    ],
)
def test_one_attribute_is_one(items):
    with pytest.raises(InvalidMessage, match="exactly one attribute"):
        NEW.read(items, V2_0)


def references(keys, version):
    return list(Referenced().write(keys, version))


def test_1_x_refers_by_name():
    keys = (Tag.NAME, COLOUR, MADE, LinkType.PARENT_LINK, Tag.QUANTUM_SAFE)
    assert references(keys, V1_4) == [
        text(Tag.ATTRIBUTE_NAME, name) for name in ("Name", "x-Colour", "x-acme-Made", "Link")
    ]


def test_2_x_refers_by_tag():
    keys = (Tag.NAME, COLOUR, LinkType.PARENT_LINK, Tag.OPERATION_POLICY_NAME)
    assert references(keys, V2_1) == [
        Item(Tag.ATTRIBUTE_REFERENCE, ItemType.ENUMERATION, int(Tag.NAME)),
        structure(
            Tag.ATTRIBUTE_REFERENCE,
            text(Tag.VENDOR_IDENTIFICATION, "x"),
            text(Tag.ATTRIBUTE_NAME, "Colour"),
        ),
        Item(Tag.ATTRIBUTE_REFERENCE, ItemType.ENUMERATION, int(Tag.LINK)),
    ]


def test_3_0_refers_to_links_and_groups_by_their_tags():
    keys = (LinkType.PARENT_LINK, Tag.OBJECT_GROUP)
    written = references(keys, V3_0)
    assert [item.value for item in written] == [int(Tag.PARENT_LINK), int(Tag.GROUP_LINK)]
    assert Referenced().read(written, V3_0) == keys


@pytest.mark.parametrize(
    "item,key",
    [
        (text(Tag.ATTRIBUTE_NAME, "Name"), Tag.NAME),
        (text(Tag.ATTRIBUTE_NAME, "nothing"), VendorAttributeName("", "nothing")),
        (
            Item(Tag.ATTRIBUTE_REFERENCE, ItemType.ENUMERATION, int(Tag.KEY_MATERIAL)),
            VendorAttributeName("", "KeyMaterial"),
        ),
        (
            Item(Tag.ATTRIBUTE_REFERENCE, ItemType.ENUMERATION, 0x54FFFF),
            VendorAttributeName("", "54FFFF"),
        ),
        (
            structure(Tag.ATTRIBUTE_REFERENCE, text(Tag.ATTRIBUTE_NAME, "Object Type")),
            Tag.OBJECT_TYPE,
        ),
    ],
)
def test_a_reference_to_nothing_known_is_a_key_that_no_object_has(item, key):
    assert Referenced().read([item], V2_1) == (key,)


@pytest.mark.parametrize(
    "item",
    [
        structure(Tag.ATTRIBUTE_REFERENCE),
        structure(Tag.ATTRIBUTE_REFERENCE, integer(Tag.ATTRIBUTE_NAME, 1)),
        integer(Tag.ATTRIBUTE_NAME, 1),
        structure(
            Tag.ATTRIBUTE_REFERENCE,
            integer(Tag.VENDOR_IDENTIFICATION, 1),
            text(Tag.ATTRIBUTE_NAME, "Colour"),
        ),
    ],
)
def test_a_reference_without_a_name_is_refused(item):
    with pytest.raises(InvalidMessage):
        Referenced().read([item], V2_1)


def test_values_have_the_form_of_the_table():
    item = Item(Tag.OBJECT_TYPE, ItemType.ENUMERATION, 2)
    assert read_tagged(item, V2_1) == AttributeInstance(Tag.OBJECT_TYPE, ObjectType.SYMMETRIC_KEY)
