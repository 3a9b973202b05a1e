"""Which calls take long, so that the request path gives them to a thread.

A thread costs some 0.1 ms, so what is not named here is quicker where it is. Figures are for one
core of a small server, with cryptography 50 (docs/cryptography.md has more of them).
"""

from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import DerivationMethod as D
from kmip.enums import KeyFormatType as F
from kmip.enums import SplitKeyMethod as S

SLOW_KEY_PAIRS = frozenset({A.RSA, A.DSA, A.DH})
"""Making a pair: RSA of 2048 bits 20 to 500 ms, of 8192 many seconds; DSA of 2048 up to seconds."""

SLOW_PRIVATE_KEYS = frozenset({A.RSA, A.DSA, A.DH})
"""Using one: a signature with RSA of 2048 bits 0.3 ms, of 8192 some 10; loading one that is not
validated yet 20 ms and 0.6 seconds; loading one of DH 2 ms."""

SLOW_DERIVATIONS = frozenset({D.PBKDF2, D.ASYMMETRIC_KEY})
"""PBKDF2 of 100 000 iterations takes 24 ms; an agreement as long as its key's other uses."""

SLOW_FORMATS = frozenset({F.PKCS_12})
"""The password is stretched, both ways."""

SLOW_SPLITS = frozenset(
    {
        S.POLYNOMIAL_SHARING_GF_2_16,
        S.POLYNOMIAL_SHARING_GF_2_8,
        S.POLYNOMIAL_SHARING_PRIME_FIELD,
    }
)
"""Sharing and joining in Python: 1 ms for 32 bytes in 5 parts, a second at the limit."""

SLOW_DATA = 256 * 1024
"""Bytes of data from which on even a fast cipher, hash or MAC takes 0.2 ms and more."""


def is_slow_key_pair(algorithm: A) -> bool:
    """Whether making a pair of this algorithm takes long."""
    return algorithm in SLOW_KEY_PAIRS


def is_slow_private_key(algorithm: A | None) -> bool:
    """Whether loading or using a private key of this algorithm takes long; None: it may."""
    return algorithm is None or algorithm in SLOW_PRIVATE_KEYS


def is_slow_derivation(method: D) -> bool:
    """Whether this derivation takes long."""
    return method in SLOW_DERIVATIONS


def is_slow_data(data: bytes | None) -> bool:
    """Whether any computation over this much data takes long."""
    return data is not None and len(data) >= SLOW_DATA
