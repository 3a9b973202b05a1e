"""Sign and Signature Verify: a key and Cryptographic Parameters to bytes, whole or in parts.

What a key signs with is in `server.crypto.signatures.schemes`. Data in parts is hashed as it comes;
for keys that sign the message itself it is gathered, up to `MAX_MESSAGE` bytes.

Where the parameters are silent: RSA takes PKCS#1 v1.5; PSS a salt as long as its hash and MGF1 with
its hash; a verification takes a salt of any length and MGF1 with its hash or with SHA-1. Data
without a hashing algorithm is refused (2.1 section 6.1.55: the algorithm requires parameters).
"""

from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import ValidityIndicator
from kmip.errors import (
    BadCryptographicParameters,
    CryptographicFailure,
    MissingData,
    ServerLimitExceeded,
    UnsupportedCryptographicParameters,
)
from server.crypto import costs
from server.crypto.keys import key_costs
from server.crypto.keys.key_types import PrivateKey, PublicKey, public_half
from server.crypto.signatures.schemes import (
    DIGITAL_SIGNATURES,
    MAX_DIGEST,
    SCHEMES,
    Chosen,
    Scheme,
    choose,
    scheme_of,
)

MAX_MESSAGE = 16 * 1024 * 1024
"""Bytes of a message that is signed as a whole, and of one that is verified so: as much as the
largest message a client seen sends, and a bound on what a stream costs."""

NOT_SIGNED = "the signature could not be made with this key and these parameters"


def rate_of(key: PrivateKey | PublicKey, parameters: CryptographicParameters) -> costs.Rate:
    """What a signature with a private key, or a verification with a public one, costs."""
    kinds = [scheme for scheme in SCHEMES if isinstance(key, (scheme.private, scheme.public))]
    if not all(scheme.digests for scheme in kinds):
        return costs.Rate(key_costs.of_use(key), costs.WHOLE_MESSAGE.kib)
    hashing = parameters.hashing_algorithm
    if hashing is None and parameters.digital_signature_algorithm in DIGITAL_SIGNATURES:
        hashing = DIGITAL_SIGNATURES[parameters.digital_signature_algorithm].hashing
    return costs.Rate(key_costs.of_use(key), costs.of_hash(hashing).kib)


class _Stream:
    """What a signature and its verification share: a key, and data in one part or many.

    Attributes:
        rate: what it costs.
    """

    def __init__(
        self,
        key: PrivateKey | PublicKey,
        parameters: CryptographicParameters,
        *,
        allow_legacy: bool,
    ) -> None:
        self._scheme = scheme_of(key)
        self._chosen = choose(self._scheme, parameters, allow_legacy=allow_legacy)
        self._hash = hashes.Hash(self._chosen.hash()) if self._scheme.digests else None
        self._message = bytearray()
        self.rate = rate_of(key, parameters)

    @property
    def gathers(self) -> bool:
        """Whether its parts are kept until the last one."""
        return self._hash is None

    def update(self, data: bytes) -> None:
        """Take a part; raises ServerLimitExceeded."""
        if self._hash is not None:
            self._hash.update(data)
            return
        if len(self._message) + len(data) > MAX_MESSAGE:
            raise ServerLimitExceeded("the message is too long for a key that signs it whole")
        self._message += data

    def _signed(self, data: bytes) -> bytes:
        """What is signed: the digest of all parts, `data` the last, or all of them."""
        self.update(data)
        return bytes(self._message) if self._hash is None else self._hash.finalize()


class SignStream(_Stream):
    """One signature, its data given in one part or many (2.1 section 6.1.55)."""

    def __init__(
        self, key: PrivateKey, parameters: CryptographicParameters, *, allow_legacy: bool = False
    ) -> None:
        """Start a signature.

        Args:
            key: a private key that signs.
            parameters: those that apply, see `server.crypto.parameters.choose_parameters`.
            allow_legacy: the policy on hashes kept for old data.

        Raises:
            MissingParameters: no hashing algorithm.
            UnsupportedCryptographicParameters: a key, hash or padding that does not sign here.
            BadCryptographicParameters: parameters that do not fit the key or each other.
            LegacyRefused: the policy forbids the hash.
        """
        super().__init__(key, parameters, allow_legacy=allow_legacy)
        self._key = key

    def finalize(self, data: bytes = b"") -> bytes:
        """The signature over all parts, `data` the last; raises CryptographicFailure."""
        return _sign(self._scheme, self._key, self._chosen, self._signed(data))


class VerifyStream(_Stream):
    """One verification, its data given in one part or many (2.1 section 6.1.56)."""

    def __init__(
        self,
        key: PublicKey | PrivateKey,
        parameters: CryptographicParameters,
        *,
        allow_legacy: bool = False,
    ) -> None:
        """Start a verification; see `SignStream`; the key may be either half of a pair."""
        self._key = public_half(key)
        super().__init__(self._key, parameters, allow_legacy=allow_legacy)

    def finalize(self, signature: bytes, data: bytes = b"") -> ValidityIndicator:
        """Whether `signature` is one over all parts, `data` the last."""
        return _verify(self._scheme, self._key, self._chosen, signature, self._signed(data))


def sign(
    key: PrivateKey,
    parameters: CryptographicParameters,
    data: bytes | None = None,
    *,
    digested_data: bytes | None = None,
    allow_legacy: bool = False,
) -> bytes:
    """The signature over data, or over a digest the client made.

    Args:
        key: a private key that signs.
        parameters: those that apply.
        data: the message.
        digested_data: its digest instead: as long as the hash named, or 1 to 64 bytes of none.
        allow_legacy: the policy on hashes kept for old data.

    Returns:
        RSA: as long as the modulus; DSA and ECDSA: DER of (r, s); else as the algorithm has it.

    Raises:
        As `SignStream`; MissingData where neither is given; CryptographicFailure.
    """
    if digested_data is None:
        if data is None:
            raise MissingData("neither data nor digested data")
        return SignStream(key, parameters, allow_legacy=allow_legacy).finalize(data)
    scheme = scheme_of(key)
    chosen = choose(scheme, parameters, allow_legacy=allow_legacy)
    if not _fits(scheme, chosen, digested_data):
        raise BadCryptographicParameters("the digest is not as long as its hashing algorithm's")
    return _sign(scheme, key, chosen, digested_data)


def verify(
    key: PublicKey | PrivateKey,
    parameters: CryptographicParameters,
    signature: bytes,
    data: bytes | None = None,
    *,
    digested_data: bytes | None = None,
    allow_legacy: bool = False,
) -> ValidityIndicator:
    """Whether `signature` is the key's over data or digest: VALID or INVALID.

    A signature of another scheme, length or key is INVALID, not an error (OASIS
    TC-RSA-SIGN-DIGESTEDDATA-1 step 4). Arguments and errors as `sign`; the key either half.
    """
    if digested_data is None:
        if data is None:
            raise MissingData("neither data nor digested data")
        stream = VerifyStream(key, parameters, allow_legacy=allow_legacy)
        return stream.finalize(signature, data)
    public = public_half(key)
    scheme = scheme_of(public)
    chosen = choose(scheme, parameters, allow_legacy=allow_legacy)
    if not _fits(scheme, chosen, digested_data):
        return ValidityIndicator.INVALID
    return _verify(scheme, public, chosen, signature, digested_data)


def _fits(scheme: Scheme, chosen: Chosen, digest: bytes) -> bool:
    """Whether a digest is one that can be signed; raises where the key signs messages only."""
    if not scheme.digests:
        raise UnsupportedCryptographicParameters("keys of this kind sign the message itself")
    if chosen.hashing is None:
        return 1 <= len(digest) <= MAX_DIGEST
    return len(digest) == chosen.hash().digest_size


def _sign(scheme: Scheme, key: PrivateKey, chosen: Chosen, digest: bytes) -> bytes:
    if not isinstance(key, scheme.private):
        raise UnsupportedCryptographicParameters("only a private key signs")
    try:
        return scheme.sign(key, chosen, digest)
    except (ValueError, UnsupportedAlgorithm, InternalError):
        raise CryptographicFailure(NOT_SIGNED) from None


def _verify(
    scheme: Scheme, key: PublicKey, chosen: Chosen, signature: bytes, digest: bytes
) -> ValidityIndicator:
    try:
        scheme.verify(key, chosen, signature, digest)
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return ValidityIndicator.INVALID
    return ValidityIndicator.VALID
