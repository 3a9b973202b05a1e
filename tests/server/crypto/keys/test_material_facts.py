import pytest

from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import KeyFormatType as F
from kmip.enums import ObjectType as O
from kmip.enums import RecommendedCurve as C
from kmip.key_block import TransparentDSAPublicKey, TransparentECPrivateKey
from server.crypto.keys.der_keys import dump_pkcs_1_private, dump_pkcs_8
from server.crypto.keys.key_formats import dump_public
from server.crypto.keys.material_facts import material_facts
from tests.server.crypto.samples import private_key

RSA = private_key(A.RSA)


def test_a_key_tells_what_the_client_left_out():
    facts = material_facts(O.PRIVATE_KEY, F.PKCS_1, dump_pkcs_1_private(RSA))
    assert (facts.algorithm, facts.length) == (A.RSA, 1024)
    assert facts.key.public_key() == RSA.public_key()
    public = dump_public(private_key(A.EC).public_key(), F.X_509)
    facts = material_facts(O.PUBLIC_KEY, F.X_509, public)
    assert (facts.algorithm, facts.length) == (A.EC, 256)


def test_a_stated_algorithm_stands_where_it_fits():
    material = dump_pkcs_8(private_key(A.EC))
    assert material_facts(O.PRIVATE_KEY, F.PKCS_8, material, A.ECDSA).algorithm == A.ECDSA
    facts = material_facts(O.PRIVATE_KEY, F.PKCS_8, material, A.RSA)
    assert (facts.algorithm, facts.key) == (A.RSA, None)


@pytest.mark.parametrize(
    "object_type, key_format, material, length",
    [
        (O.PRIVATE_KEY, F.OPAQUE, b"opaque", 48),
        (O.PRIVATE_KEY, F.PKCS_8, b"garbage", 56),
        (
            O.PRIVATE_KEY,
            F.TRANSPARENT_EC_PRIVATE_KEY,
            TransparentECPrivateKey(recommended_curve=C.K_233, d=5),
            233,
        ),
        (
            O.PUBLIC_KEY,
            F.TRANSPARENT_DSA_PUBLIC_KEY,
            TransparentDSAPublicKey(p=1 << 511, q=3, g=2, y=4),
            512,
        ),
        (O.SYMMETRIC_KEY, F.RAW, bytes(16), 128),
        (O.SECRET_DATA, F.OPAQUE, b"password", 64),
    ],
)
def test_what_the_server_cannot_compute_with_has_a_length_all_the_same(
    object_type, key_format, material, length
):
    assert material_facts(object_type, key_format, material) == (None, length, None)


def test_an_rsa_key_whose_numbers_do_not_hold_is_not_taken_for_one():
    data = bytearray(dump_pkcs_1_private(RSA))
    data[-1] ^= 1
    assert material_facts(O.PRIVATE_KEY, F.PKCS_1, bytes(data), A.RSA).key is None
