"""Signed requests: the part of JOSE that ACME needs, with ES256 alone.

Source: RFC 7515 (JWS), RFC 7517 and 7518 (JWK, ES256), RFC 7638 (thumbprint), RFC 8555 section 6.2.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

CONTENT_TYPE: Final = "application/jose+json"
_FIELD_BYTES: Final = 32  # of a coordinate, and of each half of a signature, on P-256


def base64url(data: bytes) -> str:
    """`data` as base64url without padding (RFC 7515 section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """A public key on P-256 as a JSON Web Key, its members in the order of the thumbprint."""
    numbers = key.public_numbers()
    return {
        "crv": "P-256",
        "kty": "EC",
        "x": base64url(numbers.x.to_bytes(_FIELD_BYTES, "big")),
        "y": base64url(numbers.y.to_bytes(_FIELD_BYTES, "big")),
    }


def thumbprint(key: ec.EllipticCurvePublicKey) -> str:
    """SHA-256 of the key's required members, as base64url (RFC 7638)."""
    return base64url(sha256(json.dumps(jwk(key), separators=(",", ":")).encode()).digest())


def sign(
    key: ec.EllipticCurvePrivateKey, protected: Mapping[str, Any], payload: object | None
) -> bytes:
    """A request as flattened JWS.

    Args:
        key: the account's, on P-256.
        protected: the protected header besides `alg`.
        payload: to be written as JSON; None for the empty payload of POST-as-GET.
    """
    header = base64url(json.dumps({"alg": "ES256", **protected}).encode())
    content = "" if payload is None else base64url(json.dumps(payload).encode())
    r, s = decode_dss_signature(key.sign(f"{header}.{content}".encode(), ec.ECDSA(hashes.SHA256())))
    signature = r.to_bytes(_FIELD_BYTES, "big") + s.to_bytes(_FIELD_BYTES, "big")
    message = {"protected": header, "payload": content, "signature": base64url(signature)}
    return json.dumps(message).encode()
