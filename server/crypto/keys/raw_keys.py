"""Keys in Raw: the bytes that the algorithm itself defines, where it defines some.

Ed25519, Ed448, X25519, X448: RFC 8032 and RFC 7748. ML-KEM and ML-DSA: FIPS 203 and 204 (a private
key is its seed). Elliptic curves: D and the point, where the curve is known from elsewhere. RSA,
DSA and DH have no raw bytes; clients that say Raw there mean DER (PyKMIP's tests do).
"""

from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, mldsa, mlkem

from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import KeyCompressionType as Compression
from kmip.errors import KeyFormatTypeNotSupported
from kmip.key_block import TransparentECPrivateKey, TransparentECPublicKey
from server.crypto.errors import InvalidKey
from server.crypto.keys import der_keys, elliptic_keys
from server.crypto.keys.der_keys import Hints
from server.crypto.keys.elliptic_keys import ECPrivate, ECPublic
from server.crypto.keys.key_types import (
    MLDSAPrivateKey,
    MLDSAPublicKey,
    MLKEMPrivateKey,
    MLKEMPublicKey,
    PrivateKey,
    PublicKey,
)

LOADING_ERRORS = (ValueError, TypeError, UnsupportedAlgorithm, InternalError)

PRIVATE: dict[A, Callable[[bytes], PrivateKey]] = {
    A.ED25519: ed25519.Ed25519PrivateKey.from_private_bytes,
    A.ED448: ed448.Ed448PrivateKey.from_private_bytes,
    A.ML_KEM_768: mlkem.MLKEM768PrivateKey.from_seed_bytes,
    A.ML_KEM_1024: mlkem.MLKEM1024PrivateKey.from_seed_bytes,
    A.ML_DSA_44: mldsa.MLDSA44PrivateKey.from_seed_bytes,
    A.ML_DSA_65: mldsa.MLDSA65PrivateKey.from_seed_bytes,
    A.ML_DSA_87: mldsa.MLDSA87PrivateKey.from_seed_bytes,
}

PUBLIC: dict[A, Callable[[bytes], PublicKey]] = {
    A.ED25519: ed25519.Ed25519PublicKey.from_public_bytes,
    A.ED448: ed448.Ed448PublicKey.from_public_bytes,
    A.ML_KEM_768: mlkem.MLKEM768PublicKey.from_public_bytes,
    A.ML_KEM_1024: mlkem.MLKEM1024PublicKey.from_public_bytes,
    A.ML_DSA_44: mldsa.MLDSA44PublicKey.from_public_bytes,
    A.ML_DSA_65: mldsa.MLDSA65PublicKey.from_public_bytes,
    A.ML_DSA_87: mldsa.MLDSA87PublicKey.from_public_bytes,
}


def load_private(material: Any, hints: Hints) -> PrivateKey:
    """A private key from its own bytes, else from DER; raises InvalidKey."""
    if not isinstance(material, bytes):
        raise InvalidKey("a raw key is a byte string")
    make = PRIVATE.get(hints.algorithm) if hints.algorithm is not None else None
    if make is not None:
        try:
            return make(material)
        except LOADING_ERRORS:
            return der_keys.load_private(material, hints)
    if hints.curve is not None:
        d = int.from_bytes(material, "big")
        named = TransparentECPrivateKey(recommended_curve=hints.curve, d=d)
        return elliptic_keys.load_ec_private(named, hints.algorithm)
    return der_keys.load_private(material, hints)


def load_public(material: Any, hints: Hints) -> PublicKey:
    """A public key from its own bytes, else from DER; raises InvalidKey."""
    if not isinstance(material, bytes):
        raise InvalidKey("a raw key is a byte string")
    make = PUBLIC.get(hints.algorithm) if hints.algorithm is not None else None
    if make is not None:
        try:
            return make(material)
        except LOADING_ERRORS:
            return der_keys.load_public(material, hints)
    if hints.curve is not None:
        named = TransparentECPublicKey(recommended_curve=hints.curve, q_string=material)
        return elliptic_keys.load_ec_public(named, hints.algorithm)
    return der_keys.load_public(material, hints)


def dump_private(key: PrivateKey) -> bytes:
    """A private key's own bytes; raises KeyFormatTypeNotSupported where it has none."""
    if isinstance(key, MLDSAPrivateKey | MLKEMPrivateKey):
        return key.private_bytes_raw()
    if isinstance(key, ECPrivate):
        return elliptic_keys.private_bytes(key)
    raise KeyFormatTypeNotSupported("keys of this algorithm have no raw bytes")


def dump_public(key: PublicKey, compression: Compression | None = None) -> bytes:
    """A public key's own bytes; raises KeyFormatTypeNotSupported where it has none."""
    if isinstance(key, MLDSAPublicKey | MLKEMPublicKey):
        return key.public_bytes_raw()
    if isinstance(key, ECPublic):
        return elliptic_keys.public_bytes(key, compression)
    raise KeyFormatTypeNotSupported("keys of this algorithm have no raw bytes")
