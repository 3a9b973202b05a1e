import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip.encodings import ttlv
from kmip.enums import CredentialType, Ephemeral, ItemType, Operation, ResultReason, ResultStatus
from kmip.errors import InvalidField, InvalidMessage
from kmip.items import Item, structure
from kmip.messages import (
    CREDENTIALS,
    MAX_BATCH_ITEMS,
    Authentication,
    Credential,
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    UsernameAndPassword,
    request_of,
    response_item,
    version_of,
)
from kmip.structures import from_item, to_item
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_0, V1_4, V2_0, V2_1, V3_0, ProtocolVersion
from tests.kmip.strategies import structures

ALL_VERSIONS = pytest.mark.parametrize("version", SUPPORTED, ids=str)


def request(version=V1_4, *items, **header):
    return RequestMessage(
        request_header=RequestHeader(protocol_version=version, batch_count=len(items), **header),
        batch_item=items,
    )


def item_of(message, version):
    return to_item(message, Tag.REQUEST_MESSAGE, version)


def again(message, version):
    """The message after a way over the wire."""
    return request_of(ttlv.decode(ttlv.encode(item_of(message, version))), version)


GET = RequestBatchItem(
    operation=Operation.GET,
    unique_batch_item_id=b"1",
    request_payload=structure(Tag.REQUEST_PAYLOAD),
)


@ALL_VERSIONS
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_headers_and_credentials_are_read_as_they_were_written(version, data):
    for cls in (ResponseHeader, *CREDENTIALS.values()):
        part = data.draw(structures(cls, version))
        assert from_item(to_item(part, Tag.REQUEST_HEADER, version), cls, version) == part


@ALL_VERSIONS
def test_a_version_is_read_before_anything_else(version):
    assert version_of(item_of(request(version, GET), version)) == version


def test_a_version_that_nobody_speaks_is_a_version_too():
    far = ProtocolVersion(9, 7)
    assert version_of(item_of(request(far), V1_4)) == far


@pytest.mark.parametrize(
    "item",
    [
        structure(Tag.REQUEST_MESSAGE),
        structure(Tag.REQUEST_MESSAGE, structure(Tag.REQUEST_HEADER)),
        structure(Tag.QUERY_FUNCTION),
        Item(Tag.REQUEST_MESSAGE, ItemType.TEXT_STRING, "hello"),
        structure(
            Tag.REQUEST_MESSAGE,
            structure(Tag.REQUEST_HEADER, structure(Tag.PROTOCOL_VERSION)),
        ),
        structure(
            Tag.REQUEST_MESSAGE,
            structure(Tag.REQUEST_HEADER, Item(Tag.PROTOCOL_VERSION, ItemType.TEXT_STRING, "1.4")),
        ),
    ],
)
def test_a_message_without_a_version_is_refused(item):
    with pytest.raises(InvalidMessage):
        version_of(item)


def test_batch_counts_and_item_ids_are_gone_in_3_0():
    for version, there in ((V2_1, True), (V3_0, False)):
        item = item_of(request(version, GET), version)
        header, batch_item = item.first(Tag.REQUEST_HEADER), item.first(Tag.BATCH_ITEM)
        assert (header.first(Tag.BATCH_COUNT) is not None) == there
        assert (batch_item.first(Tag.UNIQUE_BATCH_ITEM_ID) is not None) == there


def test_a_request_is_no_response():
    with pytest.raises(InvalidMessage, match="is not a request"):
        request_of(structure(Tag.RESPONSE_MESSAGE), V1_4)


def test_a_batch_has_a_bounded_number_of_items():
    most = request(V1_4, *[GET] * MAX_BATCH_ITEMS)
    assert len(request_of(item_of(most, V1_4), V1_4).batch_item) == MAX_BATCH_ITEMS
    with pytest.raises(InvalidMessage, match="at most 1000 items"):
        request_of(item_of(request(V1_4, *[GET] * (MAX_BATCH_ITEMS + 1)), V1_4), V1_4)


def test_an_operation_that_no_version_has_is_kept_so_that_it_fails_alone():
    unknown = RequestBatchItem(operation=0x7777, request_payload=structure(Tag.REQUEST_PAYLOAD))
    assert [item.operation for item in again(request(V1_4, GET, unknown), V1_4).batch_item] == [
        Operation.GET,
        0x7777,
    ]
    text = Item(Tag.OPERATION, ItemType.TEXT_STRING, "Get")
    with pytest.raises(InvalidMessage, match="Operation: expected ENUMERATION"):
        from_item(structure(Tag.BATCH_ITEM, text), RequestBatchItem, V1_4)


def test_a_payload_may_be_left_out():
    bare = RequestBatchItem(operation=Operation.QUERY)
    assert again(request(V1_4, bare), V1_4).batch_item == (bare,)


@pytest.mark.parametrize("version", [V2_0, V2_1], ids=str)
def test_ephemeral_data_is_a_truth_or_an_enumeration(version):
    for value in (Item(Tag.EPHEMERAL, ItemType.BOOLEAN, True), None):
        children = [Item(Tag.OPERATION, ItemType.ENUMERATION, Operation.GET)]
        children += [value] if value else []
        found = from_item(structure(Tag.BATCH_ITEM, *children), RequestBatchItem, version)
        assert found.ephemeral == (Ephemeral(1) if value else None)
    ephemeral = RequestBatchItem(operation=Operation.GET, ephemeral=Ephemeral(1))
    item = to_item(ephemeral, Tag.BATCH_ITEM, version)
    assert item.first(Tag.EPHEMERAL) == Item(Tag.EPHEMERAL, ItemType.ENUMERATION, 1)


# Credentials


def test_every_type_of_credential_has_its_structure():
    objects_of_3_0 = {CredentialType.CERTIFICATE, CredentialType.PASSWORD}
    assert set(CredentialType) - CREDENTIALS.keys() == objects_of_3_0


def sent(credential):
    header = request(V1_4, GET, authentication=Authentication(credential=(credential,)))
    (received,) = again(header, V1_4).request_header.authentication.credential
    return received


def test_a_credential_is_bound_by_its_type():
    secret = UsernameAndPassword(username="fred", password="secret")
    credential = Credential(
        credential_type=CredentialType.USERNAME_AND_PASSWORD, credential_value=secret
    )
    assert credential.value(V1_4) is secret
    received = sent(credential)
    assert received.value(V1_4) == secret
    assert sent(received).value(V1_4) == secret
    assert "secret" not in repr(received)
    assert "secret" not in repr(received.value(V1_4))


def test_a_credential_of_a_vendors_type_is_nobodys():
    value = structure(Tag.CREDENTIAL_VALUE, Item(0x540001, ItemType.TEXT_STRING, "x"))
    credential = Credential(credential_type=CredentialType(0x80000001), credential_value=value)
    assert sent(credential).value(V1_4) is None


def test_a_credential_of_another_form_than_its_type_is_refused():
    empty = Credential(
        credential_type=CredentialType.USERNAME_AND_PASSWORD,
        credential_value=structure(Tag.CREDENTIAL_VALUE),
    )
    with pytest.raises(InvalidMessage, match="CredentialValue/Username: is missing"):
        sent(empty).value(V1_4)
    with pytest.raises(InvalidMessage, match="expected STRUCTURE"):
        from_item(
            structure(
                Tag.CREDENTIAL,
                Item(Tag.CREDENTIAL_TYPE, ItemType.ENUMERATION, 1),
                Item(Tag.CREDENTIAL_VALUE, ItemType.TEXT_STRING, "fred"),
            ),
            Credential,
            V1_4,
        )
    with pytest.raises(InvalidField, match="CredentialType has no value"):
        from_item(
            structure(Tag.CREDENTIAL, Item(Tag.CREDENTIAL_TYPE, ItemType.ENUMERATION, 0xEE)),
            Credential,
            V1_4,
        )


# Responses


@ALL_VERSIONS
def test_a_response_is_read_as_it_was_written(version):
    failed = ResponseBatchItem(
        operation=Operation.GET,
        result_status=ResultStatus.OPERATION_FAILED,
        result_reason=ResultReason.ITEM_NOT_FOUND,
        result_message="there is no such object",
    )
    message = ResponseMessage(
        response_header=ResponseHeader(protocol_version=version, time_stamp=1_700_000_000),
        batch_item=(failed,),
    )
    item = response_item(message, version)
    assert item.tag == Tag.RESPONSE_MESSAGE
    assert version_of(item) == version
    assert from_item(ttlv.decode(ttlv.encode(item)), ResponseMessage, version) == message


def test_a_header_has_its_fields_in_order_and_those_of_its_version():
    header = RequestHeader(
        protocol_version=V1_0,
        maximum_response_size=1024,
        client_correlation_value="c",
        time_stamp=1,
    )
    items = to_item(header, Tag.REQUEST_HEADER, V1_0).children
    assert [child.tag for child in items] == [
        Tag.PROTOCOL_VERSION,
        Tag.MAXIMUM_RESPONSE_SIZE,
        Tag.TIME_STAMP,
    ]
