import re

import pytest

from kmip.attribute_encoding import write_attributes
from kmip.attribute_table import ATTRIBUTES, BY_NAME, FIELDS_ONCE, LINK_TAGS, LINK_TYPES
from kmip.attribute_values import Link, Name
from kmip.attributes import (
    AttributeInstance,
    Attributes,
    VendorAttributeName,
    custom_value,
    definition,
    is_single,
    name_of,
)
from kmip.enums import ItemType, KeyFormatType, LinkType
from kmip.items import Item
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_0, V1_4, V2_0, AttributeForm
from tests.kmip.shared import SPECIFICATIONS, needs_specifications

ONE, TWO, THREE = (Name(name_value=text) for text in ("one", "two", "three"))
COLOUR = VendorAttributeName("x", "Colour")
RED = Item(Tag.ATTRIBUTE_VALUE, ItemType.TEXT_STRING, "red")


def link(kind, target):
    return Link(link_type=kind, linked_object_identifier=target)


PUBLIC, PRIVATE = LinkType.PUBLIC_KEY_LINK, LinkType.PRIVATE_KEY_LINK


@pytest.fixture
def attributes():
    return Attributes([(Tag.NAME, ONE), (Tag.NAME, TWO), (Tag.COMMENT, "c"), (COLOUR, RED)])


def test_values_are_found_by_their_key(attributes):
    assert Tag.NAME in attributes
    assert Tag.STATE not in attributes
    assert attributes.get(Tag.NAME) is ONE
    assert attributes.get(Tag.STATE) is None
    assert attributes.get(Tag.STATE, 5) == 5
    assert attributes.all(Tag.NAME) == (ONE, TWO)
    assert attributes.all(Tag.STATE) == ()
    assert attributes
    assert not Attributes()


def test_instances_come_in_the_order_of_their_keys(attributes):
    assert list(attributes) == [
        (Tag.NAME, ONE),
        (Tag.NAME, TWO),
        (Tag.COMMENT, "c"),
        (COLOUR, RED),
    ]
    assert list(attributes.instances())[:2] == [(Tag.NAME, 0, ONE), (Tag.NAME, 1, TWO)]


def test_an_instance_keeps_its_index_when_others_go(attributes):
    assert attributes.add(Tag.NAME, THREE) == 2
    attributes.remove(Tag.NAME, 0)
    assert list(attributes.values[Tag.NAME]) == [1, 2]
    assert attributes.add(Tag.NAME, ONE) == 3


def test_an_index_is_not_given_again():
    attributes = Attributes([(Tag.NAME, ONE), (Tag.NAME, TWO)])
    attributes.remove(Tag.NAME, 1)
    twin = attributes.copy()
    assert attributes.add(Tag.NAME, THREE) == twin.add(Tag.NAME, THREE) == 2
    attributes.set(Tag.NAME, ONE)
    assert attributes.add(Tag.NAME, TWO) == 1


def test_an_index_is_taken_where_it_is_free(attributes):
    assert attributes.add(Tag.NAME, THREE, 7) == 7
    assert attributes.add(Tag.NAME, THREE, 0) == 8
    assert attributes.add(Tag.DIGEST, THREE, 4) == 4


def test_the_last_instance_takes_the_attribute_with_it(attributes):
    attributes.remove(Tag.NAME, 0)
    attributes.remove(Tag.NAME, 1)
    assert Tag.NAME not in attributes
    attributes.remove(Tag.COMMENT)
    attributes.remove(Tag.STATE)
    attributes.remove(Tag.STATE, 3)
    assert list(attributes.values) == [COLOUR]


def test_setting_leaves_one_value_and_none_removes_it(attributes):
    attributes.set(Tag.NAME, THREE)
    assert attributes.values[Tag.NAME] == {0: THREE}
    attributes.set(Tag.NAME, None)
    assert Tag.NAME not in attributes
    attributes.set(Tag.NAME, None)
    attributes.set(Tag.FRESH, False)
    assert attributes.get(Tag.FRESH, "absent") is False


def test_an_instance_is_found_by_its_value(attributes):
    assert attributes.find(Tag.NAME, Name(name_value="two")) == 1
    assert attributes.find(Tag.NAME, THREE) is None
    assert attributes.find(Tag.STATE, THREE) is None


def test_attributes_are_selected_with_their_indices(attributes):
    attributes.remove(Tag.NAME, 0)
    found = attributes.select([Tag.NAME, COLOUR, Tag.STATE, Tag.NAME])
    assert found.values == {Tag.NAME: {1: TWO}, COLOUR: {0: RED}}


@pytest.mark.parametrize(
    "selectors,indices",
    [
        ([PUBLIC], [0]),
        ([PRIVATE], [1, 2]),
        ([PRIVATE, PUBLIC], [0, 1, 2]),
        ([PUBLIC, Tag.LINK], [0, 1, 2]),
        ([Tag.LINK, PUBLIC], [0, 1, 2]),
        ([LinkType.PARENT_LINK], []),
    ],
)
def test_links_are_selected_by_their_type(selectors, indices):
    links = [link(PUBLIC, "1"), link(PRIVATE, "2"), link(PRIVATE, "3")]
    found = Attributes((Tag.LINK, each) for each in links).select(selectors)
    assert sorted(found.values.get(Tag.LINK, {})) == indices


def test_a_copy_is_independent(attributes):
    attributes.templates = (ONE,)
    twin = attributes.copy()
    assert twin == attributes
    twin.add(Tag.NAME, THREE)
    twin.set(Tag.COMMENT, "other")
    assert attributes.all(Tag.NAME) == (ONE, TWO)
    assert attributes.get(Tag.COMMENT) == "c"
    assert twin.templates == (ONE,)


def test_an_update_replaces_a_single_value_and_adds_to_several(attributes):
    attributes.update(Attributes([(Tag.COMMENT, "new"), (Tag.NAME, THREE), (COLOUR, RED)]))
    assert attributes.all(Tag.COMMENT) == ("new",)
    assert attributes.all(Tag.NAME) == (ONE, TWO, THREE)
    assert attributes.all(COLOUR) == (RED, RED)


def test_values_are_never_shown(attributes):
    assert repr(attributes) == "Attributes(Name, Comment, x-Colour)"
    assert "secret" not in repr(AttributeInstance(Tag.COMMENT, "secret"))


@pytest.mark.parametrize(
    "key,name,single",
    [
        (Tag.CRYPTOGRAPHIC_LENGTH, "Cryptographic Length", True),
        (Tag.NAME, "Name", False),
        (COLOUR, "x-Colour", False),
    ],
)
def test_an_attribute_has_a_name_and_one_value_or_several(key, name, single):
    assert name_of(key) == name
    assert is_single(key) == single


def test_a_link_is_named_by_its_type():
    assert name_of(PUBLIC) == "PublicKeyLink"


def test_custom_attributes_have_no_row():
    assert definition(COLOUR) is None
    assert definition(Tag.NAME) is ATTRIBUTES[Tag.NAME]


def test_a_custom_value_keeps_its_type_whatever_tag_it_came_under():
    item = Item(Tag.DATA, ItemType.INTEGER, 5)
    assert custom_value(item) == Item(Tag.ATTRIBUTE_VALUE, ItemType.INTEGER, 5)


# The table


def test_every_attribute_is_found_by_its_tag_and_by_its_name():
    assert all(row.tag == tag for tag, row in ATTRIBUTES.items())
    assert len(BY_NAME) == len(ATTRIBUTES)
    assert BY_NAME["PKCS#12 Friendly Name"].tag == Tag.PKCS_12_FRIENDLY_NAME


def test_an_attribute_exists_in_the_versions_that_have_its_tag():
    older = {tag for tag, row in ATTRIBUTES.items() if row.span != tag.span}
    assert older == FIELDS_ONCE.keys()


def test_what_was_a_field_first_became_an_attribute_later():
    assert all(
        tag.span.covers(V1_0) and ATTRIBUTES[tag].span == span and not span.covers(V1_4)
        for tag, span in FIELDS_ONCE.items()
    )
    key_format = Attributes([(Tag.KEY_FORMAT_TYPE, KeyFormatType.RAW)])
    assert list(write_attributes(key_format, V1_4, AttributeForm.NAMED)) == []
    assert len(list(write_attributes(key_format, V2_0, AttributeForm.TAGGED))) == 1


def test_every_type_of_link_is_an_attribute_in_3_0():
    assert LINK_TAGS.keys() == set(LinkType)
    assert {tag: kind for kind, tag in LINK_TAGS.items()} == LINK_TYPES
    assert len(LINK_TYPES) == len(LINK_TAGS)
    assert not LINK_TYPES.keys() & ATTRIBUTES.keys()


def headings(version, chapter):
    """The attributes that a version of the specification describes, each in its section."""
    text = (SPECIFICATIONS / f"kmip-spec-{version}.md").read_text()
    return {
        BY_NAME[name].tag
        for name in re.findall(rf"^#+ {chapter}\.\d+ (.*)$", text, re.MULTILINE)
        if name in BY_NAME
    }


@needs_specifications
@pytest.mark.parametrize(
    "version,chapter",
    [("1.0", 3), ("1.1", 3), ("1.2", 3), ("1.3", 3), ("1.4", 3), ("2.0", 4), ("2.1", 4)],
)
def test_a_version_has_the_attributes_that_it_describes(version, chapter):
    spoken = next(v for v in SUPPORTED if str(v) == version)
    # Those of the names in a certificate share one section, and in 1.4 have only their tags.
    names = re.compile("CERTIFICATE_(SUBJECT|ISSUER)_")
    ours = {row.tag for row in ATTRIBUTES.values() if row.span.covers(spoken)}
    assert {tag for tag in ours if not names.match(tag.name)} == headings(version, chapter)
