import pytest

from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import RecommendedCurve as C
from kmip.errors import KeyFormatTypeNotSupported
from server.crypto.errors import InvalidKey
from server.crypto.keys.der_keys import Hints, dump_pkcs_8, dump_subject_public_key_info
from server.crypto.keys.raw_keys import dump_private, dump_public, load_private, load_public
from tests.server.crypto.samples import KINDS, NAMES, curve_of, private_key

RAW = [(a, c) for a, c in KINDS if a not in (A.RSA, A.DSA, A.DH)]

SIZES = {  # private and public, in bytes
    A.ED25519: (32, 32),  # RFC 8032 section 5.1
    A.ED448: (57, 57),  # section 5.2
    A.ML_KEM_768: (64, 1184),  # FIPS 203 section 8, Table 3; the seed (d, z)
    A.ML_KEM_1024: (64, 1568),
    A.ML_DSA_44: (32, 1312),  # FIPS 204 section 4, Table 2; the seed xi
    A.ML_DSA_65: (32, 1952),
    A.ML_DSA_87: (32, 2592),
}


@pytest.mark.parametrize(
    "algorithm, curve", RAW, ids=[n for n, k in zip(NAMES, KINDS, strict=True) if k in RAW]
)
def test_a_key_goes_both_ways(algorithm, curve):
    key = private_key(algorithm, curve)
    hints = Hints(algorithm, curve or curve_of(key))
    assert load_private(dump_private(key), hints).public_key() == key.public_key()
    assert load_public(dump_public(key.public_key()), hints) == key.public_key()


@pytest.mark.parametrize("algorithm", SIZES)
def test_the_bytes_are_the_standards(algorithm):
    key = private_key(algorithm)
    assert (len(dump_private(key)), len(dump_public(key.public_key()))) == SIZES[algorithm]


@pytest.mark.parametrize("algorithm", [A.RSA, A.DSA, A.DH, A.ED25519, A.EC])
def test_raw_that_is_der_is_taken_as_der(algorithm):
    key = private_key(algorithm)
    assert load_private(dump_pkcs_8(key), Hints(algorithm)).public_key() == key.public_key()
    spki = dump_subject_public_key_info(key.public_key())
    assert load_public(spki, Hints(algorithm)) == key.public_key()


def test_what_has_no_raw_bytes_is_refused():
    for algorithm in (A.RSA, A.DSA, A.DH):
        with pytest.raises(KeyFormatTypeNotSupported):
            dump_private(private_key(algorithm))
        with pytest.raises(KeyFormatTypeNotSupported):
            dump_public(private_key(algorithm).public_key())


@pytest.mark.parametrize("load", [load_private, load_public])
@pytest.mark.parametrize(
    "material, hints",
    [
        (None, Hints(A.ED25519)),
        (bytes(31), Hints(A.ED25519)),
        (bytes(32), Hints(A.EC)),
        (bytes(32), Hints(A.EC, C.P_256)),
        (bytes(10), Hints()),
    ],
)
def test_bytes_that_are_no_key_are_refused(load, material, hints):
    with pytest.raises(InvalidKey):
        load(material, hints)
