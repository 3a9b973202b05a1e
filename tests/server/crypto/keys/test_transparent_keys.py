from dataclasses import replace
from typing import Any

import pytest

from kmip.enums import CryptographicAlgorithm as A
from kmip.key_block import (
    TransparentDSAPrivateKey,
    TransparentDSAPublicKey,
    TransparentRSAPrivateKey,
    TransparentRSAPublicKey,
)
from server.crypto.errors import InvalidKey
from server.crypto.keys.transparent_keys import (
    dump_dh_private,
    dump_dh_public,
    dump_dsa_private,
    dump_dsa_public,
    dump_rsa_private,
    dump_rsa_public,
    load_dh_private,
    load_dh_public,
    load_dsa_private,
    load_dsa_public,
    load_rsa_private,
    load_rsa_public,
)
from tests.server.crypto.samples import private_key

RSA = private_key(A.RSA)
WHOLE: Any = dump_rsa_private(RSA)  # each of its fields has a value
NUMBERS = {
    "modulus",
    "private_exponent",
    "public_exponent",
    "p",
    "q",
    "prime_exponent_p",
    "prime_exponent_q",
    "crt_coefficient",
}


LONG = (1 << 4_000_000) - 1
"""To raise to it takes hours, in which nothing else runs."""


def only(*names):
    """The key with no other numbers than these."""
    return replace(WHOLE, **dict.fromkeys(NUMBERS - set(names)))


def test_all_eight_numbers_of_rsa_are_given():
    assert all(getattr(WHOLE, name) for name in NUMBERS)


@pytest.mark.parametrize(
    "names",
    [
        ("private_exponent", "public_exponent"),
        ("private_exponent",),
        ("p", "q", "public_exponent"),
        ("p", "public_exponent"),
        ("q", "public_exponent"),
        ("p", "q", "private_exponent"),
        ("prime_exponent_p", "prime_exponent_q", "public_exponent"),
        tuple(NUMBERS - {"modulus"}),
    ],
)
@pytest.mark.parametrize("validated", [False, True])
def test_an_rsa_key_comes_back_from_some_of_its_numbers(names, validated):
    """2.1 section 3.7: the private exponent, the primes, or the prime exponents."""
    loaded = load_rsa_private(only("modulus", *names), validated=validated)
    assert loaded.public_key() == RSA.public_key()
    assert loaded.private_numbers().d % (WHOLE.p - 1) == WHOLE.prime_exponent_p


@pytest.mark.parametrize(
    "key",
    [
        only("modulus"),
        only("modulus", "public_exponent"),
        only("modulus", "p", "q"),
        replace(WHOLE, p=WHOLE.p + 2),
        replace(WHOLE, p=WHOLE.q),
        replace(WHOLE, private_exponent=WHOLE.private_exponent + 2),
        replace(WHOLE, public_exponent=3),
        replace(WHOLE, modulus=WHOLE.modulus + 2),
        replace(WHOLE, modulus=-WHOLE.modulus),
        replace(WHOLE, modulus=15),
        replace(WHOLE, modulus=1 << 9000),
        replace(only("modulus", "private_exponent"), private_exponent=12345),
        replace(only("modulus", "p", "q", "private_exponent"), private_exponent=2),
        replace(only("modulus", "prime_exponent_p", "public_exponent"), prime_exponent_p=7),
        replace(WHOLE, p=-5, q=-7),
        replace(only("modulus", "public_exponent"), private_exponent=LONG),
        replace(only("modulus", "public_exponent"), prime_exponent_p=LONG),
        replace(only("modulus", "prime_exponent_p"), public_exponent=LONG),
        replace(only("modulus", "public_exponent"), p=LONG, q=LONG),
    ],
)
def test_numbers_that_contradict_each_other_are_refused(key):
    with pytest.raises(InvalidKey):
        load_rsa_private(key)


def test_an_rsa_public_key_goes_both_ways():
    public = dump_rsa_public(RSA.public_key())
    assert load_rsa_public(public) == RSA.public_key()
    for modulus, exponent in [(15, 3), (-1, 3), (public.modulus, 2), (public.modulus, -3)]:
        with pytest.raises(InvalidKey):
            load_rsa_public(TransparentRSAPublicKey(modulus=modulus, public_exponent=exponent))


def test_dsa_goes_both_ways():
    key = private_key(A.DSA)
    loaded = load_dsa_private(dump_dsa_private(key))
    assert loaded.private_numbers().x == key.private_numbers().x
    assert load_dsa_public(dump_dsa_public(key.public_key())) == key.public_key()


def test_dsa_numbers_are_refused_by_their_lengths():
    """To raise g to such an x takes hours, in which nothing else runs."""
    with pytest.raises(InvalidKey):
        load_dsa_private(replace(dump_dsa_private(private_key(A.DSA)), q=LONG, x=LONG - 1))


def test_dsa_that_the_library_lacks_is_refused():
    """512 bits as in OASIS BL-M-12, and numbers that are none."""
    small = (1 << 511) + 111
    with pytest.raises(InvalidKey):
        load_dsa_public(TransparentDSAPublicKey(p=small, q=(1 << 159) + 7, g=2, y=5))
    with pytest.raises(InvalidKey):
        load_dsa_private(TransparentDSAPrivateKey(p=small, q=(1 << 159) + 7, g=2, x=5))
    with pytest.raises(InvalidKey):
        load_dsa_private(TransparentDSAPrivateKey(p=1 << 1023, q=0, g=2, x=5))
    with pytest.raises(InvalidKey):
        load_dsa_public(TransparentDSAPublicKey(p=5, q=3, g=2, y=5))


def test_dh_goes_both_ways():
    key = private_key(A.DH)
    loaded = load_dh_private(dump_dh_private(key))
    assert loaded.private_numbers().x == key.private_numbers().x
    assert load_dh_public(dump_dh_public(key.public_key())) == key.public_key()


def test_a_key_does_not_show_its_numbers():
    assert str(WHOLE.private_exponent) not in repr(WHOLE)
    assert isinstance(WHOLE, TransparentRSAPrivateKey)
