"""What each computation costs the event loop: the one table that says what goes to a thread.

Theory: the server answers all clients from one thread, its event loop, so whatever computes there
keeps everybody else waiting. Another thread costs some 100 microseconds to hand the work over and
to take it back. So every computation is estimated before it begins, from its algorithm and its
size, and `server.context.Context.compute` runs it where it is if it is cheaper than
`LOOP_MICROSECONDS`, else in a thread. Handlers state what they compute, and decide nothing.

The rates are microseconds on one core of a small server with cryptography 50, about three times
what `tests/bench/costs.py` measures on an idle one: a machine that is slower, or busy, still holds
the loop for a few milliseconds at most. Where keys, modes or curves of one algorithm differ, the
slowest counts; where a client brings the key and its kind is not known yet, so does the slowest
kind. An algorithm without a row is one that the server does not compute with: it costs nothing,
since it is refused at once (a test compares the rows with what the engine offers).

A thread does not help against what holds the interpreter: see `server.crypto.keys.diffie_hellman`
and `server.crypto.secret_sharing.split_keys`, which limit that instead.
"""

import math
from collections.abc import Callable
from typing import Final, NamedTuple

from kmip.enums import BlockCipherMode as M
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import DerivationMethod as D
from kmip.enums import HashingAlgorithm as H
from kmip.enums import SplitKeyMethod as S

LOOP_MICROSECONDS: Final = 1000
"""From this estimate on, a computation leaves the event loop: a twentieth of the 20 ms for which
one step may hold it, and ten times what a thread costs."""

BLOCKING: Final = math.inf
"""What waits for a disk or a device, which no rate tells."""


class Rate(NamedTuple):
    """A cost that grows with the length of the data.

    Attributes:
        call: microseconds for no data.
        kib: microseconds for each 1024 bytes.
    """

    call: float
    kib: float

    def of(self, length: int) -> float:
        """Microseconds for a message, or the end of one, of `length` bytes."""
        return self.call + self.part(length)

    def part(self, length: int) -> float:
        """Microseconds for a part of `length` bytes that is not the last."""
        return self.kib * length / 1024


class KeyRate(NamedTuple):
    """A cost that grows with the length of the key.

    Attributes:
        microseconds: for a key of `bits` bits.
        bits: a usual length; any for algorithms whose keys have one length.
        power: with which power of the length it grows.
    """

    microseconds: float
    bits: int = 1
    power: int = 0

    def of(self, bits: int) -> float:
        """Microseconds for a key of `bits` bits."""
        return self.microseconds * (bits / self.bits) ** self.power


NOTHING: Final = Rate(0, 0)

COPYING: Final = Rate(0, 1)
"""To keep a part of a message until the last one comes."""

RANDOM: Final = Rate(10, 12)
"""Bytes of the kernel's generator: 64 KiB, the most there is at once, stay on the loop."""

HASHES: Final[dict[H, Rate]] = {
    H.MD5: Rate(15, 5),
    H.SHA_1: Rate(15, 4),
    H.SHA_224: Rate(15, 4),
    H.SHA_256: Rate(15, 4),
    H.SHA_384: Rate(15, 6),
    H.SHA_512: Rate(15, 6),
    H.SHA_512_224: Rate(15, 6),
    H.SHA_512_256: Rate(15, 6),
    H.SHA_3_224: Rate(15, 8),
    H.SHA_3_256: Rate(15, 8),
    H.SHA_3_384: Rate(15, 12),
    H.SHA_3_512: Rate(15, 18),
}
"""Without the instructions that most processors have for SHA-1 and SHA-256."""

CIPHERS: Final[dict[A, Rate]] = {
    A.DES: Rate(100, 250),
    A.DES3: Rate(100, 250),
    A.AES: Rate(100, 6),
    A.BLOWFISH: Rate(150, 30),
    A.CAMELLIA: Rate(100, 20),
    A.CAST5: Rate(100, 40),
    A.IDEA: Rate(100, 60),
    A.RC2: Rate(150, 90),
    A.RC4: Rate(100, 6),
    A.SEED: Rate(100, 60),
    A.SM4: Rate(100, 60),
    A.ONE_TIME_PAD: Rate(50, 18),
    A.CHACHA20: Rate(100, 3),
    A.CHACHA20POLY1305: Rate(100, 4),
}
"""In the slowest of an algorithm's modes, padding included; but see `KEY_WRAPS`."""

KEY_WRAPS: Final[dict[M, Rate]] = {
    M.NISTKEYWRAP: Rate(100, 300),
    M.AESKEYWRAPPADDING: Rate(100, 300),
}
"""The modes that encrypt each block six times, one after the other."""

BLOCK_MACS: Final[dict[A, Rate]] = {
    A.AES: Rate(50, 5),
    A.DES3: Rate(60, 250),
}
"""CMAC and CBC-MAC."""

POLY1305: Final = Rate(30, 2)

PRIVATE_KEYS: Final[dict[A, KeyRate]] = {
    A.RSA: KeyRate(2000, 2048, 3),
    A.DSA: KeyRate(1800, 2048, 2),
    A.DH: KeyRate(2000, 2048, 3),
    A.EC: KeyRate(800, 256, 2),
    A.ECDH: KeyRate(250, 256, 2),
    A.ED25519: KeyRate(250),
    A.ED448: KeyRate(750),
    A.ML_DSA_44: KeyRate(1500),
    A.ML_DSA_65: KeyRate(3000),
    A.ML_DSA_87: KeyRate(4000),
}
"""To sign, decrypt or agree. EC is for the curves of Brainpool, ECDH for X25519 and X448; ML-DSA
tries until a signature fits."""

PUBLIC_KEYS: Final[dict[A, KeyRate]] = {
    A.RSA: KeyRate(200, 2048, 2),
    A.DSA: KeyRate(1500, 2048, 2),
    A.EC: KeyRate(900, 256, 2),
    A.ED25519: KeyRate(500),
    A.ED448: KeyRate(950),
    A.ML_DSA_44: KeyRate(500),
    A.ML_DSA_65: KeyRate(800),
    A.ML_DSA_87: KeyRate(1200),
}
"""To verify or encrypt; RSA with a public exponent of up to `SHORT_EXPONENT` bits."""

WHOLE_MESSAGE: Final = Rate(0, 24)
"""The message of a key that signs it itself: Ed25519 and Ed448 hash it twice."""

SHORT_EXPONENT: Final = 17
"""Bits of 65537."""

KEY_PAIRS: Final[dict[A, KeyRate]] = {
    A.RSA: KeyRate(300_000, 2048, 4),
    A.DSA: KeyRate(2_000_000, 2048, 3),
    A.DH: KeyRate(1500, 2048, 3),
    A.ECDSA: KeyRate(900, 256, 2),
    A.ECDH: KeyRate(900, 256, 2),
    A.ECMQV: KeyRate(900, 256, 2),
    A.EC: KeyRate(900, 256, 2),
    A.ED25519: KeyRate(300),
    A.ED448: KeyRate(950),
    A.ML_KEM_768: KeyRate(600),
    A.ML_KEM_1024: KeyRate(800),
    A.ML_DSA_44: KeyRate(700),
    A.ML_DSA_65: KeyRate(900),
    A.ML_DSA_87: KeyRate(1200),
}
"""To make a pair; primes take as long as they take."""

PRIVATE_LOADING: Final = KeyRate(2500, 240, 3)
PUBLIC_LOADING: Final = KeyRate(400, 240, 3)
"""To load a key from so many BYTES of material. The bytes tell the kind of key only once they are
loaded, so the slowest kind of each length counts: for private keys Brainpool's curves, whose points
are computed, and RSA, whose primes are tested; for public ones Diffie-Hellman. A loaded key is kept
with its object, so this is the cost of its first use."""

PRIVATE_LOADING_CALL: Final = 500
PUBLIC_LOADING_CALL: Final = 100
"""Microseconds to load the shortest keys: seeds of ML-DSA, points of Ed25519."""

PBKDF2_ITERATION: Final = 3
"""Microseconds: HMAC of a block with the slowest hash."""

KDF_STEP: Final = 20
"""Microseconds: one call of a pseudorandom function from Python."""

SHORTEST_DIGEST: Final = 16
"""Bytes that one step of a derivation gives at least: those of MD5 and CMAC."""

CERTIFICATE: Final = Rate(300, 400)
"""To read a certificate: one of many alternative names has as many objects in it."""

VERIFYING: Final = 10_000
"""Microseconds to verify a signature under a key that a client brings and nobody has looked at:
RSA of 3072 bits may have a public exponent as long as its modulus."""

SIGNING_CERTIFICATE: Final = 500
"""Microseconds to put a certificate together, beside its signature."""

PKCS_12: Final = 100_000
"""Microseconds to seal or open a container: its password is stretched."""

SHARES: Final[dict[S, float]] = {
    S.XOR: 0.1,
    S.POLYNOMIAL_SHARING_GF_2_8: 10,
    S.POLYNOMIAL_SHARING_GF_2_16: 25,
    S.POLYNOMIAL_SHARING_PRIME_FIELD: 1,
}
"""Microseconds for each byte, part and threshold: fields are computed in Python."""

SHARE_WEIGHT: Final = 250
"""Microseconds for each two parts that are joined: one division in the field."""

PRIMALITY: Final = KeyRate(8_000_000, 2048, 3)
"""Miller and Rabin's test of a Prime Field Size."""


def of_hash(algorithm: H | None) -> Rate:
    """To hash; None: an algorithm that is not named, which is refused."""
    return NOTHING if algorithm is None else HASHES.get(algorithm, NOTHING)


def of_cipher(algorithm: A, mode: M | None) -> Rate:
    """To encrypt or decrypt in a mode."""
    if mode in KEY_WRAPS:
        return KEY_WRAPS[mode]
    return CIPHERS.get(algorithm, NOTHING)


def of_mac(algorithm: A, hashing: H | None) -> Rate:
    """To compute a MAC; `hashing`: the hash of an HMAC."""
    if hashing is not None:
        return of_hash(hashing)
    return POLY1305 if algorithm == A.POLY1305 else BLOCK_MACS.get(algorithm, NOTHING)


def of_private_key(algorithm: A, bits: int) -> float:
    """Microseconds to sign, decrypt or agree once."""
    row = PRIVATE_KEYS.get(algorithm)
    return 0 if row is None else row.of(bits)


def of_public_key(algorithm: A, bits: int, exponent: int = SHORT_EXPONENT) -> float:
    """Microseconds to verify or encrypt once.

    Args:
        algorithm: of the key.
        bits: its length.
        exponent: bits of the public exponent of RSA.
    """
    row = PUBLIC_KEYS.get(algorithm)
    return 0 if row is None else row.of(bits) * max(1, exponent / SHORT_EXPONENT)


def of_key_pair(algorithm: A, bits: int | None) -> float:
    """Microseconds to make a pair; None: of a length that the algorithm implies."""
    row = KEY_PAIRS.get(algorithm)
    return 0 if row is None else row.of(row.bits if bits is None else bits)


def of_loading(length: int, *, private: bool) -> float:
    """Microseconds to load an asymmetric key from `length` bytes of material."""
    if private:
        return PRIVATE_LOADING_CALL + PRIVATE_LOADING.of(length)
    return PUBLIC_LOADING_CALL + PUBLIC_LOADING.of(length)


def of_splitting(method: S, length: int, parts: int, threshold: int, prime: int | None) -> float:
    """Microseconds to split `length` bytes; `prime`: bits of the Prime Field Size."""
    return SHARES.get(method, 0) * length * parts * threshold + PRIMALITY.of(prime or 0)


def of_joining(method: S, length: int, threshold: int, prime: int | None) -> float:
    """Microseconds to join `threshold` parts of `length` bytes each."""
    weights = 0 if method == S.XOR else SHARE_WEIGHT * threshold**2
    return weights + of_splitting(method, length, 1, threshold, prime)


class Derivation(NamedTuple):
    """The sizes that tell what a derivation costs.

    Attributes:
        output: bytes that are derived.
        data: bytes of derivation data, and of the key where that is hashed.
        iterations: of PBKDF2.
    """

    output: int
    data: int = 0
    iterations: int = 0

    @property
    def steps(self) -> int:
        """How often the pseudorandom function is computed, once for each piece of the output."""
        return math.ceil(self.output / SHORTEST_DIGEST)


def _hashed(work: Derivation) -> float:
    """All data goes through a hash once."""
    return KDF_STEP + HASHES[H.SHA_3_512].of(work.data)


def _iterated(work: Derivation) -> float:
    """All data goes through a pseudorandom function for each piece of the output."""
    return work.steps * (KDF_STEP + HASHES[H.SHA_3_512].part(work.data))


DERIVATIONS: Final[dict[D, Callable[[Derivation], float]]] = {
    D.PBKDF2: lambda work: PBKDF2_ITERATION * work.iterations * work.steps,
    D.HASH: _hashed,
    D.HMAC: _iterated,  # with a Salt it is HKDF
    D.HKDF: _iterated,
    D.NIST800_108_C: _iterated,
    D.NIST800_108_F: _iterated,
    D.NIST800_108_DPI: lambda work: 2 * _iterated(work),
    D.AWS_SIGNATURE_VERSION_4: lambda work: 4 * _hashed(work),
}
"""Microseconds of each Derivation Method; ENCRYPT costs what its cipher does, and ASYMMETRIC_KEY
what its private key does."""
