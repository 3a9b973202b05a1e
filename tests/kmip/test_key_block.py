from typing import get_args

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kmip.attributes import Attributes
from kmip.encodings import ttlv
from kmip.enums import (
    CryptographicAlgorithm,
    EncodingOption,
    ItemType,
    KeyFormatType,
    RecommendedCurve,
    WrappingMethod,
)
from kmip.errors import InvalidMessage
from kmip.items import Item, structure
from kmip.key_block import (
    BARE,
    TRANSPARENT,
    EncryptionKeyInformation,
    KeyBlock,
    KeyBlockForm,
    KeyValue,
    KeyWrappingData,
    KeyWrappingSpecification,
    MACSignatureKeyInformation,
    Transparent,
    TransparentECPublicKey,
    TransparentRSAPrivateKey,
    TransparentSymmetricKey,
    bind,
)
from kmip.structures import from_item, to_item
from kmip.tags import Tag
from kmip.versions import INTERNAL, SUPPORTED, V1_0, V1_4, V2_0, V2_1
from tests.kmip.strategies import of_form

FORM = KeyBlockForm()
ALL_VERSIONS = pytest.mark.parametrize("version", [*SUPPORTED, INTERNAL], ids=str)
SECRET = b"the secret bytes"


def written(block, version=V1_4):
    return FORM.write(Tag.KEY_BLOCK, block, version)


def bytes_and_back(block, version):
    return FORM.read(ttlv.decode(ttlv.encode(written(block, version))), version)


def block_of(material, form=KeyFormatType.RAW, **others):
    value = KeyValue(key_material=material)
    return KeyBlock(key_format_type=form, key_value=value, **others)


@ALL_VERSIONS
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_key_block_is_read_as_it_was_written(version, data):
    block = data.draw(of_form(FORM, Tag.KEY_BLOCK, version))
    assume(block.key_format_type not in BARE)
    assert bytes_and_back(block, version) == block


@pytest.mark.parametrize("form", KeyFormatType)
def test_every_format_has_bytes_or_a_structure_and_not_the_other(form):
    cls = TRANSPARENT.get(form)
    if cls is None:
        right, wrong = SECRET, structure(Tag.KEY_MATERIAL)
    else:
        material = _any(cls)
        right, wrong = to_item(material, Tag.KEY_MATERIAL, V2_1), SECRET
        assert bind(right, form, V2_1) == material
    assert bind(right, form, V2_1) is not None
    with pytest.raises(InvalidMessage, match="is not what the Key Format Type says"):
        bind(wrong, form, V2_1)


def _any(cls):
    """Some material of a transparent format."""
    values = {"recommended_curve": RecommendedCurve.P_256, "key": SECRET, "q_string": SECRET}
    names = cls.__dataclass_fields__
    return cls(**{name: values.get(name, 5) for name in names})


def test_every_transparent_structure_has_its_formats():
    assert set(TRANSPARENT.values()) == set(get_args(Transparent))
    assert {form for form in KeyFormatType if form.name.startswith("TRANSPARENT")} == set(
        TRANSPARENT
    )


def test_wrapped_keys_are_bytes():
    data = KeyWrappingData(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=EncryptionKeyInformation(unique_identifier="k"),
        encoding_option=EncodingOption.NO_ENCODING,
    )
    block = KeyBlock(
        key_format_type=KeyFormatType.TRANSPARENT_SYMMETRIC_KEY,
        key_value=SECRET,
        key_wrapping_data=data,
    )
    assert bytes_and_back(block, V1_4) == block
    assert (block.key_material, block.attributes) == (None, None)


def test_a_key_that_is_not_held_has_no_value():
    block = KeyBlock(key_format_type=KeyFormatType.RAW)
    assert bytes_and_back(block, V1_4) == block
    assert block.key_material is None


@ALL_VERSIONS
def test_attributes_travel_with_the_material(version):
    block = block_of(SECRET)
    block.key_value.attributes = Attributes([(Tag.CRYPTOGRAPHIC_LENGTH, 128)])
    again = bytes_and_back(block, version)
    assert again == block
    assert again.key_material == SECRET
    assert again.attributes.get(Tag.CRYPTOGRAPHIC_LENGTH) == 128


def test_the_encoding_option_came_with_1_1():
    data = KeyWrappingData(
        wrapping_method=WrappingMethod.ENCRYPT, encoding_option=EncodingOption.TTLV_ENCODING
    )
    assert to_item(data, Tag.KEY_WRAPPING_DATA, V1_0).first(Tag.ENCODING_OPTION) is None
    assert to_item(data, Tag.KEY_WRAPPING_DATA, V1_4).first(Tag.ENCODING_OPTION) is not None


@ALL_VERSIONS
def test_how_a_key_is_to_be_wrapped_is_read_as_it_was_written(version):
    specification = KeyWrappingSpecification(
        wrapping_method=WrappingMethod.ENCRYPT_THEN_MAC_SIGN,
        encryption_key_information=EncryptionKeyInformation(unique_identifier="k"),
        mac_signature_key_information=MACSignatureKeyInformation(unique_identifier="m"),
        attribute_names=(Tag.CRYPTOGRAPHIC_ALGORITHM, Tag.NAME),
    )
    item = to_item(specification, Tag.KEY_WRAPPING_SPECIFICATION, version)
    assert from_item(item, KeyWrappingSpecification, version) == specification


@pytest.mark.parametrize(
    "version,is_bare", [(V1_0, True), (V1_4, True), (V2_0, False), (INTERNAL, False)], ids=str
)
def test_pkcs_12_is_the_key_value_itself_up_to_1_4(version, is_bare):
    block = block_of(SECRET, KeyFormatType.PKCS_12)
    value = written(block, version).first(Tag.KEY_VALUE)
    assert (value.type == ItemType.BYTE_STRING) == is_bare
    for reader in (V1_4, V2_0):
        assert FORM.read(written(block, version), reader) == block


def test_a_wrapped_pkcs_12_stays_wrapped():
    data = KeyWrappingData(wrapping_method=WrappingMethod.ENCRYPT)
    block = KeyBlock(
        key_format_type=KeyFormatType.PKCS_12, key_value=SECRET, key_wrapping_data=data
    )
    assert bytes_and_back(block, V1_4) == block


@pytest.mark.parametrize(
    "value",
    [
        Item(Tag.KEY_VALUE, ItemType.TEXT_STRING, "text"),
        structure(Tag.KEY_VALUE),
        structure(Tag.KEY_VALUE, Item(Tag.KEY_MATERIAL, ItemType.TEXT_STRING, "text")),
        structure(Tag.KEY_VALUE, Item(Tag.KEY_MATERIAL, ItemType.INTEGER, 5)),
    ],
)
def test_a_key_value_of_another_type_is_refused(value):
    form = Item(Tag.KEY_FORMAT_TYPE, ItemType.ENUMERATION, KeyFormatType.RAW)
    with pytest.raises(InvalidMessage):
        FORM.read(structure(Tag.KEY_BLOCK, form, value), V1_4)


def test_material_that_is_an_item_is_written_as_it_is():
    """A record at rest may hold a structure that its reader has not bound."""
    item = Item(Tag.DATA, ItemType.STRUCTURE, (Item(Tag.KEY, ItemType.BYTE_STRING, SECRET),))
    block = block_of(item, KeyFormatType.TRANSPARENT_SYMMETRIC_KEY)
    assert bytes_and_back(block, INTERNAL).key_material == TransparentSymmetricKey(key=SECRET)


def test_no_part_of_a_key_is_ever_shown():
    rsa = TransparentRSAPrivateKey(modulus=4711, private_exponent=815)
    curve = TransparentECPublicKey(recommended_curve=RecommendedCurve.P_256, q_string=SECRET)
    for block in (
        block_of(SECRET, cryptographic_algorithm=CryptographicAlgorithm.AES),
        block_of(rsa),
        block_of(curve),
        KeyValue(key_material=SECRET),
        rsa,
        curve,
        TransparentSymmetricKey(key=SECRET),
        written(block_of(SECRET)),
    ):
        text = repr(block)
        assert not any(part in text for part in ("secret", "4711", "815", SECRET.hex()))
