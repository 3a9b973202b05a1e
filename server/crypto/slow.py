"""Which calls take long, so that the request path gives them to a thread.

Every call of this package holds the interpreter for a moment; what is here takes more than about a
millisecond on a slow core, measured with cryptography 50 (docs/cryptography.md has the figures).
"""

from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import DerivationMethod as D
from kmip.enums import KeyFormatType as F
from kmip.enums import SplitKeyMethod as S

SLOW_KEY_PAIRS = frozenset({A.RSA, A.DSA, A.DH})
"""Making a pair: RSA of 2048 bits takes 20 to 500 ms, of 8192 many seconds."""

SLOW_PRIVATE_KEYS = frozenset({A.RSA, A.DSA, A.DH})
"""Loading one that is not validated yet (30 ms), and RSA signatures and decryption (1 ms)."""

SLOW_DERIVATIONS = frozenset({D.PBKDF2, D.ASYMMETRIC_KEY})

SLOW_FORMATS = frozenset({F.PKCS_12})
"""The password is stretched, both ways."""

SLOW_SPLITS = frozenset(
    {
        S.POLYNOMIAL_SHARING_GF_2_16,
        S.POLYNOMIAL_SHARING_GF_2_8,
        S.POLYNOMIAL_SHARING_PRIME_FIELD,
    }
)
"""Sharing in Python, both ways."""

SLOW_DATA = 256 * 1024
"""Bytes of data from which on even a fast cipher, hash or MAC takes a millisecond."""


def is_slow_key_pair(algorithm: A) -> bool:
    """Whether making a pair of this algorithm takes long."""
    return algorithm in SLOW_KEY_PAIRS


def is_slow_private_key(algorithm: A | None) -> bool:
    """Whether using or first loading a private key of this algorithm takes long."""
    return algorithm is None or algorithm in SLOW_PRIVATE_KEYS


def is_slow_derivation(method: D) -> bool:
    """Whether this derivation takes long."""
    return method in SLOW_DERIVATIONS


def is_slow_data(data: bytes | None) -> bool:
    """Whether any computation over this much data takes long."""
    return data is not None and len(data) >= SLOW_DATA
