import pytest

from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import KeyCompressionType as K
from kmip.enums import RecommendedCurve as C
from kmip.errors import KeyCompressionTypeNotSupported, UnsupportedCryptographicParameters
from kmip.key_block import TransparentECPrivateKey, TransparentECPublicKey
from server.crypto.errors import InvalidKey
from server.crypto.keys.curves import CURVES
from server.crypto.keys.elliptic_keys import (
    POINTS,
    dump_ec_private,
    dump_ec_public,
    load_ec_private,
    load_ec_public,
    private_bytes,
    public_bytes,
)
from tests.server.crypto.samples import private_key


@pytest.mark.parametrize("curve", CURVES)
def test_a_key_goes_both_ways_on_every_curve(curve):
    key = private_key(A.EC, curve)
    material = dump_ec_private(key)
    assert material.recommended_curve == curve
    assert load_ec_private(material).public_key() == key.public_key()
    assert load_ec_public(dump_ec_public(key.public_key())) == key.public_key()
    assert len(private_bytes(key)) == (key.key_size + 7) // 8


@pytest.mark.parametrize("curve", [C.CURVE25519, C.CURVE448])
@pytest.mark.parametrize("algorithm", [A.ECDH, A.ECDSA])
def test_the_algorithm_tells_the_two_forms_apart(curve, algorithm):
    key = private_key(algorithm, curve)
    assert load_ec_private(dump_ec_private(key), algorithm).public_key() == key.public_key()
    assert load_ec_public(dump_ec_public(key.public_key()), algorithm) == key.public_key()
    other = A.ECDH if algorithm == A.ECDSA else A.ECDSA
    if (curve, algorithm) != (C.CURVE448, A.ECDSA):  # 57 bytes are no X448 key
        assert type(load_ec_private(dump_ec_private(key), other)) is not type(key)


def test_a_point_is_given_compressed_where_that_is_asked():
    public = private_key(A.EC).public_key()
    compressed = dump_ec_public(public, K.EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_PRIME)
    assert len(compressed.q_string) == 33
    assert len(public_bytes(public)) == 65
    assert load_ec_public(compressed) == public


def test_every_compression_has_a_row():
    assert set(POINTS) == set(K)
    for kind in (K.EC_PUBLIC_KEY_TYPE_X9_62_HYBRID, K.EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_CHAR2):
        with pytest.raises(KeyCompressionTypeNotSupported):
            public_bytes(private_key(A.EC).public_key(), kind)


@pytest.mark.parametrize("curve, d", [(C.P_256, 0), (C.P_256, 1 << 256), (C.P_256, -5)])
def test_d_that_is_not_of_the_curve_is_refused(curve, d):
    with pytest.raises(InvalidKey):
        load_ec_private(TransparentECPrivateKey(recommended_curve=curve, d=d))


@pytest.mark.parametrize("d", [-1, 1 << 256])
def test_d_that_is_not_of_curve25519_is_refused(d):
    with pytest.raises(InvalidKey):
        load_ec_private(TransparentECPrivateKey(recommended_curve=C.CURVE25519, d=d))


@pytest.mark.parametrize(
    "curve, point", [(C.P_256, b""), (C.P_256, b"\x04" + bytes(64)), (C.CURVE25519, bytes(31))]
)
def test_a_point_that_is_not_of_the_curve_is_refused(curve, point):
    with pytest.raises(InvalidKey):
        load_ec_public(TransparentECPublicKey(recommended_curve=curve, q_string=point))


def test_a_curve_the_server_lacks_is_told_apart():
    with pytest.raises(UnsupportedCryptographicParameters):
        load_ec_private(TransparentECPrivateKey(recommended_curve=C.B_163, d=5))
