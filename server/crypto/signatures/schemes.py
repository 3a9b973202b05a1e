"""How each kind of key signs and verifies one digest or message.

Theory: `SCHEMES` has a row for every kind of key. RSA, DSA and ECDSA sign a digest, so that data
may come in parts and may be digested by the client; Ed25519, Ed448 and ML-DSA sign the message.
A digest whose hash is not named (OASIS TC-ECDSA-SIGN-DIGESTEDDATA has 16 bytes of none) is signed
as it is: under RSA PKCS#1 v1.5 without a DigestInfo, under DSA and ECDSA as the number it is.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import (
    dsa,
    ec,
    ed448,
    ed25519,
    padding,
    rsa,
    utils,
)

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import DigitalSignatureAlgorithm as D
from kmip.enums import HashingAlgorithm as H
from kmip.enums import MaskGenerator
from kmip.enums import PaddingMethod as P
from kmip.errors import BadCryptographicParameters, UnsupportedCryptographicParameters
from server.crypto.errors import MissingParameters
from server.crypto.hashes import hash_algorithm
from server.crypto.keys.key_types import MLDSAPrivateKey, MLDSAPublicKey, PrivateKey, PublicKey

MAX_DIGEST = 64
"""Bytes of a digest without a named hash: the longest hash there is, SHA-512."""


class Chosen(NamedTuple):
    """What a signature is made with.

    Attributes:
        hashing: the hash, None where none is named.
        padding: of RSA, None where none is named.
        parameters: salt length and mask generator of PSS.
        allow_legacy: the policy.
    """

    hashing: H | None
    padding: P | None
    parameters: CryptographicParameters
    allow_legacy: bool

    def hash(self) -> hashes.HashAlgorithm:
        """The library's hash; raises MissingParameters where none is named."""
        if self.hashing is None:
            raise MissingParameters("a signature with this key needs a hashing algorithm")
        return hash_algorithm(self.hashing, allow_legacy=self.allow_legacy)


class Scheme(NamedTuple):
    """How one kind of key signs.

    Attributes:
        private: the library's class of a key that signs.
        public: and of one that verifies.
        sign: (key, chosen, digest or message) to a signature.
        verify: (key, chosen, signature, digest or message); raises InvalidSignature or ValueError.
        digests: works on a digest.
        name: what DIGITAL_SIGNATURES calls the kind.
    """

    private: Any
    public: Any
    sign: Callable[[Any, Chosen, bytes], bytes]
    verify: Callable[[Any, Chosen, bytes, bytes], None]
    digests: bool
    name: str


RSA, DSA, ECDSA, EDDSA, ML_DSA = "RSA", "DSA", "ECDSA", "EdDSA", "ML-DSA"


class DigitalSignature(NamedTuple):
    """What a Digital Signature Algorithm stands for.

    Attributes:
        name: the kind of key.
        hashing: its hash; None where it is named apart or the library lacks it.
        padding: of RSA.
    """

    name: str
    hashing: H | None
    padding: P | None = None


DIGITAL_SIGNATURES: dict[D, DigitalSignature] = {
    D.MD2_WITH_RSA_ENCRYPTION_PKCS_1_V1_5: DigitalSignature(RSA, H.MD2, P.PKCS1_V1_5),
    D.MD5_WITH_RSA_ENCRYPTION_PKCS_1_V1_5: DigitalSignature(RSA, H.MD5, P.PKCS1_V1_5),
    D.SHA_1_WITH_RSA_ENCRYPTION_PKCS_1_V1_5: DigitalSignature(RSA, H.SHA_1, P.PKCS1_V1_5),
    D.SHA_224_WITH_RSA_ENCRYPTION_PKCS_1_V1_5: DigitalSignature(RSA, H.SHA_224, P.PKCS1_V1_5),
    D.SHA_256_WITH_RSA_ENCRYPTION_PKCS_1_V1_5: DigitalSignature(RSA, H.SHA_256, P.PKCS1_V1_5),
    D.SHA_384_WITH_RSA_ENCRYPTION_PKCS_1_V1_5: DigitalSignature(RSA, H.SHA_384, P.PKCS1_V1_5),
    D.SHA_512_WITH_RSA_ENCRYPTION_PKCS_1_V1_5: DigitalSignature(RSA, H.SHA_512, P.PKCS1_V1_5),
    D.RSASSA_PSS_PKCS_1_V2_1: DigitalSignature(RSA, None, P.PSS),
    D.DSA_WITH_SHA_1: DigitalSignature(DSA, H.SHA_1),
    D.DSA_WITH_SHA224: DigitalSignature(DSA, H.SHA_224),
    D.DSA_WITH_SHA256: DigitalSignature(DSA, H.SHA_256),
    D.ECDSA_WITH_SHA_1: DigitalSignature(ECDSA, H.SHA_1),
    D.ECDSA_WITH_SHA224: DigitalSignature(ECDSA, H.SHA_224),
    D.ECDSA_WITH_SHA256: DigitalSignature(ECDSA, H.SHA_256),
    D.ECDSA_WITH_SHA384: DigitalSignature(ECDSA, H.SHA_384),
    D.ECDSA_WITH_SHA512: DigitalSignature(ECDSA, H.SHA_512),
    D.SHA3_256_WITH_RSA_ENCRYPTION: DigitalSignature(RSA, H.SHA_3_256, P.PKCS1_V1_5),
    D.SHA3_384_WITH_RSA_ENCRYPTION: DigitalSignature(RSA, H.SHA_3_384, P.PKCS1_V1_5),
    D.SHA3_512_WITH_RSA_ENCRYPTION: DigitalSignature(RSA, H.SHA_3_512, P.PKCS1_V1_5),
}
"""A row for every Digital Signature Algorithm (2.1 section 11.16)."""


def choose(scheme: Scheme, parameters: CryptographicParameters, *, allow_legacy: bool) -> Chosen:
    """What a signature with a key of this kind is made with.

    A Digital Signature Algorithm stands for hash and padding (2.1 section 4.16). A Cryptographic
    Algorithm beside the hash is passed over: the key tells the algorithm, and OASIS CS-AC-M-3-ECC
    verifies ECDSA with parameters that say RSA and PSS.

    Raises:
        BadCryptographicParameters: a Digital Signature Algorithm of another kind of key, or one
            that contradicts the hash beside it.
    """
    named = parameters.digital_signature_algorithm
    if named is None:
        return Chosen(
            parameters.hashing_algorithm, parameters.padding_method, parameters, allow_legacy
        )
    row = DIGITAL_SIGNATURES.get(named)
    if row is None:
        raise UnsupportedCryptographicParameters("the server does not sign with this algorithm")
    if row.name != scheme.name:
        raise BadCryptographicParameters("the digital signature algorithm is not one of the key")
    hashing = row.hashing or parameters.hashing_algorithm
    if parameters.hashing_algorithm not in (None, hashing):
        raise BadCryptographicParameters("two different hashing algorithms for one signature")
    return Chosen(hashing, row.padding, parameters, allow_legacy)


def _pkcs_1(chosen: Chosen) -> tuple[padding.AsymmetricPadding, Any]:
    """Padding and hash of PKCS#1 v1.5; a digest of no named hash has no DigestInfo."""
    if chosen.hashing is None:
        return padding.PKCS1v15(), utils.NoDigestInfo()
    return padding.PKCS1v15(), utils.Prehashed(chosen.hash())


def _pss(chosen: Chosen, mask: hashes.HashAlgorithm, salt: Any) -> tuple[padding.PSS, Any]:
    """Padding and hash of PSS with the trailer 0xBC."""
    if chosen.parameters.trailer_field not in (None, 1):
        raise UnsupportedCryptographicParameters("the server has no trailer field but 1")
    if chosen.parameters.mask_generator not in (None, MaskGenerator.MGF1):
        raise UnsupportedCryptographicParameters("the server has no mask generator but MGF1")
    return padding.PSS(padding.MGF1(mask), salt), utils.Prehashed(chosen.hash())


def _masks(chosen: Chosen) -> list[hashes.HashAlgorithm]:
    """The hashes MGF1 may have been used with, the usual one first.

    The specification's default is SHA-1 (2.1 section 4.16); what everybody does, and OASIS
    CS-AC-M-2 with them, is the hash of the signature.
    """
    named = chosen.parameters.mask_generator_hashing_algorithm
    if named is not None:
        return [hash_algorithm(named, allow_legacy=chosen.allow_legacy)]
    return [chosen.hash(), hashes.SHA1()]  # noqa: S303 (the specification's default)


def _salt_length(chosen: Chosen) -> int | None:
    """Salt Length in bytes, None where it is not named; raises BadCryptographicParameters."""
    length = chosen.parameters.salt_length
    if length is not None and length < 0:
        raise BadCryptographicParameters("a salt length is not negative")
    return length


def _sign_rsa(key: rsa.RSAPrivateKey, chosen: Chosen, digest: bytes) -> bytes:
    if chosen.padding == P.PSS:
        length = _salt_length(chosen)
        salt = padding.PSS.DIGEST_LENGTH if length is None else length
        return key.sign(digest, *_pss(chosen, _masks(chosen)[0], salt))
    return key.sign(digest, *_rsa_padding(chosen))


def _verify_rsa(key: rsa.RSAPublicKey, chosen: Chosen, signature: bytes, digest: bytes) -> None:
    if chosen.padding != P.PSS:
        key.verify(signature, digest, *_rsa_padding(chosen))
        return
    length = _salt_length(chosen)
    salt = padding.PSS.AUTO if length is None else length
    *others, last = _masks(chosen)
    for mask in others:
        try:
            key.verify(signature, digest, *_pss(chosen, mask, salt))
        except InvalidSignature:
            continue
        return
    key.verify(signature, digest, *_pss(chosen, last, salt))


def _rsa_padding(chosen: Chosen) -> tuple[padding.AsymmetricPadding, Any]:
    """PKCS#1 v1.5, also where no padding is named; raises for every other."""
    if chosen.padding not in (None, P.PKCS1_V1_5):
        raise UnsupportedCryptographicParameters("RSA does not sign with this padding method")
    return _pkcs_1(chosen)


def _number(chosen: Chosen, digest: bytes, bits: int) -> tuple[bytes, utils.Prehashed]:
    """A digest as DSA and ECDSA take it.

    With a named hash it is passed as it is. Without one, its leftmost `bits` bits are the number to
    sign (FIPS 186-5 section 6.4.1); they are laid where the library looks for them in 64 bytes.
    """
    if chosen.hashing is not None:
        return digest, utils.Prehashed(chosen.hash())
    number = int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - bits)
    laid = number << max(0, 8 * MAX_DIGEST - bits)
    return laid.to_bytes(MAX_DIGEST, "big"), utils.Prehashed(hashes.SHA512())


def _order_bits(key: ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) -> int:
    return key.curve.group_order.bit_length()


def _q_bits(key: dsa.DSAPrivateKey | dsa.DSAPublicKey) -> int:
    return key.parameters().parameter_numbers().q.bit_length()


def _sign_ecdsa(key: ec.EllipticCurvePrivateKey, chosen: Chosen, digest: bytes) -> bytes:
    data, algorithm = _number(chosen, digest, _order_bits(key))
    return key.sign(data, ec.ECDSA(algorithm))


def _verify_ecdsa(
    key: ec.EllipticCurvePublicKey, chosen: Chosen, signature: bytes, digest: bytes
) -> None:
    data, algorithm = _number(chosen, digest, _order_bits(key))
    key.verify(signature, data, ec.ECDSA(algorithm))


def _sign_dsa(key: dsa.DSAPrivateKey, chosen: Chosen, digest: bytes) -> bytes:
    return key.sign(*_number(chosen, digest, _q_bits(key)))


def _verify_dsa(key: dsa.DSAPublicKey, chosen: Chosen, signature: bytes, digest: bytes) -> None:
    key.verify(signature, *_number(chosen, digest, _q_bits(key)))


def _sign_message(key: Any, _: Chosen, message: bytes) -> bytes:
    signature: bytes = key.sign(message)
    return signature


def _verify_message(key: Any, _: Chosen, signature: bytes, message: bytes) -> None:
    key.verify(signature, message)


SCHEMES: tuple[Scheme, ...] = (
    Scheme(rsa.RSAPrivateKey, rsa.RSAPublicKey, _sign_rsa, _verify_rsa, True, RSA),
    Scheme(dsa.DSAPrivateKey, dsa.DSAPublicKey, _sign_dsa, _verify_dsa, True, DSA),
    Scheme(
        ec.EllipticCurvePrivateKey,
        ec.EllipticCurvePublicKey,
        _sign_ecdsa,
        _verify_ecdsa,
        True,
        ECDSA,
    ),
    Scheme(
        ed25519.Ed25519PrivateKey,
        ed25519.Ed25519PublicKey,
        _sign_message,
        _verify_message,
        False,
        EDDSA,
    ),
    Scheme(
        ed448.Ed448PrivateKey, ed448.Ed448PublicKey, _sign_message, _verify_message, False, EDDSA
    ),
    Scheme(MLDSAPrivateKey, MLDSAPublicKey, _sign_message, _verify_message, False, ML_DSA),
)
"""A row for every kind of key that signs; ECDSA and DSA signatures are DER (RFC 3279 2.2)."""


def scheme_of(key: PrivateKey | PublicKey) -> Scheme:
    """The row of a key; raises UnsupportedCryptographicParameters where its kind does not sign."""
    for scheme in SCHEMES:
        if isinstance(key, (scheme.private, scheme.public)):
            return scheme
    raise UnsupportedCryptographicParameters("keys of this kind do not sign")
