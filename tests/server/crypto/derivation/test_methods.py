import hashlib
import hmac

import pytest

from kmip.cryptographic_parameters import CryptographicParameters as Parameters
from kmip.enums import BlockCipherMode as M
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import DerivationMethod as D
from kmip.enums import HashingAlgorithm as H
from kmip.enums import PaddingMethod as P
from kmip.enums import RecommendedCurve as C
from kmip.errors import (
    BadCryptographicParameters,
    CryptographicFailure,
    MissingData,
    ServerLimitExceeded,
    UnsupportedCryptographicParameters,
)
from server.crypto.derivation.inputs import Base
from server.crypto.derivation.methods import MAX_ITERATIONS, METHODS, derive
from server.crypto.errors import LegacyRefused, MissingParameters
from server.crypto.keys.diffie_hellman import group
from server.crypto.keys.diffie_hellman import private_key as dh_private_key
from tests.server.crypto.samples import private_key

SHA_1 = Parameters(hashing_algorithm=H.SHA_1)
SHA_256 = Parameters(hashing_algorithm=H.SHA_256)


def test_every_derivation_method_is_there():
    assert set(METHODS) == set(D)


@pytest.mark.parametrize(
    "password, salt, iterations, expected",
    [  # RFC 6070 section 2
        (b"password", b"salt", 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"),
        (b"password", b"salt", 4096, "4b007901b765489abead49d926f721d065a429c1"),
        (
            b"passwordPASSWORDpassword",
            b"saltSALTsaltSALTsaltSALTsaltSALTsalt",
            4096,
            "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038",
        ),
        (b"pass\0word", b"sa\0lt", 4096, "56fa6aa75548099dcc37d7f03425e0c3"),
    ],
)
def test_pbkdf2(password, salt, iterations, expected):
    made = derive(
        D.PBKDF2,
        Base(password),
        4 * len(expected),
        salt=salt,
        iteration_count=iterations,
    )
    assert made.hex() == expected


def test_pbkdf2_takes_the_hash_named():
    made = derive(D.PBKDF2, Base(b"x"), 320, parameters=SHA_256, salt=b"salt", iteration_count=3)
    assert made == hashlib.pbkdf2_hmac("sha256", b"x", b"salt", 3, 40)


def test_pbkdf2_has_a_limit_on_all_its_iterations():
    with pytest.raises(ServerLimitExceeded):
        derive(D.PBKDF2, Base(b"x"), 168, salt=b"s", iteration_count=MAX_ITERATIONS // 2 + 1)
    with pytest.raises(BadCryptographicParameters):
        derive(D.PBKDF2, Base(b"x"), 128, salt=b"s", iteration_count=0)
    for salt, count in [(None, 1), (b"", 1), (b"s", None)]:
        with pytest.raises(MissingData):
            derive(D.PBKDF2, Base(b"x"), 128, salt=salt, iteration_count=count)


def test_a_hash_is_over_the_key_or_over_the_data():
    key = derive(D.HASH, Base(b"key"), 128, parameters=SHA_256)
    assert key == hashlib.sha256(b"key").digest()[:16]
    data = derive(D.HASH, Base(b""), 128, parameters=SHA_256, derivation_data=[b"data"])
    assert data == hashlib.sha256(b"data").digest()[:16]
    with pytest.raises(BadCryptographicParameters):
        derive(D.HASH, Base(b"key"), 128, parameters=SHA_256, derivation_data=[b"data"])
    with pytest.raises(MissingData):
        derive(D.HASH, Base(b""), 128, parameters=SHA_256)
    with pytest.raises(MissingParameters):
        derive(D.HASH, Base(b"key"), 128)
    with pytest.raises(LegacyRefused):
        derive(D.HASH, Base(b"key"), 128, parameters=Parameters(hashing_algorithm=H.MD5))


def test_hmac_is_one_hmac():
    expected = hmac.digest(b"key", b"data", "sha512")
    base = Base(b"key", A.HMAC_SHA512)
    assert derive(D.HMAC, base, 512, derivation_data=[b"da", b"ta"]) == expected
    with pytest.raises(BadCryptographicParameters):
        derive(D.HMAC, base, 520, derivation_data=[b"data"])


RFC_5869 = [  # appendix A.1, A.4 and A.7: hash, key, salt, info, output
    (
        H.SHA_256,
        "0b" * 22,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        H.SHA_1,
        "0b" * 11,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        "085a01ea1b10f36933068b56efa5ad81a4f14b822f5b091568a9cdd4f155fda2c22e422478d305f3f896",
    ),
    (
        H.SHA_1,
        "0c" * 22,
        "",
        "",
        "2c91117204d745f3500d636a62f64f0ab3bae548aa53d423b0d1f27ebba6f5e5673a081d70cce7acfc48",
    ),
]


@pytest.mark.parametrize("method", [D.HKDF, D.HMAC])
@pytest.mark.parametrize("algorithm, key, salt, info, expected", RFC_5869)
def test_hkdf_and_hmac_with_a_salt(method, algorithm, key, salt, info, expected):
    """PyKMIP's clients ask for HKDF as HMAC, with a Salt that may be empty."""
    made = derive(
        method,
        Base(bytes.fromhex(key)),
        336,
        parameters=Parameters(hashing_algorithm=algorithm),
        derivation_data=[bytes.fromhex(info)],
        salt=bytes.fromhex(salt),
    )
    assert made.hex() == expected


def test_hkdf_takes_sha_256_where_no_hash_is_named():
    assert derive(D.HKDF, Base(b"k"), 128) == derive(D.HKDF, Base(b"k"), 128, parameters=SHA_256)
    with pytest.raises(BadCryptographicParameters):
        derive(D.HKDF, Base(b"k"), 8 * (255 * 32 + 1))


def test_encrypt_with_a_legacy_cipher():
    """PyKMIP's client test: Blowfish in CBC, with padding."""
    parameters = Parameters(
        block_cipher_mode=M.CBC, padding_method=P.PKCS5, cryptographic_algorithm=A.BLOWFISH
    )
    base = Base(bytes.fromhex("0123456789abcdeff0e1d2c3b4a59687"), A.BLOWFISH)
    inputs = {
        "parameters": parameters,
        "derivation_data": [b"7654321 Now is the time for \0"],
        "initialization_vector": bytes.fromhex("fedcba9876543210"),
    }
    made = derive(D.ENCRYPT, base, 256, **inputs, allow_legacy=True)
    assert made.hex() == "6b77b4d63006dee605b156e27403979358deb9e7154616d9749decbec05d264b"
    with pytest.raises(LegacyRefused):
        derive(D.ENCRYPT, base, 256, **inputs)


@pytest.mark.parametrize("mode", [M.ECB, M.CBC, M.CTR, M.GCM])
def test_encrypt_gives_the_same_each_time(mode):
    """Without a vector, one of zeros."""
    parameters = Parameters(block_cipher_mode=mode)
    made = [
        derive(
            D.ENCRYPT,
            Base(bytes(16), A.AES),
            256,
            parameters=parameters,
            derivation_data=[bytes(32)],
        )
        for _ in range(2)
    ]
    assert made[0] == made[1] != bytes(32)


def test_encrypt_needs_an_algorithm_and_data():
    cbc = Parameters(block_cipher_mode=M.CBC)
    with pytest.raises(MissingParameters):
        derive(D.ENCRYPT, Base(bytes(16)), 128, parameters=cbc, derivation_data=[bytes(16)])
    with pytest.raises(MissingData):
        derive(D.ENCRYPT, Base(bytes(16), A.AES), 128, parameters=cbc)
    with pytest.raises(UnsupportedCryptographicParameters):
        derive(
            D.ENCRYPT, Base(bytes(16), A.TWOFISH), 128, parameters=cbc, derivation_data=[bytes(16)]
        )
    with pytest.raises(MissingParameters):
        derive(D.ENCRYPT, Base(bytes(16), A.AES), 128, derivation_data=[bytes(16)])


def test_aws_signature_version_4():
    """The worked example in Amazon's General Reference, "Deriving the signing key"."""
    made = derive(
        D.AWS_SIGNATURE_VERSION_4,
        Base(b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        256,
        derivation_data=[b"20120215", b"us-east-1", b"iam"],
    )
    assert made.hex() == "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"
    with pytest.raises(MissingData):
        derive(D.AWS_SIGNATURE_VERSION_4, Base(b"key"), 256, derivation_data=[b"20120215"])


@pytest.mark.parametrize(
    "algorithm, curve, length",
    [
        (A.EC, None, 256),
        (A.ECDH, C.SECP256K1, 256),
        (A.ECDH, C.P_521, 528),
        (A.ECDH, C.CURVE25519, 256),
        (A.ECDH, C.CURVE448, 448),
    ],
)
def test_both_sides_agree(algorithm, curve, length):
    ours = private_key(algorithm, curve)
    theirs = type(ours).generate() if hasattr(type(ours), "generate") else ours
    one = derive(D.ASYMMETRIC_KEY, Base(ours, algorithm, theirs.public_key()), length)
    two = derive(D.ASYMMETRIC_KEY, Base(theirs, algorithm, ours.public_key()), length)
    assert one == two
    assert len(one) == length // 8
    with pytest.raises(BadCryptographicParameters):
        derive(D.ASYMMETRIC_KEY, Base(ours, algorithm, theirs.public_key()), length + 8)


def test_diffie_hellman_agrees_on_the_power():
    numbers = group(2048)
    ours, theirs = (dh_private_key(numbers.p, 2, None, x) for x in (3**700, 5**300))
    made = derive(D.ASYMMETRIC_KEY, Base(ours, A.DH, theirs.public_key()), 2048)
    assert made == pow(2, 3**700 * 5**300, numbers.p).to_bytes(256, "big")


def test_keys_that_do_not_go_together_are_refused():
    ec, x25519 = private_key(A.EC), private_key(A.ECDH, C.CURVE25519)
    for key, peer in [(ec, x25519), (private_key(A.RSA), ec)]:
        with pytest.raises(UnsupportedCryptographicParameters):
            derive(D.ASYMMETRIC_KEY, Base(key, A.ECDH, peer.public_key()), 128)
    other = private_key(A.ECDH, C.SECP256K1)
    with pytest.raises(CryptographicFailure):
        derive(D.ASYMMETRIC_KEY, Base(ec, A.ECDH, other.public_key()), 128)
    for base in (Base(ec, A.EC), Base(b"key", A.EC, ec.public_key())):
        with pytest.raises(MissingData):
            derive(D.ASYMMETRIC_KEY, base, 128)


@pytest.mark.parametrize("length", [0, -8, 7, 129, 8 * 64 * 1024 + 8])
def test_a_length_is_whole_bytes_within_limits(length):
    with pytest.raises(BadCryptographicParameters):
        derive(D.HASH, Base(b"key"), length, parameters=SHA_256)


def test_an_unknown_method_is_refused():
    with pytest.raises(UnsupportedCryptographicParameters):
        derive(D(0x80000001), Base(b"key"), 128)


def test_sha_1_gives_20_bytes_and_no_more():
    assert len(derive(D.HASH, Base(b"k"), 160, parameters=SHA_1)) == 20
    with pytest.raises(BadCryptographicParameters, match="exceeds"):
        derive(D.HASH, Base(b"k"), 168, parameters=SHA_1)
