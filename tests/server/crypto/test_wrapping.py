import itertools

import pytest

from kmip.cryptographic_parameters import CryptographicParameters as Parameters
from kmip.enums import BlockCipherMode as M
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import HashingAlgorithm as H
from kmip.enums import PaddingMethod as P
from kmip.enums import WrappingMethod as W
from kmip.errors import (
    BadCryptographicParameters,
    CryptographicFailure,
    UnsupportedCryptographicParameters,
)
from server.crypto.wrapping import METHODS, Wrapped, WrappingKey, unwrap, wrap
from tests.server.crypto.samples import private_key

VALUE = bytes(range(24))
RSA = private_key(A.RSA)
EC = private_key(A.EC)

ENCRYPTION = {  # name: (key that wraps, key that unwraps)
    "NIST": [WrappingKey(bytes(16), A.AES, Parameters(block_cipher_mode=M.NISTKEYWRAP))] * 2,
    "KWP": [WrappingKey(bytes(32), A.AES, Parameters(block_cipher_mode=M.AESKEYWRAPPADDING))] * 2,
    "CBC": [
        WrappingKey(bytes(16), A.AES, Parameters(block_cipher_mode=M.CBC, padding_method=P.PKCS5))
    ]
    * 2,
    "GCM": [WrappingKey(bytes(16), A.AES, Parameters(block_cipher_mode=M.GCM))] * 2,
    "3DES": [WrappingKey(bytes(24), A.DES3, Parameters(block_cipher_mode=M.ECB))] * 2,
    "OAEP": [
        WrappingKey(half, A.RSA, Parameters(padding_method=P.OAEP))
        for half in (RSA.public_key(), RSA)
    ],
    "PKCS#1": [
        WrappingKey(half, A.RSA, Parameters(padding_method=P.PKCS1_V1_5))
        for half in (RSA.public_key(), RSA)
    ],
}
AUTHENTICATION = {
    "HMAC": [WrappingKey(b"mac key", A.HMAC_SHA256, Parameters())] * 2,
    "CMAC": [WrappingKey(bytes(16), A.AES, Parameters())] * 2,
    "ECDSA": [
        WrappingKey(half, A.EC, Parameters(hashing_algorithm=H.SHA_256))
        for half in (EC, EC.public_key())
    ],
}


def test_every_wrapping_method_has_a_row():
    assert set(METHODS) == set(W)


def test_a_wrapping_key_hides_its_bytes():
    assert "secret" not in repr(WrappingKey(b"secret", A.AES, Parameters()))


@pytest.mark.parametrize("name", ENCRYPTION)
def test_what_was_encrypted_comes_back(name):
    sealing, opening = ENCRYPTION[name]
    wrapped = wrap(W.ENCRYPT, VALUE, sealing)
    assert VALUE not in wrapped.key_value
    assert wrapped.mac_signature is None
    assert (wrapped.iv_counter_nonce is not None) == (name in ("CBC", "GCM"))
    assert unwrap(W.ENCRYPT, wrapped, opening) == VALUE


def test_the_wrapped_key_of_rfc_3394():
    """Section 4.1, and OASIS TC-WRAP-1."""
    key = WrappingKey(bytes(range(16)), A.AES, Parameters(block_cipher_mode=M.NISTKEYWRAP))
    wrapped = wrap(W.ENCRYPT, bytes.fromhex("00112233445566778899aabbccddeeff"), key)
    assert wrapped.key_value.hex() == "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"


def test_the_tag_follows_the_cipher_text():
    wrapped = wrap(W.ENCRYPT, VALUE, ENCRYPTION["GCM"][0])
    assert len(wrapped.key_value) == len(VALUE) + 16


@pytest.mark.parametrize("name", AUTHENTICATION)
def test_a_value_that_is_only_authenticated_stays_readable(name):
    signing, verifying = AUTHENTICATION[name]
    wrapped = wrap(W.MAC_SIGN, VALUE, None, signing)
    assert wrapped.key_value == VALUE
    assert unwrap(W.MAC_SIGN, wrapped, None, verifying) == VALUE
    changed = wrapped._replace(key_value=VALUE[:-1])
    with pytest.raises(CryptographicFailure):
        unwrap(W.MAC_SIGN, changed, None, verifying)
    with pytest.raises(CryptographicFailure):
        unwrap(W.MAC_SIGN, wrapped._replace(mac_signature=None), None, verifying)


BOTH = [W.ENCRYPT_THEN_MAC_SIGN, W.MAC_SIGN_THEN_ENCRYPT]


@pytest.mark.parametrize(
    "method, encryption, authentication",
    list(itertools.product(BOTH, ["NIST", "CBC", "OAEP"], ["HMAC", "ECDSA"])),
)
def test_both_steps_are_undone_and_checked(method, encryption, authentication):
    sealing, opening = ENCRYPTION[encryption]
    signing, verifying = AUTHENTICATION[authentication]
    wrapped = wrap(method, VALUE, sealing, signing)
    assert unwrap(method, wrapped, opening, verifying) == VALUE
    other = WrappingKey(b"other", A.HMAC_SHA256, Parameters())
    with pytest.raises(CryptographicFailure):
        unwrap(method, wrapped, opening, other)


def test_the_mac_covers_what_the_method_says():
    encrypted_first = wrap(
        W.ENCRYPT_THEN_MAC_SIGN, VALUE, ENCRYPTION["NIST"][0], AUTHENTICATION["HMAC"][0]
    )
    plain_first = wrap(
        W.MAC_SIGN_THEN_ENCRYPT, VALUE, ENCRYPTION["NIST"][0], AUTHENTICATION["HMAC"][0]
    )
    plain_only = wrap(W.MAC_SIGN, VALUE, None, AUTHENTICATION["HMAC"][0])
    assert encrypted_first.key_value == plain_first.key_value
    assert encrypted_first.mac_signature != plain_first.mac_signature
    assert plain_first.mac_signature == plain_only.mac_signature


@pytest.mark.parametrize("name", ["NIST", "KWP", "GCM", "OAEP"])
def test_a_damaged_value_fails_with_the_one_sentence(name):
    sealing, opening = ENCRYPTION[name]
    wrapped = wrap(W.ENCRYPT, VALUE, sealing)
    damaged = wrapped._replace(key_value=wrapped.key_value[:-1] + b"\0")
    with pytest.raises(CryptographicFailure, match="does not unwrap"):
        unwrap(W.ENCRYPT, damaged, opening)


@pytest.mark.parametrize(
    "method, encryption, authentication",
    [
        (W.ENCRYPT, None, None),
        (W.ENCRYPT, "NIST", "HMAC"),
        (W.MAC_SIGN, "NIST", None),
        (W.MAC_SIGN, None, None),
        (W.ENCRYPT_THEN_MAC_SIGN, "NIST", None),
        (W.MAC_SIGN_THEN_ENCRYPT, None, "HMAC"),
    ],
)
def test_a_key_too_many_or_too_few_is_refused(method, encryption, authentication):
    sealing = ENCRYPTION[encryption][0] if encryption else None
    signing = AUTHENTICATION[authentication][0] if authentication else None
    with pytest.raises(BadCryptographicParameters):
        wrap(method, VALUE, sealing, signing)
    with pytest.raises(BadCryptographicParameters):
        unwrap(method, Wrapped(VALUE), sealing, signing)


def test_tr_31_is_not_ours():
    with pytest.raises(UnsupportedCryptographicParameters):
        wrap(W.TR_31, VALUE)


def test_only_a_private_key_signs():
    with pytest.raises(BadCryptographicParameters):
        wrap(W.MAC_SIGN, VALUE, None, AUTHENTICATION["ECDSA"][1])


def test_what_does_not_fit_cannot_be_wrapped():
    with pytest.raises(CryptographicFailure):
        wrap(W.ENCRYPT, bytes(20), ENCRYPTION["NIST"][0])
    with pytest.raises(CryptographicFailure):
        wrap(W.ENCRYPT, bytes(200), ENCRYPTION["OAEP"][0])
