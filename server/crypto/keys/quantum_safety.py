"""What a quantum computer leaves of an algorithm (Quantum Safe, 2.1 section 4.45).

The categories are NIST's: 1, 3 and 5 are as hard to break as AES of 128, 192 and 256 bits by key
search, 2 and 4 as SHA-256 and SHA-384 by collision; 0 is none. RSA, DSA, DH and everything on
elliptic curves is broken by Shor's algorithm.

Safe means category 3 or more here: OASIS QS-M-2 wants AES of 128 bits refused, and Grover's search
halves the bits of a key (CNSA 2.0 asks for AES-256 alike).
"""

from kmip.enums import CryptographicAlgorithm as A
from server.crypto.keys.key_facts import CURVE_ALGORITHMS

LEAST_SAFE_CATEGORY = 3

PUBLIC_KEY_CATEGORIES: dict[A, int] = {
    A.ML_KEM_512: 1,
    A.ML_KEM_768: 3,
    A.ML_KEM_1024: 5,
    A.ML_DSA_44: 2,
    A.ML_DSA_65: 3,
    A.ML_DSA_87: 5,
    A.SLH_DSA_SHA2_128S: 1,
    A.SLH_DSA_SHA2_128F: 1,
    A.SLH_DSA_SHA2_192S: 3,
    A.SLH_DSA_SHA2_192F: 3,
    A.SLH_DSA_SHA2_256S: 5,
    A.SLH_DSA_SHA2_256F: 5,
    A.SLH_DSA_SHAKE_128S: 1,
    A.SLH_DSA_SHAKE_128F: 1,
    A.SLH_DSA_SHAKE_192S: 3,
    A.SLH_DSA_SHAKE_192F: 3,
    A.SLH_DSA_SHAKE_256S: 5,
    A.SLH_DSA_SHAKE_256F: 5,
    A.XMSS: 5,
    A.SPHINCS_256: 5,
    A.MCELIECE: 5,
    A.MCELIECE_6960119: 5,
    A.MCELIECE_8192128: 5,
}
"""FIPS 203 section 8, FIPS 204 section 4, FIPS 205 section 11; RFC 8391; Classic McEliece."""

BROKEN = CURVE_ALGORITHMS | {
    A.RSA,
    A.DSA,
    A.DH,
    A.SM2,
    A.GOST_R_34_10_2012,
    A.ED25519,
    A.ED448,
}
"""By Shor's algorithm."""

WEAK = frozenset({A.DES, A.DES3, A.RC2, A.RC4, A.RC5, A.SKIPJACK, A.IDEA, A.CAST5, A.BLOWFISH})
"""Ciphers with a block of 64 bits or known weaknesses, whatever the key."""

KEY_SEARCH = ((256, 5), (192, 3), (128, 1))
"""Bits of a symmetric key and the category they reach."""


def security_category(algorithm: A, length: int | None) -> int:
    """NIST's category of a key, 0 to 5 (NIST Security Category, 3.0).

    Args:
        algorithm: of the key.
        length: bits of a symmetric key.
    """
    known = PUBLIC_KEY_CATEGORIES.get(algorithm)
    if known is not None:
        return known
    if algorithm in BROKEN or algorithm in WEAK or length is None:
        return 0
    return next((category for bits, category in KEY_SEARCH if length >= bits), 0)


def is_quantum_safe(algorithm: A | None, length: int | None) -> bool:
    """Whether a key may be called quantum safe; an object without an algorithm may not."""
    return algorithm is not None and security_category(algorithm, length) >= LEAST_SAFE_CATEGORY
