"""Known answers of the modes, from the documents that define them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmip.cryptographic_parameters import CryptographicParameters as Parameters
from kmip.enums import BlockCipherMode as M
from kmip.enums import CryptographicAlgorithm as A
from kmip.errors import CryptographicFailure
from server.crypto.ciphers.encryption import decrypt, encrypt
from server.crypto.ciphers.modes import MODES
from server.crypto.errors import InvalidTagLength

AES = "2b7e151628aed2a6abf7158809cf4f3c"
BLOCKS = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
VECTOR = "000102030405060708090a0b0c0d0e0f"
COUNTER = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"

SP_800_38A = [  # appendix F: F.1.1, F.2.1, F.3.13, F.4.1, F.5.1
    (M.ECB, None, "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"),
    (M.CBC, VECTOR, "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"),
    (M.CFB, VECTOR, "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"),
    (M.OFB, VECTOR, "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed825"),
    (M.CTR, COUNTER, "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"),
]


def test_every_mode_has_a_row():
    assert set(MODES) == set(M)


@pytest.mark.parametrize("mode, vector, expected", SP_800_38A)
def test_aes_in_the_modes_of_sp_800_38a(mode, vector, expected):
    key, data = bytes.fromhex(AES), bytes.fromhex(BLOCKS)
    iv = None if vector is None else bytes.fromhex(vector)
    parameters = Parameters(block_cipher_mode=mode)
    encrypted = encrypt(key, A.AES, parameters, data, iv_counter_nonce=iv)
    assert encrypted.data.hex() == expected
    assert encrypted.iv_counter_nonce is None
    assert encrypted.authenticated_encryption_tag is None
    assert decrypt(key, A.AES, parameters, encrypted.data, iv_counter_nonce=iv) == data


def test_ccm():
    """SP 800-38C appendix C, example 3."""
    encrypted = encrypt(
        bytes(range(0x40, 0x50)),
        A.AES,
        Parameters(block_cipher_mode=M.CCM, tag_length=8),
        bytes(range(0x20, 0x38)),
        iv_counter_nonce=bytes(range(0x10, 0x1C)),
        additional_data=bytes(range(0x14)),
    )
    assert encrypted.data.hex() == "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5"
    assert encrypted.authenticated_encryption_tag.hex() == "484392fbc1b09951"


def test_xts():
    """IEEE 1619 annex B, vector 2."""
    key = bytes([0x11] * 16 + [0x22] * 16)
    tweak = bytes([0x33] * 5 + [0] * 11)
    parameters = Parameters(block_cipher_mode=M.XTS)
    encrypted = encrypt(key, A.AES, parameters, bytes([0x44] * 32), iv_counter_nonce=tweak)
    assert (
        encrypted.data.hex() == "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0"
    )
    opened = decrypt(key, A.AES, parameters, encrypted.data, iv_counter_nonce=tweak)
    assert opened == bytes([0x44] * 32)
    with pytest.raises(CryptographicFailure):
        encrypt(key, A.AES, parameters, bytes(15), iv_counter_nonce=tweak)


@pytest.mark.parametrize(
    "mode, key, data, wrapped",
    [
        (  # RFC 3394 section 4.1
            M.NISTKEYWRAP,
            "000102030405060708090a0b0c0d0e0f",
            "00112233445566778899aabbccddeeff",
            "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5",
        ),
        (  # RFC 5649 section 6
            M.AESKEYWRAPPADDING,
            "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8",
            "c37b7e6492584340bed12207808941155068f738",
            "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
        ),
    ],
)
def test_aes_key_wrap(mode, key, data, wrapped):
    parameters = Parameters(block_cipher_mode=mode)
    made = encrypt(bytes.fromhex(key), A.AES, parameters, bytes.fromhex(data))
    assert made.data.hex() == wrapped
    assert decrypt(bytes.fromhex(key), A.AES, parameters, made.data).hex() == data
    damaged = bytes([made.data[0] ^ 1]) + made.data[1:]
    with pytest.raises(CryptographicFailure):
        decrypt(bytes.fromhex(key), A.AES, parameters, damaged)


def test_rfc_3394_wraps_whole_eight_bytes_only():
    with pytest.raises(CryptographicFailure):
        encrypt(bytes(16), A.AES, Parameters(block_cipher_mode=M.NISTKEYWRAP), bytes(20))


def test_a_counter_of_its_own():
    """RFC 3686 test vector 1: nonce 00000030, IV of zeros, a counter that begins at 1."""
    key = bytes.fromhex("ae6852f8121067cc4bf7a5765577f39e")
    parameters = Parameters(block_cipher_mode=M.CTR, counter_length=32, initial_counter_value=1)
    vector = bytes.fromhex("000000300000000000000000")
    encrypted = encrypt(key, A.AES, parameters, b"Single block msg", iv_counter_nonce=vector)
    assert encrypted.data.hex() == "e4095d4fb7a7b3792d6175a3261311b8"


def test_a_counter_of_its_own_does_not_repeat():
    parameters = Parameters(block_cipher_mode=M.CTR, initial_counter_value=2**32 - 1)
    encrypt(bytes(16), A.AES, parameters, bytes(16), iv_counter_nonce=bytes(12))
    with pytest.raises(CryptographicFailure, match="counter"):
        encrypt(bytes(16), A.AES, parameters, bytes(17), iv_counter_nonce=bytes(12))


@given(
    st.sampled_from([M.GCM, M.CCM]),
    st.sampled_from([16, 24, 32]),
    st.binary(max_size=50),
    st.binary(max_size=50),
    st.sampled_from([12, 14, 16, None]),
    st.integers(0, 1000),
)
def test_an_authenticated_mode_opens_only_what_was_sealed(mode, size, data, additional, tag, where):
    key = bytes(range(size))
    parameters = Parameters(block_cipher_mode=mode, tag_length=tag)
    encrypted = encrypt(key, A.AES, parameters, data, additional_data=additional)
    sealed = encrypted.data + encrypted.authenticated_encryption_tag
    assert len(sealed) == len(data) + (tag or 16)
    inputs = {"iv_counter_nonce": encrypted.iv_counter_nonce, "additional_data": additional}
    assert decrypt(key, A.AES, parameters, sealed, **inputs) == data
    damaged = bytearray(sealed)
    damaged[where % len(sealed)] ^= 1
    with pytest.raises(CryptographicFailure):
        decrypt(key, A.AES, parameters, bytes(damaged), **inputs)


@pytest.mark.parametrize("mode", [M.GCM, M.CCM])
@pytest.mark.parametrize("length", [-1, 0, 1, 4, 17, 32])
def test_a_tag_length_the_mode_lacks_is_refused(mode, length):
    parameters = Parameters(block_cipher_mode=mode, tag_length=length)
    with pytest.raises(InvalidTagLength):
        encrypt(bytes(16), A.AES, parameters, b"")
    with pytest.raises(InvalidTagLength):
        decrypt(bytes(16), A.AES, parameters, b"", iv_counter_nonce=bytes(12), tag=bytes(8))


def test_a_tag_of_another_length_than_stated_is_refused():
    parameters = Parameters(block_cipher_mode=M.GCM, tag_length=16)
    with pytest.raises(InvalidTagLength):
        decrypt(bytes(16), A.AES, parameters, b"", iv_counter_nonce=bytes(12), tag=bytes(12))


def test_ccm_has_no_room_for_a_long_message_beside_a_long_nonce():
    """RFC 3610 section 2: 13 bytes of nonce leave 2 bytes of length."""
    parameters = Parameters(block_cipher_mode=M.CCM)
    encrypt(bytes(16), A.AES, parameters, bytes(65535), iv_counter_nonce=bytes(13))
    with pytest.raises(CryptographicFailure):
        encrypt(bytes(16), A.AES, parameters, bytes(65536), iv_counter_nonce=bytes(13))
    with pytest.raises(CryptographicFailure):
        decrypt(bytes(16), A.AES, parameters, bytes(65552), iv_counter_nonce=bytes(13))
