import pytest

from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import KeyFormatType as F
from kmip.enums import ObjectType as O
from kmip.enums import RecommendedCurve as C
from kmip.key_block import TransparentDSAPublicKey, TransparentSymmetricKey
from server.crypto.keys.key_facts import (
    algorithm_of,
    compact_format,
    curve_length,
    default_format,
    is_of_algorithm,
    length_of,
    material_length,
)
from server.crypto.keys.key_formats import dump_private, dump_public
from tests.server.crypto.samples import KINDS, NAMES, curve_of, private_key


@pytest.mark.parametrize("algorithm, curve", KINDS, ids=NAMES)
def test_both_halves_have_one_algorithm(algorithm, curve):
    key = private_key(algorithm, curve)
    assert algorithm_of(key) == algorithm_of(key.public_key())
    assert is_of_algorithm(key, algorithm)
    assert not is_of_algorithm(key, A.AES)


@pytest.mark.parametrize(
    "algorithm, curve, length",
    [
        (A.RSA, None, 1024),
        (A.DSA, None, 1024),
        (A.DH, None, 2048),
        (A.EC, None, 256),
        (A.ECDSA, C.P_521, 521),
        (A.ECDH, C.CURVE25519, 256),
        (A.ECDH, C.CURVE448, 448),
        (A.ED25519, None, 256),
        (A.ED448, None, 456),
    ],
)
def test_both_halves_have_one_length(algorithm, curve, length):
    key = private_key(algorithm, curve)
    assert length_of(key) == length_of(key.public_key()) == length


def test_a_post_quantum_key_is_as_long_as_its_bytes():
    key = private_key(A.ML_KEM_768)
    assert (length_of(key), length_of(key.public_key())) == (512, 9472)


@pytest.mark.parametrize(
    "curve, length",
    [
        (C.P_192, 192),
        (C.B_571, 571),
        (C.SECP112R1, 112),
        (C.SECT163R1, 163),
        (C.ANSIX9C2PNB163V1, 163),
        (C.ANSIX9P239V3, 239),
        (C.BRAINPOOLP320T1, 320),
        (C.CURVE25519, 256),
        (C.CURVE448, 448),
    ],
)
def test_a_curves_length_stands_in_its_name(curve, length):
    assert curve_length(curve) == length


def test_every_named_curve_has_a_length():
    assert all(112 <= curve_length(curve) <= 571 for curve in C)
    assert curve_length(C(0x80000001)) == 0


@pytest.mark.parametrize("algorithm", [A.RSA, A.DSA, A.DH, A.EC])
def test_material_shows_the_length_of_its_key(algorithm):
    key = private_key(algorithm)
    for object_type, dump, half in [
        (O.PRIVATE_KEY, dump_private, key),
        (O.PUBLIC_KEY, dump_public, key.public_key()),
    ]:
        key_format = default_format(object_type, algorithm)
        if key_format != F.PKCS_1:
            assert material_length(dump(half, key_format)) == length_of(key)
    for key_format in (F.TRANSPARENT_RSA_PUBLIC_KEY,) if algorithm == A.RSA else ():
        assert material_length(dump_public(key.public_key(), key_format)) == 1024


def test_material_the_server_cannot_load_shows_its_length():
    """OASIS BL-M-12: a DSA key of 512 bits."""
    assert material_length(TransparentDSAPublicKey(p=1 << 511, q=3, g=2, y=4)) == 512
    assert material_length(b"password") == 64
    assert material_length(TransparentSymmetricKey(key=bytes(16))) == 128
    assert material_length(None) is None


@pytest.mark.parametrize(
    "object_type, algorithm, expected",
    [  # 2.1 section 4.26, Table 81
        (O.CERTIFICATE, None, F.X_509),
        (O.CERTIFICATE_REQUEST, None, F.PKCS_10),
        (O.OPAQUE_OBJECT, None, F.OPAQUE),
        (O.PGP_KEY, A.RSA, F.RAW),
        (O.SECRET_DATA, None, F.RAW),
        (O.SYMMETRIC_KEY, A.AES, F.RAW),
        (O.SPLIT_KEY, A.AES, F.RAW),
        (O.PRIVATE_KEY, A.RSA, F.PKCS_1),
        (O.PUBLIC_KEY, A.RSA, F.PKCS_1),
        (O.PRIVATE_KEY, A.EC, F.TRANSPARENT_EC_PRIVATE_KEY),
        (O.PUBLIC_KEY, A.ECDSA, F.TRANSPARENT_EC_PUBLIC_KEY),
        (O.PRIVATE_KEY, A.DSA, F.TRANSPARENT_DSA_PRIVATE_KEY),
        (O.PUBLIC_KEY, A.DSA, F.TRANSPARENT_DSA_PUBLIC_KEY),
        # not in the table
        (O.PRIVATE_KEY, A.DH, F.TRANSPARENT_DH_PRIVATE_KEY),
        (O.PRIVATE_KEY, A.ED25519, F.PKCS_8),
        (O.PUBLIC_KEY, A.ML_KEM_768, F.X_509),
        (O.PRIVATE_KEY, None, F.PKCS_8),
        (O.USER, None, F.RAW),
    ],
)
def test_default_formats(object_type, algorithm, expected):
    assert default_format(object_type, algorithm) == expected


def test_every_key_can_be_given_in_its_default_format():
    for algorithm, curve in KINDS:
        if curve in (C.CURVE25519, C.CURVE448):
            continue
        key = private_key(algorithm, curve)
        dump_private(key, default_format(O.PRIVATE_KEY, algorithm))
        dump_public(key.public_key(), default_format(O.PUBLIC_KEY, algorithm))
        assert curve_of(key) is not None or algorithm not in (A.EC, A.ECDSA, A.ECDH)


@pytest.mark.parametrize("algorithm, curve", KINDS, ids=NAMES)
def test_every_key_can_be_given_as_a_byte_string(algorithm, curve):
    key = private_key(algorithm, curve)
    assert isinstance(dump_private(key, compact_format(key)), bytes)
    public = key.public_key()
    assert isinstance(dump_public(public, compact_format(public)), bytes)


def test_the_byte_strings_are_those_that_clients_know():
    assert compact_format(private_key(A.RSA)) == F.PKCS_1
    assert compact_format(private_key(A.RSA).public_key()) == F.PKCS_1
    assert compact_format(private_key(A.EC)) == F.ECPRIVATEKEY
    assert compact_format(private_key(A.EC).public_key()) == F.X_509
    assert compact_format(private_key(A.ED25519)) == F.PKCS_8
