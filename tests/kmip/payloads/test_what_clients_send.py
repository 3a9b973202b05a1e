"""Requests that real clients send, which a stricter reader would refuse."""

import pytest

from kmip.attributes import AttributeInstance
from kmip.enums import ItemType, KeyFormatType, Operation
from kmip.errors import InvalidMessage
from kmip.items import Item, structure
from kmip.masks import CryptographicUsageMask
from kmip.payloads import PAYLOADS
from kmip.structures import from_item
from kmip.tags import Tag
from kmip.versions import V1_0, V1_2, V1_4, V2_0


def text(tag, value):
    return Item(tag, ItemType.TEXT_STRING, value)


def integer(tag, value):
    return Item(tag, ItemType.INTEGER, value)


def enumeration(tag, value):
    return Item(tag, ItemType.ENUMERATION, value)


def request(operation, version, *items):
    payload = structure(Tag.REQUEST_PAYLOAD, *items)
    return from_item(payload, PAYLOADS[operation].request, version)


@pytest.mark.parametrize(
    "operation",
    [
        Operation.ACTIVATE,
        Operation.ARCHIVE,
        Operation.CHECK,
        Operation.DESTROY,
        Operation.DISCOVER_VERSIONS,
        Operation.GET,
        Operation.GET_ATTRIBUTE_LIST,
        Operation.GET_ATTRIBUTES,
        Operation.LOCATE,
        Operation.OBTAIN_LEASE,
        Operation.QUERY,
        Operation.RECOVER,
        Operation.REKEY,
    ],
)
def test_an_empty_payload_means_the_placeholder_or_everything(operation):
    payload = request(operation, V1_2)
    assert getattr(payload, "unique_identifier", None) is None


def test_revoke_without_an_identifier_means_the_placeholder():
    reason = structure(Tag.REVOCATION_REASON, enumeration(Tag.REVOCATION_REASON_CODE, 1))
    assert request(Operation.REVOKE, V1_2, reason).unique_identifier is None


def test_pykmip_rekeys_with_a_template_attribute_in_2_0():
    payload = request(Operation.REKEY, V2_0, structure(Tag.TEMPLATE_ATTRIBUTE))
    assert payload.attributes.values == {}


def test_pykmip_leaves_the_identifier_of_a_mac_empty():
    payload = request(
        Operation.MAC,
        V1_2,
        text(Tag.UNIQUE_IDENTIFIER, ""),
        structure(Tag.CRYPTOGRAPHIC_PARAMETERS),
        Item(Tag.DATA, ItemType.BYTE_STRING, b"data"),
    )
    assert payload.unique_identifier == ""


def test_pykmip_checks_with_no_usage():
    payload = request(Operation.CHECK, V1_2, integer(Tag.CRYPTOGRAPHIC_USAGE_MASK, 0))
    assert payload.cryptographic_usage_mask == CryptographicUsageMask(0)


@pytest.mark.parametrize("version", [V1_0, V1_2])
def test_locate_takes_offset_items_before_1_3(version):
    maximum, offset = integer(Tag.MAXIMUM_ITEMS, 16), integer(Tag.OFFSET_ITEMS, 32)
    # Percona's client also puts the offset in front.
    for items in ((maximum, offset), (offset, maximum)):
        payload = request(Operation.LOCATE, version, *items)
        assert (payload.maximum_items, payload.offset_items) == (16, 32)


def test_a_storage_array_gets_without_an_identifier_in_a_format():
    payload = request(Operation.GET, V1_0, enumeration(Tag.KEY_FORMAT_TYPE, KeyFormatType.OPAQUE))
    assert payload.key_format_type == KeyFormatType.OPAQUE


def test_a_client_of_2_0_may_ask_for_attributes_by_name():
    payload = request(Operation.GET_ATTRIBUTES, V2_0, text(Tag.ATTRIBUTE_NAME, "Object Type"))
    assert payload.attribute_names == (Tag.OBJECT_TYPE,)


def test_a_client_of_1_4_may_add_an_attribute_by_its_tag():
    new = structure(Tag.NEW_ATTRIBUTE, text(Tag.COMMENT, "spare"))
    payload = request(Operation.ADD_ATTRIBUTE, V1_4, new)
    assert payload.new_attribute == AttributeInstance(Tag.COMMENT, "spare")


def test_what_every_version_requires_is_required():
    with pytest.raises(InvalidMessage, match="ObjectType: is missing"):
        request(Operation.CREATE, V1_2, structure(Tag.TEMPLATE_ATTRIBUTE))


def test_an_unknown_field_is_refused():
    with pytest.raises(InvalidMessage, match="LeaseTime is not expected here"):
        request(Operation.GET, V1_2, Item(Tag.LEASE_TIME, ItemType.INTERVAL, 1))
