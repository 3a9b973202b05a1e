import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclave.cbor import MAX_BYTES, MAX_DEPTH, MAX_ITEMS, Tagged, decode, encode
from enclave.errors import InvalidEvidence

values = st.recursive(
    st.integers(0, 2**64 - 1) | st.binary(max_size=300) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@pytest.mark.parametrize(
    "value, expected",
    [
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (255, "18ff"),
        (256, "190100"),
        (1000000, "1a000f4240"),
        (18446744073709551615, "1bffffffffffffffff"),
        (b"\x01\x02\x03\x04", "4401020304"),
        ("IETF", "6449455446"),
        ("ü", "62c3bc"),
        ([1, [2, 3]], "8201820203"),
        ({"b": b"", "a": 1}, "a261610161" + "6240"),
        (Tagged(60000, [b"", b"x"]), "d9ea60824041" + "78"),
    ],
)
def test_known_encodings_both_ways(value, expected):
    """Values of RFC 8949 appendix A, and the form of tagged evidence."""
    assert encode(value).hex() == expected
    assert decode(bytes.fromhex(expected)) == value


@pytest.mark.parametrize(
    "data, why",
    [
        ("", "ends too early"),
        ("0000", "bytes follow"),
        ("1817", "longer than it need be"),
        ("1900ff", "longer than it need be"),
        ("5f4101ff", "indefinite"),
        ("9fff", "indefinite"),
        ("1c", "reserved"),
        ("20", "major type 1"),
        ("f5", "major type 7"),
        ("fb3ff199999999999a", "longer than it need be|major type 7"),
        ("61ff", "UTF-8"),
        ("5a7fffffff00", "ends too early"),
        ("9818", "ends too early"),
        ("98ff" + "00" * 255, "too many entries"),
        ("8181818180", "nested too deeply"),
        ("c0c0c0c000", "nested too deeply"),
        ("a16161a16162a16163a1616400", "nested too deeply"),
        ("a10001", "not text"),
        ("a2616100616100", "repeated"),
        ("a2616200616100", "out of order"),
    ],
)
def test_everything_else_is_refused(data, why):
    with pytest.raises(InvalidEvidence, match=why):
        decode(bytes.fromhex(data))


def test_keys_of_other_writers_may_be_out_of_order_when_that_is_asked_for():
    assert decode(bytes.fromhex("a2616200616101"), sorted_keys=False) == {"b": 0, "a": 1}


@pytest.mark.parametrize("value", [True, [False], {"a": True}, Tagged(1, True)])
def test_booleans_are_not_written_as_numbers(value):
    with pytest.raises(TypeError, match="boolean"):
        encode(value)


@pytest.mark.parametrize("value", [-1, 1 << 64, [-1], Tagged(-1, b""), Tagged(1 << 64, b"")])
def test_numbers_that_no_head_takes_are_not_written(value):
    with pytest.raises(ValueError, match="unsigned number of 64 bits"):
        encode(value)


def test_the_limits_are_the_last_that_is_read():
    longest = bytes(MAX_BYTES - 5)  # behind a head of five bytes
    assert decode(encode(longest)) == longest
    assert decode(encode([0] * MAX_ITEMS)) == [0] * MAX_ITEMS
    with pytest.raises(InvalidEvidence, match="too many entries"):
        decode(encode([0] * (MAX_ITEMS + 1)))


def test_a_long_input_is_refused_before_it_is_read():
    with pytest.raises(InvalidEvidence, match="too long"):
        decode(bytes(MAX_BYTES + 1))


@given(values)
def test_what_is_encoded_decodes_to_itself_or_is_refused_for_its_depth(value):
    data = encode(value)
    if _depth(value) <= MAX_DEPTH:
        assert decode(data) == value
    else:
        with pytest.raises(InvalidEvidence, match="nested too deeply"):
            decode(data)


def _depth(value):
    match value:
        case list():
            return 1 + max(map(_depth, value), default=0)
        case dict():
            return 1 + max(map(_depth, value.values()), default=0)
        case _:
            return 1


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_are_the_one_encoding_of_their_value(data):
    try:
        value = decode(data)
    except InvalidEvidence:
        return
    assert encode(value) == data
