"""Whether one certificate of a chip vendor vouches for another.

A vendor's chain is short, fixed and of one signature scheme, so it is checked against that
scheme rather than against what the certificates state of themselves.

Checked of a link: issuer's name, the scheme, the signature, and that the issuer is a CA that may
sign. Checked of each certificate: dates, and that no critical extension is unknown here. A root
is never found in what is being checked: it is an argument everywhere.

Source: RFC 5280 sections 4.2.1 and 6; RFC 4055 section 3.1 (RSASSA-PSS).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from enclave.certificates import Certificate, RevocationList, decode_der
from enclave.errors import Step, VerificationFailed

_BASIC_CONSTRAINTS = "2.5.29.19"
_KEY_USAGE = "2.5.29.15"
_UNDERSTOOD = {_BASIC_CONSTRAINTS, _KEY_USAGE}
_KEY_CERT_SIGN, _CRL_SIGN = 0x04, 0x02  # of the first byte of KeyUsage


@asn1.sequence
class _BasicConstraints:
    ca: Annotated[bool, asn1.Default(False)]
    path_len_constraint: int | None


@dataclass(frozen=True)
class Scheme:
    """A signature scheme that a vendor's chain uses throughout.

    Attributes:
        oid: of the signature algorithm, as it is in certificates.
        check: takes key, signature and signed bytes; raises InvalidSignature, or TypeError
            where the key is of another kind or size.
    """

    oid: str
    check: Callable[[Any, bytes, bytes], None]


def _check_rsa_pss(key: Any, signature: bytes, signed: bytes) -> None:
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size != 4096:
        raise TypeError
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA384()), salt_length=48)
    key.verify(signature, signed, pss, hashes.SHA384())


def _check_ecdsa_p256(key: Any, signature: bytes, signed: bytes) -> None:
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise TypeError
    key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))


AMD_SCHEME = Scheme("1.2.840.113549.1.1.10", _check_rsa_pss)
INTEL_SCHEME = Scheme("1.2.840.10045.4.3.2", _check_ecdsa_p256)


def check_issued(child: Certificate | RevocationList, issuer: Certificate, scheme: Scheme) -> None:
    """Check that `issuer` signed `child` and was allowed to.

    Args:
        child: the certificate or revocation list.
        issuer: the certificate whose key should have signed it.
        scheme: the only one accepted.

    Raises:
        VerificationFailed: names or algorithm differ, the issuer is no CA, an extension marked
            critical is unknown, or the signature does not hold.
        InvalidEvidence: the issuer's key or extensions cannot be read.
    """
    kind = "revocation list" if isinstance(child, RevocationList) else "certificate"
    step = Step.REVOCATION if isinstance(child, RevocationList) else Step.CERTIFICATE_CHAIN
    if child.issuer != issuer.subject:
        raise VerificationFailed(step, f"the {kind} names another issuer")
    if child.critical - _UNDERSTOOD:
        raise VerificationFailed(step, f"the {kind} has an unknown critical extension")
    if child.algorithm != scheme.oid:
        raise VerificationFailed(step, f"the {kind} is signed with another algorithm")
    _check_is_ca(issuer, _CRL_SIGN if isinstance(child, RevocationList) else _KEY_CERT_SIGN, step)
    try:
        scheme.check(issuer.public_key(), child.signature, child.signed)
    except (InvalidSignature, TypeError):
        raise VerificationFailed(step, f"the {kind}'s signature does not hold") from None


def _check_is_ca(issuer: Certificate, usage: int, step: Step) -> None:
    constraints = issuer.extensions.get(_BASIC_CONSTRAINTS)
    if constraints is None or not decode_der(_BasicConstraints, constraints, "certificate").ca:
        raise VerificationFailed(step, "the issuer is not a certificate authority")
    if _KEY_USAGE not in issuer.extensions:
        return  # RFC 5280 section 6.1.4 (n): any use is then allowed
    key_usage = issuer.extensions[_KEY_USAGE]
    bits = decode_der(asn1.BitString, key_usage, "certificate").as_bytes()
    if not bits or not bits[0] & usage:
        raise VerificationFailed(step, "the issuer's key may not sign this")


def check_dates(certificate: Certificate, now: datetime) -> None:
    """Check that `now` is within the certificate's validity.

    Raises:
        VerificationFailed: it is not.
    """
    if now < certificate.not_before:
        raise VerificationFailed(
            Step.CERTIFICATE_CHAIN,
            f"{certificate.common_name} is not valid before {certificate.not_before:%Y-%m-%d}",
        )
    if now > certificate.not_after:
        raise VerificationFailed(
            Step.CERTIFICATE_CHAIN,
            f"{certificate.common_name} expired on {certificate.not_after:%Y-%m-%d}",
        )


def check_root(root: Certificate, now: datetime, scheme: Scheme) -> None:
    """Check a pinned root: signed by itself, and in its time.

    Its own signature proves nothing; a root that lacks it was mangled on its way here.

    Raises:
        VerificationFailed: see `check_issued`, `check_dates`.
    """
    check_issued(root, root, scheme)
    check_dates(root, now)


def check_revocation(
    listing: RevocationList, issuer: Certificate, now: datetime, scheme: Scheme
) -> None:
    """Check that a revocation list is the issuer's and is in its time.

    Raises:
        VerificationFailed: it is another's, not yet valid, or overdue.
    """
    check_issued(listing, issuer, scheme)
    if not listing.this_update <= now <= listing.next_update:
        raise VerificationFailed(
            Step.REVOCATION,
            f"the list of {issuer.common_name} is valid from {listing.this_update:%Y-%m-%d} "
            f"to {listing.next_update:%Y-%m-%d}",
        )


def check_not_revoked(certificate: Certificate, listing: RevocationList) -> None:
    """Check that a verified list of the certificate's issuer does not name it.

    Raises:
        VerificationFailed: it is revoked, or the list is of another issuer.
    """
    if certificate.issuer != listing.issuer:
        raise VerificationFailed(Step.REVOCATION, "the list is of another issuer")
    if certificate.serial in listing.revoked:
        raise VerificationFailed(Step.REVOCATION, f"{certificate.common_name} is revoked")
