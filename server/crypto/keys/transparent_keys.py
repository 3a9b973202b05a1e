"""Transparent keys: the structures of numbers in a Key Block, to the library's keys and back.

Those of elliptic curves are in `server.crypto.keys.elliptic_keys`.

Source: 2.1 sections 3.5 to 3.10; for the numbers of RSA, RFC 8017 section 3.2.
"""

import math

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, rsa

from kmip.key_block import (
    TransparentDHPrivateKey,
    TransparentDHPublicKey,
    TransparentDSAPrivateKey,
    TransparentDSAPublicKey,
    TransparentRSAPrivateKey,
    TransparentRSAPublicKey,
)
from server.crypto.errors import InvalidKey
from server.crypto.keys import diffie_hellman, rsa_numbers

MAX_MODULUS = 8192
"""Bits of an RSA or DSA modulus that the server computes with: an operation costs with the cube of
it."""

MAX_DSA_ORDER = 256
"""Bits of a DSA key's q (FIPS 186-4 section 4.2), and so of its x, to which g is raised here."""

PUBLIC_EXPONENT = 65537
"""What nearly every RSA key has."""

BUILDING_ERRORS = (ValueError, TypeError, OverflowError, UnsupportedAlgorithm, InternalError)


def check_modulus(modulus: int) -> None:
    """Raise InvalidKey where the server does not compute with a modulus of this size."""
    if not 512 <= modulus.bit_length() <= MAX_MODULUS:
        raise InvalidKey("the server computes with moduli of 512 to 8192 bits")


def load_rsa_private(
    key: TransparentRSAPrivateKey, *, validated: bool = False
) -> rsa.RSAPrivateKey:
    """The key, whichever of its numbers are there.

    Args:
        key: a modulus with (a private exponent), (P and Q) or (both prime exponents), and a public
            exponent unless it can be computed from the others.
        validated: the material was checked when it came in; skips the primality tests.

    Raises:
        InvalidKey: too few numbers, or they contradict each other.
    """
    check_modulus(key.modulus)
    private_numbers = (
        key.private_exponent,
        key.p,
        key.q,
        key.prime_exponent_p,
        key.prime_exponent_q,
    )
    rsa_numbers.check_lengths(key.modulus, key.public_exponent or PUBLIC_EXPONENT, *private_numbers)
    public = _public_exponent(key)
    try:
        p, q = _primes(key, public)
        private = key.private_exponent or rsa.rsa_recover_private_exponent(public, p, q)
        numbers = rsa.RSAPrivateNumbers(
            p=p,
            q=q,
            d=private,
            dmp1=rsa.rsa_crt_dmp1(private, p),
            dmq1=rsa.rsa_crt_dmq1(private, q),
            iqmp=rsa.rsa_crt_iqmp(p, q),
            public_numbers=rsa.RSAPublicNumbers(public, key.modulus),
        )
        rsa_numbers.check(numbers, validated=validated)
        return numbers.private_key(unsafe_skip_rsa_key_validation=True)
    except (*BUILDING_ERRORS, ZeroDivisionError):
        raise InvalidKey("the numbers are not those of an RSA key") from None


def _public_exponent(key: TransparentRSAPrivateKey) -> int:
    """The public exponent: given, computed, or 65537 where the modulus and D alone are there."""
    if key.public_exponent is not None:
        return key.public_exponent
    if key.private_exponent and key.p and key.q and key.p > 1 and key.q > 1:
        try:
            return pow(key.private_exponent, -1, math.lcm(key.p - 1, key.q - 1))
        except ValueError:
            raise InvalidKey("the numbers are not those of an RSA key") from None
    if key.private_exponent:
        return PUBLIC_EXPONENT  # wrong for another key, whose primes are then not found
    raise InvalidKey("an RSA private key without a private and a public exponent")


def _primes(key: TransparentRSAPrivateKey, public: int) -> tuple[int, int]:
    """P and Q: given, or found from D, or from the prime exponents; raises ValueError."""
    n = key.modulus
    if key.p:
        return key.p, key.q or n // key.p
    if key.q:
        return n // key.q, key.q
    if key.private_exponent:
        return rsa_numbers.primes(n, public, key.private_exponent)
    if key.prime_exponent_p:
        p = rsa_numbers.prime(n, public, key.prime_exponent_p)
        return p, n // p
    raise ValueError


def load_rsa_public(key: TransparentRSAPublicKey) -> rsa.RSAPublicKey:
    """The key; raises InvalidKey."""
    check_modulus(key.modulus)
    try:
        return rsa.RSAPublicNumbers(key.public_exponent, key.modulus).public_key()
    except BUILDING_ERRORS:
        raise InvalidKey("the numbers are not those of an RSA key") from None


def dump_rsa_private(key: rsa.RSAPrivateKey) -> TransparentRSAPrivateKey:
    """All eight numbers."""
    numbers = key.private_numbers()
    return TransparentRSAPrivateKey(
        modulus=numbers.public_numbers.n,
        private_exponent=numbers.d,
        public_exponent=numbers.public_numbers.e,
        p=numbers.p,
        q=numbers.q,
        prime_exponent_p=numbers.dmp1,
        prime_exponent_q=numbers.dmq1,
        crt_coefficient=numbers.iqmp,
    )


def dump_rsa_public(key: rsa.RSAPublicKey) -> TransparentRSAPublicKey:
    """Modulus and exponent."""
    numbers = key.public_numbers()
    return TransparentRSAPublicKey(modulus=numbers.n, public_exponent=numbers.e)


def load_dsa_private(key: TransparentDSAPrivateKey) -> dsa.DSAPrivateKey:
    """The key; raises InvalidKey, also for lengths that the library does not have (512 bits)."""
    check_modulus(key.p)
    if key.q.bit_length() > MAX_DSA_ORDER or not 0 < key.x < key.q:
        raise InvalidKey("the numbers are not those of a DSA key")
    try:
        parameters = dsa.DSAParameterNumbers(key.p, key.q, key.g)
        public = dsa.DSAPublicNumbers(pow(key.g, key.x, key.p), parameters)
        return dsa.DSAPrivateNumbers(key.x, public).private_key()
    except BUILDING_ERRORS:
        raise InvalidKey("the numbers are not those of a DSA key") from None


def load_dsa_public(key: TransparentDSAPublicKey) -> dsa.DSAPublicKey:
    """The key; raises InvalidKey as `load_dsa_private`."""
    check_modulus(key.p)
    try:
        parameters = dsa.DSAParameterNumbers(key.p, key.q, key.g)
        return dsa.DSAPublicNumbers(key.y, parameters).public_key()
    except BUILDING_ERRORS:
        raise InvalidKey("the numbers are not those of a DSA key") from None


def dump_dsa_private(key: dsa.DSAPrivateKey) -> TransparentDSAPrivateKey:
    """Group and X."""
    numbers = key.private_numbers()
    group = numbers.public_numbers.parameter_numbers
    return TransparentDSAPrivateKey(p=group.p, q=group.q, g=group.g, x=numbers.x)


def dump_dsa_public(key: dsa.DSAPublicKey) -> TransparentDSAPublicKey:
    """Group and Y."""
    numbers = key.public_numbers()
    group = numbers.parameter_numbers
    return TransparentDSAPublicKey(p=group.p, q=group.q, g=group.g, y=numbers.y)


def load_dh_private(key: TransparentDHPrivateKey) -> diffie_hellman.DHPrivateKey:
    """The key; raises InvalidKey."""
    return diffie_hellman.private_key(key.p, key.g, key.q, key.x)


def load_dh_public(key: TransparentDHPublicKey) -> diffie_hellman.DHPublicKey:
    """The key; raises InvalidKey."""
    return diffie_hellman.public_key(key.p, key.g, key.q, key.y)


def dump_dh_private(key: diffie_hellman.DHPrivateKey) -> TransparentDHPrivateKey:
    """Group and X."""
    numbers = key.private_numbers()
    group = numbers.public_numbers.parameter_numbers
    return TransparentDHPrivateKey(p=group.p, q=group.q, g=group.g, x=numbers.x)


def dump_dh_public(key: diffie_hellman.DHPublicKey) -> TransparentDHPublicKey:
    """Group and Y."""
    numbers = key.public_numbers()
    group = numbers.parameter_numbers
    return TransparentDHPublicKey(p=group.p, q=group.q, g=group.g, y=numbers.y)
