"""Known answers of the ciphers, and which algorithm has which mode."""

import pytest

from kmip.cryptographic_parameters import CryptographicParameters as Parameters
from kmip.enums import BlockCipherMode as M
from kmip.enums import CryptographicAlgorithm as A
from kmip.errors import BadCryptographicParameters, UnsupportedCryptographicParameters
from server.crypto.ciphers.encryption import decrypt, encrypt
from server.crypto.ciphers.modes import MODES
from server.crypto.ciphers.suites import CIPHERS, choose_suite
from server.crypto.errors import InvalidKey, LegacyRefused, MissingParameters
from server.crypto.keys.symmetric_keys import generate_symmetric_key

ONE_BLOCK = [
    (  # RFC 3713 appendix A
        A.CAMELLIA,
        "0123456789abcdeffedcba9876543210",
        "0123456789abcdeffedcba9876543210",
        "67673138549669730857065648eabe43",
    ),
    (  # GB/T 32907-2016 appendix A.1
        A.SM4,
        "0123456789abcdeffedcba9876543210",
        "0123456789abcdeffedcba9876543210",
        "681edf34d206965e86b3e94f536e4246",
    ),
    (  # RFC 4269 appendix B.1
        A.SEED,
        "00" * 16,
        "000102030405060708090a0b0c0d0e0f",
        "5ebac6e0054e166819aff1cc6d346cdb",
    ),
    (  # RFC 2144 appendix B.1
        A.CAST5,
        "0123456712345678234567893456789a",
        "0123456789abcdef",
        "238b4fe5847e44b2",
    ),
    (  # Schneier's vectors of Eric Young
        A.BLOWFISH,
        "0000000000000000",
        "0000000000000000",
        "4ef997456198dd78",
    ),
    (  # Lai and Massey, EUROCRYPT '90
        A.IDEA,
        "00010002000300040005000600070008",
        "0000000100020003",
        "11fbed2b01986de5",
    ),
    (  # FIPS 81 appendix B: single DES
        A.DES,
        "0123456789abcdef",
        "4e6f772069732074",
        "3fa40e8a984d4815",
    ),
    (  # two keys that are the same are single DES
        A.DES3,
        "0123456789abcdef0123456789abcdef",
        "4e6f772069732074",
        "3fa40e8a984d4815",
    ),
]


@pytest.mark.parametrize("algorithm, key, data, expected", ONE_BLOCK)
def test_one_block(algorithm, key, data, expected):
    parameters = Parameters(block_cipher_mode=M.ECB)
    made = encrypt(
        bytes.fromhex(key), algorithm, parameters, bytes.fromhex(data), allow_legacy=True
    )
    assert made.data.hex() == expected


def test_rc2():
    """RFC 2268 section 5, a key of 16 bytes with 128 effective bits."""
    made = encrypt(
        bytes.fromhex("88bca90e90875a7f0f79c384627bafb2"),
        A.RC2,
        Parameters(block_cipher_mode=M.CBC),
        bytes(8),
        iv_counter_nonce=bytes(8),
        allow_legacy=True,
    )
    assert made.data.hex() == "2269552ab0f85ca6"


def test_rc4():
    """RFC 6229: the key stream of 0102030405."""
    made = encrypt(bytes(range(1, 6)), A.RC4, Parameters(), bytes(16), allow_legacy=True)
    assert made.data.hex() == "b2396305f03dc027ccc3524a0a1118a8"


SUITES = [
    (algorithm, mode)
    for algorithm, row in CIPHERS.items()
    for mode in [*sorted(row.modes), *([None] if row.alone else [])]
]


KEY_BITS = {
    A.DES: [56],
    A.DES3: [112, 168],
    A.AES: [128, 192, 256],
    A.CAMELLIA: [128, 192, 256],
    A.RC4: [40, 128, 256],
    A.CHACHA20: [256],
    A.CHACHA20POLY1305: [256],
    A.ONE_TIME_PAD: [256],
}
"""Bits of keys to try; the others have 128."""


@pytest.mark.parametrize("algorithm, mode", SUITES)
def test_every_suite_opens_what_it_sealed(algorithm, mode):
    """The table promises no mode that the library does not have."""
    for length in [256, 512] if mode == M.XTS else KEY_BITS.get(algorithm, [128]):
        key = generate_symmetric_key(algorithm, length)
        parameters = Parameters(block_cipher_mode=mode)
        data = bytes(range(32))
        made = encrypt(key, algorithm, parameters, data, allow_legacy=True)
        assert made.data != data
        opened = decrypt(
            key,
            algorithm,
            parameters,
            made.data,
            iv_counter_nonce=made.iv_counter_nonce,
            tag=made.authenticated_encryption_tag,
            allow_legacy=True,
        )
        assert opened == data


@pytest.mark.parametrize("algorithm", sorted(CIPHERS))
def test_a_mode_that_is_not_in_the_row_is_refused(algorithm):
    row = CIPHERS[algorithm]
    key = generate_symmetric_key(algorithm, KEY_BITS.get(algorithm, [128])[0])
    for mode in set(MODES) - row.modes:
        with pytest.raises(UnsupportedCryptographicParameters):
            choose_suite(key, algorithm, Parameters(block_cipher_mode=mode), allow_legacy=True)


LEGACY = [algorithm for algorithm, row in CIPHERS.items() if row.legacy]


def test_aes_3des_and_chacha20_are_not_legacy():
    assert not {A.AES, A.DES3, A.CHACHA20, A.CHACHA20POLY1305, A.SM4, A.ONE_TIME_PAD} & set(LEGACY)


@pytest.mark.parametrize("algorithm", LEGACY)
def test_legacy_needs_the_policy_both_ways(algorithm):
    for call in (encrypt, decrypt):
        with pytest.raises(LegacyRefused):
            call(bytes(16), algorithm, Parameters(block_cipher_mode=M.CBC), bytes(16))


def test_a_block_cipher_needs_a_mode():
    with pytest.raises(MissingParameters):
        choose_suite(bytes(16), A.AES, Parameters(), allow_legacy=False)


def test_an_algorithm_that_does_not_encrypt_is_refused():
    for algorithm in (A.HMAC_SHA256, A.TWOFISH, A.ARIA, A.SKIPJACK):
        with pytest.raises(UnsupportedCryptographicParameters):
            encrypt(bytes(16), algorithm, Parameters(block_cipher_mode=M.CBC), b"")


def test_parameters_for_another_algorithm_are_refused():
    parameters = Parameters(block_cipher_mode=M.CBC, cryptographic_algorithm=A.DES3)
    with pytest.raises(BadCryptographicParameters):
        encrypt(bytes(16), A.AES, parameters, b"")


@pytest.mark.parametrize(
    "algorithm, mode, key",
    [
        (A.AES, M.CBC, bytes(15)),
        (A.AES, M.CBC, bytes(64)),
        (A.AES, M.XTS, bytes(16)),
        (A.AES, M.XTS, bytes(32)),  # two halves alike
        (A.AES, M.NISTKEYWRAP, bytes(20)),
        (A.DES3, M.ECB, bytes(7)),
        (A.CHACHA20, None, bytes(16)),
        (A.CHACHA20POLY1305, M.AEAD, bytes(31)),
        (A.SM4, M.CTR, bytes(32)),
    ],
)
def test_a_key_of_a_length_the_algorithm_lacks_is_refused(algorithm, mode, key):
    with pytest.raises(InvalidKey):
        encrypt(key, algorithm, Parameters(block_cipher_mode=mode), bytes(32))


def test_a_one_time_pad_is_no_cipher():
    with pytest.raises(UnsupportedCryptographicParameters):
        CIPHERS[A.ONE_TIME_PAD].make(bytes(16))
