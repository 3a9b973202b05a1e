"""Derive Key: every Derivation Method of the specification, as one table.

Source: 2.1 sections 6.1.14, 7.12 and 11.14. Theory: a row of `METHODS` turns a `Base` (the object
derived from) and an `Inputs` (what the request says besides) into at least as many bytes as asked
for; `derive` cuts them to the Cryptographic Length and refuses where there are too few ("If the
specified length exceeds the output of the derivation method, then the server SHALL return an
error").

Where the specification leaves a choice:
- HMAC is one HMAC over the derivation data (OASIS TC-DERIVEKEY-2). Where the request has a Salt,
  which the method does not have, it is HKDF: that is what PyKMIP's clients mean by it.
- ENCRYPT without an Initialization Vector takes one of zeros, since the result must be the same
  each time; only the cipher text counts, not a tag.
- HASH hashes the key, or the derivation data of an object that has none.
"""

import math
from collections.abc import Callable, Sequence

from cryptography.exceptions import InternalError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, x448, x25519
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import DerivationMethod as D
from kmip.enums import HashingAlgorithm as H
from kmip.errors import (
    BadCryptographicParameters,
    CryptographicFailure,
    MissingData,
    ServerLimitExceeded,
    UnsupportedCryptographicParameters,
)
from server.crypto import costs
from server.crypto.ciphers import encryption
from server.crypto.ciphers.initialization_vectors import NONE
from server.crypto.ciphers.modes import MODES
from server.crypto.ciphers.suites import CIPHERS
from server.crypto.derivation.inputs import Base, Inputs
from server.crypto.derivation.key_based_kdf import (
    counter_mode,
    double_pipeline_mode,
    feedback_mode,
    prf_hmac,
)
from server.crypto.errors import MissingParameters
from server.crypto.hashes import digest
from server.crypto.keys import key_costs
from server.crypto.keys.diffie_hellman import DHPrivateKey, DHPublicKey
from server.crypto.keys.key_types import PrivateKey, PublicKey
from server.crypto.keys.symmetric_keys import ANY_BYTES

MAX_ITERATIONS = 20_000_000
"""PBKDF2 iterations, counted for each block of output: RFC 6070 tests 16 777 216, which takes a
core two to ten seconds; more would let one request hold a thread for longer than clients wait."""


def _pbkdf2(base: Base, inputs: Inputs) -> bytes:
    """PKCS#5 (RFC 8018 section 5.2); HMAC-SHA-1 where no hash is named (OASIS TC-DERIVEKEY-4)."""
    if not inputs.salt or inputs.iteration_count is None:
        raise MissingData("PBKDF2 needs a salt and an iteration count")
    algorithm = inputs.hash(Base(b""), H.SHA_1)
    if inputs.iteration_count < 1:
        raise BadCryptographicParameters("an iteration count is at least 1")
    blocks = math.ceil(inputs.length / algorithm.digest_size)
    if inputs.iteration_count * blocks > MAX_ITERATIONS:
        raise ServerLimitExceeded("the server does not iterate this often for one request")
    function = PBKDF2HMAC(algorithm, inputs.length, inputs.salt, inputs.iteration_count)
    return function.derive(base.secret())


def _hash(base: Base, inputs: Inputs) -> bytes:
    """A hash of the key, or of the derivation data."""
    named = inputs.parameters.hashing_algorithm
    if named is None:
        raise MissingParameters("this derivation needs a hashing algorithm")
    if base.secret() and any(inputs.derivation_data):
        raise BadCryptographicParameters("a hash is over the key or over derivation data, not both")
    source = base.secret() or inputs.data()
    return digest(named, source, allow_legacy=inputs.allow_legacy)


def _hmac(base: Base, inputs: Inputs) -> bytes:
    """One HMAC over the derivation data (RFC 2104); with a Salt, HKDF."""
    if inputs.salt is not None:
        return _hkdf(base, inputs)
    return prf_hmac(base.secret(), inputs.hash(base))(inputs.data())


def _hkdf(base: Base, inputs: Inputs) -> bytes:
    """RFC 5869: salt, the derivation data as info; SHA-256 where no hash is named."""
    algorithm = inputs.hash(base, H.SHA_256)
    if inputs.length > 255 * algorithm.digest_size:
        raise BadCryptographicParameters("the length exceeds the output of the derivation method")
    info = b"".join(inputs.derivation_data)
    return HKDF(algorithm, inputs.length, inputs.salt or None, info).derive(base.secret())


def _encrypt(base: Base, inputs: Inputs) -> bytes:
    """The derivation data encrypted under the key."""
    algorithm = base.algorithm or inputs.parameters.cryptographic_algorithm
    if algorithm is None:
        raise MissingParameters("this derivation needs a cryptographic algorithm")
    vector = inputs.initialization_vector or _zero_vector(algorithm, inputs.parameters)
    return encryption.encrypt(
        base.secret(),
        algorithm,
        inputs.parameters,
        inputs.data(),
        iv_counter_nonce=vector,
        allow_legacy=inputs.allow_legacy,
    ).data


def _zero_vector(algorithm: A, parameters: CryptographicParameters) -> bytes | None:
    """Zeros as long as the mode's vector is by default; None where it has none."""
    row = CIPHERS.get(algorithm)
    named = parameters.block_cipher_mode
    mode = MODES.get(named) if named is not None else row.alone if row is not None else None
    if row is None or mode is None or mode.vector(row.block) is NONE:
        return None
    return bytes(mode.vector(row.block).default)


def _aws_signature(base: Base, inputs: Inputs) -> bytes:
    """The signing key of AWS Signature Version 4: date, region and service, in this order."""
    parts = inputs.derivation_data
    if len(parts) != 3:
        raise MissingData("AWS Signature Version 4 needs date, region and service")
    key = b"AWS4" + base.secret()
    for part in (*parts, b"aws4_request"):
        key = prf_hmac(key, hashes.SHA256())(part)
    return key


def _asymmetric_key(base: Base, inputs: Inputs) -> bytes:
    """The shared secret of two keys: the x coordinate (SEC 1 section 3.3.1), or g**xy."""
    if isinstance(base.key, bytes) or base.peer is None:
        raise MissingData("this derivation needs a private and a public key")
    try:
        return agree(base.key, base.peer)
    except (ValueError, InternalError):
        raise CryptographicFailure("the two keys do not agree on a secret") from None


def agree(key: PrivateKey, peer: PublicKey) -> bytes:
    """The shared secret; raises UnsupportedCryptographicParameters, ValueError, InternalError."""
    match key, peer:
        case (ec.EllipticCurvePrivateKey(), ec.EllipticCurvePublicKey()):
            return key.exchange(ec.ECDH(), peer)
        case (x25519.X25519PrivateKey(), x25519.X25519PublicKey()):
            return key.exchange(peer)
        case (x448.X448PrivateKey(), x448.X448PublicKey()):
            return key.exchange(peer)
        case (DHPrivateKey(), DHPublicKey()):
            return key.exchange(peer)
        case _:
            raise UnsupportedCryptographicParameters("keys of these two kinds do not agree")


METHODS: dict[D, Callable[[Base, Inputs], bytes]] = {
    D.PBKDF2: _pbkdf2,
    D.HASH: _hash,
    D.HMAC: _hmac,
    D.ENCRYPT: _encrypt,
    D.NIST800_108_C: counter_mode,
    D.NIST800_108_F: feedback_mode,
    D.NIST800_108_DPI: double_pipeline_mode,
    D.ASYMMETRIC_KEY: _asymmetric_key,
    D.AWS_SIGNATURE_VERSION_4: _aws_signature,
    D.HKDF: _hkdf,
}
"""Every Derivation Method (2.1 section 11.14)."""


def cost(
    method: D,
    base: Base,
    length: int,
    *,
    parameters: CryptographicParameters | None = None,
    derivation_data: Sequence[bytes] = (),
    iteration_count: int | None = None,
) -> float:
    """Microseconds that a derivation takes; arguments as `derive`."""
    data = sum(map(len, derivation_data))
    if method == D.ASYMMETRIC_KEY:
        return 0 if isinstance(base.key, bytes) else key_costs.of_use(base.key)
    if method == D.ENCRYPT:
        named = parameters or CryptographicParameters()
        algorithm = base.algorithm or named.cryptographic_algorithm
        return (
            0 if algorithm is None else costs.of_cipher(algorithm, named.block_cipher_mode).of(data)
        )
    row = costs.DERIVATIONS.get(method)
    if row is None:
        return 0
    if isinstance(base.key, bytes):
        data += len(base.key)
    return row(costs.Derivation(length // 8, data, iteration_count or 0))


def derive(
    method: D,
    base: Base,
    length: int,
    *,
    parameters: CryptographicParameters | None = None,
    derivation_data: Sequence[bytes] = (),
    salt: bytes | None = None,
    iteration_count: int | None = None,
    initialization_vector: bytes | None = None,
    allow_legacy: bool = False,
) -> bytes:
    """The material of a derived key or secret.

    Args:
        method: how.
        base: what is derived from.
        length: Cryptographic Length wanted, in bits; whole bytes.
        parameters: in the Derivation Parameters; not those of the key.
        derivation_data: the request's, or the bytes of a second object; empty: neither.
        salt: the request's; for HMAC its presence means HKDF.
        iteration_count: of PBKDF2, see `MAX_ITERATIONS`.
        initialization_vector: of ENCRYPT and the feedback mode.
        allow_legacy: the policy on algorithms kept for old data.

    Returns:
        length / 8 bytes.

    Raises:
        BadCryptographicParameters: not whole bytes, or more than the method gives.
        MissingData, MissingParameters: the method needs more than it was given.
        ServerLimitExceeded: too many iterations.
        UnsupportedCryptographicParameters, LegacyRefused: the method's algorithm.
        InvalidKey, CryptographicFailure: the keys do not serve.
    """
    function = METHODS.get(method)
    if function is None:
        raise UnsupportedCryptographicParameters("the server does not know this derivation method")
    if length not in ANY_BYTES:
        raise BadCryptographicParameters("a derived key is 1 byte to 64 KiB long, in whole bytes")
    output = function(
        base,
        Inputs(
            length // 8,
            parameters or CryptographicParameters(),
            derivation_data,
            salt,
            iteration_count,
            initialization_vector,
            allow_legacy,
        ),
    )
    if len(output) < length // 8:
        raise BadCryptographicParameters("the length exceeds the output of the derivation method")
    return output[: length // 8]
