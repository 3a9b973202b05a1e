"""Finite fields for secret sharing: GF(2**8), GF(2**16) and the integers modulo a prime.

Source: 2.1 section 13.1 (1.4 section 2.2.5). The specification prints the product in GF(2**16) as
(ry + s)(uy + v) = ((r + s)(u + v) + sv)y + (ru + svm); the constant term must be rum + sv, since
y**2 = y + m. As printed, y**0 = 1 would not be a neutral element, and the inverse printed beside it
would not be one.

Security: multiplication and inversion run in time that does not depend on the operands where it is
cheap to do so (no tables); Python itself promises nothing (docs/limitations.md).
"""

from typing import Protocol

RIJNDAEL = 0x11B
"""x**8 + x**4 + x**3 + x + 1, 283: FIPS 197 and KMIP 1.x."""
DICKSON = 0x11D
"""x**8 + x**4 + x**3 + x**2 + 1, 285: KMIP 2.x, and OASIS TC-SJ-3 in every version."""

M = 0x3A
"""The m of y**2 + y + m, irreducible over GF(2**8) with either polynomial (a test tries all y)."""


class Field(Protocol):
    """A field whose elements are non-negative integers below `order`."""

    order: int

    def add(self, a: int, b: int) -> int:
        """A + b."""

    def subtract(self, a: int, b: int) -> int:
        """A - b."""

    def multiply(self, a: int, b: int) -> int:
        """A * b."""

    def invert(self, a: int) -> int:
        """1 / a; a is not 0."""


class GF256:
    """GF(2**8): bytes as polynomials over GF(2)."""

    order = 256

    def __init__(self, polynomial: int = DICKSON) -> None:
        """The field with this reduction polynomial of degree 8."""
        self._low = polynomial & 0xFF

    def add(self, a: int, b: int) -> int:
        """Bit by bit."""
        return a ^ b

    subtract = add

    def multiply(self, a: int, b: int) -> int:
        """Shift and add, eight steps whatever the operands."""
        product = 0
        for _ in range(8):
            product ^= -(b & 1) & a
            a = ((a << 1) & 0xFF) ^ (-(a >> 7) & self._low)
            b >>= 1
        return product

    def invert(self, a: int) -> int:
        """a**254, since a**255 = 1."""
        inverse = 1
        for _ in range(7):
            a = self.multiply(a, a)
            inverse = self.multiply(inverse, a)
        return inverse


class GF65536:
    """GF(2**16) as pairs (u, v) = uy + v over GF(2**8); u is the high byte."""

    order = 65536

    def __init__(self, polynomial: int = DICKSON) -> None:
        """The extension of GF(2**8) with this polynomial by y**2 + y + m."""
        self._base = GF256(polynomial)

    def add(self, a: int, b: int) -> int:
        """Bit by bit."""
        return a ^ b

    subtract = add

    def multiply(self, a: int, b: int) -> int:
        """(ry + s)(uy + v) = ((r + s)(u + v) + sv)y + (rum + sv)."""
        multiply = self._base.multiply
        r, s = a >> 8, a & 0xFF
        u, v = b >> 8, b & 0xFF
        low = multiply(s, v)
        return ((multiply(r ^ s, u ^ v) ^ low) << 8) | (multiply(multiply(r, u), M) ^ low)

    def invert(self, a: int) -> int:
        """(uy + v)**-1 = u/d y + (u + v)/d, d = (u + v)v + mu**2."""
        multiply = self._base.multiply
        u, v = a >> 8, a & 0xFF
        d = self._base.invert(multiply(u ^ v, v) ^ multiply(M, multiply(u, u)))
        return (multiply(u, d) << 8) | multiply(u ^ v, d)


class PrimeField:
    """The integers modulo a prime."""

    def __init__(self, prime: int) -> None:
        """The field; the caller has made sure that `prime` is one."""
        self.order = prime

    def add(self, a: int, b: int) -> int:
        """Modulo the prime."""
        return (a + b) % self.order

    def subtract(self, a: int, b: int) -> int:
        """Modulo the prime."""
        return (a - b) % self.order

    def multiply(self, a: int, b: int) -> int:
        """Modulo the prime."""
        return a * b % self.order

    def invert(self, a: int) -> int:
        """By the extended Euclidean algorithm."""
        return pow(a, -1, self.order)
