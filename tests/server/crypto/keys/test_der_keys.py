from math import gcd, lcm

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip.enums import CryptographicAlgorithm as A
from kmip.errors import InvalidField
from server.crypto.errors import InvalidKey
from server.crypto.keys.der_keys import (
    MAX_ENCODING,
    Hints,
    der,
    dump_ec_private_key,
    dump_pkcs_1_private,
    dump_pkcs_1_public,
    dump_pkcs_8,
    dump_subject_public_key_info,
    load_private,
    load_public,
)
from tests.server.crypto.samples import KINDS, NAMES, private_key

ENCODED = [dump_pkcs_8(private_key(algorithm, curve)) for algorithm, curve in KINDS] + [
    dump_pkcs_1_private(private_key(A.RSA)),
    dump_ec_private_key(private_key(A.EC)),
]
PUBLIC = [
    dump_subject_public_key_info(private_key(algorithm, curve).public_key())
    for algorithm, curve in KINDS
] + [dump_pkcs_1_public(private_key(A.RSA).public_key())]


@pytest.mark.parametrize("algorithm, curve", KINDS, ids=NAMES)
def test_every_kind_loads_from_der_and_from_pem(algorithm, curve):
    key = private_key(algorithm, curve)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for material in (dump_pkcs_8(key), pem):
        for validated in (False, True):
            assert (
                load_private(material, Hints(validated=validated)).public_key() == key.public_key()
            )
    public = key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for material in (dump_subject_public_key_info(public), pem):
        assert load_public(material, Hints()) == public


def test_pkcs_1_and_ec_private_key_load_too():
    rsa, ec = private_key(A.RSA), private_key(A.EC)
    assert load_private(dump_pkcs_1_private(rsa), Hints()).public_key() == rsa.public_key()
    assert load_public(dump_pkcs_1_public(rsa.public_key()), Hints()) == rsa.public_key()
    assert load_private(dump_ec_private_key(ec), Hints()).public_key() == ec.public_key()


@pytest.mark.parametrize("validated", [False, True])
def test_an_rsa_key_whose_numbers_contradict_each_other_is_refused(validated):
    """An imported key is used without having been registered: so each loading looks at them."""
    data = bytearray(dump_pkcs_1_private(private_key(A.RSA)))
    data[-1] ^= 1  # the last byte of the CRT coefficient
    with pytest.raises(InvalidKey, match="one RSA key"):
        load_private(bytes(data), Hints(validated=validated))


def numbers_of(p, q):
    """The numbers that belong to two primes, or to what is given out for primes."""
    d = pow(65537, -1, lcm(p - 1, q - 1))
    crt = (d % (p - 1), d % (q - 1), pow(q, -1, p))
    return RSAPrivateNumbers(p, q, d, *crt, RSAPublicNumbers(65537, p * q))


def test_the_primes_of_an_rsa_key_are_tested_unless_they_were():
    prime = private_key(A.RSA).private_numbers()
    composite = next(p for k in range(3, 99, 2) if gcd(65537, (p := k * prime.p) - 1) == 1)
    forged = dump_pkcs_1_private(
        numbers_of(composite, prime.q).private_key(unsafe_skip_rsa_key_validation=True)
    )
    load_private(forged, Hints(validated=True))
    with pytest.raises(InvalidKey):
        load_private(forged, Hints())


def test_a_key_under_a_password_is_refused():
    key = private_key(A.EC)
    sealed = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    with pytest.raises(InvalidKey):
        load_private(sealed, Hints())


@pytest.mark.parametrize(
    "material", [None, b"", 5, bytes(MAX_ENCODING + 1), b"-----BEGIN X-----\n=A=\n-----END X-----"]
)
def test_what_is_no_encoding_is_refused(material):
    with pytest.raises(InvalidKey):
        load_private(der(material), Hints())


@settings(deadline=None)  # the library tests the primality of a damaged group
@given(
    st.sampled_from(ENCODED) | st.sampled_from(PUBLIC) | st.binary(max_size=200),
    st.integers(0, 300),
    st.binary(max_size=8),
)
def test_any_bytes_are_a_key_or_refused(data, where, garbage):
    damaged = data[:where] + garbage + data[where + len(garbage) :]
    for load in (load_private, load_public):
        try:
            key = load(damaged, Hints(validated=True))
        except InvalidField as error:
            key = str(error)
        assert key


def test_a_private_key_is_no_public_one():
    for data in ENCODED:
        with pytest.raises(InvalidKey):
            load_public(data, Hints())
    for data in PUBLIC:
        with pytest.raises(InvalidKey):
            load_private(data, Hints())
