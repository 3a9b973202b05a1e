"""New symmetric keys and other random material.

A key server makes and keeps keys of any symmetric algorithm whose key is random bytes, whether or
not it can compute with it: `LENGTHS` therefore knows more algorithms than
`server.crypto.ciphers.encryption`.
"""

import secrets
from collections.abc import Container

from kmip.enums import CryptographicAlgorithm as A
from kmip.errors import BadCryptographicParameters, UnsupportedCryptographicParameters

MAX_LENGTH = 8 * 64 * 1024
"""The longest key or secret in bits, 64 KiB: the longest that fits a message of every client seen,
with room; a one time pad of more is refused rather than made at the cost of others."""

ANY_BYTES: Container[int] = range(8, MAX_LENGTH + 1, 8)

LENGTHS: dict[A, Container[int]] = {
    A.DES: frozenset({56, 64}),
    # 112 and 168 count the key bits, 128 and 192 the parity bits too (2.1 section 3.1, Table 11).
    A.DES3: frozenset({112, 128, 168, 192}),
    A.AES: frozenset({128, 192, 256, 512}),  # 512: two keys of AES-256, for XTS
    A.HMAC_SHA1: ANY_BYTES,
    A.HMAC_SHA224: ANY_BYTES,
    A.HMAC_SHA256: ANY_BYTES,
    A.HMAC_SHA384: ANY_BYTES,
    A.HMAC_SHA512: ANY_BYTES,
    A.HMAC_MD5: ANY_BYTES,
    A.HMAC_SHA3_224: ANY_BYTES,
    A.HMAC_SHA3_256: ANY_BYTES,
    A.HMAC_SHA3_384: ANY_BYTES,
    A.HMAC_SHA3_512: ANY_BYTES,
    A.BLOWFISH: range(32, 449, 8),
    A.CAMELLIA: frozenset({128, 192, 256}),
    A.CAST5: range(40, 129, 8),
    A.IDEA: frozenset({128}),
    A.MARS: range(128, 449, 32),
    A.RC2: range(8, 1025, 8),
    A.RC4: range(40, 2049, 8),
    A.RC5: range(8, 2041, 8),
    A.SKIPJACK: frozenset({80}),
    A.TWOFISH: frozenset({128, 192, 256}),
    A.ONE_TIME_PAD: ANY_BYTES,
    A.CHACHA20: frozenset({128, 256}),
    A.POLY1305: frozenset({256}),
    A.CHACHA20POLY1305: frozenset({256}),
    A.ARIA: frozenset({128, 192, 256}),
    A.SEED: frozenset({128}),
    A.SM4: frozenset({128}),
    A.GOST_R_34_13_2015: frozenset({256}),
    A.GOST_28147_89: frozenset({256}),
}
"""The lengths in bits that Create accepts, by algorithm."""

WITH_PARITY: dict[A, dict[int, int]] = {
    A.DES: {56: 64, 64: 64},
    A.DES3: {112: 128, 128: 128, 168: 192, 192: 192},
}
"""The bits of material for a length, where every eighth bit is parity."""


def material_length(algorithm: A, length: int) -> int:
    """The bits of key material that a key of `length` bits has, parity bits counted."""
    return WITH_PARITY.get(algorithm, {}).get(length, length)


def generate_symmetric_key(algorithm: A, length: int) -> bytes:
    """A random key.

    Args:
        algorithm: a symmetric algorithm.
        length: its Cryptographic Length in bits; see `LENGTHS`.

    Returns:
        The material: length / 8 bytes; for DES and 3DES 8, 16 or 24 bytes with odd parity.

    Raises:
        UnsupportedCryptographicParameters: the algorithm's keys are not random bytes.
        BadCryptographicParameters: the algorithm has no keys of this length.
    """
    lengths = LENGTHS.get(algorithm)
    if lengths is None:
        raise UnsupportedCryptographicParameters("not a symmetric algorithm the server has keys of")
    if length not in lengths:
        raise BadCryptographicParameters("the algorithm has no keys of this length")
    material = secrets.token_bytes(material_length(algorithm, length) // 8)
    return with_odd_parity(material) if algorithm in WITH_PARITY else material


def generate_secret(length: int) -> bytes:
    """Random material of `length` bits (Secret Data, a seed, RNG Retrieve).

    Raises:
        BadCryptographicParameters: not whole bytes, nothing, or more than `MAX_LENGTH`.
    """
    if length not in ANY_BYTES:
        raise BadCryptographicParameters("a secret is 1 byte to 64 KiB long")
    return secrets.token_bytes(length // 8)


def with_odd_parity(material: bytes) -> bytes:
    """`material` with the lowest bit of every byte set so that each byte has odd parity.

    Source: FIPS 46-3, the eighth bits of a DES key.
    """
    return bytes((byte & 0xFE) | (1 - (byte >> 1).bit_count() % 2) for byte in material)
