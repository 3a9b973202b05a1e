"""What every codec of the table must do: the same exercise for each row."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip.encodings.codec import BY_MEDIA_TYPE, CODECS
from kmip.enums import ENUMERATION_OF, ItemType, ResultReason
from kmip.errors import InvalidMessage
from kmip.items import Item, structure
from kmip.tags import Tag
from kmip.versions import SUPPORTED
from tests.kmip.encodings.items_of_all_kinds import items, nested, patient

texts = pytest.mark.parametrize("codec", [CODECS["JSON"], CODECS["XML"]], ids=["JSON", "XML"])
every_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)

PAYLOAD = structure(
    Tag.REQUEST_PAYLOAD,
    Item(Tag.UNIQUE_IDENTIFIER, ItemType.TEXT_STRING, "one"),
    Item(Tag.UNIQUE_IDENTIFIER, ItemType.TEXT_STRING, "two"),
)


def limited(codec, **limits):
    """The same encoding with other limits."""
    return type(codec)(**limits)


def test_a_media_type_means_one_encoding():
    assert {media_type: type(codec).__name__ for media_type, codec in BY_MEDIA_TYPE.items()} == {
        "application/octet-stream": "TTLV",
        "application/json": "JSON",
        "text/xml": "XML",
    }
    assert list(BY_MEDIA_TYPE.values()) == list(CODECS.values())


@every_codec
@patient
@given(item=items)
def test_an_item_is_read_back_as_written(codec, item):
    assert codec.decode(codec.encode(item)) == item


@patient
@given(items)
def test_an_item_means_the_same_however_often_it_changes_its_encoding(item):
    found = item
    for codec in [*CODECS.values(), *CODECS.values()]:
        found = codec.decode(codec.encode(found))
    assert found == item


@st.composite
def damaged(draw, encode):
    """A message in which bytes are changed, removed or added."""
    data = bytearray(encode(draw(items)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(data)


@every_codec
@settings(patient, max_examples=200)
@given(st.data())
def test_any_bytes_are_an_item_that_is_written_again_or_an_invalid_message(codec, data):
    given_bytes = data.draw(st.binary() | st.text().map(str.encode) | damaged(codec.encode))
    try:
        item = codec.decode(given_bytes)
    except InvalidMessage:
        return
    assert codec.decode(codec.encode(item)) == item


@every_codec
@pytest.mark.parametrize("rest", [b"\0", b"x", b"\0" * 8])
def test_nothing_may_follow_the_item(codec, rest):
    with pytest.raises(InvalidMessage):
        codec.decode(codec.encode(PAYLOAD) + rest)
    with pytest.raises(InvalidMessage):
        codec.decode(codec.encode(PAYLOAD) * 2)


@every_codec
def test_nothing_is_no_item(codec):
    with pytest.raises(InvalidMessage):
        codec.decode(b"")


@every_codec
def test_structures_nest_as_deep_as_the_limit_says_and_no_deeper(codec):
    deepest, deeper = nested(codec.max_depth), nested(codec.max_depth + 1)
    assert codec.decode(codec.encode(deepest)) == deepest
    with pytest.raises(ValueError, match="nested too deep"):
        codec.encode(deeper)
    bolder = limited(codec, max_depth=codec.max_depth + 1)
    assert bolder.decode(bolder.encode(deeper)) == deeper
    with pytest.raises(InvalidMessage, match="nested too deep"):
        codec.decode(bolder.encode(deeper))


@every_codec
def test_a_message_has_as_many_items_as_the_limit_says_and_no_more(codec):
    data = codec.encode(PAYLOAD)
    assert limited(codec, max_items=3).decode(data) == PAYLOAD
    with pytest.raises(InvalidMessage, match="too many items"):
        limited(codec, max_items=2).decode(data)


@every_codec
def test_a_message_is_as_long_as_the_limit_says_and_no_longer(codec):
    data = codec.encode(PAYLOAD)
    assert limited(codec, max_bytes=len(data)).decode(data) == PAYLOAD
    with pytest.raises(InvalidMessage, match="at most"):
        limited(codec, max_bytes=len(data) - 1).decode(data)


@every_codec
def test_no_message_is_written_that_the_same_codec_would_not_read(codec):
    if codec.media_type == "application/octet-stream":
        pytest.skip("its length field says more than memory holds")
    data = codec.encode(PAYLOAD)
    assert limited(codec, max_bytes=len(data)).encode(PAYLOAD) == data
    with pytest.raises(InvalidMessage, match="at most"):
        limited(codec, max_bytes=len(data) - 1).encode(PAYLOAD)


RENAMED = [
    (tag, member)
    for tag, kind in ENUMERATION_OF.items()
    for member in kind
    if member.renamed is not None
]


def test_signature_algorithms_and_hashes_were_renamed():
    names = {member.names for _, member in RENAMED}
    assert ("SHA_256WithRSAEncryptionPKCS_1V1_5", "SHA_256WithRSAEncryption") in names
    assert ("SHA_3_256", "SHA3_256") in names


@texts
@pytest.mark.parametrize("tag, member", RENAMED, ids=lambda each: each.name)
def test_a_value_is_written_in_the_words_of_the_version_and_read_in_all_of_them(codec, tag, member):
    item = Item(tag, ItemType.ENUMERATION, int(member))
    older, newer = member.names
    for version in SUPPORTED:
        word = newer if version >= member.renamed.since else older
        written = codec.encode(item, version)
        assert f'"{word}"'.encode() in written
        assert codec.decode(written) == item


def test_words_of_one_version_that_mean_the_same_are_both_read():
    assert ResultReason.NOT_AUTHORISED.renamed is None
    for word in (b"NotAuthorised", b"NotAuthorized"):
        found = CODECS["XML"].decode(b'<ResultReason type="Enumeration" value="' + word + b'"/>')
        assert found.value == ResultReason.NOT_AUTHORISED


DATES = [
    ("2001-01-01T00:00:00Z", 978307200),
    ("2001-01-01T00:00:00.999999999999999999Z", 978307200),
    ("2000-12-31T24:00:00Z", 978307200),
    ("2000-12-31T24:00:00.000-00:00", 978307200),
    ("2001-01-01T14:00:00+14:00", 978307200),
    ("2001-01-01T00:00:00", 978307200),
    ("10000-01-01T00:00:00Z", 253402300800),
    ("12001-01-01T00:00:00Z", 978307200 + 25 * 400 * 365.2425 * 86400),
    ("0001-01-01T00:00:00Z", -62135596800),
    ("0000-12-31T00:00:00Z", -62135596800 - 86400),
    ("-0001-12-31T00:00:00Z", -62135596800 - 86400 - 366 * 86400),
    ("-400000-02-29T00:00:00Z", 951782400 - 1005 * 146097 * 86400),
]


@texts
@pytest.mark.parametrize("text, seconds", DATES)
def test_a_date_is_read_in_every_form_that_it_can_have(codec, text, seconds):
    sample = Item(Tag.TIME_STAMP, ItemType.DATE_TIME, 0)
    document = codec.encode(sample).replace(b"1970-01-01T00:00:00+00:00", text.encode())
    assert codec.decode(document).value == seconds
    assert codec.decode(codec.encode(codec.decode(document))).value == seconds


@texts
@pytest.mark.parametrize(
    "text",
    [
        "2001-02-29T00:00:00Z",
        "2001-01-01T24:00:01Z",
        "2001-01-01T25:00:00Z",
        "2001-01-01T00:00:60Z",
        "2001-01-01T00:00:00+14:01",
        "2001-01-01T00:00:00+01:60",
        "02001-01-01T00:00:00Z",
        "999999999999-01-01T00:00:00Z",
        "2001-01-01T00:00:00.Z",
        "1e3",
    ],
)
def test_what_is_no_date_is_refused(codec, text):
    sample = Item(Tag.TIME_STAMP, ItemType.DATE_TIME, 0)
    document = codec.encode(sample).replace(b"1970-01-01T00:00:00+00:00", text.encode())
    with pytest.raises(InvalidMessage):
        codec.decode(document)


@texts
def test_a_name_that_no_value_has_is_called_one(codec):
    written = codec.encode(Item(Tag.OPERATION, ItemType.ENUMERATION, 1))
    with pytest.raises(InvalidMessage, match="no such name of a value"):
        codec.decode(written.replace(b"Create", b"Fly"))


def test_all_encodings_hold_the_same_messages():
    """Text takes more bytes, and so each has a length of its own."""
    assert len({(codec.max_depth, codec.max_items) for codec in CODECS.values()}) == 1


@every_codec
@pytest.mark.parametrize(
    "kind, value",
    [
        (ItemType.INTEGER, 1 << 31),
        (ItemType.INTEGER, "1"),
        (ItemType.TEXT_STRING, b"1"),
        (ItemType.BYTE_STRING, "1"),
    ],
)
def test_a_value_that_its_type_cannot_have_is_a_fault_of_ours_and_is_not_told(codec, kind, value):
    with pytest.raises(ValueError, match="does not fit its type") as caught:
        codec.encode(Item(Tag.BATCH_COUNT, kind, value))
    assert "2147483648" not in str(caught.value)
