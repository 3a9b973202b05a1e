"""X.509 certificates and revocation lists of chip vendors, as they are read.

The structures are declared with pyca's ASN.1 engine (strict DER), not with `cryptography.x509`,
because AMD's leaf certificates have the serial number 0, which RFC 5280 forbids and pyca is about
to refuse. Reading verifies nothing; `enclave.chain` does.

Source: RFC 5280 sections 4.1, 4.2, 5.1.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509 import ObjectIdentifier

from enclave.errors import InvalidEvidence

MAX_CERTIFICATE_SIZE = 8192  # AMD's RSA-4096 certificates have about 1700 bytes
MAX_CHAIN_LENGTH = 4  # vendors send leaf, intermediate and root
MAX_REVOCATION_LIST_SIZE = 1 << 20  # Intel's longest so far has about 60 KB

_COMMON_NAME = "2.5.4.3"

T = TypeVar("T")


@asn1.sequence
class AlgorithmIdentifier:
    """RFC 5280 section 4.1.1.2; some makers write a NULL that RFC 5758 forbids."""

    algorithm: ObjectIdentifier
    parameters: asn1.Null | asn1.TLV | None


@asn1.sequence
class Signed:
    """What certificates and revocation lists have in common: something, signed."""

    content: asn1.TLV
    algorithm: asn1.TLV
    signature: asn1.BitString


@asn1.sequence
class _Validity:
    not_before: asn1.UTCTime | asn1.GeneralizedTime
    not_after: asn1.UTCTime | asn1.GeneralizedTime


@asn1.sequence
class _Extension:
    extn_id: ObjectIdentifier
    critical: Annotated[bool, asn1.Default(False)]
    extn_value: bytes


@asn1.sequence
class TBSCertificate:
    """What is signed of a certificate of version 3 (RFC 5280 section 4.1)."""

    version: Annotated[int, asn1.Explicit(0)]
    serial_number: int
    signature: asn1.TLV
    issuer: asn1.TLV
    validity: _Validity
    subject: asn1.TLV
    subject_public_key_info: asn1.TLV
    extensions: Annotated[list[_Extension], asn1.Explicit(3)]


@asn1.sequence
class _RevokedCertificate:
    user_certificate: int
    revocation_date: asn1.UTCTime | asn1.GeneralizedTime
    crl_entry_extensions: list[_Extension] | None


@asn1.sequence
class _TBSCertList:
    version: int
    signature: asn1.TLV
    issuer: asn1.TLV
    this_update: asn1.UTCTime | asn1.GeneralizedTime
    next_update: asn1.UTCTime | asn1.GeneralizedTime
    revoked_certificates: list[_RevokedCertificate] | None
    crl_extensions: Annotated[list[_Extension] | None, asn1.Explicit(0)]


@asn1.sequence
class _Attribute:
    type: ObjectIdentifier
    value: asn1.TLV


@asn1.sequence
class _Name:
    rdns: list[asn1.SetOf[_Attribute]]


@asn1.sequence
class _One:
    value: asn1.TLV


@dataclass(frozen=True)
class Certificate:
    """A certificate as it was read; nothing is verified by reading it.

    Attributes:
        der: all of it.
        signed: the signed part, with its header.
        algorithm: OID of the signature scheme.
        signature: as in the bit string.
        serial: the serial number; AMD's leaves have 0.
        issuer, subject: DER of the names.
        not_before, not_after: UTC.
        spki: DER SubjectPublicKeyInfo.
        extensions: by dotted OID, the bytes in the OCTET STRING.
        critical: OIDs of the extensions marked critical.
    """

    der: bytes = field(repr=False)
    signed: bytes = field(repr=False)
    algorithm: str
    signature: bytes = field(repr=False)
    serial: int
    issuer: bytes = field(repr=False)
    subject: bytes = field(repr=False)
    not_before: datetime
    not_after: datetime
    spki: bytes = field(repr=False)
    extensions: Mapping[str, bytes] = field(repr=False)
    critical: frozenset[str]

    @property
    def common_name(self) -> str:
        """The subject's CN; empty where it has none or several."""
        return _common_name(self.subject)

    @property
    def issuer_common_name(self) -> str:
        """The issuer's CN; empty where it has none or several."""
        return _common_name(self.issuer)

    def public_key(self) -> Any:
        """The subject's key.

        Raises:
            InvalidEvidence: it is malformed or of a kind that the library does not know.
        """
        try:
            return load_der_public_key(self.spki)
        except (ValueError, UnsupportedAlgorithm):
            raise InvalidEvidence("certificate", "its public key cannot be read") from None


def read_certificate(der: bytes) -> Certificate:
    """The certificate in `der`, unverified.

    Args:
        der: an X.509 version 3 certificate, at most 8192 bytes.

    Raises:
        InvalidEvidence: malformed, too long, or an extension comes twice.
    """
    what = "certificate"
    if len(der) > MAX_CERTIFICATE_SIZE:
        raise InvalidEvidence(what, f"{len(der)} bytes, more than {MAX_CERTIFICATE_SIZE}")
    outer = decode_der(Signed, der, what)
    signed = asn1.encode_der(outer.content)
    tbs = decode_der(TBSCertificate, signed, what)
    extensions = {entry.extn_id.dotted_string: entry.extn_value for entry in tbs.extensions}
    if len(extensions) != len(tbs.extensions):
        raise InvalidEvidence(what, "an extension comes twice")
    return Certificate(
        der=der,
        signed=signed,
        algorithm=_algorithm(outer, tbs.signature, what),
        signature=outer.signature.as_bytes(),
        serial=tbs.serial_number,
        issuer=asn1.encode_der(tbs.issuer),
        subject=asn1.encode_der(tbs.subject),
        not_before=tbs.validity.not_before.as_datetime(),
        not_after=tbs.validity.not_after.as_datetime(),
        spki=asn1.encode_der(tbs.subject_public_key_info),
        extensions=extensions,
        critical=frozenset(e.extn_id.dotted_string for e in tbs.extensions if e.critical),
    )


@dataclass(frozen=True)
class RevocationList:
    """A certificate revocation list as it was read; see `Certificate`."""

    signed: bytes = field(repr=False)
    algorithm: str
    signature: bytes = field(repr=False)
    issuer: bytes = field(repr=False)
    this_update: datetime
    next_update: datetime
    revoked: frozenset[int] = field(repr=False)
    critical: frozenset[str]


def read_revocation_list(der: bytes) -> RevocationList:
    """The revocation list in `der`, unverified.

    Args:
        der: an X.509 version 2 CRL with a nextUpdate, at most 1 MiB.

    Raises:
        InvalidEvidence: malformed or too long.
    """
    what = "revocation list"
    if len(der) > MAX_REVOCATION_LIST_SIZE:
        raise InvalidEvidence(what, f"{len(der)} bytes, more than {MAX_REVOCATION_LIST_SIZE}")
    outer = decode_der(Signed, der, what)
    signed = asn1.encode_der(outer.content)
    tbs = decode_der(_TBSCertList, signed, what)
    return RevocationList(
        signed=signed,
        algorithm=_algorithm(outer, tbs.signature, what),
        signature=outer.signature.as_bytes(),
        issuer=asn1.encode_der(tbs.issuer),
        this_update=tbs.this_update.as_datetime(),
        next_update=tbs.next_update.as_datetime(),
        revoked=frozenset(entry.user_certificate for entry in tbs.revoked_certificates or []),
        critical=frozenset(e.extn_id.dotted_string for e in tbs.crl_extensions or [] if e.critical),
    )


def read_pem_chain(pem: bytes) -> tuple[Certificate, ...]:
    """The certificates of a PEM chain in their order, unverified.

    Args:
        pem: at most 4 certificates and white space; one NUL may end it, as C programs write.

    Raises:
        InvalidEvidence: anything else.
    """
    what = "certificate chain"
    text = pem.removesuffix(b"\0").strip()
    blocks = text.split(b"-----END CERTIFICATE-----")
    if blocks.pop() or not 0 < len(blocks) <= MAX_CHAIN_LENGTH:
        raise InvalidEvidence(what, f"not 1 to {MAX_CHAIN_LENGTH} PEM certificates")
    ders = []
    for block in blocks:
        head, _, body = block.strip().partition(b"-----BEGIN CERTIFICATE-----")
        try:
            ders.append(b64decode(b"".join(body.split()), validate=True))
        except ValueError:
            raise InvalidEvidence(what, "malformed base 64") from None
        if head:
            raise InvalidEvidence(what, "text outside the certificates")
    return tuple(read_certificate(der) for der in ders)


def decode_der(cls: type[T], data: bytes, what: str) -> T:
    """`data` as the ASN.1 structure `cls`, all of it.

    Raises:
        InvalidEvidence: it is not; the library's text is dropped.
    """
    try:
        return asn1.decode_der(cls, data)
    except (ValueError, OverflowError):
        raise InvalidEvidence(what, "malformed DER") from None


def _algorithm(outer: Signed, inner: asn1.TLV, what: str) -> str:
    """The OID of the scheme; RFC 5280 has it twice, inside and outside the signed part."""
    der = asn1.encode_der(outer.algorithm)
    if der != asn1.encode_der(inner):
        raise InvalidEvidence(what, "two different signature algorithms")
    if outer.signature.padding_bits():
        raise InvalidEvidence(what, "the signature is not whole bytes")
    return decode_der(AlgorithmIdentifier, der, what).algorithm.dotted_string


def _common_name(name: bytes) -> str:
    # SEQUENCE OF cannot be decoded by itself, so it is put into a structure of one field.
    wrapped = asn1.encode_der(_One(value=decode_der(asn1.TLV, name, "name")))
    rdns = decode_der(_Name, wrapped, "name").rdns
    attributes = [attribute for rdn in rdns for attribute in rdn.as_list()]
    found = [a.value for a in attributes if a.type.dotted_string == _COMMON_NAME]
    return bytes(found[0].data).decode("latin-1") if len(found) == 1 else ""
