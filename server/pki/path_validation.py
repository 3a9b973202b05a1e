"""Whether certificates form a chain that holds (2.1 section 6.1.57).

Trusted are the certificate of the authority behind Certify, and certificates that sign themselves
and that the client keeps in the store: it named them, and put them there itself. One that merely
came along with the request proves nothing.

The chain is checked by `cryptography.x509.verification` (RFC 5280 path validation, with the limits
on keys and signatures of the Web's authorities). It answers:

    Valid      every certificate is in the chain, and the chain holds at the date
    Unknown    it leads to an authority that is not trusted
    Invalid    anything else
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from kmip.enums import ValidityIndicator
from kmip.errors import InvalidField
from server.crypto.certificates.certificate_facts import has_readable_key

MAX_CERTIFICATES: Final = 16
"""In one request; chains have two to four."""

Path = Sequence[x509.Certificate]


def _may_sign(policy: Policy, certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("the key of an authority is not for signing certificates")


AUTHORITIES: Final = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_sign)
)
"""What authorities must say of themselves: those of companies often lack what the Web asks for."""


def judge(
    certificates: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate], seconds: int
) -> ValidityIndicator:
    """Whether certificates form one chain that holds.

    Args:
        certificates: the certificates, in any order.
        anchors: those that are trusted.
        seconds: when it is to hold, seconds since 1970.

    Raises:
        InvalidField: they are more than one chain, or none.
    """
    path = ordered(certificates)
    if any(not _is_at(one, seconds) for one in path):
        return ValidityIndicator.INVALID
    if any(not _is_signed(lower, upper) for lower, upper in pairwise(path)):
        return ValidityIndicator.INVALID
    top = path[-1]
    trusted = [one for one in anchors if one == top or _names(top, one)]
    if not trusted:
        return ValidityIndicator.UNKNOWN
    trusted = [one for one in trusted if _is_at(one, seconds)]
    holds = (path == [top] and top in trusted) or _holds(path, trusted, seconds)
    return ValidityIndicator.VALID if holds else ValidityIndicator.INVALID


def ordered(certificates: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The certificates from the one that issued no other up to the highest.

    Raises:
        InvalidField: they are more than one chain, or none.
    """
    rest = list(dict.fromkeys(certificates))
    leaves = [one for one in rest if not any(_names(other, one) for other in rest if other != one)]
    if len(leaves) != 1:
        raise InvalidField("the certificates are not one chain")
    path = leaves
    rest.remove(path[0])
    while rest:
        above = [one for one in rest if _names(path[-1], one)]
        if len(above) != 1:
            raise InvalidField("the certificates are not one chain")
        path.append(above[0])
        rest.remove(above[0])
    return path


def signs_itself(certificate: x509.Certificate) -> bool:
    """Whether a certificate is its own issuer."""
    return _names(certificate, certificate) and _is_signed(certificate, certificate)


def _names(lower: x509.Certificate, upper: x509.Certificate) -> bool:
    return lower.issuer == upper.subject


def _is_signed(lower: x509.Certificate, upper: x509.Certificate) -> bool:
    if not has_readable_key(upper):
        return False
    try:
        lower.verify_directly_issued_by(upper)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _is_at(certificate: x509.Certificate, seconds: int) -> bool:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return int(begin.timestamp()) <= seconds <= int(end.timestamp())


def _holds(path: Path, trusted: Sequence[x509.Certificate], seconds: int) -> bool:
    """Whether the path leads from its first certificate to a trusted one."""
    if not trusted:
        return False
    builder = (
        PolicyBuilder()
        .store(Store(list(trusted)))
        .time(datetime.fromtimestamp(seconds, UTC))
        .extension_policies(ca_policy=AUTHORITIES, ee_policy=ExtensionPolicy.permit_all())
    )
    try:
        builder.build_client_verifier().verify(path[0], list(path[1:]))
    except VerificationError:
        return False
    return True
