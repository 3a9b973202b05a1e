"""What a key costs to load and to use: its kind and length, for the rates of `costs`."""

from dataclasses import fields
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from kmip.cryptographic_parameters import CryptographicDomainParameters
from kmip.enums import CryptographicAlgorithm as A
from kmip.structures import Structure
from server.crypto import costs
from server.crypto.keys.key_facts import algorithm_of, curve_length, length_of
from server.crypto.keys.key_types import Key, PrivateKey


def of_use(key: Key) -> float:
    """Microseconds to compute with an asymmetric key once; 0 for bytes, which are no such key.

    With a private key that is to sign, decrypt or agree; with a public one to verify or encrypt.
    """
    if isinstance(key, bytes):
        return 0
    algorithm, bits = algorithm_of(key), length_of(key)
    if isinstance(key, PrivateKey):
        return costs.of_private_key(algorithm, bits)
    if isinstance(key, rsa.RSAPublicKey):
        return costs.of_public_key(algorithm, bits, key.public_numbers().e.bit_length())
    return costs.of_public_key(algorithm, bits)


def of_loading(material: Any, *, private: bool) -> float:
    """Microseconds to load an asymmetric key.

    Args:
        material: of a Key Block: bytes, or a transparent structure.
        private: whether a private key is loaded.
    """
    return costs.of_loading(_length(material), private=private)


def _length(material: Any) -> int:
    """The bytes of material, or of the numbers in it."""
    if isinstance(material, bytes):
        return len(material)
    if not isinstance(material, Structure):
        return 0
    return sum(
        (value.bit_length() + 7) // 8 if isinstance(value, int) else len(value)
        for field in fields(material)
        if isinstance(value := getattr(material, field.name), int | bytes)
    )


def of_pair(
    algorithm: A, length: int | None, domain: CryptographicDomainParameters | None
) -> float:
    """Microseconds to make a pair; arguments as `generate_key_pair`."""
    curve = domain.recommended_curve if domain else None
    named = curve_length(curve) if curve is not None else domain.qlength if domain else None
    return costs.of_key_pair(algorithm, length or named)
