"""How long the opening of a PKCS#12 container takes, told before it is opened.

Its parts say how often the password is hashed for each of them (RFC 7292 section 4 and appendix C,
RFC 8018), and the library does what they say. Wherever that is said, the number follows a salt: an
INTEGER after an OCTET STRING. So all such numbers are added up, in whatever they are nested, as DER
or as BER. What is itself encrypted is not seen here: the library opens one key of what is there.
"""

from __future__ import annotations

from typing import Final

MAX_DEPTH: Final = 32
"""Structures within structures; containers have some fifteen."""
MAX_FIELDS: Final = 20_000
"""A container with a long chain has some hundreds."""

INTEGER: Final = 0x02
OCTETS: Final = 0x04
CONSTRUCTED: Final = 0x20
SEQUENCE: Final = 0x30
END: Final = 0x00
INDEFINITE: Final = 0x80


class TooComplex(ValueError):
    """A container has more, or deeper, fields than any."""


class _Walk:
    """A walk over a container.

    Attributes:
        fields: that it has seen.
        iterations: that they say, all together.
    """

    def __init__(self) -> None:
        self.fields = 0
        self.iterations = 0

    def over(
        self, data: bytes, depth: int, *, has_end: bool = False, in_pieces: bool = False
    ) -> int:
        """Add up what these fields say, one after the other.

        Args:
            data: the fields.
            depth: of the structure that they are in.
            has_end: whether a field of their own ends them, and not the end of `data`.
            in_pieces: whether they are the pieces of an OCTET STRING, which is looked into as one.

        Returns:
            The bytes up to their end.

        Raises:
            ValueError: they are no fields any more; what was added up before stays so.
        """
        if depth > MAX_DEPTH:
            raise TooComplex
        at, before = 0, END
        while at < len(data):
            self.fields += 1
            if self.fields > MAX_FIELDS:
                raise TooComplex
            tag, start, size = _header(data, at)
            if has_end and tag == END and size == 0:
                return start
            are_octets = tag & ~CONSTRUCTED == OCTETS
            if size is None:
                inner, end = data[start:], len(data)
            else:
                inner, end = data[start : start + size], start + size
            if tag & CONSTRUCTED or size is None:
                length = self.over(inner, depth + 1, has_end=size is None, in_pieces=are_octets)
                end = start + length if size is None else end
            content = data[start:end]
            if tag == INTEGER and before & ~CONSTRUCTED == OCTETS:
                self.iterations += int.from_bytes(content, "big")
            if are_octets and not in_pieces:
                self._within(octets(tag, content), depth)
            at, before = end, tag
        return at

    def _within(self, value: bytes, depth: int) -> None:
        """Add up what is in an OCTET STRING, as far as it is a structure at all."""
        if value[:1] != bytes([SEQUENCE]):
            return
        try:
            self.over(value, depth + 1)
        except TooComplex:
            raise
        except ValueError:
            return  # bytes that begin like one


def iterations(data: bytes) -> int:
    """How often a container has its passwords hashed, all of its visible parts together.

    Raises:
        ValueError: it is not one structure of ASN.1, or more complex than any.
    """
    if data[:1] != bytes([SEQUENCE]):
        raise ValueError("no container")
    walk = _Walk()
    walk.over(data, 0)
    return walk.iterations


def octets(tag: int, content: bytes) -> bytes:
    """The bytes of an OCTET STRING, which may come in pieces, and these too."""
    if not tag & CONSTRUCTED:
        return content
    pieces, at = [], 0
    while at < len(content):
        tag, start, size = _header(content, at)
        if tag & ~CONSTRUCTED != OCTETS:
            break
        end = len(content) if size is None else start + size
        pieces.append(octets(tag, content[start:end]))
        at = end
    return b"".join(pieces)


def _header(data: bytes, at: int) -> tuple[int, int, int | None]:
    """Tag, start of the content, and its length; None: it ends where it says so.

    Raises:
        ValueError: there is no whole field.
    """
    if at + 2 > len(data):
        raise ValueError("cut short")
    tag, size, start = data[at], data[at + 1], at + 2
    if size == INDEFINITE:
        return tag, start, None
    if size > INDEFINITE:
        start += size - INDEFINITE
        size = int.from_bytes(data[at + 2 : start], "big")
    if start + size > len(data):
        raise ValueError("cut short")
    return tag, start, size
