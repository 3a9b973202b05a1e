from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import DerivationMethod as D
from server.crypto import slow
from server.crypto.keys.key_formats import FORMATS
from server.crypto.keys.key_pairs import PAIRS
from server.crypto.secret_sharing.split_keys import METHODS


def test_what_is_called_slow_exists():
    assert set(PAIRS) >= slow.SLOW_KEY_PAIRS
    assert set(FORMATS) >= slow.SLOW_FORMATS
    assert set(METHODS) >= slow.SLOW_SPLITS


def test_moduli_are_slow_and_curves_are_not():
    assert slow.is_slow_key_pair(A.RSA)
    assert slow.is_slow_private_key(A.DH)
    assert slow.is_slow_private_key(None)
    assert not slow.is_slow_key_pair(A.EC)
    assert not slow.is_slow_private_key(A.ED25519)


def test_stretching_is_slow_and_hashing_is_not():
    assert slow.is_slow_derivation(D.PBKDF2)
    assert not slow.is_slow_derivation(D.HASH)


def test_much_data_is_slow():
    assert slow.is_slow_data(bytes(slow.SLOW_DATA))
    assert not slow.is_slow_data(bytes(1024))
    assert not slow.is_slow_data(None)
