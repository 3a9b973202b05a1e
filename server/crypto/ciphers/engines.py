"""What carries out one encryption or decryption, in parts or as a whole.

Theory: a row of the mode table turns a `Setting` into an `Engine`. Modes that the library computes
part by part stand behind `Streamed`; modes that need the whole message (CCM, XTS, key wrap, RSA)
and every authenticated decryption stand behind `Buffered`: plain text that is not authenticated
yet must not leave (NIST SP 800-38D section 7.2), so it does not exist before the end.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import CipherContext

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.errors import CryptographicFailure
from server.crypto.ciphers.padding import DECRYPTION_FAILED


@dataclass(frozen=True)
class Setting:
    """Everything one encryption or decryption goes by.

    Attributes:
        key: the key's bytes.
        parameters: block cipher mode, lengths.
        iv: the initialization vector, counter or nonce; empty where the mode has none.
        additional_data: authenticated, not encrypted.
        tag: what the decryption must find; None: the tag follows the cipher text.
        tag_length: bytes of tag; 0 where the mode has none.
    """

    key: bytes = field(repr=False)
    parameters: CryptographicParameters
    iv: bytes = b""
    additional_data: bytes = b""
    tag: bytes | None = None
    tag_length: int = 0

    def split(self, data: bytes) -> tuple[bytes, bytes]:
        """Cipher text and tag of `data`; raises CryptographicFailure where it is too short."""
        if self.tag is not None:
            return data, self.tag
        if len(data) < self.tag_length:
            raise CryptographicFailure(DECRYPTION_FAILED)
        return data[: len(data) - self.tag_length], data[len(data) - self.tag_length :]


class Engine(Protocol):
    """One encryption or decryption."""

    def update(self, data: bytes) -> bytes:
        """Take a part; give what can be given already."""

    def finalize(self) -> tuple[bytes, bytes]:
        """The rest of the output and the authentication tag (empty where there is none)."""


class Streamed:
    """An engine around the library's cipher context."""

    def __init__(
        self,
        context: CipherContext,
        tag: Callable[[], bytes] = bytes,
        limit: int | None = None,
    ) -> None:
        """Start with a fresh context.

        Args:
            context: the library's.
            tag: gives the tag once the context is finalized.
            limit: the bytes after which the counter would repeat, where that is in reach.
        """
        self._context = context
        self._tag = tag
        self._left = limit

    def update(self, data: bytes) -> bytes:
        """Take a part; raises CryptographicFailure where the counter would repeat."""
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise CryptographicFailure("the counter would repeat: use a new nonce")
        return self._context.update(data)

    def finalize(self) -> tuple[bytes, bytes]:
        """The rest; raises CryptographicFailure where the data is not whole blocks."""
        try:
            rest = self._context.finalize()
        except (ValueError, InvalidTag):
            raise CryptographicFailure(DECRYPTION_FAILED) from None
        return rest, self._tag()


class Buffered:
    """An engine that gathers the whole message first."""

    def __init__(self, compute: Callable[[bytes], tuple[bytes, bytes]]) -> None:
        """Start empty; `compute` turns the whole input into output and tag."""
        self._compute = compute
        self._parts = bytearray()

    def update(self, data: bytes) -> bytes:
        """Keep a part; who begins a stream bounds them (`server.crypto.ciphers.encryption`)."""
        self._parts += data
        return b""

    def finalize(self) -> tuple[bytes, bytes]:
        """The whole output and the tag; raises CryptographicFailure."""
        return self._compute(bytes(self._parts))


class Pad:
    """An engine that adds a one time pad to the data, bit by bit; encrypting is decrypting."""

    def __init__(self, pad: bytes) -> None:
        """Start at the pad's first byte."""
        self._pad = pad
        self._used = 0

    def update(self, data: bytes) -> bytes:
        """Use up as much of the pad as `data` has; raises CryptographicFailure beyond its end."""
        part = self._pad[self._used : self._used + len(data)]
        if len(part) < len(data):
            raise CryptographicFailure("the data is longer than the one time pad")
        self._used += len(data)
        mixed = int.from_bytes(part, "big") ^ int.from_bytes(data, "big")
        return mixed.to_bytes(len(data), "big")

    def finalize(self) -> tuple[bytes, bytes]:
        """Nothing is left over."""
        return b"", b""
