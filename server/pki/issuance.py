"""X.509 certificates that Certify and Re-certify make: what they say, and the signature under them.

The issuer vouches for nothing but that a client asked: so a certificate says what its request says
(subject and alternative names), and a critical extension says what it may not be used for: it is no
authority. Nothing else of a request is taken over.

Source: RFC 5280 sections 4.1 and 4.2; RFC 2986.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from kmip.attributes import Attributes
from kmip.errors import CryptographicFailure, InvalidField
from kmip.tags import Tag
from server.crypto.certificates.certificate_facts import CERTIFICATE_ERRORS, NAME_PARTS
from server.crypto.keys.key_types import PrivateKey, PublicKey
from server.pki.certificate_parts import BACKDATE, common_name, hash_of, self_signed, valid


@dataclass(frozen=True)
class Issuer:
    """Who signs.

    Attributes:
        certificate: the issuer's.
        key: its private key.
    """

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)


@dataclass(frozen=True)
class Subject:
    """What is certified.

    Attributes:
        name: the subject's.
        key: its public key.
        alternatives: its alternative names, if there are any.
    """

    name: x509.Name
    key: PublicKey
    alternatives: x509.SubjectAlternativeName | None = None


def load(value: bytes) -> x509.Certificate:
    """A certificate from DER or PEM.

    Raises:
        InvalidField: it is none.
    """
    try:
        if value.lstrip().startswith(b"-----BEGIN "):
            return x509.load_pem_x509_certificate(value)
        return x509.load_der_x509_certificate(value)
    except CERTIFICATE_ERRORS:
        raise InvalidField("the certificate value is not an X.509 certificate") from None


def alternatives_of(
    paper: x509.Certificate | x509.CertificateSigningRequest,
) -> x509.SubjectAlternativeName | None:
    """The alternative names in a certificate or a request."""
    try:
        found = paper.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError, x509.UnsupportedGeneralNameType):
        return None
    return found.value


def issue(issuer: Issuer, subject: Subject, now: int, days: int) -> bytes:
    """A new certificate, DER.

    Args:
        issuer: signs it.
        subject: is certified.
        now: seconds since 1970.
        days: how long it is valid, but not longer than the issuer's own.

    Raises:
        InvalidField: the issuer's certificate has ended, or the subject's key cannot be certified.
        CryptographicFailure: the issuer's key does not sign certificates.
    """
    begin = datetime.fromtimestamp(now, UTC) - BACKDATE
    end = min(begin + timedelta(days=days), issuer.certificate.not_valid_after_utc)
    if end <= begin:
        raise InvalidField("the certificate of the authority has ended")
    try:
        builder = (
            valid(begin, end)
            .subject_name(subject.name)
            .issuer_name(issuer.certificate.subject)
            .public_key(subject.key)  # type: ignore[arg-type] # kinds without certificates raise
        )
        for extension, critical in _extensions(issuer, subject):
            builder = builder.add_extension(extension, critical)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise InvalidField("a key of this kind, or this name, cannot be certified") from None
    return _signed(builder, issuer.key).public_bytes(Encoding.DER)


def _extensions(issuer: Issuer, subject: Subject) -> list[tuple[x509.ExtensionType, bool]]:
    """The extensions of a certificate, and whether each is critical."""
    found: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.SubjectKeyIdentifier.from_public_key(subject.key), False),  # type: ignore[arg-type]  # any public key of pyca's
        (_authority_key_identifier(issuer.certificate), False),
    ]
    if subject.alternatives is not None:
        found.append((subject.alternatives, not list(subject.name)))
    return found


def _authority_key_identifier(certificate: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        own = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(
            certificate.public_key()  # type: ignore[arg-type] # an issuer's key signs
        )
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own.value)


def _signed(builder: x509.CertificateBuilder, key: PrivateKey) -> x509.Certificate:
    try:
        return builder.sign(key, hash_of(key))  # type: ignore[arg-type] # others raise TypeError
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise CryptographicFailure("the authority's key does not sign certificates") from None


def authority(key: ec.EllipticCurvePrivateKey, name: str, now: int, days: int) -> x509.Certificate:
    """The certificate of a new authority, which signs itself.

    Args:
        key: its private key.
        name: its Common Name.
        now: seconds since 1970.
        days: how long it is valid.
    """
    begin = datetime.fromtimestamp(now, UTC) - BACKDATE
    return self_signed(common_name(name), key, begin, begin + timedelta(days=days))


def name_of(attributes: Attributes) -> x509.Name | None:
    """The subject's name as a request's attributes give it; None where they give none.

    Raises:
        InvalidField: they give one that is none.
    """
    try:
        if Tag.X_509_CERTIFICATE_SUBJECT in attributes:
            whole = attributes.get(Tag.X_509_CERTIFICATE_SUBJECT)
            return x509.Name.from_bytes(whole.subject_distinguished_name)
        if Tag.CERTIFICATE_SUBJECT_DN in attributes:
            return x509.Name.from_bytes(attributes.get(Tag.CERTIFICATE_SUBJECT_DN))
        if Tag.CERTIFICATE_SUBJECT in attributes:
            text = attributes.get(Tag.CERTIFICATE_SUBJECT).certificate_subject_distinguished_name
            return x509.Name.from_rfc4514_string(text)
        parts = [
            x509.NameAttribute(identifier, value)
            for identifier, part in NAME_PARTS.items()
            for value in attributes.all(Tag[f"CERTIFICATE_SUBJECT_{part}"])
        ]
    except ValueError:
        raise InvalidField("the certificate's subject is no distinguished name") from None
    return x509.Name(parts) if parts else None
