import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip.cryptographic_parameters import CryptographicParameters as Parameters
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import DigitalSignatureAlgorithm as D
from kmip.enums import HashingAlgorithm as H
from kmip.enums import KeyFormatType as F
from kmip.enums import MaskGenerator
from kmip.enums import PaddingMethod as P
from kmip.enums import RecommendedCurve as C
from kmip.enums import ValidityIndicator as V
from kmip.errors import (
    BadCryptographicParameters,
    CryptographicFailure,
    MissingData,
    ServerLimitExceeded,
    UnsupportedCryptographicParameters,
)
from kmip.key_block import TransparentECPrivateKey
from server.crypto.errors import LegacyRefused, MissingParameters
from server.crypto.keys.elliptic_keys import load_ec_private
from server.crypto.keys.key_formats import load_private, load_public
from server.crypto.signatures.signing import MAX_MESSAGE, SignStream, VerifyStream, sign, verify
from tests.server.crypto.samples import private_key

SHA_256 = Parameters(hashing_algorithm=H.SHA_256)
PSS = Parameters(hashing_algorithm=H.SHA_256, padding_method=P.PSS)
KEYS = [
    (A.RSA, None, SHA_256),
    (A.RSA, None, PSS),
    (A.DSA, None, SHA_256),
    (A.EC, None, SHA_256),
    (A.ECDSA, C.P_521, SHA_256),
    (A.ECDSA, C.SECP256K1, SHA_256),
    (A.ED25519, None, Parameters()),
    (A.ED448, None, Parameters()),
    (A.ML_DSA_65, None, Parameters()),
]
DIGESTED = KEYS[:6]


@pytest.mark.parametrize("algorithm, curve, parameters", KEYS)
def test_a_signature_is_valid_for_its_data_and_its_key_only(algorithm, curve, parameters):
    key = private_key(algorithm, curve)
    signature = sign(key, parameters, b"data")
    public = key.public_key()
    assert verify(public, parameters, signature, b"data") == V.VALID
    assert verify(key, parameters, signature, b"data") == V.VALID
    assert verify(public, parameters, signature, b"date") == V.INVALID
    assert verify(public, parameters, signature[:-1], b"data") == V.INVALID
    assert verify(public, parameters, b"", b"data") == V.INVALID
    damaged = signature[:-1] + bytes([signature[-1] ^ 1])
    assert verify(public, parameters, damaged, b"data") == V.INVALID


@pytest.mark.parametrize("algorithm, curve, parameters", KEYS)
@settings(max_examples=5, deadline=None)
@given(parts=st.lists(st.binary(max_size=30), max_size=4), last=st.binary(max_size=30))
def test_parts_sign_and_verify_like_the_whole(algorithm, curve, parameters, parts, last):
    key = private_key(algorithm, curve)
    signing, verifying = SignStream(key, parameters), VerifyStream(key, parameters)
    for part in parts:
        signing.update(part)
        verifying.update(part)
    signature = signing.finalize(last)
    assert verify(key, parameters, signature, b"".join(parts) + last) == V.VALID
    assert verifying.finalize(signature, last) == V.VALID


@pytest.mark.parametrize("algorithm, curve, parameters", DIGESTED)
def test_a_digest_signs_like_its_data(algorithm, curve, parameters):
    key = private_key(algorithm, curve)
    digest = hashlib.sha256(b"data").digest()
    signature = sign(key, parameters, digested_data=digest)
    assert verify(key, parameters, signature, b"data") == V.VALID
    signature = sign(key, parameters, b"data")
    assert verify(key, parameters, signature, digested_data=digest) == V.VALID


@pytest.mark.parametrize("algorithm, curve", [(A.DSA, None), (A.EC, None), (A.ECDSA, C.P_521)])
@pytest.mark.parametrize("hashing", [H.SHA_1, H.SHA_256, H.SHA_512])
def test_a_digest_of_no_named_hash_is_the_number_it_is(algorithm, curve, hashing):
    """The hash matters only in what it gives: leftmost bits, whatever their number."""
    key = private_key(algorithm, curve)
    name = {H.SHA_1: "sha1", H.SHA_256: "sha256", H.SHA_512: "sha512"}[hashing]
    digest = hashlib.new(name, b"data").digest()
    signature = sign(key, Parameters(), digested_data=digest)
    assert verify(key, Parameters(hashing_algorithm=hashing), signature, b"data") == V.VALID
    signature = sign(key, Parameters(hashing_algorithm=hashing), b"data")
    assert verify(key, Parameters(), signature, digested_data=digest) == V.VALID


def test_rsa_signs_any_short_digest_without_a_digest_info():
    key = private_key(A.RSA)
    signature = sign(key, Parameters(), digested_data=b"sixteen bytes...")
    assert verify(key, Parameters(), signature, digested_data=b"sixteen bytes...") == V.VALID
    number = pow(int.from_bytes(signature, "big"), 65537, key.public_key().public_numbers().n)
    assert number.to_bytes(128, "big") == b"\0\1" + b"\xff" * 109 + b"\0sixteen bytes..."


def test_ed25519():
    """RFC 8032 section 7.1, TEST 2."""
    key = load_private(
        F.RAW,
        bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
        A.ED25519,
    )
    signature = sign(key, Parameters(), b"\x72")
    assert signature.hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    assert (
        verify(load_public(F.RAW, public, A.ED25519), Parameters(), signature, b"\x72") == V.VALID
    )


def test_ecdsa_is_der():
    """RFC 6979 appendix A.2.5: P-256, SHA-256, "sample"."""
    d = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
    key = load_ec_private(TransparentECPrivateKey(recommended_curve=C.P_256, d=d))
    signature = encode_dss_signature(
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
    )
    assert verify(key, SHA_256, signature, b"sample") == V.VALID
    assert verify(key, SHA_256, signature, b"test") == V.INVALID
    key.public_key().verify(sign(key, SHA_256, b"sample"), b"sample", ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("mask", [None, H.SHA_1, H.SHA_384])
@pytest.mark.parametrize("salt", [None, 0, 20, 62])
def test_pss_takes_mask_and_salt_from_the_parameters(mask, salt):
    key = private_key(A.RSA)
    parameters = Parameters(
        hashing_algorithm=H.SHA_256,
        padding_method=P.PSS,
        salt_length=salt,
        mask_generator=MaskGenerator.MGF1,
        mask_generator_hashing_algorithm=mask,
        trailer_field=1,
    )
    signature = sign(key, parameters, b"data")
    classes = {None: hashes.SHA256, H.SHA_1: hashes.SHA1, H.SHA_384: hashes.SHA384}
    exact = padding.PSS(padding.MGF1(classes[mask]()), 32 if salt is None else salt)
    key.public_key().verify(signature, b"data", exact, hashes.SHA256())
    assert verify(key, parameters, signature, b"data") == V.VALID
    if mask != H.SHA_384:  # unnamed, MGF1 may have had the hash of the signature or SHA-1
        assert verify(key, PSS, signature, b"data") == V.VALID
    else:
        assert verify(key, PSS, signature, b"data") == V.INVALID


def test_a_named_salt_length_is_exact():
    key = private_key(A.RSA)
    signature = sign(key, PSS, b"data")
    for length, validity in [(32, V.VALID), (20, V.INVALID), (300, V.INVALID)]:
        parameters = Parameters(
            hashing_algorithm=H.SHA_256, padding_method=P.PSS, salt_length=length
        )
        assert verify(key, parameters, signature, b"data") == validity


def test_a_digital_signature_algorithm_needs_nothing_beside_it():
    key = private_key(A.RSA)
    named = Parameters(digital_signature_algorithm=D.SHA_384_WITH_RSA_ENCRYPTION_PKCS_1_V1_5)
    signature = sign(key, named, b"data")
    key.public_key().verify(signature, b"data", padding.PKCS1v15(), hashes.SHA384())
    with pytest.raises(InvalidSignature):
        key.public_key().verify(signature, b"data", padding.PKCS1v15(), hashes.SHA256())


def test_parameters_of_another_algorithm_are_passed_over():
    """OASIS CS-AC-M-3-ECC: ECDSA verified with RSA and PSS in the parameters."""
    key = private_key(A.EC)
    signature = sign(key, SHA_256, b"data")
    for hashing, validity in [(H.SHA_256, V.VALID), (H.SHA_1, V.INVALID)]:
        parameters = Parameters(
            padding_method=P.PSS, cryptographic_algorithm=A.RSA, hashing_algorithm=hashing
        )
        assert verify(key, parameters, signature, b"data") == validity


def test_a_digest_of_the_wrong_length_cannot_be_signed_and_is_never_valid():
    key = private_key(A.EC)
    with pytest.raises(BadCryptographicParameters):
        sign(key, SHA_256, digested_data=bytes(20))
    assert verify(key, SHA_256, b"signature", digested_data=bytes(20)) == V.INVALID
    for digest in (b"", bytes(65)):
        with pytest.raises(BadCryptographicParameters):
            sign(key, Parameters(), digested_data=digest)
        assert verify(key, Parameters(), b"signature", digested_data=digest) == V.INVALID


def test_a_key_that_signs_messages_takes_no_digest():
    for call in (sign, lambda k, p, digested_data: verify(k, p, b"", digested_data=digested_data)):
        with pytest.raises(UnsupportedCryptographicParameters):
            call(private_key(A.ED25519), Parameters(), digested_data=bytes(32))


def test_a_whole_message_has_a_limit():
    stream = SignStream(private_key(A.ED25519), Parameters())
    stream.update(bytes(MAX_MESSAGE))
    with pytest.raises(ServerLimitExceeded):
        stream.update(b"x")


def test_what_is_missing_is_told():
    for algorithm in (A.RSA, A.DSA, A.EC):
        with pytest.raises(MissingParameters):
            sign(private_key(algorithm), Parameters(), b"data")
    with pytest.raises(MissingParameters):
        sign(private_key(A.RSA), Parameters(padding_method=P.PSS), digested_data=bytes(32))
    for call in (
        lambda: sign(private_key(A.EC), SHA_256),
        lambda: verify(private_key(A.EC), SHA_256, b""),
    ):
        with pytest.raises(MissingData):
            call()


@pytest.mark.parametrize(
    "parameters",
    [
        Parameters(hashing_algorithm=H.SHA_256, padding_method=P.OAEP),
        Parameters(hashing_algorithm=H.SHA_256, padding_method=P.NONE),
        Parameters(hashing_algorithm=H.RIPEMD_160),
        Parameters(hashing_algorithm=H.SHA_256, padding_method=P.PSS, trailer_field=2),
        Parameters(
            hashing_algorithm=H.SHA_256,
            padding_method=P.PSS,
            mask_generator=MaskGenerator(0x80000001),
        ),
    ],
)
def test_what_the_server_lacks_is_refused(parameters):
    with pytest.raises(UnsupportedCryptographicParameters):
        sign(private_key(A.RSA), parameters, b"data")
    with pytest.raises(UnsupportedCryptographicParameters):
        verify(private_key(A.RSA), parameters, b"", b"data")


def test_md5_needs_the_policy():
    with pytest.raises(LegacyRefused):
        sign(private_key(A.RSA), Parameters(hashing_algorithm=H.MD5), b"data")
    md5 = Parameters(hashing_algorithm=H.MD5)
    signature = sign(private_key(A.RSA), md5, b"data", allow_legacy=True)
    assert verify(private_key(A.RSA), md5, signature, b"data", allow_legacy=True) == V.VALID


def test_what_does_not_fit_the_key_fails():
    long = Parameters(hashing_algorithm=H.SHA_512, padding_method=P.PSS, salt_length=100)
    with pytest.raises(CryptographicFailure):
        sign(private_key(A.RSA), long, b"data")
    with pytest.raises(BadCryptographicParameters):
        sign(
            private_key(A.RSA),
            Parameters(hashing_algorithm=H.SHA_256, padding_method=P.PSS, salt_length=-1),
            b"data",
        )


def test_a_public_key_does_not_sign():
    with pytest.raises(UnsupportedCryptographicParameters):
        sign(private_key(A.EC).public_key(), SHA_256, b"data")
