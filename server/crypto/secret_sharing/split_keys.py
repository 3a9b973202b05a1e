"""Split keys: a secret cut into parts, some of which give it back.

Source: 2.1 sections 2.8, 6.1.10, 6.1.27 and 13.1. XOR needs all parts. The others are Shamir's
polynomials: the secret is the value at 0 of a polynomial with random coefficients, a part its value
at the part's number, and `threshold` parts give the polynomial back. GF(2**8) and GF(2**16) share
the secret byte by byte or 16 bits by 16 bits, GF(p) as one big-endian integer.

Parts of GF(p) are as long as the prime; joining gives the secret at the length that the caller
states, since leading zero bytes are not in the integer.

Security: fewer parts than the threshold tell nothing, but nothing tells a wrong or swapped part
either: the result is another secret. Parts are secrets.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import NamedTuple

from kmip.enums import SplitKeyMethod as S
from kmip.enums import SplitKeyPolynomial as Polynomial
from kmip.errors import (
    BadCryptographicParameters,
    CryptographicFailure,
    UnsupportedCryptographicParameters,
)
from server.crypto import costs
from server.crypto.secret_sharing.fields import DICKSON, GF256, GF65536, RIJNDAEL, Field, PrimeField

MAX_PARTS = 255
"""Parts of a key: what GF(2**8) has numbers for; every part becomes a managed object."""

MAX_SECRET = 8 * 1024
"""Bytes of a secret: sharing in Python costs some 10 microseconds for a byte, a part and a
threshold; an RSA key of 8192 bits has 4.7 KiB."""

MAX_PRIME_BITS = 2048
"""Bits of Prime Field Size, more than any symmetric key has: a test of primality costs with the
cube of them, and each of its 40 steps, of 20 ms, keeps all other clients waiting."""

MAX_WORK = 500_000
"""Bytes times parts times threshold: about a second of one core. An RSA key of 2048 bits in 5 parts
of which 3 suffice is 18 000."""

POLYNOMIALS: dict[Polynomial | None, int] = {
    None: DICKSON,
    Polynomial.POLYNOMIAL_283: RIJNDAEL,
    Polynomial.POLYNOMIAL_285: DICKSON,
}


class Sharing(NamedTuple):
    """What the parts of one secret have in common.

    Attributes:
        method: Split Key Method.
        parts: Split Key Parts, how many there are.
        threshold: Split Key Threshold, how many give the secret back.
        prime_field_size: the prime of Polynomial Sharing Prime Field.
        polynomial: of GF(2**8), also under GF(2**16); None is 285 (2.x; see `fields`).
    """

    method: S
    parts: int
    threshold: int
    prime_field_size: int | None = None
    polynomial: Polynomial | None = None

    @property
    def _prime_bits(self) -> int | None:
        return None if self.prime_field_size is None else self.prime_field_size.bit_length()

    def splitting_cost(self, length: int) -> float:
        """Microseconds to split a secret of `length` bytes."""
        return costs.of_splitting(self.method, length, self.parts, self.threshold, self._prime_bits)

    def joining_cost(self, parts: Mapping[int, bytes]) -> float:
        """Microseconds to join parts."""
        length = max(map(len, parts.values()), default=0)
        return costs.of_joining(self.method, length, self.threshold, self._prime_bits)


def _prime(sharing: Sharing) -> int:
    """The prime; raises BadCryptographicParameters."""
    prime = sharing.prime_field_size
    if prime is None:
        raise BadCryptographicParameters("sharing in a prime field needs the prime field size")
    if not sharing.parts < prime or prime.bit_length() > MAX_PRIME_BITS:
        raise BadCryptographicParameters("the prime field size does not suit these parts")
    if not is_probable_prime(prime):
        raise BadCryptographicParameters("the prime field size is not a prime the server works in")
    return prime


METHODS: dict[S, Callable[[Sharing], Field] | None] = {
    S.XOR: None,
    S.POLYNOMIAL_SHARING_GF_2_16: lambda sharing: GF65536(POLYNOMIALS[sharing.polynomial]),
    S.POLYNOMIAL_SHARING_PRIME_FIELD: lambda sharing: PrimeField(_prime(sharing)),
    S.POLYNOMIAL_SHARING_GF_2_8: lambda sharing: GF256(POLYNOMIALS[sharing.polynomial]),
}
"""The field of every Split Key Method; XOR has none."""


def _width(field: Field) -> int:
    """Bytes of an element."""
    return ((field.order - 1).bit_length() + 7) // 8


def is_probable_prime(number: int, rounds: int = 40) -> bool:
    """Whether `number` passes Miller and Rabin's test; wrong at most once in 4**rounds.

    Source: FIPS 186-5 appendix B.3.1; bases from the system's randomness, so that no composite can
    be made to pass.
    """
    if number < 4 or number % 2 == 0:
        return number in (2, 3)
    shift = ((number - 1) & (1 - number)).bit_length() - 1
    odd = (number - 1) >> shift
    for _ in range(rounds):
        x = pow(secrets.randbelow(number - 3) + 2, odd, number)
        if x in (1, number - 1):
            continue
        for _ in range(shift - 1):
            x = x * x % number
            if x == number - 1:
                break
        else:
            return False
    return True


def _check(sharing: Sharing, length: int) -> None:
    """Raise BadCryptographicParameters where a secret of `length` bytes cannot be shared thus."""
    if sharing.method not in METHODS:
        raise UnsupportedCryptographicParameters("the server does not know this split key method")
    if not 2 <= sharing.parts <= MAX_PARTS or not 1 <= sharing.threshold <= sharing.parts:
        raise BadCryptographicParameters("a key has 2 to 255 parts and no higher threshold")
    if sharing.method == S.XOR and sharing.threshold != sharing.parts:
        raise BadCryptographicParameters("XOR needs all parts: threshold and parts are the same")
    if not 1 <= length <= MAX_SECRET:
        raise BadCryptographicParameters("a secret to be split has 1 byte to 8 KiB")
    if length * sharing.parts * sharing.threshold > MAX_WORK:
        raise BadCryptographicParameters("the secret is too long for so many parts")


def split(secret: bytes, sharing: Sharing) -> dict[int, bytes]:
    """The parts of a secret, by Key Part Identifier (1 to the number of parts).

    Args:
        secret: 1 byte to 8 KiB; an even number of bytes for GF(2**16).
        sharing: how.

    Raises:
        BadCryptographicParameters: numbers that do not fit each other or the secret.
        UnsupportedCryptographicParameters: an unknown method.
    """
    _check(sharing, len(secret))
    method = METHODS[sharing.method]
    if method is None:
        others = [secrets.token_bytes(len(secret)) for _ in range(sharing.parts - 1)]
        return dict(enumerate([*others, _xor([secret, *others])], 1))
    field = method(sharing)
    width = _width(field)
    shares: dict[int, bytearray] = {number: bytearray() for number in range(1, sharing.parts + 1)}
    for element in _elements(secret, width, sharing):
        if element >= field.order:
            raise BadCryptographicParameters("the secret does not fit the prime field")
        coefficients = [
            element,
            *(secrets.randbelow(field.order) for _ in range(sharing.threshold - 1)),
        ]
        for number, share in shares.items():
            share += _evaluate(field, coefficients, number).to_bytes(width, "big")
    return {number: bytes(share) for number, share in shares.items()}


def join(parts: Mapping[int, bytes], sharing: Sharing, length: int | None = None) -> bytes:
    """The secret that parts give back.

    Args:
        parts: by Key Part Identifier; at least as many as the threshold.
        sharing: what the parts say of it.
        length: bytes of the secret, where it is known (Cryptographic Length); of use for a prime
            field, whose integers have no leading zeros.

    Raises:
        CryptographicFailure: too few parts, or parts that do not belong together.
        BadCryptographicParameters, UnsupportedCryptographicParameters: as `split`.
    """
    lengths = {len(part) for part in parts.values()}
    if len(parts) < sharing.threshold or len(lengths) != 1:
        raise CryptographicFailure("these parts do not give a key")
    if not all(1 <= number <= sharing.parts for number in parts):
        raise CryptographicFailure("these parts do not give a key")
    size = lengths.pop()
    _check(sharing, size)
    method = METHODS[sharing.method]
    if method is None:
        return _xor(list(parts.values()))
    field = method(sharing)
    width = _width(field)
    if size % width:
        raise CryptographicFailure("these parts do not give a key")
    chosen = dict(list(parts.items())[: sharing.threshold])
    weights = _weights(field, list(chosen))
    secret = b"".join(
        _interpolate(field, weights, chosen, slice(start, start + width)).to_bytes(width, "big")
        for start in range(0, size, width)
    )
    return _fitted(secret, length) if sharing.prime_field_size else secret


def _elements(secret: bytes, width: int, sharing: Sharing) -> list[int]:
    """The secret as elements of `width` bytes; raises BadCryptographicParameters."""
    if sharing.method == S.POLYNOMIAL_SHARING_PRIME_FIELD:
        return [int.from_bytes(secret, "big")]
    if len(secret) % width:
        raise BadCryptographicParameters("the secret is not a whole number of field elements")
    return [
        int.from_bytes(secret[start : start + width], "big")
        for start in range(0, len(secret), width)
    ]


def _evaluate(field: Field, coefficients: list[int], x: int) -> int:
    """The polynomial's value at x, by Horner's rule; the first coefficient is the constant."""
    value = 0
    for coefficient in reversed(coefficients):
        value = field.add(field.multiply(value, x), coefficient)
    return value


def _weights(field: Field, numbers: list[int]) -> dict[int, int]:
    """Lagrange's weights at 0: for each i the product over j of j / (j - i)."""
    weights = {}
    for i in numbers:
        weight = 1
        for j in numbers:
            if j != i:
                weight = field.multiply(
                    weight, field.multiply(j, field.invert(field.subtract(j, i)))
                )
        weights[i] = weight
    return weights


def _interpolate(
    field: Field, weights: Mapping[int, int], parts: Mapping[int, bytes], where: slice
) -> int:
    """The element at 0 from the parts' elements at `where`."""
    value = 0
    for number, weight in weights.items():
        element = int.from_bytes(parts[number][where], "big")
        value = field.add(value, field.multiply(weight, element % field.order))
    return value


def _fitted(secret: bytes, length: int | None) -> bytes:
    """A big-endian integer in `length` bytes, or without its leading zeros."""
    stripped = secret.lstrip(b"\0")
    if length is None:
        return stripped or b"\0"
    if len(stripped) > length:
        raise CryptographicFailure("these parts do not give a key")
    return stripped.rjust(length, b"\0")


def _xor(values: list[bytes]) -> bytes:
    """All of them, byte by byte."""
    total = 0
    for value in values:
        total ^= int.from_bytes(value, "big")
    return total.to_bytes(len(values[0]), "big")
