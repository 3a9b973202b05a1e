"""Encrypt and Decrypt: a key and Cryptographic Parameters to bytes, whole or in parts.

Theory: `server.crypto.ciphers.suites` says which algorithms there are and in which modes, and
`server.crypto.ciphers.modes` how a mode is computed. An `EncryptStream` or `DecryptStream` joins
the two with padding; the whole-message functions are a stream of one part. RSA is reached by the
same two classes.

What is taken where the parameters are silent:
- no mode: refused for a block cipher (2.1 section 6.1.17: the operation fails where the algorithm
  requires parameters); ChaCha20, ChaCha20-Poly1305 and RC4 need none;
- no padding: none, so the data must be whole blocks (OASIS TC-STREAM-ENC-2);
- no tag length: 16 bytes;
- no vector in an encryption: the server makes one and returns it, unless Random IV is false;
- a padding method with a mode that pads nothing (CTR, GCM, ...) is passed over.

What is authenticated is decrypted as a whole, and given in one answer. So whoever calls says how
long such a message may be, and an encryption that goes beyond is refused as its decryption would
be: what can be encrypted here can be decrypted here. The same holds for the other modes that need
the message at once; the rest have no such limit, either way.

> **Danger.** CTR, OFB, GCM, CCM and ChaCha20 fall apart when one key sees one vector twice. The
> server cannot know what vectors a client has used: let it choose (Random IV). A one time pad falls
> apart when it encrypts twice; Usage Limits of one pad's length hold a client to it.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import CryptographicAlgorithm as A
from kmip.errors import (
    BadCryptographicParameters,
    ServerLimitExceeded,
    UnsupportedCryptographicParameters,
)
from server.crypto import costs
from server.crypto.ciphers.engines import Buffered, Engine, Setting
from server.crypto.ciphers.initialization_vectors import check_vector, choose_vector
from server.crypto.ciphers.modes import Mode
from server.crypto.ciphers.padding import Padder, Unpadder
from server.crypto.ciphers.rsa_encryption import rsa_decrypt, rsa_encrypt
from server.crypto.ciphers.suites import choose_suite
from server.crypto.keys import key_costs
from server.crypto.keys.key_types import Key, public_half

OVERHEAD: Final = 64
"""Bytes that a cipher text may have beside its plain text: a tag, or a block of key wrap."""


class _Allowance:
    """How many bytes a message may still have; None: any number."""

    def __init__(self, longest: int | None) -> None:
        self._left = longest

    def take(self, data: bytes) -> None:
        """Count a part; raises ServerLimitExceeded."""
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise ServerLimitExceeded(
                    "the message is longer than the server could give back in this mode"
                )


@dataclass(frozen=True)
class Encrypted:
    """What an encryption gives.

    Attributes:
        data: the cipher text; of a stream, its last part.
        iv_counter_nonce: the vector, only where the server made it.
        authenticated_encryption_tag: only in an authenticated mode.
    """

    data: bytes
    iv_counter_nonce: bytes | None = None
    authenticated_encryption_tag: bytes | None = None


class EncryptStream:
    """One encryption, its data given in one part or many (2.1 section 6.1.17).

    Attributes:
        iv_counter_nonce: the vector, only where the server made it.
        rate: what the encryption costs.
    """

    def __init__(
        self,
        key: Key,
        algorithm: A,
        parameters: CryptographicParameters,
        *,
        iv_counter_nonce: bytes | None = None,
        additional_data: bytes = b"",
        allow_legacy: bool = False,
        longest: int | None = None,
    ) -> None:
        """Start an encryption.

        Args:
            key: a symmetric key's bytes, or an RSA key (either half).
            algorithm: the key's Cryptographic Algorithm.
            parameters: those that apply, see `server.crypto.parameters.choose_parameters`.
            iv_counter_nonce: the client's, or None for one of ours.
            additional_data: authenticated, not encrypted; only in an authenticated mode.
            allow_legacy: the policy on algorithms kept for old data.
            longest: bytes of the longest message that is decrypted as a whole; None: any.

        Raises:
            MissingParameters: the algorithm needs a mode or a padding.
            UnsupportedCryptographicParameters: an algorithm, mode or padding the server lacks.
            BadCryptographicParameters: lengths or parameters that do not fit each other.
            LegacyRefused: the policy forbids it.
            InvalidTagLength: the mode has no such tag.
            MissingInitializationVector: none given, and Random IV is false.
            InvalidKey: the key is not of a length that the algorithm has.
        """
        self.iv_counter_nonce: bytes | None = None
        rate = rate_of(key, algorithm, parameters, encrypt=True)
        self.rate = rate._replace(call=rate.of(len(additional_data)))
        self._padder: Padder | None = None
        self._authenticated = False
        self._allowance = _Allowance(None)
        if not isinstance(key, bytes):
            self._engine = _rsa_engine(key, parameters, encrypt=True, allow_legacy=allow_legacy)
            return
        row, mode = choose_suite(key, algorithm, parameters, allow_legacy=allow_legacy)
        vector, self.iv_counter_nonce = choose_vector(
            mode.vector(row.block), parameters, iv_counter_nonce
        )
        setting = Setting(
            key,
            parameters,
            vector,
            _additional(mode, additional_data),
            tag_length=mode.tag_length(parameters.tag_length),
        )
        self._authenticated = bool(mode.tags)
        if mode.padded:
            self._padder = Padder(parameters.padding_method, row.block)
        self._engine = mode.encrypt(row.make, setting)
        if self._authenticated or self.gathers:
            self._allowance = _Allowance(longest)

    @property
    def gathers(self) -> bool:
        """Whether its parts are kept until the last one."""
        return isinstance(self._engine, Buffered)

    def update(self, data: bytes) -> bytes:
        """Take a part; give the cipher text that is ready, maybe none.

        Raises:
            ServerLimitExceeded: the message gets longer than it may be.
        """
        self._allowance.take(data)
        return self._engine.update(self._padder.update(data) if self._padder else data)

    def finalize(self, data: bytes = b"") -> Encrypted:
        """Take the last part; give the rest and the tag. The stream is over.

        Raises:
            CryptographicFailure: the data is not whole blocks, or too long or short for the mode.
        """
        head = self.update(data)
        if self._padder:
            head += self._engine.update(self._padder.finalize())
        tail, tag = self._engine.finalize()
        return Encrypted(head + tail, self.iv_counter_nonce, tag if self._authenticated else None)


class DecryptStream:
    """One decryption, its data given in one part or many (2.1 section 6.1.11).

    Attributes:
        rate: what the decryption costs.
    """

    def __init__(
        self,
        key: Key,
        algorithm: A,
        parameters: CryptographicParameters,
        *,
        iv_counter_nonce: bytes | None = None,
        additional_data: bytes = b"",
        tag: bytes | None = None,
        allow_legacy: bool = False,
        longest: int | None = None,
    ) -> None:
        """Start a decryption; see `EncryptStream`.

        Args:
            key: a symmetric key's bytes, or an RSA private key.
            algorithm: the key's Cryptographic Algorithm.
            parameters: those that apply.
            iv_counter_nonce: what the encryption used.
            additional_data: what the encryption authenticated besides.
            tag: the Authenticated Encryption Tag; None where it stands behind the cipher text, as
                clients before 1.4 send it.
            allow_legacy: the policy on algorithms kept for old data.
            longest: bytes of the longest plain text that is given as a whole; None: any.

        Raises:
            As `EncryptStream`; MissingInitializationVector where the mode needs one.
        """
        rate = rate_of(key, algorithm, parameters, encrypt=False)
        self.rate = rate._replace(call=rate.of(len(additional_data)))
        self._unpadder: Unpadder | None = None
        self._allowance = _Allowance(None)
        if not isinstance(key, bytes):
            self._engine = _rsa_engine(key, parameters, encrypt=False, allow_legacy=allow_legacy)
            return
        row, mode = choose_suite(key, algorithm, parameters, allow_legacy=allow_legacy)
        setting = Setting(
            key,
            parameters,
            check_vector(mode.vector(row.block), iv_counter_nonce),
            _additional(mode, additional_data),
            tag,
            mode.tag_length(parameters.tag_length, tag),
        )
        if mode.padded:
            self._unpadder = Unpadder(parameters.padding_method, row.block)
        self._engine = mode.decrypt(row.make, setting)
        if self.gathers and longest is not None:
            self._allowance = _Allowance(longest + OVERHEAD)

    @property
    def gathers(self) -> bool:
        """Whether its parts are kept until the last one."""
        return isinstance(self._engine, Buffered)

    def update(self, data: bytes) -> bytes:
        """Take a part; give the plain text that is ready, in an authenticated mode none.

        Raises:
            ServerLimitExceeded: the message gets longer than it may be.
        """
        self._allowance.take(data)
        ready = self._engine.update(data)
        return self._unpadder.update(ready) if self._unpadder else ready

    def finalize(self, data: bytes = b"") -> bytes:
        """Take the last part; give the rest. The stream is over.

        Raises:
            CryptographicFailure: it does not decrypt; it does not say why.
        """
        head = self.update(data)
        tail, _ = self._engine.finalize()
        if self._unpadder is None:
            return head + tail
        return head + self._unpadder.update(tail) + self._unpadder.finalize()


def rate_of(
    key: Key, algorithm: A, parameters: CryptographicParameters, *, encrypt: bool
) -> costs.Rate:
    """What an encryption or decryption costs; arguments as `EncryptStream`."""
    if isinstance(key, bytes):
        return costs.of_cipher(algorithm, parameters.block_cipher_mode)
    return costs.Rate(key_costs.of_use(public_half(key) if encrypt else key), 0)


def encrypt(
    key: Key,
    algorithm: A,
    parameters: CryptographicParameters,
    data: bytes,
    *,
    iv_counter_nonce: bytes | None = None,
    additional_data: bytes = b"",
    allow_legacy: bool = False,
) -> Encrypted:
    """The whole of `data` encrypted; arguments and errors as `EncryptStream`."""
    return EncryptStream(
        key,
        algorithm,
        parameters,
        iv_counter_nonce=iv_counter_nonce,
        additional_data=additional_data,
        allow_legacy=allow_legacy,
    ).finalize(data)


def decrypt(
    key: Key,
    algorithm: A,
    parameters: CryptographicParameters,
    data: bytes,
    *,
    iv_counter_nonce: bytes | None = None,
    additional_data: bytes = b"",
    tag: bytes | None = None,
    allow_legacy: bool = False,
) -> bytes:
    """The whole of `data` decrypted; arguments and errors as `DecryptStream`."""
    return DecryptStream(
        key,
        algorithm,
        parameters,
        iv_counter_nonce=iv_counter_nonce,
        additional_data=additional_data,
        tag=tag,
        allow_legacy=allow_legacy,
    ).finalize(data)


def _additional(mode: Mode, additional_data: bytes) -> bytes:
    """The additional data; raises BadCryptographicParameters where nothing authenticates it."""
    if additional_data and not mode.tags:
        raise BadCryptographicParameters("the mode authenticates no additional data")
    return additional_data


def _rsa_engine(
    key: Key, parameters: CryptographicParameters, *, encrypt: bool, allow_legacy: bool
) -> Engine:
    """RSA as an engine: the whole message at once."""
    if encrypt and isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        public = public_half(key)
        assert isinstance(public, rsa.RSAPublicKey)  # noqa: S101 (the half of an RSA key)
        compute = partial(rsa_encrypt, public, parameters, allow_legacy=allow_legacy)
    elif not encrypt and isinstance(key, rsa.RSAPrivateKey):
        compute = partial(rsa_decrypt, key, parameters, allow_legacy=allow_legacy)
    else:
        raise UnsupportedCryptographicParameters("keys of this kind do not encrypt or decrypt")
    return Buffered(lambda data: (compute(data), b""))
