"""Encrypt and Decrypt: a key and Cryptographic Parameters to bytes, whole or in parts.

Theory: `CIPHERS` says how an algorithm makes the library's cipher and which modes it has;
`server.crypto.modes.MODES` how a mode is computed. An `EncryptStream` or `DecryptStream` joins the
two with padding; the whole-message functions are a stream of one part. RSA stands behind the same
two classes.

What is taken where the parameters are silent:
- no mode: refused for a block cipher (2.1 section 6.1.17: the operation fails where the algorithm
  requires parameters); ChaCha20, ChaCha20-Poly1305 and RC4 need none;
- no padding: none, so the data must be whole blocks (OASIS TC-STREAM-ENC-2);
- no tag length: 16 bytes;
- no vector in an encryption: the server makes one and returns it, unless Random IV is false;
- a padding method with a mode that pads nothing (CTR, GCM, ...) is passed over.

> **Danger.** CTR, OFB, GCM, CCM and ChaCha20 fall apart when one key sees one vector twice. The
> server cannot know what vectors a client has used: let it choose (Random IV). A one time pad falls
> apart when it encrypts twice; Usage Limits of one pad's length hold a client to it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from cryptography.hazmat.decrepit.ciphers import algorithms as decrepit
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import CipherAlgorithm, algorithms

from kmip.cryptographic import CryptographicParameters
from kmip.enums import BlockCipherMode as M
from kmip.enums import CryptographicAlgorithm as A
from kmip.errors import BadCryptographicParameters, UnsupportedCryptographicParameters
from server.crypto.engines import Buffered, Engine, Setting
from server.crypto.errors import InvalidKey, MissingParameters, refuse_legacy
from server.crypto.initialization_vectors import check_vector, choose_vector
from server.crypto.key_types import Key, public_half
from server.crypto.modes import CHACHA20_STREAM, MODES, ONE_TIME_PAD, RC4_STREAM, MakeCipher, Mode
from server.crypto.padding import Padder, Unpadder
from server.crypto.rsa_encryption import rsa_decrypt, rsa_encrypt

WHOLE_BLOCKS = frozenset({M.ECB, M.CBC})
CLASSIC = WHOLE_BLOCKS | {M.CFB, M.OFB}
EVERY = CLASSIC | {M.CTR, M.GCM}
KEY_WRAPS = frozenset({M.NISTKEYWRAP, M.AESKEYWRAPPADDING})


class CipherRow(NamedTuple):
    """How an algorithm encrypts.

    Attributes:
        make: a key to the library's algorithm; raises ValueError for a key of another length.
        modes: the modes it has here.
        block: bytes of a block; 1 for a stream cipher.
        alone: the mode where the parameters name none.
        legacy: kept for old data only.
        any_length: every key serves.
    """

    make: MakeCipher
    modes: frozenset[M]
    block: int
    alone: Mode | None = None
    legacy: bool = False
    any_length: bool = False


def _des(key: bytes) -> CipherAlgorithm:
    """3DES from three keys, two or one: the library wants three written out."""
    if len(key) not in (8, 16, 24):
        raise ValueError
    return decrepit.TripleDES((key + key + key)[:24] if len(key) < 24 else key)


def _keyed(make: Callable[[bytes], CipherAlgorithm], *lengths: int) -> MakeCipher:
    """`make` for keys of these lengths in bytes only (elsewhere the library does not look)."""

    def checked(key: bytes) -> CipherAlgorithm:
        if len(key) not in lengths:
            raise ValueError
        return make(key)

    return checked


def _no_cipher(_: bytes) -> CipherAlgorithm:
    """A one time pad is used as it is."""
    raise UnsupportedCryptographicParameters("a one time pad has no cipher")


CIPHERS: dict[A, CipherRow] = {
    A.DES: CipherRow(_des, CLASSIC, 8, legacy=True),
    A.DES3: CipherRow(_des, CLASSIC, 8),
    A.AES: CipherRow(algorithms.AES, EVERY | KEY_WRAPS | {M.CCM, M.XTS}, 16),
    A.BLOWFISH: CipherRow(decrepit.Blowfish, CLASSIC, 8, legacy=True),
    A.CAMELLIA: CipherRow(decrepit.Camellia, CLASSIC, 16, legacy=True),
    A.CAST5: CipherRow(decrepit.CAST5, CLASSIC, 8, legacy=True),
    A.IDEA: CipherRow(decrepit.IDEA, CLASSIC, 8, legacy=True),
    A.RC2: CipherRow(decrepit.RC2, frozenset({M.CBC}), 8, legacy=True),
    A.RC4: CipherRow(decrepit.ARC4, frozenset(), 1, RC4_STREAM, legacy=True),
    A.SEED: CipherRow(decrepit.SEED, CLASSIC, 16, legacy=True),
    A.SM4: CipherRow(algorithms.SM4, EVERY, 16),
    A.ONE_TIME_PAD: CipherRow(_no_cipher, frozenset(), 1, ONE_TIME_PAD, any_length=True),
    A.CHACHA20: CipherRow(
        _keyed(lambda key: algorithms.ChaCha20(key, bytes(16)), 32),
        frozenset(),
        1,
        CHACHA20_STREAM,
    ),
    A.CHACHA20POLY1305: CipherRow(
        _keyed(lambda key: algorithms.ChaCha20(key, bytes(16)), 32),
        frozenset({M.AEAD}),
        1,
        MODES[M.AEAD],
    ),
}
"""The symmetric algorithms that encrypt here; for the others the server only keeps keys."""


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


class Suite(NamedTuple):
    """An algorithm in a mode, with the settings' lengths checked."""

    row: CipherRow
    mode: Mode


def _choose(
    key: bytes,
    algorithm: A,
    parameters: CryptographicParameters,
    *,
    allow_legacy: bool,
) -> Suite:
    """The rows for this key and these parameters; raises as `EncryptStream`."""
    if parameters.cryptographic_algorithm not in (None, algorithm):
        raise BadCryptographicParameters("the parameters are for another algorithm than the key")
    row = CIPHERS.get(algorithm)
    if row is None:
        raise UnsupportedCryptographicParameters("the server does not encrypt with this algorithm")
    refuse_legacy("this cipher", legacy=row.legacy, allow_legacy=allow_legacy)
    named = parameters.block_cipher_mode
    mode = row.alone if named is None else MODES.get(named) if named in row.modes else None
    if mode is None and named is None:
        raise MissingParameters("a block cipher needs a block cipher mode")
    if mode is None:
        raise UnsupportedCryptographicParameters("the algorithm does not have this mode here")
    _check_key(row, key, named)
    return Suite(row, mode)


def _check_key(row: CipherRow, key: bytes, mode: M | None) -> None:
    """Raise InvalidKey where the material is not of a length that the algorithm has."""
    if row.any_length:
        return
    if mode is M.XTS and (len(key) not in (32, 64) or key[: len(key) // 2] == key[len(key) // 2 :]):
        raise InvalidKey("XTS takes two different AES keys, 32 or 64 bytes in all")
    if mode is not M.XTS and row.make is algorithms.AES and len(key) not in (16, 24, 32):
        raise InvalidKey("the key is not of a length that the algorithm has")
    try:
        row.make(key)
    except ValueError:
        raise InvalidKey("the key is not of a length that the algorithm has") from None


class EncryptStream:
    """One encryption, its data given in one part or many (2.1 section 6.1.17).

    Attributes:
        iv_counter_nonce: the vector, only where the server made it.
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
    ) -> None:
        """Begin.

        Args:
            key: a symmetric key's bytes, or an RSA key (either half).
            algorithm: the key's Cryptographic Algorithm.
            parameters: those that apply, see `server.crypto.parameters.choose_parameters`.
            iv_counter_nonce: the client's, or None for one of ours.
            additional_data: authenticated, not encrypted; only in an authenticated mode.
            allow_legacy: the policy on algorithms kept for old data.

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
        self._padder: Padder | None = None
        self._authenticated = False
        if not isinstance(key, bytes):
            self._engine = _rsa_engine(key, parameters, encrypt=True, allow_legacy=allow_legacy)
            return
        row, mode = _choose(key, algorithm, parameters, allow_legacy=allow_legacy)
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

    def update(self, data: bytes) -> bytes:
        """Take a part; give the cipher text that is ready, maybe none."""
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
    """One decryption, its data given in one part or many (2.1 section 6.1.11)."""

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
    ) -> None:
        """Begin.

        Args:
            key: a symmetric key's bytes, or an RSA private key.
            algorithm: the key's Cryptographic Algorithm.
            parameters: those that apply.
            iv_counter_nonce: what the encryption used.
            additional_data: what the encryption authenticated besides.
            tag: the Authenticated Encryption Tag; None where it stands behind the cipher text, as
                clients before 1.4 send it.
            allow_legacy: the policy on algorithms kept for old data.

        Raises:
            As `EncryptStream`; MissingInitializationVector where the mode needs one.
        """
        self._unpadder: Unpadder | None = None
        if not isinstance(key, bytes):
            self._engine = _rsa_engine(key, parameters, encrypt=False, allow_legacy=allow_legacy)
            return
        row, mode = _choose(key, algorithm, parameters, allow_legacy=allow_legacy)
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

    def update(self, data: bytes) -> bytes:
        """Take a part; give the plain text that is ready, in an authenticated mode none."""
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
