import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmip.cryptographic_parameters import CryptographicParameters as Parameters
from kmip.enums import BlockCipherMode as M
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import ValidityIndicator as V
from kmip.errors import UnsupportedCryptographicParameters
from server.crypto.ciphers.encryption import encrypt
from server.crypto.errors import InvalidKey, LegacyRefused
from server.crypto.macs import HMACS, MACStream, mac, verify_mac

PYTHON = {
    A.HMAC_MD5: "md5",
    A.HMAC_SHA1: "sha1",
    A.HMAC_SHA224: "sha224",
    A.HMAC_SHA256: "sha256",
    A.HMAC_SHA384: "sha384",
    A.HMAC_SHA512: "sha512",
    A.HMAC_SHA3_224: "sha3_224",
    A.HMAC_SHA3_256: "sha3_256",
    A.HMAC_SHA3_384: "sha3_384",
    A.HMAC_SHA3_512: "sha3_512",
}
AES = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")


def test_every_hmac_of_the_enumeration_is_there():
    assert set(HMACS) == {algorithm for algorithm in A if algorithm.name.startswith("HMAC_")}


@pytest.mark.parametrize("algorithm", PYTHON)
@pytest.mark.parametrize("key", [b"", b"Jefe", bytes(300)])
def test_an_hmac_is_what_python_computes(algorithm, key):
    expected = hmac.new(key, b"what do ya want for nothing?", PYTHON[algorithm]).digest()
    computed = mac(key, algorithm, Parameters(), b"what do ya want for nothing?", allow_legacy=True)
    assert computed == expected


def test_rfc_4231_case_2():
    made = mac(b"Jefe", A.HMAC_SHA256, Parameters(), b"what do ya want for nothing?")
    assert made.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


@pytest.mark.parametrize(
    "data, expected",
    [  # RFC 4493 section 4, examples 1 and 2
        ("", "bb1d6929e95937287fa37d129b756746"),
        ("6bc1bee22e409f96e93d7e117393172a", "070a16b46b4d4144f79bdd9dd04a287c"),
    ],
)
@pytest.mark.parametrize("mode", [None, M.CMAC])
def test_cmac(data, expected, mode):
    parameters = Parameters(block_cipher_mode=mode)
    assert mac(AES, A.AES, parameters, bytes.fromhex(data)).hex() == expected


def test_poly1305():
    """RFC 8439 section 2.5.2."""
    key = bytes.fromhex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b")
    made = mac(key, A.POLY1305, Parameters(), b"Cryptographic Forum Research Group")
    assert made.hex() == "a8061dc1305136c6c22b8baf0c0127a9"


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_cbc_mac_is_the_last_block_of_cbc(parts):
    parameters = Parameters(block_cipher_mode=M.CBC_MAC)
    stream = MACStream(AES, A.AES, parameters, allow_legacy=True)
    for part in parts:
        stream.update(part)
    whole = b"".join(parts)
    filled = whole + bytes(-len(whole) % 16) or bytes(16)
    cbc = Parameters(block_cipher_mode=M.CBC)
    expected = encrypt(AES, A.AES, cbc, filled, iv_counter_nonce=bytes(16)).data[-16:]
    assert stream.finalize() == expected


def test_cbc_mac_and_hmac_md5_need_the_policy():
    with pytest.raises(LegacyRefused):
        mac(AES, A.AES, Parameters(block_cipher_mode=M.CBC_MAC), b"")
    with pytest.raises(LegacyRefused):
        mac(AES, A.HMAC_MD5, Parameters(), b"")


def test_the_parameters_name_the_mac_over_the_key():
    """OASIS CS-AC-M-5: an AES key under HMAC-SHA256."""
    parameters = Parameters(cryptographic_algorithm=A.HMAC_SHA512)
    assert mac(AES, A.AES, parameters, b"x") == hmac.digest(AES, b"x", hashlib.sha512)


@given(st.lists(st.binary(max_size=50), max_size=4), st.binary(max_size=50))
def test_parts_mac_like_the_whole(parts, last):
    stream = MACStream(AES, A.HMAC_SHA256, Parameters())
    for part in parts:
        stream.update(part)
    whole = b"".join(parts) + last
    assert stream.finalize(last) == mac(AES, A.HMAC_SHA256, Parameters(), whole)


def test_verifying_tells_valid_from_invalid():
    made = mac(AES, A.AES, Parameters(), b"data")
    assert verify_mac(AES, A.AES, Parameters(), b"data", made) == V.VALID
    for other in (made[:-1], made + b"\0", b"", bytes(16)):
        assert verify_mac(AES, A.AES, Parameters(), b"data", other) == V.INVALID
    assert verify_mac(AES, A.AES, Parameters(), b"date", made) == V.INVALID


def test_what_has_no_mac_is_refused():
    for algorithm, mode in [(A.AES, M.CBC), (A.CAMELLIA, None), (A.CHACHA20, None), (A.RSA, None)]:
        with pytest.raises(UnsupportedCryptographicParameters):
            mac(AES, algorithm, Parameters(block_cipher_mode=mode), b"", allow_legacy=True)


def test_a_key_of_another_length_is_refused():
    for algorithm in (A.AES, A.DES3, A.POLY1305):
        with pytest.raises(InvalidKey):
            mac(bytes(5), algorithm, Parameters(), b"")
