import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip.errors import KMIPError
from server.crypto.errors import InvalidKey
from server.crypto.keys import diffie_hellman as dh
from server.crypto.secret_sharing.split_keys import is_probable_prime

GROUP = dh.group(2048)
ORDER = (GROUP.p - 1) // 2


def test_ffdhe2048_is_the_published_group():
    """RFC 7919 appendix A.1: the first and last words of p."""
    digits = f"{GROUP.p:x}"
    assert digits.startswith("ffffffffffffffffadf85458a2bb4a9aafdc5620273d3cf1")
    assert digits.endswith("886b423861285c97ffffffffffffffff")
    assert GROUP.g == 2


@pytest.mark.parametrize("bits", dh.GROUPS)
def test_every_group_has_a_safe_prime_of_its_length(bits):
    """The X of the formula is the least that makes a safe prime: a slip would not give one."""
    p = dh.group(bits).p
    assert p.bit_length() == bits
    assert p % 2**64 == 2**64 - 1
    assert p >> (bits - 64) == 2**64 - 1
    if bits <= 4096:  # beyond, the tests take seconds; the formula is the same
        assert is_probable_prime(p, 1)
        assert is_probable_prime((p - 1) // 2, 1)


def encoded(key):
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return private, public


ENCODED = encoded(dh.private_key(GROUP.p, 2, None, 12345))


@pytest.mark.parametrize("q", [None, ORDER], ids=["PKCS#3", "X9.42"])
def test_keys_load_from_their_encodings_with_and_without_q(q):
    """PKCS#3 and X9.42 parameters; 4 generates the group of order q."""
    ours = dh.private_key(GROUP.p, 4, q, 3**800)
    theirs = dh.private_key(GROUP.p, 4, q, 5**500)
    private, public = encoded(ours)
    assert dh.is_diffie_hellman(private)
    assert dh.is_diffie_hellman(public)
    loaded = dh.load_private_der(private)
    assert loaded.private_numbers().x == 3**800
    assert loaded.private_numbers().public_numbers.parameter_numbers.q == q
    assert theirs.exchange(dh.load_public_der(public)) == loaded.exchange(theirs.public_key())


@pytest.mark.parametrize("y", [-1, 0, 1, GROUP.p - 1, GROUP.p, GROUP.p + 5])
def test_a_public_key_whose_secret_can_be_guessed_is_refused(y):
    with pytest.raises(InvalidKey):
        dh.public_key(GROUP.p, 2, None, y)


@pytest.mark.parametrize(
    "p, g, q",
    [
        (23, 5, None),
        (1 << 9000, 2, None),
        (GROUP.p - 1, 2, None),
        (GROUP.p, 1, None),
        (GROUP.p, GROUP.p - 1, None),
        (-GROUP.p, 2, None),
        (GROUP.p, 2, 1),
        (GROUP.p, 2, GROUP.p),
    ],
)
def test_what_is_no_group_is_refused(p, g, q):
    for make in (dh.public_key, dh.private_key):
        with pytest.raises(InvalidKey):
            make(p, g, q, 5)


@pytest.mark.parametrize(
    "q, oid", [(None, "2a864886f70d010301"), (ORDER, "2a8648ce3e0201")], ids=["PKCS#3", "X9.42"]
)
def test_parameters_that_are_none_are_refused(q, oid):
    private, public = encoded(dh.private_key(GROUP.p, 4, q, 3**800))
    for data, load in ((private, dh.load_private_der), (public, dh.load_public_der)):
        start = data.index(bytes.fromhex(oid)) + len(oid) // 2
        with pytest.raises(InvalidKey, match="parameters"):
            load(data[:start] + b"\x04" + data[start + 1 :])  # a byte string, not a sequence


def test_a_private_key_outside_the_group_is_refused():
    for x in (0, 1, GROUP.p):
        with pytest.raises(InvalidKey):
            dh.private_key(GROUP.p, 2, None, x)


@settings(max_examples=8, deadline=None)  # the library tests the primality of a damaged group
@given(st.binary(max_size=80), st.integers(0, 700))
def test_any_bytes_are_a_key_or_refused(garbage, where):
    private, public = ENCODED
    for load, data in ((dh.load_private_der, private), (dh.load_public_der, public)):
        damaged = data[:where] + garbage + data[where + len(garbage) :]
        for each in (damaged, garbage):
            try:
                load(each)
            except KMIPError as error:
                refused = str(error)
                assert "Diffie-Hellman" in refused


@pytest.mark.parametrize("bits", dh.MODP)
def test_the_groups_of_rfc_3526_are_known(bits):
    (p,) = [p for p in dh._named() if p.bit_length() == bits and not is_ffdhe(p)]
    key = dh.private_key(p, 2, None, 3**500)
    assert key.public_key().public_numbers().y == pow(2, 3**500, p)


def is_ffdhe(p):
    return p.bit_length() in dh.GROUPS and p == dh.group(p.bit_length()).p


def test_a_long_group_that_nobody_knows_is_refused():
    """Whenever a key of it is loaded, the library would test the primality of its modulus."""
    prime = (1 << 2203) - 1
    for make in (dh.public_key, dh.private_key):
        with pytest.raises(InvalidKey, match="the server knows"):
            make(prime, 3, None, 3**500)
