"""Known answers: RFC 8439."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from kmip.cryptographic_parameters import CryptographicParameters as Parameters
from kmip.enums import BlockCipherMode as M
from kmip.enums import CryptographicAlgorithm as A
from kmip.errors import CryptographicFailure
from server.crypto.ciphers.chacha20 import compute_tag
from server.crypto.ciphers.encryption import decrypt, encrypt

SUNSCREEN = (
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    b"sunscreen would be it."
)
SECTION_2_4_2 = (
    "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b3"
    "571639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab779"
    "37365af90bbf74a35be6b40b8eedf2785e42874d"
)
KEY = bytes(range(32))
AEAD = Parameters(block_cipher_mode=M.AEAD)


def test_chacha20_with_a_counter_that_begins_at_1():
    nonce = bytes.fromhex("000000000000004a00000000")
    parameters = Parameters(initial_counter_value=1)
    encrypted = encrypt(KEY, A.CHACHA20, parameters, SUNSCREEN, iv_counter_nonce=nonce)
    assert encrypted.data.hex() == SECTION_2_4_2
    assert decrypt(KEY, A.CHACHA20, parameters, encrypted.data, iv_counter_nonce=nonce) == SUNSCREEN


def test_the_counter_may_stand_before_the_nonce():
    whole = bytes.fromhex("01000000" + "000000000000004a00000000")
    encrypted = encrypt(KEY, A.CHACHA20, Parameters(), SUNSCREEN, iv_counter_nonce=whole)
    assert encrypted.data.hex() == SECTION_2_4_2


def test_a_counter_does_not_repeat():
    parameters = Parameters(initial_counter_value=2**32 - 1)
    encrypt(KEY, A.CHACHA20, parameters, bytes(64), iv_counter_nonce=bytes(12))
    with pytest.raises(CryptographicFailure, match="counter"):
        encrypt(KEY, A.CHACHA20, parameters, bytes(65), iv_counter_nonce=bytes(12))


@given(
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=12, max_size=12),
    st.binary(max_size=70),
    st.binary(max_size=70),
)
def test_our_tag_is_the_librarys(key, nonce, additional, data):
    sealed = ChaCha20Poly1305(key).encrypt(nonce, data, additional)
    assert compute_tag(key, nonce, additional, sealed[: len(data)]) == sealed[len(data) :]


@pytest.mark.parametrize("length", [12, 13, 16])
def test_a_tag_cut_short_opens_and_a_changed_one_does_not(length):
    encrypted = encrypt(KEY, A.CHACHA20POLY1305, AEAD, SUNSCREEN, additional_data=b"more")
    tag = encrypted.authenticated_encryption_tag[:length]
    fields = {"iv_counter_nonce": encrypted.iv_counter_nonce, "additional_data": b"more"}
    opened = decrypt(KEY, A.CHACHA20POLY1305, AEAD, encrypted.data, tag=tag, **fields)
    assert opened == SUNSCREEN
    changed = bytes([tag[0] ^ 1]) + tag[1:]
    with pytest.raises(CryptographicFailure):
        decrypt(KEY, A.CHACHA20POLY1305, AEAD, encrypted.data, tag=changed, **fields)
