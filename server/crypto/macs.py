"""MAC and MAC Verify: HMAC, CMAC, CBC-MAC and Poly1305, whole or in parts.

Which MAC: the Cryptographic Algorithm in the parameters, else the key's own (OASIS CS-AC-M-5 MACs
with an AES key under HMAC-SHA256). A block cipher's MAC is CMAC unless the mode says CBC-MAC.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from cryptography.hazmat.primitives import cmac, constant_time, hmac, poly1305
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, modes

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import BlockCipherMode as M
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import HashingAlgorithm as H
from kmip.enums import ValidityIndicator
from kmip.errors import UnsupportedCryptographicParameters
from server.crypto import costs
from server.crypto.ciphers.suites import CIPHERS
from server.crypto.errors import InvalidKey, refuse_legacy
from server.crypto.hashes import hash_algorithm


class Context(Protocol):
    """A MAC being computed."""

    def update(self, data: bytes) -> None:
        """Take a part."""

    def finalize(self) -> bytes:
        """The MAC."""


HMACS: dict[A, H] = {
    A.HMAC_SHA1: H.SHA_1,
    A.HMAC_SHA224: H.SHA_224,
    A.HMAC_SHA256: H.SHA_256,
    A.HMAC_SHA384: H.SHA_384,
    A.HMAC_SHA512: H.SHA_512,
    A.HMAC_MD5: H.MD5,
    A.HMAC_SHA3_224: H.SHA_3_224,
    A.HMAC_SHA3_256: H.SHA_3_256,
    A.HMAC_SHA3_384: H.SHA_3_384,
    A.HMAC_SHA3_512: H.SHA_3_512,
}
"""The hash of each HMAC (RFC 2104)."""


class _CBCMAC:
    """CBC-MAC (FIPS 113, ISO/IEC 9797-1 algorithm 1): the last block of CBC under a zero vector.

    Security: forgeable where messages differ in length, hence legacy. The last block is filled with
    zeros (ISO/IEC 9797-1 padding method 1).
    """

    def __init__(self, algorithm: BlockCipherAlgorithm) -> None:
        self._size = algorithm.block_size // 8
        self._cipher = Cipher(algorithm, modes.CBC(bytes(self._size))).encryptor()
        self._length = 0
        self._last = bytes(self._size)

    def update(self, data: bytes) -> None:
        self._length += len(data)
        blocks = self._cipher.update(data)
        self._last = blocks[-self._size :] or self._last

    def finalize(self) -> bytes:
        missing = -self._length % self._size
        self.update(bytes(missing or (0 if self._length else self._size)))
        return self._last


class BlockMAC(NamedTuple):
    """A MAC made of a block cipher; `legacy`: kept for old data only."""

    make: Callable[[BlockCipherAlgorithm], Context]
    legacy: bool = False


BLOCK_MACS: dict[M | None, BlockMAC] = {
    None: BlockMAC(cmac.CMAC),
    M.CMAC: BlockMAC(cmac.CMAC),  # SP 800-38B
    M.CBC_MAC: BlockMAC(_CBCMAC, legacy=True),
}

MAC_CIPHERS = frozenset({A.AES, A.DES3})
"""The block ciphers that SP 800-38B has CMAC for and the library computes."""


def _context(
    key: bytes, algorithm: A, parameters: CryptographicParameters, *, allow_legacy: bool
) -> Context:
    named = parameters.cryptographic_algorithm or algorithm
    if named in HMACS:
        return hmac.HMAC(key, hash_algorithm(HMACS[named], allow_legacy=allow_legacy))
    try:
        if named == A.POLY1305:
            return poly1305.Poly1305(key)
        return _block_context(key, named, parameters, allow_legacy=allow_legacy)
    except ValueError:
        raise InvalidKey("the key is not of a length that the algorithm has") from None


def _block_context(
    key: bytes, named: A, parameters: CryptographicParameters, *, allow_legacy: bool
) -> Context:
    row = BLOCK_MACS.get(parameters.block_cipher_mode)
    if named not in MAC_CIPHERS or row is None:
        raise UnsupportedCryptographicParameters("the server has no MAC of this algorithm and mode")
    refuse_legacy("this MAC", legacy=row.legacy, allow_legacy=allow_legacy)
    cipher = CIPHERS[named].make(key)
    assert isinstance(cipher, BlockCipherAlgorithm)  # noqa: S101 (MAC_CIPHERS are)
    return row.make(cipher)


def rate_of(algorithm: A, parameters: CryptographicParameters) -> costs.Rate:
    """What a MAC costs; arguments as `MACStream`."""
    named = parameters.cryptographic_algorithm or algorithm
    return costs.of_mac(named, HMACS.get(named))


class MACStream:
    """One MAC, its data given in one part or many (2.1 sections 6.1.32 and 6.1.33).

    Attributes:
        gathers: whether its parts are kept until the last one.
        rate: what the MAC costs.
    """

    gathers: Final = False

    def __init__(
        self,
        key: bytes,
        algorithm: A,
        parameters: CryptographicParameters,
        *,
        allow_legacy: bool = False,
    ) -> None:
        """Start a MAC.

        Args:
            key: the key's bytes; of any length for HMAC, 32 for Poly1305 (and for one message).
            algorithm: the key's Cryptographic Algorithm.
            parameters: those that apply.
            allow_legacy: the policy on algorithms kept for old data.

        Raises:
            UnsupportedCryptographicParameters: no MAC of this algorithm and mode.
            LegacyRefused: the policy forbids it.
            InvalidKey: the key is not of a length that the algorithm has.
        """
        self._context = _context(key, algorithm, parameters, allow_legacy=allow_legacy)
        self.rate = rate_of(algorithm, parameters)

    def update(self, data: bytes) -> None:
        """Take a part."""
        self._context.update(data)

    def finalize(self, data: bytes = b"") -> bytes:
        """The MAC of all parts, `data` the last; the stream is over."""
        self._context.update(data)
        return self._context.finalize()

    def verify(self, mac_data: bytes, data: bytes = b"") -> ValidityIndicator:
        """Whether `mac_data` is the MAC of all parts, compared in constant time.

        A MAC cut short is INVALID: the protocol has no field that says how long it should be.
        """
        holds = constant_time.bytes_eq(self.finalize(data), mac_data)
        return ValidityIndicator.VALID if holds else ValidityIndicator.INVALID


def mac(
    key: bytes,
    algorithm: A,
    parameters: CryptographicParameters,
    data: bytes,
    *,
    allow_legacy: bool = False,
) -> bytes:
    """The MAC of `data`; arguments and errors as `MACStream`."""
    return MACStream(key, algorithm, parameters, allow_legacy=allow_legacy).finalize(data)


def verify_mac(
    key: bytes,
    algorithm: A,
    parameters: CryptographicParameters,
    data: bytes,
    mac_data: bytes,
    *,
    allow_legacy: bool = False,
) -> ValidityIndicator:
    """VALID or INVALID; arguments and errors as `MACStream`."""
    stream = MACStream(key, algorithm, parameters, allow_legacy=allow_legacy)
    return stream.verify(mac_data, data)
