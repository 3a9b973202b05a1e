import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kmip.attributes import Attributes
from kmip.encodings import ttlv
from kmip.enums import CertificateType, ItemType, KeyFormatType, ObjectType, SecretDataType
from kmip.errors import InvalidMessage
from kmip.items import Item, structure
from kmip.key_block import BARE, KeyBlock, KeyValue
from kmip.objects import (
    OBJECTS,
    Certificate,
    ObjectCarriage,
    OpaqueObject,
    PasswordCredential,
    SecretData,
    SplitKey,
    SymmetricKey,
    Template,
    key_block_of,
    object_type_of,
)
from kmip.structures import to_item
from kmip.tags import Tag
from kmip.versions import INTERNAL, SUPPORTED, V1_4, V2_1, V3_0
from tests.kmip.strategies import structures

CARRIAGE = ObjectCarriage()
SECRET = b"the secret bytes"
BLOCK = KeyBlock(key_format_type=KeyFormatType.RAW, key_value=KeyValue(key_material=SECRET))
CERTIFICATE = Certificate(certificate_type=CertificateType.X_509, certificate_value=b"der")


@pytest.mark.parametrize("version", [*SUPPORTED, INTERNAL], ids=str)
@settings(max_examples=30, deadline=None)
@given(st.data(), st.sampled_from(sorted(OBJECTS)))
def test_every_object_is_read_as_it_was_written(version, data, kind):
    managed = data.draw(structures(OBJECTS[kind][1], version))
    block = key_block_of(managed)
    assume(block is None or block.key_format_type not in BARE)
    (item,) = CARRIAGE.write(managed, version)
    assert item.tag == OBJECTS[kind][0]
    assert CARRIAGE.read([ttlv.decode(ttlv.encode(item))], version) == managed


def test_every_type_has_a_structure_but_those_of_attributes_alone():
    assert set(ObjectType) - OBJECTS.keys() == {ObjectType.USER, ObjectType.GROUP}
    assert set(CARRIAGE.tags) == {int(tag) for tag, _ in OBJECTS.values()}


@pytest.mark.parametrize("kind", OBJECTS, ids=lambda kind: kind.name)
def test_an_objects_tag_exists_in_the_versions_that_have_its_type(kind):
    tag = OBJECTS[kind][0]
    for version in SUPPORTED:
        assert tag.span.covers(version) or not kind.span.covers(version)


def test_an_object_knows_its_type():
    assert object_type_of(CERTIFICATE) == ObjectType.CERTIFICATE
    assert object_type_of(SymmetricKey(key_block=BLOCK)) == ObjectType.SYMMETRIC_KEY


@pytest.mark.parametrize(
    "managed,block",
    [
        (SymmetricKey(key_block=BLOCK), BLOCK),
        (SecretData(secret_data_type=SecretDataType.PASSWORD, key_block=BLOCK), BLOCK),
        (CERTIFICATE, None),
        (OpaqueObject(opaque_data_type=0x80000000, opaque_data_value=b"x"), None),
        (Template(attributes=Attributes()), None),
        (None, None),
    ],
)
def test_keys_have_a_key_block(managed, block):
    assert key_block_of(managed) is block


def test_a_payload_holds_one_object():
    item = to_item(CERTIFICATE, Tag.CERTIFICATE, V1_4)
    assert CARRIAGE.read([item], V1_4) == CERTIFICATE
    with pytest.raises(InvalidMessage, match="one object"):
        CARRIAGE.read([item, item], V1_4)


def test_a_field_that_a_version_lacks_is_left_out():
    parts = dict.fromkeys(("split_key_parts", "key_part_identifier", "split_key_threshold"), 2)
    split = SplitKey(**parts, split_key_method=1, split_key_polynomial=1, key_block=BLOCK)
    assert to_item(split, Tag.SPLIT_KEY, V2_1).first(Tag.SPLIT_KEY_POLYNOMIAL) is None
    assert to_item(split, Tag.SPLIT_KEY, V3_0).first(Tag.SPLIT_KEY_POLYNOMIAL) is not None


@pytest.mark.parametrize(
    "item",
    [
        structure(Tag.SYMMETRIC_KEY),
        structure(Tag.CERTIFICATE, Item(Tag.CERTIFICATE_VALUE, ItemType.BYTE_STRING, b"x")),
        Item(Tag.SYMMETRIC_KEY, ItemType.BYTE_STRING, b"x"),
    ],
)
def test_an_object_without_its_parts_is_refused(item):
    with pytest.raises(InvalidMessage):
        CARRIAGE.read([item], V1_4)


def test_no_object_shows_its_secret():
    structures = [
        SymmetricKey(key_block=BLOCK),
        OpaqueObject(opaque_data_type=0x80000000, opaque_data_value=SECRET),
        PasswordCredential(password=SECRET.decode()),
    ]
    assert not any("secret" in repr(managed) for managed in structures)
