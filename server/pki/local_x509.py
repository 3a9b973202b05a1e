"""X.509 certificates as data: what an authority and a leaf say, and whether one still does.

Pure functions over `cryptography.x509`; `server.pki.local_authority` keeps the results in files.

Source: RFC 5280 sections 4.1 and 4.2.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from server.pki import certificate_parts
from server.pki.certificate_parts import BACKDATE, common_name, hash_of, key_usage, valid

AUTHORITY_LIFE: Final = timedelta(days=3650)
LEAF_LIFE: Final = timedelta(days=397)
RENEW_BELOW: Final = 1 / 3  # of its life left

IssuerKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@dataclass(frozen=True)
class Leaf:
    """What a server or client certificate is to say.

    Attributes:
        common_name: of its subject.
        purpose: its one extended key usage.
        alternatives: names and addresses of its subject.
    """

    common_name: str
    purpose: x509.ObjectIdentifier
    alternatives: frozenset[x509.GeneralName] = frozenset()


def self_signed(subject: x509.Name, key: IssuerKey, now: datetime) -> x509.Certificate:
    """An authority's certificate, which may issue leaves only."""
    return certificate_parts.self_signed(subject, key, now - BACKDATE, now + AUTHORITY_LIFE)


def issue(
    leaf: Leaf,
    public_key: PublicKey,
    authority: x509.Certificate,
    authority_key: IssuerKey,
    now: datetime,
) -> x509.Certificate:
    """A certificate that says `leaf` of `public_key`, for a leaf's life or the authority's."""
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    builder = (
        valid(now - BACKDATE, min(now + LEAF_LIFE, authority.not_valid_after_utc))
        .subject_name(common_name(leaf.common_name))
        .issuer_name(authority.subject)
        .public_key(public_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([leaf.purpose]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(issuer, critical=False)
    )
    if leaf.alternatives:
        ordered = sorted(leaf.alternatives, key=repr)
        builder = builder.add_extension(x509.SubjectAlternativeName(ordered), critical=False)
    return builder.sign(authority_key, hash_of(authority_key))


def fits(
    certificate: x509.Certificate,
    leaf: Leaf,
    public_key: PublicKey,
    authority: x509.Certificate,
    now: datetime,
) -> bool:
    """Whether `certificate` says `leaf` of `public_key`, by this authority, for long enough."""
    try:
        certificate.verify_directly_issued_by(authority)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, another is made
        return False
    return (
        is_current(certificate, now)
        and certificate.subject == common_name(leaf.common_name)
        and certificate.public_key() == public_key
        and leaf.alternatives <= _alternatives(certificate)
    )


def is_current(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether it is valid and more than a third of its life is left."""
    end, start = certificate.not_valid_after_utc, certificate.not_valid_before_utc
    return start <= now and (end - now) > RENEW_BELOW * (end - start)


def _alternatives(certificate: x509.Certificate) -> frozenset[x509.GeneralName]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(extension.value)
