"""What a certificate or a certificate request says of itself, as KMIP's attributes have it.

Source: 2.1 sections 4.6 to 4.8, 4.15, 4.22 and 4.61 to 4.63; 1.4 sections 3.8 to 3.17. The names
and numbers of the X.509 attributes are DER, the number with its tag and length (OASIS TC-ECC-3);
those of 1.0 are text: names as RFC 4514 writes them, numbers in hexadecimal.
"""

from typing import Any, NamedTuple

from cryptography import x509
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from cryptography.x509.oid import NameOID
from cryptography.x509.oid import SignatureAlgorithmOID as S

from kmip.attribute_values import (
    CertificateIdentifier,
    CertificateIssuer,
    CertificateSubject,
    X509CertificateIdentifier,
    X509CertificateIssuer,
    X509CertificateSubject,
)
from kmip.enums import CertificateRequestType, CertificateType
from kmip.enums import DigitalSignatureAlgorithm as D
from kmip.errors import InvalidCSR
from kmip.tags import Tag
from server.crypto.certificates.certificate_outline import Outline, outline
from server.crypto.errors import InvalidKey
from server.crypto.keys import diffie_hellman
from server.crypto.keys.key_facts import algorithm_of, length_of
from server.crypto.keys.key_types import PublicKey

MAX_CERTIFICATE = 64 * 1024
"""Bytes of a certificate or request: with post-quantum keys and signatures some 20 KiB."""

CERTIFICATE_ERRORS = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    InternalError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises where a certificate or request is none."""

NOT_READ = frozenset({diffie_hellman.PKCS_3, diffie_hellman.X9_42})
"""Kinds of keys that are left alone in certificates and requests: where the library reads a key of
Diffie-Hellman it tests the primality of its modulus, for as long as that takes, and nothing else
runs meanwhile. Such keys sign nothing."""

NAME_PARTS: dict[x509.ObjectIdentifier, str] = {
    NameOID.COMMON_NAME: "CN",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.EMAIL_ADDRESS: "EMAIL",
    NameOID.COUNTRY_NAME: "C",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.LOCALITY_NAME: "L",
    NameOID.USER_ID: "UID",
    NameOID.SERIAL_NUMBER: "SERIAL_NUMBER",
    NameOID.TITLE: "TITLE",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.DN_QUALIFIER: "DN_QUALIFIER",
}
"""The parts of a name that have an attribute of their own (2.1 section 4.6)."""

SIGNATURE_ALGORITHMS: dict[x509.ObjectIdentifier, D] = {
    S.RSA_WITH_MD5: D.MD5_WITH_RSA_ENCRYPTION_PKCS_1_V1_5,
    S.RSA_WITH_SHA1: D.SHA_1_WITH_RSA_ENCRYPTION_PKCS_1_V1_5,
    S.RSA_WITH_SHA224: D.SHA_224_WITH_RSA_ENCRYPTION_PKCS_1_V1_5,
    S.RSA_WITH_SHA256: D.SHA_256_WITH_RSA_ENCRYPTION_PKCS_1_V1_5,
    S.RSA_WITH_SHA384: D.SHA_384_WITH_RSA_ENCRYPTION_PKCS_1_V1_5,
    S.RSA_WITH_SHA512: D.SHA_512_WITH_RSA_ENCRYPTION_PKCS_1_V1_5,
    S.RSASSA_PSS: D.RSASSA_PSS_PKCS_1_V2_1,
    S.DSA_WITH_SHA1: D.DSA_WITH_SHA_1,
    S.DSA_WITH_SHA224: D.DSA_WITH_SHA224,
    S.DSA_WITH_SHA256: D.DSA_WITH_SHA256,
    S.ECDSA_WITH_SHA1: D.ECDSA_WITH_SHA_1,
    S.ECDSA_WITH_SHA224: D.ECDSA_WITH_SHA224,
    S.ECDSA_WITH_SHA256: D.ECDSA_WITH_SHA256,
    S.ECDSA_WITH_SHA384: D.ECDSA_WITH_SHA384,
    S.ECDSA_WITH_SHA512: D.ECDSA_WITH_SHA512,
    S.RSA_WITH_SHA3_256: D.SHA3_256_WITH_RSA_ENCRYPTION,
    S.RSA_WITH_SHA3_384: D.SHA3_384_WITH_RSA_ENCRYPTION,
    S.RSA_WITH_SHA3_512: D.SHA3_512_WITH_RSA_ENCRYPTION,
}
"""Digital Signature Algorithm by object identifier; others have no name in the protocol."""


class Alternatives(NamedTuple):
    """Alternative names: as DER and as text."""

    encoded: tuple[bytes, ...] = ()
    texts: tuple[str, ...] = ()


class CertificateFacts(NamedTuple):
    """What a certificate says.

    Attributes:
        attributes: by tag, the values that Register sets; several where several are allowed.
        public_key: None where the server does not compute with its kind.
    """

    attributes: dict[Tag, tuple[Any, ...]]
    public_key: PublicKey | None


def certificate_facts(value: bytes) -> CertificateFacts:
    """What an X.509 certificate says; nothing is verified.

    Of one that OpenSSL reads and the library does not, what its outline tells.

    Args:
        value: Certificate Value: DER or PEM.

    Raises:
        InvalidKey: not an X.509 certificate.
    """
    if len(value) > MAX_CERTIFICATE:
        raise InvalidKey("the certificate is longer than certificates are")
    try:
        return _facts(_load(value), value)
    except CERTIFICATE_ERRORS:
        pass
    try:
        return _outlined(outline(value), value)
    except CERTIFICATE_ERRORS:
        raise InvalidKey("the certificate value is not an X.509 certificate") from None


def _outlined(parts: Outline, value: bytes) -> CertificateFacts:
    """What can be told of a certificate whose names or version the library does not read."""
    key = None
    if not diffie_hellman.is_diffie_hellman(parts.public_key):
        try:
            key = load_der_public_key(parts.public_key)
        except CERTIFICATE_ERRORS:
            key = None
    attributes: dict[Tag, tuple[Any, ...]] = {
        Tag.CERTIFICATE_TYPE: (CertificateType.X_509,),
        Tag.CERTIFICATE_LENGTH: (len(value),),
        Tag.X_509_CERTIFICATE_IDENTIFIER: (
            X509CertificateIdentifier(
                issuer_distinguished_name=parts.issuer,
                certificate_serial_number=parts.serial_number,
            ),
        ),
        Tag.X_509_CERTIFICATE_SUBJECT: (
            X509CertificateSubject(
                subject_distinguished_name=parts.subject, subject_alternative_name=()
            ),
        ),
        Tag.X_509_CERTIFICATE_ISSUER: (
            X509CertificateIssuer(
                issuer_distinguished_name=parts.issuer, issuer_alternative_name=()
            ),
        ),
        Tag.CERTIFICATE_SUBJECT_DN: (parts.subject,),
        Tag.CERTIFICATE_ISSUER_DN: (parts.issuer,),
    }
    return CertificateFacts(attributes | _key_attributes(key), key)


def certificate_der(value: bytes) -> bytes:
    """The DER of a Certificate Value, which may be PEM.

    Raises:
        InvalidKey: it is PEM and holds no certificate.
    """
    if len(value) > MAX_CERTIFICATE or not value.lstrip().startswith(b"-----BEGIN "):
        return value
    try:
        return _load(value).public_bytes(Encoding.DER)
    except CERTIFICATE_ERRORS:
        raise InvalidKey("the certificate value is not an X.509 certificate") from None


def _load(value: bytes) -> x509.Certificate:
    if value.lstrip().startswith(b"-----BEGIN "):
        return x509.load_pem_x509_certificate(value)
    return x509.load_der_x509_certificate(value)


def _facts(certificate: x509.Certificate, value: bytes) -> CertificateFacts:
    subject, issuer = certificate.subject, certificate.issuer
    subject_names = _alternatives(certificate, x509.SubjectAlternativeName)
    issuer_names = _alternatives(certificate, x509.IssuerAlternativeName)
    serial = asn1.encode_der(certificate.serial_number)
    attributes: dict[Tag, tuple[Any, ...]] = {
        Tag.CERTIFICATE_TYPE: (CertificateType.X_509,),
        Tag.CERTIFICATE_LENGTH: (len(value),),
        Tag.X_509_CERTIFICATE_IDENTIFIER: (
            X509CertificateIdentifier(
                issuer_distinguished_name=issuer.public_bytes(), certificate_serial_number=serial
            ),
        ),
        Tag.X_509_CERTIFICATE_SUBJECT: (
            X509CertificateSubject(
                subject_distinguished_name=subject.public_bytes() if len(list(subject)) else b"",
                subject_alternative_name=subject_names.encoded,
            ),
        ),
        Tag.X_509_CERTIFICATE_ISSUER: (
            X509CertificateIssuer(
                issuer_distinguished_name=issuer.public_bytes(),
                issuer_alternative_name=issuer_names.encoded,
            ),
        ),
        Tag.CERTIFICATE_IDENTIFIER: (
            CertificateIdentifier(
                issuer=_text(issuer), serial_number=_hexadecimal(certificate.serial_number)
            ),
        ),
        Tag.CERTIFICATE_SUBJECT: (
            CertificateSubject(
                certificate_subject_distinguished_name=_text(subject),
                certificate_subject_alternative_name=subject_names.texts,
            ),
        ),
        Tag.CERTIFICATE_ISSUER: (
            CertificateIssuer(
                certificate_issuer_distinguished_name=_text(issuer),
                certificate_issuer_alternative_name=issuer_names.texts,
            ),
        ),
        Tag.CERTIFICATE_SUBJECT_DN: (subject.public_bytes(),),
        Tag.CERTIFICATE_ISSUER_DN: (issuer.public_bytes(),),
        **_name_attributes("SUBJECT", subject),
        **_name_attributes("ISSUER", issuer),
    }
    signed_with = SIGNATURE_ALGORITHMS.get(certificate.signature_algorithm_oid)
    if signed_with is not None:
        attributes[Tag.DIGITAL_SIGNATURE_ALGORITHM] = (signed_with,)
    key = _public_key(certificate)
    return CertificateFacts(attributes | _key_attributes(key), key)


def has_readable_key(paper: x509.Certificate | x509.CertificateSigningRequest) -> bool:
    """Whether the public key within may be read at all; see `NOT_READ`."""
    return paper.public_key_algorithm_oid not in NOT_READ  # type: ignore[union-attr]  # requests have it too, untyped


def _public_key(of: x509.Certificate | x509.CertificateSigningRequest) -> PublicKey | None:
    """The public key within; None where the server does not compute with its kind."""
    if not has_readable_key(of):
        return None
    try:
        return of.public_key()
    except CERTIFICATE_ERRORS:
        return None


def _key_attributes(key: PublicKey | None) -> dict[Tag, tuple[Any, ...]]:
    """Algorithm and length of the public key (2.1 section 4.15)."""
    if key is None:
        return {}
    return {
        Tag.CRYPTOGRAPHIC_ALGORITHM: (algorithm_of(key),),
        Tag.CRYPTOGRAPHIC_LENGTH: (length_of(key),),
    }


def _name_attributes(whose: str, name: x509.Name) -> dict[Tag, tuple[Any, ...]]:
    """The parts of a name, several of a kind in their order; `whose` is SUBJECT or ISSUER."""
    attributes: dict[Tag, tuple[Any, ...]] = {}
    for part in name:
        known = NAME_PARTS.get(part.oid)
        if known is not None:
            tag = Tag[f"CERTIFICATE_{whose}_{known}"]
            attributes[tag] = (*attributes.get(tag, ()), part.value)
    return attributes


def _hexadecimal(serial: int) -> str:
    """A serial number as the published examples write it: the hexadecimal digits of its bytes."""
    size = (abs(serial).bit_length() + 7) // 8 or 1
    return f"{'-' if serial < 0 else ''}{abs(serial):0{2 * size}X}"


def _text(name: x509.Name) -> str:
    """A name as RFC 4514 writes it."""
    return name.rfc4514_string({NameOID.EMAIL_ADDRESS: "emailAddress"})


def _alternatives(certificate: x509.Certificate, kind: type[Any]) -> Alternatives:
    """The alternative names in an extension; none where there is no such extension to be read."""
    try:
        names: list[x509.GeneralName] = list(
            certificate.extensions.get_extension_for_class(kind).value
        )
    except (x509.ExtensionNotFound, *CERTIFICATE_ERRORS):
        return Alternatives()
    return Alternatives(
        tuple(_general_name(name) for name in names),
        tuple(_text(n.value) if isinstance(n.value, x509.Name) else str(n.value) for n in names),
    )


def _general_name(name: x509.GeneralName) -> bytes:
    """The DER of one GeneralName: that of a sequence of it, without the sequence's header."""
    sequence = x509.SubjectAlternativeName([name]).public_bytes()
    long_form = sequence[1] & 0x7F if sequence[1] & 0x80 else 0
    return sequence[2 + long_form :]


class RequestFacts(NamedTuple):
    """What a certificate request says, its signature verified.

    Attributes:
        subject: the DER of the name.
        public_key: the key to be certified; None where the server does not compute with its kind.
        attributes: by tag.
        request: the library's, for Certify.
    """

    subject: bytes
    public_key: PublicKey | None
    attributes: dict[Tag, tuple[Any, ...]]
    request: x509.CertificateSigningRequest


NOT_ACCEPTED = frozenset({"sha1", "md5"})
"""Hashes under which the library verifies no request; nobody should vouch for what they sign."""


def _hash_of(request: x509.CertificateSigningRequest) -> str:
    """The name of the hash that a request was signed with; empty where it is unknown."""
    try:
        algorithm = request.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return ""
    return "" if algorithm is None else algorithm.name


def request_facts(value: bytes) -> RequestFacts:
    """What a PKCS#10 certificate request says (RFC 2986); its proof of possession is verified.

    Args:
        value: Certificate Request Value: DER, or PEM.

    Raises:
        InvalidCSR: not such a request, or its signature does not hold.
    """
    if len(value) > MAX_CERTIFICATE:
        raise InvalidCSR("the certificate request is longer than requests are")
    try:
        if value.lstrip().startswith(b"-----BEGIN "):
            request = x509.load_pem_x509_csr(value)
        else:
            request = x509.load_der_x509_csr(value)
        holds = has_readable_key(request) and request.is_signature_valid
    except CERTIFICATE_ERRORS:
        raise InvalidCSR("the value is not a PKCS#10 certificate request") from None
    if not holds and _hash_of(request) in NOT_ACCEPTED:
        raise InvalidCSR("certificate requests signed with SHA-1 or MD5 are not accepted")
    if not holds:
        raise InvalidCSR("the signature of the certificate request does not hold")
    key = _public_key(request)
    attributes = {
        **_name_attributes("SUBJECT", request.subject),
        **_key_attributes(key),
        Tag.CERTIFICATE_REQUEST_TYPE: (CertificateRequestType.PKCS_10,),
    }
    return RequestFacts(request.subject.public_bytes(), key, attributes, request)
