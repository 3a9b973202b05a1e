"""One value for all versions, where the versions tell it differently."""

import pytest

from kmip.attributes import AttributeInstance, Attributes, InstanceReference, VendorAttributeName
from kmip.enums import Data, ItemType, ObjectType, Operation
from kmip.errors import InvalidField, InvalidMessage
from kmip.items import Item, structure
from kmip.payloads.add_attribute import AddAttributeResponse
from kmip.payloads.certify import CertifyRequest
from kmip.payloads.create import CreateRequest, CreateResponse
from kmip.payloads.delete_attribute import DeleteAttributeRequest
from kmip.payloads.encrypt import EncryptRequest
from kmip.payloads.factory_defaults import ObjectGroups
from kmip.payloads.get_attribute_list import GetAttributeListResponse
from kmip.payloads.get_attributes import GetAttributesResponse
from kmip.payloads.import_ import ImportRequest
from kmip.payloads.login import LoginRequest
from kmip.payloads.modify_attribute import ModifyAttributeRequest
from kmip.payloads.query import QueryResponse
from kmip.payloads.query_information import ExtensionInformation, ServerInformation
from kmip.payloads.rights import TicketTime
from kmip.structures import from_item, to_item
from kmip.tags import Tag
from kmip.versions import INTERNAL, V1_0, V1_2, V1_3, V1_4, V2_0, V2_1, V3_0


def text(tag, value):
    return Item(tag, ItemType.TEXT_STRING, value)


def written(payload, version):
    """The payload's items encoded for the version."""
    return to_item(payload, Tag.RESPONSE_PAYLOAD, version).children


def tags(payload, version):
    return [item.tag for item in written(payload, version)]


def reads(cls, version, *items):
    return from_item(structure(Tag.REQUEST_PAYLOAD, *items), cls, version)


# What 2.0 no longer gives back


def test_create_tells_the_attributes_it_chose_in_1_x_only():
    chosen = Attributes([(Tag.CRYPTOGRAPHIC_LENGTH, 256)])
    made = CreateResponse(
        object_type=ObjectType.SYMMETRIC_KEY, unique_identifier="1", attributes=chosen
    )
    assert tags(made, V1_4) == [Tag.OBJECT_TYPE, Tag.UNIQUE_IDENTIFIER, Tag.TEMPLATE_ATTRIBUTE]
    assert tags(made, V2_0) == [Tag.OBJECT_TYPE, Tag.UNIQUE_IDENTIFIER]


def test_add_attribute_gives_the_attribute_back_in_1_x_only():
    done = AddAttributeResponse(
        unique_identifier="1", attribute=AttributeInstance(Tag.COMMENT, "c", 2)
    )
    assert tags(done, V1_4) == [Tag.UNIQUE_IDENTIFIER, Tag.ATTRIBUTE]
    index = written(done, V1_4)[1].first(Tag.ATTRIBUTE_INDEX)
    assert index is not None
    assert index.value == 2
    assert tags(done, V2_0) == [Tag.UNIQUE_IDENTIFIER]


# Attributes, gathered or not


def test_get_attributes_without_any_has_an_empty_structure_from_2_0_on():
    nothing = GetAttributesResponse(unique_identifier="1")
    assert tags(nothing, V1_4) == [Tag.UNIQUE_IDENTIFIER]
    assert written(nothing, V2_0)[1:] == (structure(Tag.ATTRIBUTES),)


def test_get_attribute_list_names_or_refers():
    found = GetAttributeListResponse(
        unique_identifier="1", attribute_names=(Tag.OBJECT_TYPE, VendorAttributeName("x", "color"))
    )
    assert [item.value for item in written(found, V1_4)] == ["1", "Object Type", "x-color"]
    assert written(found, V2_0)[1:] == (
        Item(Tag.ATTRIBUTE_REFERENCE, ItemType.ENUMERATION, Tag.OBJECT_TYPE),
        structure(
            Tag.ATTRIBUTE_REFERENCE,
            text(Tag.VENDOR_IDENTIFICATION, "x"),
            text(Tag.ATTRIBUTE_NAME, "color"),
        ),
    )


def test_import_says_the_object_type_from_2_0_on():
    assert "object_type" in ImportRequest.__dataclass_fields__
    certificate = structure(
        Tag.CERTIFICATE,
        Item(Tag.CERTIFICATE_TYPE, ItemType.ENUMERATION, 1),
        Item(Tag.CERTIFICATE_VALUE, ItemType.BYTE_STRING, b"der"),
    )
    payload = reads(ImportRequest, V1_4, text(Tag.UNIQUE_IDENTIFIER, "1"), certificate)
    assert payload.object_type is None
    payload.object_type = ObjectType.CERTIFICATE
    assert Tag.OBJECT_TYPE not in tags(payload, V1_4)
    assert tags(payload, V2_0)[:2] == [Tag.UNIQUE_IDENTIFIER, Tag.OBJECT_TYPE]


def test_create_without_attributes_has_none():
    payload = reads(CreateRequest, V2_0, Item(Tag.OBJECT_TYPE, ItemType.ENUMERATION, 2))
    assert payload.attributes == Attributes()


# Which instance


def test_modify_means_index_0_in_1_x_and_the_only_instance_in_2_x():
    attribute = structure(
        Tag.ATTRIBUTE, text(Tag.ATTRIBUTE_NAME, "Comment"), text(Tag.ATTRIBUTE_VALUE, "new")
    )
    named = reads(ModifyAttributeRequest, V1_4, attribute)
    assert named.new_attribute == AttributeInstance(Tag.COMMENT, "new", 0)
    tagged = reads(
        ModifyAttributeRequest, V2_0, structure(Tag.NEW_ATTRIBUTE, text(Tag.COMMENT, "new"))
    )
    assert tagged.new_attribute == AttributeInstance(Tag.COMMENT, "new", None)


def test_modify_takes_a_1_x_index():
    attribute = structure(
        Tag.ATTRIBUTE,
        text(Tag.ATTRIBUTE_NAME, "x-color"),
        Item(Tag.ATTRIBUTE_INDEX, ItemType.INTEGER, 3),
        text(Tag.ATTRIBUTE_VALUE, "red"),
    )
    payload = reads(ModifyAttributeRequest, V1_4, attribute)
    assert (payload.new_attribute.attribute, payload.new_attribute.index) == (
        VendorAttributeName("x", "color"),
        3,
    )


def test_delete_means_index_0_in_1_x_and_all_instances_in_2_x():
    name = text(Tag.ATTRIBUTE_NAME, "Name")
    index = Item(Tag.ATTRIBUTE_INDEX, ItemType.INTEGER, 2)
    reference = Item(Tag.ATTRIBUTE_REFERENCE, ItemType.ENUMERATION, Tag.NAME)
    for items, meant in (((name,), 0), ((name, index), 2), ((reference,), None)):
        payload = reads(DeleteAttributeRequest, V1_4, *items)
        assert payload.attribute_reference == InstanceReference(Tag.NAME, meant)


@pytest.mark.parametrize(
    "items",
    [
        (Item(Tag.ATTRIBUTE_INDEX, ItemType.INTEGER, 1),),
        (text(Tag.ATTRIBUTE_NAME, "Name"), text(Tag.ATTRIBUTE_NAME, "Comment")),
        (text(Tag.ATTRIBUTE_NAME, "Name"), *[Item(Tag.ATTRIBUTE_INDEX, ItemType.INTEGER, 1)] * 2),
    ],
)
def test_delete_means_one_attribute(items):
    with pytest.raises(InvalidMessage, match="one attribute"):
        reads(DeleteAttributeRequest, V1_4, *items)


# A tag or a type that changed


@pytest.mark.parametrize(
    "version, tag",
    [
        (V1_4, Tag.CERTIFICATE_REQUEST),
        (V2_0, Tag.CERTIFICATE_REQUEST_VALUE),
        (V3_0, Tag.CERTIFICATE_REQUEST_VALUE),
        (INTERNAL, Tag.CERTIFICATE_REQUEST_VALUE),
    ],
)
def test_a_certificate_request_has_the_tag_of_its_version(version, tag):
    request = CertifyRequest(certificate_request_value=b"csr")
    assert written(request, version) == (Item(tag, ItemType.BYTE_STRING, b"csr"),)


def test_a_certificate_request_under_both_tags_is_refused():
    both = [
        Item(tag, ItemType.BYTE_STRING, b"csr")
        for tag in (Tag.CERTIFICATE_REQUEST, Tag.CERTIFICATE_REQUEST_VALUE)
    ]
    with pytest.raises(InvalidMessage, match="occurs twice"):
        reads(CertifyRequest, V2_0, *both)


@pytest.mark.parametrize("version, kind", [(V1_4, ItemType.INTEGER), (V2_0, ItemType.ENUMERATION)])
def test_an_extension_type_is_an_integer_up_to_1_4(version, kind):
    extension = ExtensionInformation(extension_name="n", extension_type=ItemType.TEXT_STRING)
    assert written(extension, version)[1] == Item(Tag.EXTENSION_TYPE, kind, 7)
    again = from_item(to_item(extension, Tag.EXTENSION_INFORMATION, version), type(extension), V2_1)
    assert again == extension


def test_an_unknown_extension_type_is_refused():
    name, kind = text(Tag.EXTENSION_NAME, "n"), Item(Tag.EXTENSION_TYPE, ItemType.INTEGER, 99)
    with pytest.raises(InvalidField, match="item type"):
        reads(ExtensionInformation, V1_4, name, kind)


@pytest.mark.parametrize(
    "version, tag, kind",
    [
        (V2_1, Tag.OBJECT_GROUP, ItemType.TEXT_STRING),
        (V3_0, Tag.GROUP_LINK, ItemType.NAME_REFERENCE),
    ],
)
def test_object_groups_are_group_links_in_3_0(version, tag, kind):
    groups = ObjectGroups(object_group=("tapes",))
    assert written(groups, version) == (Item(tag, kind, "tapes"),)


def test_an_object_group_is_a_name():
    with pytest.raises(InvalidMessage, match="expected TEXT_STRING"):
        reads(ObjectGroups, V2_1, Item(Tag.OBJECT_GROUP, ItemType.BYTE_STRING, b"g"))


@pytest.mark.parametrize(
    "item, meant",
    [
        (Item(Tag.DATA, ItemType.BYTE_STRING, b"d"), b"d"),
        (Item(Tag.DATA, ItemType.ENUMERATION, int(Data.DECRYPT)), Data.DECRYPT),
        (Item(Tag.DATA, ItemType.INTEGER, -1), -1),
    ],
)
def test_data_are_bytes_or_what_another_item_gave(item, meant):
    payload = reads(EncryptRequest, V2_0, item)
    assert payload.data == meant
    assert type(payload.data) is type(meant)


def test_data_of_another_kind_are_refused():
    with pytest.raises(InvalidField, match="Data"):
        reads(EncryptRequest, V2_0, Item(Tag.DATA, ItemType.ENUMERATION, 99))
    with pytest.raises(InvalidMessage, match="expected BYTE_STRING"):
        reads(EncryptRequest, V2_0, text(Tag.DATA, "d"))


@pytest.mark.parametrize(
    "item, meant",
    [
        (Item(Tag.LEASE_TIME, ItemType.INTERVAL, 60), TicketTime(60)),
        (Item(Tag.LEASE_TIME, ItemType.DATE_TIME, 1 << 31), TicketTime(1 << 31, absolute=True)),
    ],
)
def test_a_ticket_is_good_for_a_time_or_until_one(item, meant):
    payload = reads(LoginRequest, V2_1, item)
    assert payload.lease_time == meant
    assert written(payload, V2_1) == (item,)


# Query


def test_query_tells_only_what_the_version_has_and_in_its_order():
    everything = QueryResponse(
        operation=(Operation.GET,),
        object_type=(ObjectType.SYMMETRIC_KEY,),
        vendor_identification="Strongroom",
        server_information=ServerInformation(server_name="a"),
        application_namespace=("ssl",),
        extension_information=(ExtensionInformation(extension_name="n"),),
    )
    assert tags(everything, V1_0) == [
        Tag.OPERATION,
        Tag.OBJECT_TYPE,
        Tag.VENDOR_IDENTIFICATION,
        Tag.SERVER_INFORMATION,
        Tag.APPLICATION_NAMESPACE,
    ]
    assert tags(everything, V1_3)[-1] == Tag.EXTENSION_INFORMATION


def test_server_information_has_names_from_2_0_on_and_what_the_vendor_adds():
    own = text(0x540001, "rack 7")
    information = ServerInformation(server_name="a", vendor_specific=(own,))
    assert written(information, V1_2) == (own,)
    assert written(information, V2_0) == (text(Tag.SERVER_NAME, "a"), own)
    assert reads(ServerInformation, V2_0, *written(information, V2_0)) == ServerInformation(
        server_name="a"
    )
