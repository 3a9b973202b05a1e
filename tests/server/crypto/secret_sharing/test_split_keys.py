import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip.enums import SplitKeyMethod as S
from kmip.enums import SplitKeyPolynomial as Polynomial
from kmip.errors import (
    BadCryptographicParameters,
    CryptographicFailure,
    UnsupportedCryptographicParameters,
)
from server.crypto.secret_sharing.split_keys import (
    MAX_SECRET,
    METHODS,
    POLYNOMIALS,
    Sharing,
    is_probable_prime,
    join,
    split,
)

GF_8, GF_16, PRIME = (
    S.POLYNOMIAL_SHARING_GF_2_8,
    S.POLYNOMIAL_SHARING_GF_2_16,
    S.POLYNOMIAL_SHARING_PRIME_FIELD,
)
P_521 = 2**521 - 1


def test_every_method_and_polynomial_has_a_row():
    assert set(METHODS) == set(S)
    assert set(POLYNOMIALS) == {None, *Polynomial}


@st.composite
def sharings(draw):
    method = draw(st.sampled_from(S))
    parts = draw(st.integers(2, 7))
    threshold = parts if method == S.XOR else draw(st.integers(1, parts))
    return Sharing(
        method,
        parts,
        threshold,
        P_521 if method == PRIME else None,
        draw(st.sampled_from([None, *Polynomial])),
    )


@settings(max_examples=40, deadline=None)
@given(sharings(), st.binary(min_size=1, max_size=32).map(lambda b: b + b), st.randoms())
def test_any_parts_as_many_as_the_threshold_give_the_secret(sharing, secret, random):
    parts = split(secret, sharing)
    assert sorted(parts) == list(range(1, sharing.parts + 1))
    chosen = random.sample(sorted(parts.items()), sharing.threshold)
    assert join(dict(chosen), sharing, len(secret)) == secret
    assert join(parts, sharing, len(secret)) == secret


def test_oasis_tc_sj_3_in_the_field_of_polynomial_285():
    parts = {
        1: "66C46A7754F94DE420C7B1A7FFF5EC56",
        2: "CF93D1E2A7E593CD5B8D6247F4E5D49C",
        3: "A855B891F61AD9217240D8EC061E37DA",
        4: "803DBAD55CDD329FAD19D99AE2C5A415",
    }
    parts = {number: bytes.fromhex(part) for number, part in parts.items()}
    sharing = Sharing(GF_8, 4, 2)
    assert join({1: parts[1], 3: parts[3]}, sharing) == bytes(range(1, 17))
    assert join({2: parts[2], 4: parts[4]}, sharing) == bytes(range(1, 17))
    other = sharing._replace(polynomial=Polynomial.POLYNOMIAL_283)
    assert join({1: parts[1], 3: parts[3]}, other) != bytes(range(1, 17))


def test_fewer_parts_than_the_threshold_give_nothing():
    sharing = Sharing(GF_8, 5, 3)
    parts = split(bytes(16), sharing)
    for chosen in ({}, {1: parts[1]}, {1: parts[1], 2: parts[2]}):
        with pytest.raises(CryptographicFailure):
            join(chosen, sharing)


@pytest.mark.parametrize(
    "parts",
    [
        {1: b"ab", 2: b"abc"},
        {0: b"ab", 2: b"ab"},
        {1: b"ab", 6: b"ab"},
    ],
)
def test_parts_that_do_not_belong_together_give_nothing(parts):
    with pytest.raises(CryptographicFailure):
        join(parts, Sharing(GF_8, 5, 2))


def test_a_part_of_half_an_element_gives_nothing():
    with pytest.raises(CryptographicFailure):
        join({1: b"abc", 2: b"abc"}, Sharing(GF_16, 5, 2))


def test_a_part_alone_does_not_show_the_secret():
    for method in (S.XOR, GF_8, GF_16):
        sharing = Sharing(method, 2, 2)
        first, second = split(bytes(16), sharing), split(bytes(16), sharing)
        assert first[1] != second[1]
        assert first[1] != bytes(16)


def test_a_prime_field_keeps_leading_zeros_where_the_length_is_told():
    sharing = Sharing(PRIME, 3, 2, P_521)
    parts = split(b"\0\0key", sharing)
    assert {len(part) for part in parts.values()} == {66}
    assert join(parts, sharing, 5) == b"\0\0key"
    assert join(parts, sharing) == b"key"
    with pytest.raises(CryptographicFailure):
        join(parts, sharing, 2)
    assert join(split(b"\0", sharing), sharing) == b"\0"


@pytest.mark.parametrize(
    "sharing, secret",
    [
        (Sharing(GF_8, 1, 1), bytes(16)),
        (Sharing(GF_8, 256, 2), bytes(16)),
        (Sharing(GF_8, 3, 4), bytes(16)),
        (Sharing(GF_8, 3, 0), bytes(16)),
        (Sharing(S.XOR, 3, 2), bytes(16)),
        (Sharing(GF_8, 3, 2), b""),
        (Sharing(GF_8, 3, 2), bytes(MAX_SECRET + 1)),
        (Sharing(GF_8, 255, 255), bytes(MAX_SECRET)),
        (Sharing(GF_16, 3, 2), bytes(15)),
        (Sharing(PRIME, 3, 2), bytes(16)),
        (Sharing(PRIME, 3, 2, 15), bytes(16)),
        (Sharing(PRIME, 3, 2, 3), bytes(16)),
        (Sharing(PRIME, 3, 2, -7), bytes(16)),
        (Sharing(PRIME, 3, 2, 1 << 9000), bytes(16)),
        (Sharing(PRIME, 3, 2, 2**61 - 1), b"\xff" * 16),
    ],
)
def test_what_cannot_be_shared_is_refused(sharing, secret):
    with pytest.raises(BadCryptographicParameters):
        split(secret, sharing)


def test_an_unknown_method_is_refused():
    with pytest.raises(UnsupportedCryptographicParameters):
        split(bytes(16), Sharing(S(0x80000001), 3, 2))


def test_primes_are_told_from_others():
    primes = {n for n in range(2, 2000) if all(n % d for d in range(2, n))}
    assert {n for n in range(-5, 2000) if is_probable_prime(n)} == primes
    assert is_probable_prime(P_521)
    for composite in (561, 3215031751, P_521 * (2**127 - 1), 2**523 - 1):
        assert not is_probable_prime(composite)
