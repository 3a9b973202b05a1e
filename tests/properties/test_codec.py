"""What one end writes the other reads, byte for byte, through every layer."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip.encodings import ttlv
from kmip.enums import ItemType
from kmip.framing import Frames
from kmip.items import Item, structure
from kmip.tags import Tag
from tests.kmip.encodings.items_of_all_kinds import items, tags

quick = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

texts = st.text(max_size=12)
"""Every Unicode text, also what XML cannot hold."""


@quick
@given(items)
def test_an_item_survives_ttlv(item):
    assert ttlv.decode(ttlv.encode(item)) == item


@quick
@given(tags, texts, st.sampled_from([ItemType.TEXT_STRING, ItemType.IDENTIFIER]))
def test_every_text_survives_ttlv(tag, text, kind):
    item = Item(tag, kind, text)
    assert ttlv.decode(ttlv.encode(item)) == item


@quick
@given(items)
def test_an_item_is_a_multiple_of_eight_bytes_and_says_so(item):
    data = ttlv.encode(item)
    assert len(data) % 8 == 0
    length = int.from_bytes(data[4:8], "big")
    assert len(data) == 8 + length + -length % 8


@quick
@given(st.lists(items, max_size=3), st.data())
def test_messages_are_the_same_however_the_stream_is_cut(inner, data):
    messages = [ttlv.encode(structure(Tag.REQUEST_MESSAGE, item)) for item in inner]
    stream = b"".join(messages)
    frames, found, at = Frames(), [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, len(stream) - at))
        found += frames.receive(stream[at : at + size])
        at += size
    assert found == messages
