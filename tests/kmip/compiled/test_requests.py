"""A request that is read by compiled functions is the one that the generic way reads."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kmip.compiled.requests import MAX_BYTES, read_request
from kmip.encodings import ttlv
from kmip.enums import ItemType, Operation
from kmip.errors import KMIPError
from kmip.items import Item, structure
from kmip.messages import RequestBatchItem, RequestHeader, RequestMessage, request_of, version_of
from kmip.payloads import PAYLOADS
from kmip.structures import from_item, to_item
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_2, V1_4, V2_1
from tests.conformance.cases import all_cases, needs_cases, read
from tests.kmip.strategies import structures
from tests.properties.test_garbage import damaged

some = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def generically(data):
    """The message by the generic way, with its payloads bound; None where something is wrong."""
    try:
        item = ttlv.decode(data)
        version = version_of(item)
        if version not in SUPPORTED:
            return None
        message = request_of(item, version)
        for each in message.batch_item:
            if each.request_payload is not None:
                declared = PAYLOADS[each.operation].request
                each.request_payload = from_item(each.request_payload, declared, version)
    except (KMIPError, KeyError):
        return None
    return message, version


def check(data):
    """Compare both ways; whether the compiled one took the message."""
    found = read_request(data)
    if found is not None:
        assert (found.message, found.version) == generically(data)
    return found is not None


@st.composite
def requests(draw):
    """A message of some items, encoded, with its version."""
    version = draw(st.sampled_from(SUPPORTED))
    items = []
    for _ in range(draw(st.integers(1, 3))):
        operation = draw(st.sampled_from(Operation))
        payload = draw(structures(PAYLOADS[operation].request, version))
        item = RequestBatchItem(
            operation=operation,
            unique_batch_item_id=draw(st.none() | st.binary(max_size=9)),
            request_payload=to_item(payload, Tag.REQUEST_PAYLOAD, version),
        )
        items.append(item)
    header = RequestHeader(
        protocol_version=version,
        maximum_response_size=draw(st.none() | st.integers(0, 1 << 20)),
        batch_count=len(items),
    )
    message = RequestMessage(request_header=header, batch_item=tuple(items))
    return ttlv.encode(to_item(message, Tag.REQUEST_MESSAGE, version))


@some
@given(requests())
def test_a_request_is_read_as_by_the_generic_way(data):
    assert check(data) == (len(data) <= MAX_BYTES)


@some
@given(st.binary(max_size=200) | damaged())
@example(b"")
@example(bytes(8))
def test_of_any_bytes_nothing_else_is_read_than_by_the_generic_way(data):
    check(data)


@st.composite
def spoilt_requests(draw):
    """A good message with some of its bytes changed."""
    data = bytearray(draw(requests()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data) - 1))
        data[at] = draw(st.integers(0, 255))
    return bytes(data)


@some
@given(spoilt_requests())
def test_of_a_spoilt_request_nothing_else_is_read_than_by_the_generic_way(data):
    check(data)


def request(*children, version=V1_4, payload=None):
    """A Get in 1.4, with more in its header."""
    numbers = (
        Item(Tag.PROTOCOL_VERSION_MAJOR, ItemType.INTEGER, version.major),
        Item(Tag.PROTOCOL_VERSION_MINOR, ItemType.INTEGER, version.minor),
    )
    body = payload or structure(
        Tag.REQUEST_PAYLOAD, Item(Tag.UNIQUE_IDENTIFIER, ItemType.TEXT_STRING, "a")
    )
    return ttlv.encode(
        structure(
            Tag.REQUEST_MESSAGE,
            structure(
                Tag.REQUEST_HEADER,
                structure(Tag.PROTOCOL_VERSION, *numbers),
                *children,
                Item(Tag.BATCH_COUNT, ItemType.INTEGER, 1),
            ),
            structure(
                Tag.BATCH_ITEM, Item(Tag.OPERATION, ItemType.ENUMERATION, Operation.GET), body
            ),
        )
    )


def test_a_common_request_goes_no_other_way():
    assert read_request(request()) is not None


@pytest.mark.parametrize(
    "data",
    [
        request(Item(0x540001, ItemType.INTEGER, 1)),
        request(version=V1_2._replace(minor=9)),
        request(Item(Tag.BATCH_COUNT, ItemType.INTEGER, 1)),
        request(Item(Tag.BATCH_ORDER_OPTION, ItemType.INTEGER, 1)),
        request() + bytes(8),
        request()[:-8],
        request(payload=structure(Tag.REQUEST_PAYLOAD, Item(Tag.P, ItemType.INTEGER, 1))),
        request(payload=Item(Tag.REQUEST_PAYLOAD, ItemType.INTEGER, 1)),
        request(
            payload=structure(
                Tag.REQUEST_PAYLOAD,
                Item(Tag.UNIQUE_IDENTIFIER, ItemType.TEXT_STRING, "a" * MAX_BYTES),
            )
        ),
    ],
    ids=[
        "extension", "unknown version", "twice", "wrong type", "bytes behind", "cut",
        "unexpected field", "payload that is none", "long",
    ],
)  # fmt: skip
def test_what_is_rare_or_wrong_is_left_to_the_generic_way(data):
    assert read_request(data) is None


@needs_cases
def test_the_requests_of_the_published_cases_are_read_as_by_the_generic_way():
    data = [ttlv.encode(each.request) for case in all_cases() for each in read(case.path)]
    taken = sum(map(check, data))
    assert taken > len(data) * 0.8


def test_a_request_in_the_words_of_a_later_version_is_read_all_the_same():
    assert read_request(request(version=V2_1)) is not None
