"""New key pairs.

A row of `PAIRS` makes a pair of one algorithm from the length and the domain parameters that a
Create Key Pair names. RSA, DSA and Diffie-Hellman take up to seconds: see `server.crypto.costs`.
"""

from collections.abc import Callable
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import (
    dsa,
    ec,
    ed448,
    ed25519,
    mldsa,
    mlkem,
    rsa,
    x448,
    x25519,
)

from kmip.cryptographic_parameters import CryptographicDomainParameters
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import RecommendedCurve as C
from kmip.errors import BadCryptographicParameters, UnsupportedCryptographicParameters
from server.crypto.errors import MissingParameters, refuse_legacy
from server.crypto.keys import diffie_hellman
from server.crypto.keys.curves import BY_LENGTH, LEGACY, curve
from server.crypto.keys.key_types import PrivateKey

PUBLIC_EXPONENT = 65537

RSA_LENGTHS = range(1024, 8193, 8)
"""Bits. A pair of 8192 bits takes seconds, one of 16384 minutes of one core: too much to give away
for one request."""

DSA_LENGTHS: dict[int, int] = {1024: 160, 2048: 256, 3072: 256}
"""Bits of p, and of the q the library makes for it (FIPS 186-4 section 4.2)."""

STRONG = 2048
"""Bits of an RSA, DSA or DH modulus below which a new key is legacy (SP 800-131A section 3)."""


class Wanted(NamedTuple):
    """What a request asks for.

    Attributes:
        length: Cryptographic Length in bits, or None.
        curve: Recommended Curve, or None.
        qlength: bits of q, or None.
        allow_legacy: the policy.
    """

    length: int | None
    curve: C | None
    qlength: int | None
    allow_legacy: bool

    def required_length(self) -> int:
        """The length; raises MissingParameters."""
        if self.length is None:
            raise MissingParameters("the algorithm needs a cryptographic length")
        return self.length


def _strong(length: int, wanted: Wanted) -> None:
    refuse_legacy("a modulus this short", legacy=length < STRONG, allow_legacy=wanted.allow_legacy)


def _rsa(wanted: Wanted) -> PrivateKey:
    length = wanted.required_length()
    if length not in RSA_LENGTHS:
        raise BadCryptographicParameters("the server makes RSA keys of 1024 to 8192 bits")
    _strong(length, wanted)
    return rsa.generate_private_key(PUBLIC_EXPONENT, length)


def _dsa(wanted: Wanted) -> PrivateKey:
    length = wanted.required_length()
    if DSA_LENGTHS.get(length) is None or wanted.qlength not in (None, DSA_LENGTHS[length]):
        raise BadCryptographicParameters("the server makes no DSA keys of these lengths")
    _strong(length, wanted)
    return dsa.generate_private_key(length)


def _dh(wanted: Wanted) -> PrivateKey:
    length = wanted.required_length()
    if length not in diffie_hellman.GROUPS or wanted.qlength not in (None, length - 1):
        raise BadCryptographicParameters("the server has no Diffie-Hellman group of these lengths")
    return diffie_hellman.group(length).parameters().generate_private_key()


def chosen_curve(wanted: Wanted) -> C:
    """The curve named, else the NIST curve of the length or Qlength; raises MissingParameters."""
    length = wanted.length or wanted.qlength
    if wanted.curve is not None:
        return wanted.curve
    if length is None:
        raise MissingParameters("an elliptic curve key needs a curve or a length")
    if length not in BY_LENGTH:
        raise BadCryptographicParameters("no NIST curve over a prime field has this length")
    return BY_LENGTH[length]


MONTGOMERY: dict[C, Callable[[], PrivateKey]] = {
    C.CURVE25519: x25519.X25519PrivateKey.generate,
    C.CURVE448: x448.X448PrivateKey.generate,
}
EDWARDS: dict[C, Callable[[], PrivateKey]] = {
    C.CURVE25519: ed25519.Ed25519PrivateKey.generate,
    C.CURVE448: ed448.Ed448PrivateKey.generate,
}


def _elliptic(special: dict[C, Callable[[], PrivateKey]]) -> Callable[[Wanted], PrivateKey]:
    """A maker of keys on any curve, `special` for the two of RFC 7748."""

    def make(wanted: Wanted) -> PrivateKey:
        named = chosen_curve(wanted)
        if named in special:
            return special[named]()
        made_on = curve(named)
        if wanted.length not in (None, made_on.key_size):
            raise BadCryptographicParameters("the length is not the curve's")
        refuse_legacy("this curve", legacy=named in LEGACY, allow_legacy=wanted.allow_legacy)
        return ec.generate_private_key(made_on)

    return make


PAIRS: dict[A, Callable[[Wanted], PrivateKey]] = {
    A.RSA: _rsa,
    A.DSA: _dsa,
    A.DH: _dh,
    A.ECDSA: _elliptic(EDWARDS),
    A.ECDH: _elliptic(MONTGOMERY),
    A.ECMQV: _elliptic({}),
    # Of the two forms EC with Curve25519 may mean, the one that X25519 names: RFC 7748 calls the
    # Montgomery curve "curve25519"; Ed25519 has an algorithm of its own.
    A.EC: _elliptic(MONTGOMERY),
    A.ED25519: lambda wanted: ed25519.Ed25519PrivateKey.generate(),
    A.ED448: lambda wanted: ed448.Ed448PrivateKey.generate(),
    A.ML_KEM_768: lambda wanted: mlkem.MLKEM768PrivateKey.generate(),
    A.ML_KEM_1024: lambda wanted: mlkem.MLKEM1024PrivateKey.generate(),
    A.ML_DSA_44: lambda wanted: mldsa.MLDSA44PrivateKey.generate(),
    A.ML_DSA_65: lambda wanted: mldsa.MLDSA65PrivateKey.generate(),
    A.ML_DSA_87: lambda wanted: mldsa.MLDSA87PrivateKey.generate(),
}
"""The algorithms of which the server makes key pairs."""


def generate_key_pair(
    algorithm: A,
    length: int | None = None,
    domain: CryptographicDomainParameters | None = None,
    *,
    allow_legacy: bool = False,
) -> PrivateKey:
    """A new private key; its public half is `server.crypto.keys.key_types.public_half` of it.

    Args:
        algorithm: an asymmetric algorithm.
        length: Cryptographic Length in bits; not needed where a curve or the algorithm tells it.
        domain: Qlength and Recommended Curve (2.1 section 4.14).
        allow_legacy: the policy on lengths kept for old data.

    Raises:
        UnsupportedCryptographicParameters: an algorithm or curve the server makes no keys of.
        MissingParameters: neither length nor curve.
        BadCryptographicParameters: a length the algorithm does not have.
        LegacyRefused: shorter than today's standards want.
    """
    make = PAIRS.get(algorithm)
    if make is None:
        raise UnsupportedCryptographicParameters("the server makes no key pairs of this algorithm")
    return make(
        Wanted(
            length,
            domain.recommended_curve if domain else None,
            domain.qlength if domain else None,
            allow_legacy,
        )
    )
