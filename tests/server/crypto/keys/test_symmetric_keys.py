import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmip.enums import CryptographicAlgorithm as A
from kmip.errors import BadCryptographicParameters, UnsupportedCryptographicParameters
from server.crypto.ciphers.suites import CIPHERS
from server.crypto.keys.key_pairs import PAIRS
from server.crypto.keys.symmetric_keys import (
    LENGTHS,
    MAX_LENGTH,
    generate_secret,
    generate_symmetric_key,
    material_length,
    with_odd_parity,
)

HASHES = {A.SHA3_224, A.SHA3_256, A.SHA3_384, A.SHA3_512, A.SHAKE_128, A.SHAKE_256, A.SM3}
NO_LIBRARY = {
    A.SM2,
    A.GOST_R_34_10_2012,
    A.GOST_R_34_11_2012,
    A.XMSS,
    A.SPHINCS_256,
    A.MCELIECE,
    A.MCELIECE_6960119,
    A.MCELIECE_8192128,
    A.ML_KEM_512,
} | {algorithm for algorithm in A if algorithm.name.startswith("SLH_DSA")}


def test_every_algorithm_is_made_or_known_to_be_none_of_ours():
    """A new member of the enumeration needs a decision."""
    assert set(LENGTHS) | set(PAIRS) | HASHES | NO_LIBRARY == set(A)
    assert not set(LENGTHS) & set(PAIRS)


def test_every_cipher_has_keys():
    assert set(CIPHERS) <= set(LENGTHS)


@pytest.mark.parametrize(
    "algorithm, length, size",
    [
        (A.AES, 128, 16),
        (A.AES, 512, 64),
        (A.DES3, 112, 16),
        (A.DES3, 128, 16),
        (A.DES3, 168, 24),
        (A.DES3, 192, 24),
        (A.DES, 56, 8),
        (A.SKIPJACK, 80, 10),
        (A.CHACHA20, 256, 32),
        (A.HMAC_SHA256, 8, 1),
        (A.ONE_TIME_PAD, MAX_LENGTH, MAX_LENGTH // 8),
    ],
)
def test_a_key_is_as_long_as_its_length_says(algorithm, length, size):
    key = generate_symmetric_key(algorithm, length)
    assert len(key) == size == material_length(algorithm, length) // 8


def test_two_keys_differ():
    assert generate_symmetric_key(A.AES, 256) != generate_symmetric_key(A.AES, 256)


@pytest.mark.parametrize("length", [0, 127, 129, 257, -128])
def test_a_length_the_algorithm_lacks_is_refused(length):
    with pytest.raises(BadCryptographicParameters):
        generate_symmetric_key(A.AES, length)


def test_an_asymmetric_algorithm_has_no_symmetric_keys():
    with pytest.raises(UnsupportedCryptographicParameters):
        generate_symmetric_key(A.RSA, 2048)


@given(st.binary(max_size=40))
def test_every_byte_has_odd_parity_and_keeps_its_seven_bits(material):
    fixed = with_odd_parity(material)
    assert all(byte.bit_count() % 2 == 1 for byte in fixed)
    assert [byte >> 1 for byte in fixed] == [byte >> 1 for byte in material]


def test_secrets_are_whole_bytes_up_to_the_limit():
    assert len(generate_secret(104)) == 13
    for length in (0, 7, 12, MAX_LENGTH + 8):
        with pytest.raises(BadCryptographicParameters):
            generate_secret(length)
