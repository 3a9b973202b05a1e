import pytest

from kmip.encodings.ttlv import encode
from kmip.enums import ItemType
from kmip.errors import InvalidMessage
from kmip.framing import DEFAULT_LIMIT, Frames
from kmip.items import Item, structure
from kmip.tags import Tag

SHORT = encode(structure(Tag.REQUEST_MESSAGE))
MIDDLE = encode(structure(Tag.REQUEST_MESSAGE, Item(Tag.NONCE_ID, ItemType.BYTE_STRING, b"n")))
LONG = encode(structure(Tag.REQUEST_MESSAGE, Item(Tag.DATA, ItemType.BYTE_STRING, bytes(100))))
STREAM = MIDDLE + SHORT + LONG


def test_a_message_at_once():
    frames = Frames()
    assert list(frames.receive(MIDDLE)) == [MIDDLE]
    assert not frames.pending


def test_nothing_is_no_message():
    assert list(Frames().receive(b"")) == []


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_messages_are_the_same_wherever_the_stream_is_cut(cut):
    frames = Frames()
    found = list(frames.receive(STREAM[:cut])) + list(frames.receive(STREAM[cut:]))
    assert found == [MIDDLE, SHORT, LONG]
    assert not frames.pending


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 8, 9, 13])
def test_messages_are_the_same_in_pieces_of_any_size(size):
    frames, found = Frames(), []
    for at in range(0, len(STREAM), size):
        found += frames.receive(STREAM[at : at + size])
    assert found == [MIDDLE, SHORT, LONG]


def test_a_part_is_pending_until_its_rest_comes():
    frames = Frames()
    assert not frames.pending
    assert list(frames.receive(SHORT + LONG[:20])) == [SHORT]
    assert frames.pending
    assert list(frames.receive(LONG[20:])) == [LONG]
    assert not frames.pending


@pytest.mark.parametrize(
    "start",
    [b"G", b"\x16\x03\x01", b"\0", b"\x42\x01", b"\x42\x00\x7b", b"\x42\x00\x78\x02", b"\xff" * 8],
)
def test_what_is_no_message_is_refused_at_its_first_wrong_byte(start):
    with pytest.raises(InvalidMessage, match="not a KMIP message"):
        list(Frames().receive(start))


def test_what_is_no_message_is_refused_after_one_that_is():
    messages = Frames().receive(SHORT + b"G")
    assert next(messages) == SHORT
    with pytest.raises(InvalidMessage):
        next(messages)


def header(length):
    return b"\x42\x00\x78\x01" + length.to_bytes(4, "big")


def test_a_length_beyond_the_limit_is_refused_from_the_header_alone():
    frames = Frames(limit=32)
    assert list(frames.receive(header(24))) == []
    with pytest.raises(InvalidMessage, match="at most 32 bytes"):
        list(Frames(limit=32).receive(header(32)))
    with pytest.raises(InvalidMessage, match=f"at most {DEFAULT_LIMIT} bytes"):
        list(Frames().receive(header(0xFFFFFFF8)))


def test_a_length_that_no_structure_has_is_refused():
    with pytest.raises(InvalidMessage, match="multiple of 8"):
        list(Frames().receive(header(4)))


def test_a_client_reads_responses_and_no_requests():
    response = encode(structure(Tag.RESPONSE_MESSAGE))
    assert list(Frames(Tag.RESPONSE_MESSAGE).receive(response)) == [response]
    with pytest.raises(InvalidMessage):
        list(Frames(Tag.RESPONSE_MESSAGE).receive(SHORT))
