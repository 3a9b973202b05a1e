import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import KEEP, Put, Remove, Terms
from storage.record import (
    MAX_BODY_BYTES,
    MAX_META_BYTES,
    MAX_NAME_BYTES,
    MAX_TERM_BYTES,
    MAX_TERMS,
    Content,
    decode_body,
    encode_body,
    size_class,
)
from tests.storage.stores import put

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
TERM = st.binary(min_size=1, max_size=40)
TERMS = st.builds(Terms, st.frozensets(TERM, max_size=8), st.dictionaries(TERM, INT64, max_size=4))


@given(
    st.binary(min_size=1, max_size=80),
    st.integers(1, (1 << 64) - 1),
    st.integers(0, (1 << 64) - 1),
    st.integers(0, 255),
    st.binary(min_size=16, max_size=16),
    st.binary(max_size=1000),
    TERMS,
)
def test_content_round_trip(name, version, serial, epoch, tag, meta, terms):
    content = Content(name, version, serial, epoch, tag if epoch else b"", meta, terms)
    plaintext = content.encode()
    assert len(plaintext) == size_class(len(plaintext))
    assert Content.decode(plaintext) == content


@given(st.binary(max_size=5000))
def test_body_round_trip(body):
    plaintext = encode_body(body)
    assert len(plaintext) == size_class(len(body) + 4)
    assert decode_body(plaintext) == body


@pytest.mark.parametrize(
    "length,expected",
    [
        (0, 256),
        (256, 256),
        (257, 512),
        (512, 512),
        (2049, 4096),
        (4096, 4096),
        (4097, 4608),
        (8192, 8192),
        (8193, 9216),
        (1 << 20, 1 << 20),
        ((1 << 20) + 1, (1 << 20) + (1 << 17)),
    ],
)
def test_size_classes(length, expected):
    assert size_class(length) == expected


@given(st.integers(4097, 1 << 30))
def test_size_classes_waste_little(length):
    assert length <= size_class(length) <= length * 1.125 + 1
    assert size_class(size_class(length)) == size_class(length)


NUMBERED = frozenset(number.to_bytes(3) for number in range(MAX_TERMS + 1))
FEWER = frozenset(number.to_bytes(3) for number in range(MAX_TERMS))


@pytest.mark.parametrize(
    "change",
    [
        put(b"n" * MAX_NAME_BYTES),
        put(b"n", meta=bytes(MAX_META_BYTES)),
        put(b"n", body=bytes(MAX_BODY_BYTES)),
        put(b"n", body=None),
        put(b"n", body=KEEP),
        put(b"n", found_by=Terms(frozenset({b"t", b"t" * MAX_TERM_BYTES}))),
        put(b"n", found_by=Terms(ranged={b"c": -(1 << 63), b"d" * MAX_TERM_BYTES: (1 << 63) - 1})),
        put(b"n", found_by=Terms(FEWER, dict.fromkeys(FEWER, 0))),
        Remove(b"n", 1),
    ],
)
def test_what_is_within_the_limits_is_taken(change):
    change.check()


@pytest.mark.parametrize(
    "change",
    [
        put(b""),
        put(b"n" * 1025),
        put(b"n", meta=bytes((16 << 20) + 1)),
        put(b"n", body=bytes((16 << 20) + 1)),
        put(b"n", found_by=Terms(frozenset({b""}))),
        put(b"n", found_by=Terms(frozenset({b"t" * 4097}))),
        put(b"n", found_by=Terms(ranged={b"c": 1 << 63})),
        put(b"n", found_by=Terms(ranged={b"": 1})),
        put(b"n", found_by=Terms(ranged={b"c": -(1 << 63) - 1})),
        put(b"n", found_by=Terms(ranged={b"c" * 4097: 1})),
        put(b"n", found_by=Terms(NUMBERED)),
        put(b"n", found_by=Terms(ranged=dict.fromkeys(NUMBERED, 0))),
        Remove(b"n", 0),
    ],
)
def test_limits(change):
    with pytest.raises(ValueError):
        change.check()


def test_repr_shows_no_content():
    assert "secret" not in repr(Put(b"n", 0, b"secret", b"secret", Terms(frozenset({b"secret"}))))
    assert "KEEP" in str(KEEP)
