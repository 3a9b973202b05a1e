"""RSA's numbers: refused by their lengths before anything is computed with them."""

import math

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from kmip.enums import CryptographicAlgorithm as A
from server.crypto.errors import InvalidKey
from server.crypto.keys import rsa_numbers
from tests.server.crypto.samples import private_key

NUMBERS = private_key(A.RSA).private_numbers()
N, E = NUMBERS.public_numbers.n, NUMBERS.public_numbers.e
LONG = (1 << 100_000) - 1
MERSENNE = (1 << 9689) - 1
"""A prime, of which the library's own check would take half a minute."""


def numbers(**changed: int) -> rsa.RSAPrivateNumbers:
    fields = {name: getattr(NUMBERS, name) for name in ("p", "q", "d", "dmp1", "dmq1", "iqmp")}
    return rsa.RSAPrivateNumbers(**fields | changed, public_numbers=NUMBERS.public_numbers)


def of_primes(p: int, q: int) -> rsa.RSAPrivateNumbers:
    """The numbers that belong to two primes, or to what is given out for primes."""
    d = pow(E, -1, math.lcm(p - 1, q - 1))
    return rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(E, p * q)
    )


def test_the_numbers_of_a_key_pass():
    rsa_numbers.check(NUMBERS)
    rsa_numbers.check(of_primes(NUMBERS.q, NUMBERS.p))


@pytest.mark.parametrize("name", ["p", "q", "d", "dmp1", "dmq1", "iqmp"])
def test_each_number_is_checked(name):
    for value in (getattr(NUMBERS, name) + 2, getattr(NUMBERS, name) + N, 1, LONG):
        for validated in (False, True):
            with pytest.raises(InvalidKey):
                rsa_numbers.check(numbers(**{name: value}), validated=validated)


def test_primes_are_tested_unless_they_were():
    composite = next(p for p in (NUMBERS.p * k for k in range(3, 99, 2)) if math.gcd(E, p - 1) == 1)
    forged = of_primes(composite, NUMBERS.q)
    rsa_numbers.check(forged, validated=True)
    with pytest.raises(InvalidKey):
        rsa_numbers.check(forged)


def test_a_prime_longer_than_half_the_longest_modulus_is_not_even_tested():
    with pytest.raises(InvalidKey):
        rsa_numbers.check(of_primes(MERSENNE, 3 if E != 3 else 5))


def test_the_primes_are_found():
    found = (max(NUMBERS.p, NUMBERS.q), min(NUMBERS.p, NUMBERS.q))
    assert rsa_numbers.primes(N, E, NUMBERS.d) == found
    assert rsa_numbers.prime(N, E, NUMBERS.dmp1) == NUMBERS.p


def test_a_forged_key_is_not_searched_for_long():
    """Of a prime modulus no root of 1 but 1 and -1 is ever found."""
    prime = (1 << 521) - 1
    with pytest.raises(InvalidKey):
        rsa_numbers.primes(prime, 65537, pow(65537, -1, prime - 1))


def test_primes_of_a_long_modulus_are_not_searched_for():
    for search in (rsa_numbers.prime, lambda n, e, d: rsa_numbers.primes(n, e, d)):
        with pytest.raises(InvalidKey, match="comes with its primes"):
            search((1 << 8191) + 1, 65537, 3)
