import pytest

from kmip.enums import CryptographicAlgorithm as A
from server.crypto.keys.quantum_safety import (
    BROKEN,
    PUBLIC_KEY_CATEGORIES,
    WEAK,
    is_quantum_safe,
    security_category,
)


def test_oasis_qs_m_2_refuses_aes_of_128_bits():
    assert not is_quantum_safe(A.AES, 128)


@pytest.mark.parametrize(
    "algorithm, length, category",
    [
        (A.AES, 128, 1),
        (A.AES, 192, 3),
        (A.AES, 256, 5),
        (A.HMAC_SHA256, 512, 5),
        (A.CHACHA20POLY1305, 256, 5),
        (A.AES, None, 0),
        (A.AES, 64, 0),
        (A.DES3, 192, 0),
        (A.BLOWFISH, 448, 0),
        (A.RSA, 8192, 0),
        (A.EC, 521, 0),
        (A.ED448, 456, 0),
        (A.ML_KEM_512, None, 1),
        (A.ML_KEM_768, None, 3),
        (A.ML_DSA_44, None, 2),
        (A.ML_DSA_87, None, 5),
        (A.SLH_DSA_SHAKE_192F, None, 3),
    ],
)
def test_categories(algorithm, length, category):
    assert security_category(algorithm, length) == category
    assert is_quantum_safe(algorithm, length) == (category >= 3)


def test_no_algorithm_is_in_two_tables():
    known = set(PUBLIC_KEY_CATEGORIES)
    assert known.isdisjoint(BROKEN | WEAK)
    assert BROKEN.isdisjoint(WEAK)


def test_every_post_quantum_algorithm_has_a_category():
    assert {a for a in A if a.name.startswith(("ML_", "SLH_"))} <= set(PUBLIC_KEY_CATEGORIES)


def test_an_object_without_an_algorithm_is_not_called_safe():
    assert not is_quantum_safe(None, 256)
