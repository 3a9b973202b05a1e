"""The symmetric algorithms and the modes they have: a key and parameters to a suite.

`CIPHERS` says how an algorithm makes the library's cipher, and which modes it has here; for
algorithms without a row the server only keeps keys. `choose_suite` is the one place that judges
whether key, algorithm, mode and policy go together.
"""

from collections.abc import Callable
from typing import NamedTuple

from cryptography.hazmat.decrepit.ciphers import algorithms as decrepit
from cryptography.hazmat.primitives.ciphers import CipherAlgorithm, algorithms

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import BlockCipherMode as M
from kmip.enums import CryptographicAlgorithm as A
from kmip.errors import BadCryptographicParameters, UnsupportedCryptographicParameters
from server.crypto.ciphers.modes import (
    CHACHA20_STREAM,
    MODES,
    ONE_TIME_PAD,
    RC4_STREAM,
    MakeCipher,
    Mode,
)
from server.crypto.errors import InvalidKey, MissingParameters, refuse_legacy

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
"""The symmetric algorithms that encrypt here."""


class Suite(NamedTuple):
    """An algorithm in a mode, for a key that fits it."""

    row: CipherRow
    mode: Mode


def choose_suite(
    key: bytes,
    algorithm: A,
    parameters: CryptographicParameters,
    *,
    allow_legacy: bool,
) -> Suite:
    """The rows for this key and these parameters.

    Raises:
        BadCryptographicParameters: the parameters name another algorithm.
        UnsupportedCryptographicParameters: an algorithm or mode the server lacks.
        LegacyRefused: the policy forbids the algorithm.
        MissingParameters: a block cipher without a mode.
        InvalidKey: the key is not of a length that the algorithm has.
    """
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
