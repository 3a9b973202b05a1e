"""The values are those of the C2SP specification, "Test vectors"."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.xaes import XAES

NONCE = b"ABCDEFGHIJKLMNOPQRSTUVWX"
KEY_OF_ONES = "c8612c9ed53fe43e8e005b828a1631a0bbcb6ab2f46514ec4f439fcfd0fa969b"
KEY_OF_THREES = "e9c621d4cdd9b11b00a6427ad7e559aeedd66b3857646677748f8ca796cb3fd8"
CASES = [
    (1, KEY_OF_ONES, b"", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
    (
        3,
        KEY_OF_THREES,
        b"c2sp.org/XAES-256-GCM",
        "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d",
    ),
]


@pytest.mark.parametrize("byte,derived,associated,sealed", CASES)
def test_vectors(byte, derived, associated, sealed):
    cipher = XAES(bytes([byte]) * 32)
    assert cipher.derive(NONCE).hex() == derived
    assert cipher.encrypt(NONCE, b"XAES-256-GCM", associated).hex() == sealed
    assert cipher.open(NONCE + bytes.fromhex(sealed), associated) == b"XAES-256-GCM"


def test_accumulated_vectors():
    """Ten thousand messages drawn from SHAKE-128, their ciphertexts hashed with SHAKE-128."""
    stream = hashlib.shake_128(b"").digest(4_000_000)
    at = 0

    def draw(length):
        nonlocal at
        at += length
        return stream[at - length : at]

    everything = hashlib.shake_128()
    for _ in range(10_000):
        key, nonce = draw(32), draw(24)
        plaintext = draw(draw(1)[0])
        associated = draw(draw(1)[0])
        everything.update(XAES(key).encrypt(nonce, plaintext, associated))
    expected = "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"
    assert everything.hexdigest(32) == expected


@given(st.binary(max_size=600), st.binary(max_size=60))
def test_round_trip(plaintext, associated):
    cipher = XAES(bytes(32))
    sealed = cipher.seal(plaintext, associated)
    assert len(sealed) == len(plaintext) + 40
    assert cipher.open(sealed, associated) == plaintext
    assert cipher.open(sealed, associated + b"x") is None


@given(st.integers(min_value=0), st.integers(0, 7))
def test_any_flipped_bit_is_noticed(at, bit):
    sealed = bytearray(XAES(bytes(32)).seal(b"plaintext", b""))
    sealed[at % len(sealed)] ^= 1 << bit
    assert XAES(bytes(32)).open(bytes(sealed), b"") is None


def test_short_input_does_not_open():
    for length in range(40):
        assert XAES(bytes(32)).open(bytes(length), b"") is None


def test_nonces_differ():
    cipher = XAES(bytes(32))
    assert len({cipher.seal(b"", b"") for _ in range(100)}) == 100


def test_key_length():
    with pytest.raises(ValueError, match="32 bytes"):
        XAES(bytes(16))
