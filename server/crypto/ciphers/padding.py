"""Padding of the last block of a block cipher (KMIP's Padding Method for symmetric ciphers).

Theory: a scheme says what to append so that the data becomes whole blocks (`pad`) and how much of
the last block is data (`strip`). `Padder` and `Unpadder` apply a scheme to data that comes in
parts; both hold back less than one block and one block respectively.

Security: whoever can tell a padding error from another failure can decrypt by asking (a padding
oracle). `strip` raises one and the same error, which `server.crypto.ciphers.encryption` passes on
unchanged, and PKCS5 and ANSI X9.23 are checked by the library in constant time. Only an
authenticated mode really closes this door.
"""

import secrets
from collections.abc import Callable
from typing import NamedTuple

from cryptography.hazmat.primitives import padding

from kmip.enums import PaddingMethod as P
from kmip.errors import CryptographicFailure, UnsupportedCryptographicParameters

DECRYPTION_FAILED = "the decryption failed"
"""The one sentence for every reason why a decryption failed."""


class Scheme(NamedTuple):
    """One way to fill the last block.

    Attributes:
        pad: (bytes missing to a whole block, 0 to size - 1; block size) to what is appended.
        strip: the last block to the data in it; raises ValueError.
    """

    pad: Callable[[int, int], bytes]
    strip: Callable[[bytes], bytes]


def _filler(missing: int, size: int) -> int:
    """The bytes to append where a whole block is appended to whole blocks."""
    return missing or size


def _strip_pkcs5(block: bytes) -> bytes:
    unpadder = padding.PKCS7(len(block) * 8).unpadder()
    return unpadder.update(block) + unpadder.finalize()


def _strip_ansi_x9_23(block: bytes) -> bytes:
    unpadder = padding.ANSIX923(len(block) * 8).unpadder()
    return unpadder.update(block) + unpadder.finalize()


def _strip_counted(block: bytes) -> bytes:
    """ISO 10126: the last byte counts the padding with itself; the others are random."""
    if not 1 <= block[-1] <= len(block):
        raise ValueError
    return block[: -block[-1]]


def _strip_ssl3(block: bytes) -> bytes:
    """SSL 3.0: the last byte counts the padding without itself."""
    if block[-1] >= len(block):
        raise ValueError
    return block[: -block[-1] - 1]


SCHEMES: dict[P, Scheme | None] = {
    P.NONE: Scheme(lambda missing, size: b"", lambda block: block),
    P.OAEP: None,
    # PKCS#5 is defined for 8-byte blocks; for others it means PKCS#7 (RFC 5652 section 6.3).
    P.PKCS5: Scheme(
        lambda missing, size: bytes([_filler(missing, size)]) * _filler(missing, size),
        _strip_pkcs5,
    ),
    P.SSL3: Scheme(  # RFC 6101 section 5.2.3.2
        lambda missing, size: (
            bytes(_filler(missing, size) - 1) + bytes([_filler(missing, size) - 1])
        ),
        _strip_ssl3,
    ),
    # Ambiguous where the data itself ends in zeros; the specification has it, so it is here.
    P.ZEROS: Scheme(lambda missing, size: bytes(missing), lambda block: block.rstrip(b"\0")),
    P.ANSI_X9_23: Scheme(
        lambda missing, size: bytes(_filler(missing, size) - 1) + bytes([_filler(missing, size)]),
        _strip_ansi_x9_23,
    ),
    P.ISO_10126: Scheme(
        lambda missing, size: (
            secrets.token_bytes(_filler(missing, size) - 1) + bytes([_filler(missing, size)])
        ),
        _strip_counted,
    ),
    P.PKCS1_V1_5: None,
    P.X9_31: None,
    P.PSS: None,
}
"""A row for every Padding Method; None where it does not pad blocks."""


def scheme(method: P | None) -> Scheme:
    """The scheme of `method`; no method means no padding (OASIS TC-STREAM-ENC-2).

    Raises:
        UnsupportedCryptographicParameters: the method does not pad blocks.
    """
    found = SCHEMES.get(P.NONE if method is None else method)
    if found is None:
        raise UnsupportedCryptographicParameters("this padding method does not pad blocks")
    return found


class Padder:
    """Appends padding to data that comes in parts."""

    def __init__(self, method: P | None, size: int) -> None:
        """Start a message; `size` is the block size in bytes, 1 to 255."""
        self._scheme = scheme(method)
        self._size = size
        self._length = 0

    def update(self, data: bytes) -> bytes:
        """`data` itself: a cipher gathers blocks on its own."""
        self._length += len(data)
        return data

    def finalize(self) -> bytes:
        """What is appended to all parts; empty where there is no padding.

        Raises:
            CryptographicFailure: without padding the data is not whole blocks.
        """
        missing = -self._length % self._size
        filler = self._scheme.pad(missing, self._size)
        if (self._length + len(filler)) % self._size:
            raise CryptographicFailure("the data is not whole blocks and no padding was asked for")
        return filler


class Unpadder:
    """Removes padding from data that comes in parts."""

    def __init__(self, method: P | None, size: int) -> None:
        """Start a message; `size` is the block size in bytes, 1 to 255."""
        self._scheme = scheme(method)
        self._plain = method in (None, P.NONE)
        self._size = size
        self._last_block = b""

    def update(self, data: bytes) -> bytes:
        """What is certainly data; the last block is held back unless there is no padding."""
        if self._plain:
            return data
        data = self._last_block + data
        certain = len(data) - ((len(data) - 1) % self._size + 1) if data else 0
        self._last_block = data[certain:]
        return data[:certain]

    def finalize(self) -> bytes:
        """The data in the last block.

        Raises:
            CryptographicFailure: the padding does not hold.
        """
        if self._plain or (not self._last_block and self._scheme is SCHEMES[P.ZEROS]):
            return b""
        if len(self._last_block) != self._size:
            raise CryptographicFailure(DECRYPTION_FAILED)
        try:
            return self._scheme.strip(self._last_block)
        except ValueError:
            raise CryptographicFailure(DECRYPTION_FAILED) from None
