"""The numbers of an RSA private key: whether they are one, and the primes where they are left out.

The library's own check of a key holds the interpreter all the while: half a second for a key of
4096 bits, five for one of 8192, and hours for one whose "primes" are as long as an encoding may be.
Its search for the primes tries a forged key 500 times. Nobody else is served meanwhile, whatever
thread it runs in. So both are done here, in steps between which the interpreter is free, on numbers
whose length is limited first; the library is then told that the key is valid.

Source: RFC 8017 section 3.2; FIPS 186-5 appendix A.1.1 for the sizes; Handbook of Applied
Cryptography, section 8.2.2 (i), for the primes.
"""

import math
import secrets

from cryptography.hazmat.primitives.asymmetric import rsa

from server.crypto.errors import InvalidKey
from server.crypto.secret_sharing.split_keys import is_probable_prime

MAX_PRIME = 4096
"""Bits of a prime: half of the longest modulus; a step of the test of primality takes 0.15 s."""

MAX_PUBLIC_EXPONENT = 256
"""Bits (FIPS 186-5 appendix A.1.1)."""

MAX_INCOMPLETE = 4096
"""Bits of a modulus whose primes are searched for: a step of the search takes 0.15 s, and keys of
which the primes are not kept come from old and small devices."""

ROUNDS = 2
"""Tests of primality, for what only harms whoever registers it; they find errors, not malice."""

ATTEMPTS = 16
"""Tries to find the primes; each succeeds in at least one of two cases."""

CONTRADICTION = "the numbers are not those of one RSA key"


def check_lengths(modulus: int, public: int, *others: int | None) -> None:
    """Refuse numbers that are longer than a key's are, before anything is computed with them.

    Args:
        modulus: n, whose own length is checked already.
        public: the public exponent.
        others: those that are there.

    Raises:
        InvalidKey: one is.
    """
    if public <= 1 or public.bit_length() > MAX_PUBLIC_EXPONENT:
        raise InvalidKey(CONTRADICTION)
    if any(number is not None and not 0 < number < modulus for number in others):
        raise InvalidKey(CONTRADICTION)


def check(numbers: rsa.RSAPrivateNumbers, *, validated: bool = False) -> None:
    """Refuse numbers that are not those of one key.

    Args:
        numbers: with a modulus whose length is checked already.
        validated: the primes were tested when the key came in.

    Raises:
        InvalidKey: they are not.
    """
    n, e = numbers.public_numbers.n, numbers.public_numbers.e
    p, q, d = numbers.p, numbers.q, numbers.d
    check_lengths(n, e, p, q, d, numbers.dmp1, numbers.dmq1, numbers.iqmp)
    holds = (
        p * q == n
        and p % 2 == q % 2 == 1
        and 1 < min(p, q) < max(p, q)
        and max(p, q).bit_length() <= MAX_PRIME
        and (e * d - 1) % (p - 1) == (e * d - 1) % (q - 1) == 0
        and (numbers.dmp1, numbers.dmq1) == (d % (p - 1), d % (q - 1))
        and numbers.iqmp * q % p == 1
    )
    if not holds:
        raise InvalidKey(CONTRADICTION)
    if not validated and not (is_probable_prime(p, ROUNDS) and is_probable_prime(q, ROUNDS)):
        raise InvalidKey(CONTRADICTION)


def primes(modulus: int, public: int, private: int) -> tuple[int, int]:
    """The primes of a modulus, the larger first, from both exponents.

    Raises:
        InvalidKey: the numbers are not those of one key, or too long to find them.
    """
    _check_incomplete(modulus)
    multiple = public * private - 1  # of the order of every number modulo n
    shift = (multiple & -multiple).bit_length() - 1
    for _ in range(ATTEMPTS):
        root = pow(secrets.randbelow(modulus - 3) + 2, multiple >> shift, modulus)
        for _ in range(shift):
            square = root * root % modulus
            if square == 1:
                break
            root = square
        if root * root % modulus != 1:
            raise InvalidKey(CONTRADICTION)
        if root not in (1, modulus - 1):  # a root of 1 that is neither 1 nor -1 shares a prime
            p = math.gcd(root + 1, modulus)
            return max(p, modulus // p), min(p, modulus // p)
    raise InvalidKey(CONTRADICTION)


def prime(modulus: int, public: int, prime_exponent: int) -> int:
    """The prime that a prime exponent is of.

    Raises:
        InvalidKey: as `primes`.
    """
    _check_incomplete(modulus)
    # a**(e * dP) = a modulo P and, but for luck, not modulo Q: their difference shares P with n
    base = secrets.randbelow(modulus - 3) + 2
    p = math.gcd(pow(base, public * prime_exponent, modulus) - base, modulus)
    if not 1 < p < modulus:
        raise InvalidKey(CONTRADICTION)
    return p


def _check_incomplete(modulus: int) -> None:
    if modulus.bit_length() > MAX_INCOMPLETE:
        raise InvalidKey("an RSA key of this length comes with its primes")
