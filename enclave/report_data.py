"""What the chip signs: 64 bytes, one rule for each form of evidence.

`of_claims` is the rule of this project and of interoperable RA-TLS; the server that asks for
evidence and the verifier that reads it both call it. The other rules exist so that certificates
of other makes can be read and, by a setting, served. Which one applies follows from where the
evidence was found (the extension's OID, or the endpoint) and is never found out by trial: a reader
that tries every rule accepts the weakest of them.

No rule leaves a byte free. Where the hash has 32 bytes, the rest must be zero; so the rules cannot
be confused with each other short of a hash whose second half is zero.
"""

from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SIZE: Final = 64
CLIENT_LABEL: Final = b"strongroom client attestation 1\0"
_ZERO: Final = bytes(32)


def of_claims(claims: bytes) -> bytes:
    """SHA-256 of the claims' exact bytes, then 32 zero bytes.

    Args:
        claims: what `enclave.claims.encode` gives, or the claims buffer of interoperable RA-TLS.

    Source: CCC "Interoperable RA-TLS SGX / TDX Evidence Tags and Formats".
    """
    return sha256(claims).digest() + _ZERO


def of_client(nonce: bytes, certificate_sha256: bytes | None) -> bytes:
    """What a client's chip signs for a server that it attests itself to; then 32 zero bytes.

    SHA-256 of a label, the nonce and the certificate's hash. No claims begin with the label, since
    theirs are a CBOR map: evidence of a server is never taken for a client's.

    Args:
        nonce: the server's, 32 bytes.
        certificate_sha256: SHA-256 of the DER form of the client's certificate on this connection;
            None, and 32 zero bytes in its place: it shows none.

    Raises:
        ValueError: one has another length.
    """
    bound = _ZERO if certificate_sha256 is None else certificate_sha256
    if len(nonce) != 32 or len(bound) != 32:
        raise ValueError("the nonce and the hash have 32 bytes")
    return sha256(CLIENT_LABEL + nonce + bound).digest() + _ZERO


def of_bare_key(key: PublicKeyTypes) -> bytes:
    """SHA-256 of the bare public key, then 32 zero bytes: the rule of OIDs 1.2.840.113741.1337.*.

    The bare key is the uncompressed point of an elliptic curve key (what `ckms` checks) or the
    PKCS#1 structure of an RSA key (what Inclavare wrote under the same OID).

    Raises:
        ValueError: a key of another kind, for which no such rule exists.
    """
    match key:
        case ec.EllipticCurvePublicKey():
            bare = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        case rsa.RSAPublicKey():
            bare = key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
        case _:
            raise ValueError("no rule for a key of this kind")
    return sha256(bare).digest() + _ZERO


def of_key_info(public_key_info: bytes) -> bytes:
    """SHA-256 of the DER SubjectPublicKeyInfo, then 32 zero bytes: Gramine's old rule."""
    return sha256(public_key_info).digest() + _ZERO


def of_nonce_and_certificate(nonce: bytes, certificate_pem: bytes) -> bytes:
    """A 32-byte nonce, then SHA-256 of a certificate's PEM text: what `ckms verify` 4.10 checks.

    Danger: the caller of the endpoint chooses the first half. Nothing but that endpoint
    may use this rule, and no reader of certificates accepts it.

    Raises:
        ValueError: the nonce does not have 32 bytes.
    """
    if len(nonce) != 32:
        raise ValueError("the nonce has 32 bytes")
    return nonce + sha256(certificate_pem).digest()
