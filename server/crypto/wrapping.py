"""Key wrapping: what Get and Export do to a Key Value, and Register and Import undo.

Source: 2.1 sections 3.3 (Key Wrapping Data), 7.18 (Key Wrapping Specification) and 11.62. What is
wrapped are the bytes that the Encoding Option says: the TTLV of the Key Value (TTLV Encoding, the
default) or the Key Material alone (No Encoding); the caller brings and takes them. A key that
encrypts is a symmetric key in any mode of `server.crypto.ciphers.encryption`, AES key wrap among
them, or an RSA public key; one that MACs or signs is a symmetric key or a private key.

Where the specification is silent:
- Key Wrapping Data has no field for an authentication tag, so it follows the cipher text;
- in every method the MAC or signature has a field of its own: over the cipher text in Encrypt then
  MAC/sign, over the plain value in MAC/sign and in MAC/sign then encrypt, where the value alone is
  encrypted.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import ValidityIndicator
from kmip.enums import WrappingMethod as W
from kmip.errors import (
    BadCryptographicParameters,
    CryptographicFailure,
    UnsupportedCryptographicParameters,
)
from server.crypto import costs, macs
from server.crypto.ciphers import encryption as ciphers
from server.crypto.ciphers.encryption import decrypt, encrypt
from server.crypto.keys.key_types import Key, PrivateKey
from server.crypto.signatures import signing

NOT_UNWRAPPED = "the wrapped key does not unwrap"
"""The one sentence for every reason why unwrapping fails."""


@dataclass(frozen=True)
class WrappingKey:
    """A key that wraps, and how.

    Attributes:
        key: the bytes of a symmetric key, or one half of a key pair.
        algorithm: its Cryptographic Algorithm.
        parameters: in the key information, else those of the key.
    """

    key: Key = field(repr=False)
    algorithm: A
    parameters: CryptographicParameters


class Steps(NamedTuple):
    """What a Wrapping Method does.

    Attributes:
        encrypts: with the encryption key.
        authenticates: with the MAC or signature key.
        cipher_text: the MAC or signature is over what is encrypted, not over the plain value.
    """

    encrypts: bool
    authenticates: bool
    cipher_text: bool = False


METHODS: dict[W, Steps | None] = {
    W.ENCRYPT: Steps(encrypts=True, authenticates=False),
    W.MAC_SIGN: Steps(encrypts=False, authenticates=True),
    W.ENCRYPT_THEN_MAC_SIGN: Steps(encrypts=True, authenticates=True, cipher_text=True),
    W.MAC_SIGN_THEN_ENCRYPT: Steps(encrypts=True, authenticates=True),
    W.TR_31: None,  # the key blocks of payment hardware: another format altogether
}
"""A row for every Wrapping Method (2.1 section 11.62)."""


class Wrapped(NamedTuple):
    """A wrapped value.

    Attributes:
        key_value: the bytes for Key Value; the plain bytes where nothing encrypts.
        iv_counter_nonce: for Key Wrapping Data, where the mode has one.
        mac_signature: likewise, where the method authenticates.
    """

    key_value: bytes
    iv_counter_nonce: bytes | None = None
    mac_signature: bytes | None = None


def cost(
    length: int, encryption: WrappingKey | None = None, authentication: WrappingKey | None = None
) -> float:
    """Microseconds to wrap or unwrap `length` bytes; other arguments as `wrap` and `unwrap`."""
    total = 0.0
    if encryption is not None:
        key, algorithm, parameters = encryption.key, encryption.algorithm, encryption.parameters
        total += ciphers.rate_of(key, algorithm, parameters, encrypt=False).of(length)
    if authentication is not None:
        total += _authentication_rate(authentication).of(length)
    return total


def _authentication_rate(key: WrappingKey) -> costs.Rate:
    if isinstance(key.key, bytes):
        return macs.rate_of(key.algorithm, key.parameters)
    return signing.rate_of(key.key, key.parameters)


def _steps(method: W, encryption: WrappingKey | None, authentication: WrappingKey | None) -> Steps:
    """The method's steps; raises where it is unknown or the keys are not those it needs."""
    steps = METHODS.get(method)
    if steps is None:
        raise UnsupportedCryptographicParameters("the server does not know this wrapping method")
    if (encryption is not None) != steps.encrypts:
        raise BadCryptographicParameters("encryption key and wrapping method contradict each other")
    if (authentication is not None) != steps.authenticates:
        raise BadCryptographicParameters("MAC key and wrapping method contradict each other")
    return steps


def wrap(
    method: W,
    value: bytes,
    encryption: WrappingKey | None = None,
    authentication: WrappingKey | None = None,
    *,
    allow_legacy: bool = False,
) -> Wrapped:
    """A value wrapped.

    Args:
        method: Wrapping Method.
        value: the encoded Key Value, or the Key Material alone.
        encryption: the key of Encryption Key Information.
        authentication: the key of MAC/Signature Key Information.
        allow_legacy: the policy on algorithms kept for old data.

    Raises:
        BadCryptographicParameters: a key too many or too few, or as `ciphers.encrypt`.
        MissingParameters, UnsupportedCryptographicParameters, LegacyRefused, InvalidKey: of a key.
        CryptographicFailure: the value cannot be wrapped so (RFC 3394 takes whole 8 bytes, RSA
            what fits its modulus).
    """
    steps = _steps(method, encryption, authentication)
    key_value, vector = value, None
    if encryption is not None:
        encrypted = encrypt(
            encryption.key,
            encryption.algorithm,
            encryption.parameters,
            value,
            allow_legacy=allow_legacy,
        )
        key_value = encrypted.data + (encrypted.authenticated_encryption_tag or b"")
        vector = encrypted.iv_counter_nonce
    mac_signature = None
    if authentication is not None:
        covered = key_value if steps.cipher_text else value
        mac_signature = _authenticate(authentication, covered, allow_legacy=allow_legacy)
    return Wrapped(key_value, vector, mac_signature)


def unwrap(
    method: W,
    wrapped: Wrapped,
    encryption: WrappingKey | None = None,
    authentication: WrappingKey | None = None,
    *,
    allow_legacy: bool = False,
) -> bytes:
    """The value that was wrapped, its MAC or signature checked.

    Args:
        method: Wrapping Method.
        wrapped: Key Value and the fields of Key Wrapping Data.
        encryption: the key that decrypts: for RSA the private key.
        authentication: the key that verifies: either half of a pair.
        allow_legacy: the policy on algorithms kept for old data.

    Raises:
        CryptographicFailure: it does not unwrap; it does not say why.
        As `wrap` otherwise.
    """
    steps = _steps(method, encryption, authentication)
    if authentication is not None and steps.cipher_text:
        _check(authentication, wrapped.key_value, wrapped, allow_legacy=allow_legacy)
    value = wrapped.key_value
    if encryption is not None:
        value = _decrypt(encryption, wrapped, allow_legacy=allow_legacy)
    if authentication is not None and not steps.cipher_text:
        _check(authentication, value, wrapped, allow_legacy=allow_legacy)
    return value


def _decrypt(encryption: WrappingKey, wrapped: Wrapped, *, allow_legacy: bool) -> bytes:
    try:
        return decrypt(
            encryption.key,
            encryption.algorithm,
            encryption.parameters,
            wrapped.key_value,
            iv_counter_nonce=wrapped.iv_counter_nonce,
            allow_legacy=allow_legacy,
        )
    except CryptographicFailure:
        raise CryptographicFailure(NOT_UNWRAPPED) from None


def _authenticate(key: WrappingKey, covered: bytes, *, allow_legacy: bool) -> bytes:
    """A MAC with a symmetric key, a signature with a private one."""
    if isinstance(key.key, bytes):
        return macs.mac(key.key, key.algorithm, key.parameters, covered, allow_legacy=allow_legacy)
    if not isinstance(key.key, PrivateKey):
        raise BadCryptographicParameters("only a private key signs")
    return signing.sign(key.key, key.parameters, covered, allow_legacy=allow_legacy)


def _check(key: WrappingKey, covered: bytes, wrapped: Wrapped, *, allow_legacy: bool) -> None:
    """Raise CryptographicFailure where MAC or signature are not those of `covered`."""
    found = wrapped.mac_signature
    if found is None:
        raise CryptographicFailure(NOT_UNWRAPPED)
    if isinstance(key.key, bytes):
        validity = macs.verify_mac(
            key.key, key.algorithm, key.parameters, covered, found, allow_legacy=allow_legacy
        )
    else:
        validity = signing.verify(
            key.key, key.parameters, found, covered, allow_legacy=allow_legacy
        )
    if validity != ValidityIndicator.VALID:
        raise CryptographicFailure(NOT_UNWRAPPED)
