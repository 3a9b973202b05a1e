import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.crypto.secret_sharing.fields import DICKSON, GF256, GF65536, RIJNDAEL, M, PrimeField

FIELDS = [GF256(RIJNDAEL), GF256(), GF65536(RIJNDAEL), GF65536(), PrimeField(2**127 - 1)]
fields = st.sampled_from(FIELDS)


def test_the_product_of_fips_197():
    """Section 4.2: {57} times {83} is {c1}, {57} times {13} is {fe}."""
    assert GF256(RIJNDAEL).multiply(0x57, 0x83) == 0xC1
    assert GF256(RIJNDAEL).multiply(0x57, 0x13) == 0xFE


@pytest.mark.parametrize("polynomial", [RIJNDAEL, DICKSON])
def test_y2_plus_y_plus_m_has_no_root(polynomial):
    field = GF256(polynomial)
    assert all(field.multiply(y, y) ^ y ^ M for y in range(256))


@given(fields, st.data())
def test_it_is_a_field(field, data):
    a, b, c = (data.draw(st.integers(0, field.order - 1)) for _ in range(3))
    assert field.multiply(a, b) == field.multiply(b, a)
    assert field.multiply(a, field.multiply(b, c)) == field.multiply(field.multiply(a, b), c)
    assert field.multiply(a, field.add(b, c)) == field.add(
        field.multiply(a, b), field.multiply(a, c)
    )
    assert field.multiply(a, 1) == a
    assert field.add(field.subtract(a, b), b) == a
    assert a == 0 or field.multiply(a, field.invert(a)) == 1
    assert 0 <= field.multiply(a, b) < field.order


@pytest.mark.parametrize("field", FIELDS[:2])
def test_every_byte_has_an_inverse(field):
    assert all(field.multiply(a, field.invert(a)) == 1 for a in range(1, 256))
