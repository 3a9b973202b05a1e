"""Finite-field Diffie-Hellman: the library's classes, named groups, and key encodings.

The library warns, each time it is asked for one of these classes or loads such a key, that it will
drop finite fields one day. The classes are taken here once, and keys are loaded from their numbers,
so that the warning meets the one who updates the library (docs/cryptography.md) and not every
client's request.

Encodings: PKCS#8 and SubjectPublicKeyInfo with dhKeyAgreement (PKCS#3) or dhpublicnumber (RFC 3279
section 2.3.3) parameters.
"""

import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import ObjectIdentifier

from server.crypto.errors import InvalidKey
from server.crypto.keys.pkcs8 import Algorithm, PrivateKeyInfo

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.dh import (
        DHParameterNumbers,
        DHPrivateKey,
        DHPrivateNumbers,
        DHPublicKey,
        DHPublicNumbers,
    )
else:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        from cryptography.hazmat.primitives.asymmetric.dh import (
            DHParameterNumbers,
            DHPrivateKey,
            DHPrivateNumbers,
            DHPublicKey,
            DHPublicNumbers,
        )

__all__ = [
    "GROUPS",
    "DHParameterNumbers",
    "DHPrivateKey",
    "DHPrivateNumbers",
    "DHPublicKey",
    "DHPublicNumbers",
    "group",
    "is_diffie_hellman",
    "load_private_der",
    "load_public_der",
    "private_key",
    "public_key",
]

GROUPS: dict[int, int] = {
    2048: 560316,
    3072: 2625351,
    4096: 5736041,
    6144: 15705020,
    8192: 10965728,
}
"""RFC 7919's ffdhe groups: bits of p, and the X of its formula (appendix A)."""

MAX_BITS = 8192
"""Bits of a modulus taken from a client: an agreement costs with the cube of it."""

MODP: dict[int, int] = {
    1536: 741804,
    2048: 124476,
    3072: 1690314,
    4096: 240904,
    6144: 929484,
    8192: 4743158,
}
"""RFC 3526's groups: bits of p, and what stands beside pi in its formula (section 4 and on)."""

MAX_UNNAMED_BITS = 1024
"""Bits of a modulus of no named group: the library tests its primality whenever a key of it is
loaded, which costs the cube of them and keeps all other clients waiting: 0.2 s for this many, one
second for 2048, half a minute for 8192. The named groups it knows."""

PKCS_3 = ObjectIdentifier("1.2.840.113549.1.3.1")
X9_42 = ObjectIdentifier("1.2.840.10046.2.1")


@cache
def group(bits: int) -> DHParameterNumbers:
    """The ffdhe group with a p of `bits` bits: safe prime, generator 2.

    p = 2**b - 2**(b-64) + (floor(2**(b-130) * e) + X) * 2**64 - 1 (RFC 7919 appendix A).
    """
    scaled_e, term, divisor = 0, 1 << bits, 1  # 130 more bits than needed hold the rounding
    while term:
        scaled_e += term
        term //= divisor
        divisor += 1
    middle = (scaled_e >> 130) + GROUPS[bits]
    return DHParameterNumbers((1 << bits) - (1 << (bits - 64)) + (middle << 64) - 1, 2)


@cache
def _named() -> frozenset[int]:
    """The p of the named groups.

    p = 2**b - 2**(b-64) - 1 + 2**64 * (floor(2**(b-130) * pi) + X) (RFC 3526).
    """
    most = max(MODP)
    pi = 4 * (4 * _arc_tangent(5, most) - _arc_tangent(239, most)) >> 64  # Machin's formula
    modp = {
        (1 << bits) - (1 << (bits - 64)) - 1 + (((pi >> (most - bits + 130)) + x) << 64)
        for bits, x in MODP.items()
    }
    return frozenset({group(bits).p for bits in GROUPS} | modp)


def _arc_tangent(inverse: int, bits: int) -> int:
    """arctan(1 / inverse) * 2**(bits + 64)."""
    total, term, divisor = 0, (1 << (bits + 64)) // inverse, 1
    while term:
        total += term // divisor if divisor % 4 == 1 else -(term // divisor)
        term //= inverse * inverse
        divisor += 2
    return total


def _numbers(p: int, g: int, q: int | None) -> DHParameterNumbers:
    """The parameters; raises InvalidKey where they cannot be a group."""
    if not 512 <= p.bit_length() <= MAX_BITS or not 1 < g < p - 1 or p % 2 == 0:
        raise InvalidKey("not the parameters of a Diffie-Hellman group the server works in")
    if p.bit_length() > MAX_UNNAMED_BITS and p not in _named():
        raise InvalidKey("not the parameters of a Diffie-Hellman group the server knows")
    if q is not None and not 1 < q < p:
        raise InvalidKey("not the parameters of a Diffie-Hellman group")
    return DHParameterNumbers(p, g, q)


def public_key(p: int, g: int, q: int | None, y: int) -> DHPublicKey:
    """The public key `y`; raises InvalidKey."""
    numbers = _numbers(p, g, q)
    if not 1 < y < p - 1:  # SP 800-56A section 5.6.2.3.1: the others have a guessable secret
        raise InvalidKey("not a public key of this Diffie-Hellman group")
    try:
        return DHPublicNumbers(y, numbers).public_key()
    except (ValueError, UnsupportedAlgorithm, InternalError):
        raise InvalidKey("not a Diffie-Hellman public key") from None


def private_key(p: int, g: int, q: int | None, x: int) -> DHPrivateKey:
    """The private key `x`; raises InvalidKey."""
    numbers = _numbers(p, g, q)
    if not 1 < x < p - 1:
        raise InvalidKey("not a private key of this Diffie-Hellman group")
    try:
        # The library raises g to x without holding the interpreter, as Python's pow would for a
        # second: an agreement with the public key g.
        generator = DHPublicNumbers(g, numbers)
        raised = DHPrivateNumbers(x, generator).private_key().exchange(generator.public_key())
        public = DHPublicNumbers(int.from_bytes(raised, "big"), numbers)
        return DHPrivateNumbers(x, public).private_key()
    except (ValueError, UnsupportedAlgorithm, InternalError):
        raise InvalidKey("not a Diffie-Hellman private key") from None


@asn1.sequence
class _PKCS3:
    """DHParameter (PKCS#3)."""

    p: int
    g: int
    private_value_length: int | None


@asn1.sequence
class _ValidationParameters:
    """ValidationParms (RFC 3279)."""

    seed: asn1.BitString
    counter: int


@asn1.sequence
class _X942:
    """DomainParameters (RFC 3279 section 2.3.3)."""

    p: int
    g: int
    q: int
    j: int | None
    validation: _ValidationParameters | None


@asn1.sequence
class _PublicKeyInfo:
    """SubjectPublicKeyInfo (RFC 5280)."""

    algorithm: Algorithm
    public_key: asn1.BitString


def _decode(cls: type[Any], data: bytes) -> Any:
    """A structure; raises InvalidKey."""
    try:
        return asn1.decode_der(cls, data)
    except ValueError:
        raise InvalidKey("not the encoding of a Diffie-Hellman key") from None


def _parameters(algorithm: Algorithm) -> tuple[int, int, int | None]:
    """p, g and q of an AlgorithmIdentifier; raises InvalidKey."""
    try:
        if algorithm.oid == PKCS_3:
            pkcs_3 = algorithm.parameters.parse(_PKCS3)
            return pkcs_3.p, pkcs_3.g, None
        x9_42 = algorithm.parameters.parse(_X942)
    except ValueError:
        raise InvalidKey("not the parameters of a Diffie-Hellman key") from None
    return x9_42.p, x9_42.g, x9_42.q


def is_diffie_hellman(data: bytes) -> bool:
    """Whether a DER encoding names Diffie-Hellman near its beginning."""
    head = data[:64]
    return any(oid in head for oid in _OIDS)


_OIDS = (asn1.encode_der(PKCS_3), asn1.encode_der(X9_42))


def load_private_der(data: bytes) -> DHPrivateKey:
    """A PKCS#8 private key; raises InvalidKey."""
    info = _decode(PrivateKeyInfo, data)
    p, g, q = _parameters(info.algorithm)
    return private_key(p, g, q, _decode(int, info.private_key))


def load_public_der(data: bytes) -> DHPublicKey:
    """A SubjectPublicKeyInfo; raises InvalidKey."""
    info = _decode(_PublicKeyInfo, data)
    p, g, q = _parameters(info.algorithm)
    return public_key(p, g, q, _decode(int, info.public_key.as_bytes()))
