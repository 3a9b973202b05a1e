"""Any bytes are a message or an `InvalidMessage`; nothing else comes out of reading them."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kmip.encodings import ttlv
from kmip.enums import ItemType, Operation
from kmip.errors import InvalidMessage, KMIPError
from kmip.framing import Frames
from kmip.items import Item, structure
from kmip.messages import RequestMessage, ResponseMessage, version_of
from kmip.payloads import PAYLOADS
from kmip.structures import from_item, to_item
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_2, V1_4, V2_1, V3_0
from tests.kmip.encodings.items_of_all_kinds import items, leaves
from tests.kmip.strategies import structures

quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

versions = st.sampled_from(SUPPORTED)


def message_of(item, version=V1_4, operation=Operation.LOCATE):
    """A request with one payload, as bytes."""
    major = Item(Tag.PROTOCOL_VERSION_MAJOR, ItemType.INTEGER, version.major)
    minor = Item(Tag.PROTOCOL_VERSION_MINOR, ItemType.INTEGER, version.minor)
    header = structure(
        Tag.REQUEST_HEADER,
        structure(Tag.PROTOCOL_VERSION, major, minor),
        Item(Tag.BATCH_COUNT, ItemType.INTEGER, 1),
    )
    batch_item = structure(
        Tag.BATCH_ITEM,
        Item(Tag.OPERATION, ItemType.ENUMERATION, operation),
        structure(Tag.REQUEST_PAYLOAD, item),
    )
    return ttlv.encode(structure(Tag.REQUEST_MESSAGE, header, batch_item))


@st.composite
def damaged_bytes(draw, content):
    """Bytes, one at least, of which some are changed, removed, doubled or cut off."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1))
        end = draw(st.integers(at, min(len(data), at + 24)))
        changes = ["bit", "byte", "remove", "double", "cut", "length", "remove item", "double item"]
        change = draw(st.sampled_from(changes))
        place = at // 8 * 8  # of an item, perhaps, which mostly has 16 bytes
        if change == "bit":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif change == "byte":
            data[at] = draw(st.sampled_from([0, 1, 2, 7, 8, 0x42, 0x54, 0x7F, 0x80, 0xFF]))
        elif change == "length":
            # On an eight byte boundary a length has a better chance to be met.
            data[place + 4 : place + 8] = draw(st.integers(0, 64)).to_bytes(4, "big")
        elif change == "remove":
            del data[at:end]
        elif change == "double":
            data[at:at] = data[at:end]
        elif change == "remove item":
            del data[place : place + draw(st.sampled_from([8, 16]))]
        elif change == "double item":
            data[place:place] = data[place : place + 16]
        else:
            del data[at:]
        if not data:
            break
    return bytes(data)


@st.composite
def damaged(draw):
    """A message that is damaged so."""
    message = message_of(draw(items), draw(versions), draw(st.sampled_from(Operation)))
    return draw(damaged_bytes(message))


def read_message(data):
    """Everything the server reads of a message, before a handler sees it.

    Raises:
        KMIPError: what its client is told.
    """
    item = ttlv.decode(data)
    version = version_of(item)
    message = from_item(item, RequestMessage, version)
    for batch_item in message.batch_item:
        from_item(batch_item.request_payload, PAYLOADS[batch_item.operation].request, version)
    return message


@quick
@given(st.binary(max_size=200) | damaged())
@example(b"")
@example(bytes(8))
@example(b"\x42\x00\x78\x01\xff\xff\xff\xf8")
def test_any_bytes_decode_and_encode_to_themselves_or_are_an_invalid_message(data):
    try:
        item = ttlv.decode(data)
    except InvalidMessage:
        return
    assert ttlv.encode(item) == data


def refusal(read, *arguments):
    """The error that a client is told; None where there is none. Any other error is a fault."""
    try:
        read(*arguments)
    except KMIPError as error:
        return error
    return None


@quick
@given(damaged(), versions)
def test_a_damaged_message_binds_or_its_client_is_told(data, version):
    error = refusal(read_message, data)
    assert error is None or (str(error) and error.reason(version).span.covers(version))


@quick
@given(items, versions)
def test_any_item_is_a_message_or_its_client_is_told(item, version):
    for cls in (RequestMessage, ResponseMessage):
        try:
            message = from_item(item, cls, version)
        except KMIPError:
            continue
        assert from_item(to_item(message, item.tag, version), cls, version) == message


@st.composite
def spoilt(draw, item):
    """The item with something in it, at any depth, removed, doubled or of another kind."""
    if not item.children or draw(st.integers(0, 3)) == 0:
        return draw(leaves.map(lambda leaf: Item(item.tag, leaf.type, leaf.value)) | items)
    children = list(item.children)
    at = draw(st.integers(0, len(children) - 1))
    children[at : at + 1] = draw(
        st.sampled_from([[], [children[at]] * 2])
        | spoilt(children[at]).map(lambda child: [child])
        | items.map(lambda child: [children[at], child])
    )
    return Item(item.tag, item.type, tuple(children))


@pytest.mark.parametrize("operation", Operation, ids=lambda operation: operation.name)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.sampled_from([V1_2, V2_1, V3_0]))
def test_a_spoilt_payload_binds_or_its_client_is_told(operation, data, version):
    for cls in PAYLOADS[operation][:2]:
        whole = to_item(data.draw(structures(cls, version)), Tag.REQUEST_PAYLOAD, version)
        error = refusal(from_item, data.draw(spoilt(whole)), cls, version)
        assert error is None or str(error)


@quick
@given(st.binary(max_size=64) | damaged(), st.data())
def test_the_same_bytes_give_the_same_messages_or_the_same_end_however_they_are_cut(data, cuts):
    def outcome(pieces):
        frames, found = Frames(limit=512), []
        try:
            for piece in pieces:
                found += frames.receive(piece)
        except InvalidMessage:
            return found, "refused"
        return found, "pending" if frames.pending else "done"

    places = sorted(cuts.draw(st.lists(st.integers(0, len(data)), max_size=5)))
    pieces = [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
    assert b"".join(pieces) == data
    assert outcome(pieces) == outcome([data])
