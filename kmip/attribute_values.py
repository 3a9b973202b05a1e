"""The attributes whose value is a structure (2.1 section 4; 1.4 section 3)."""

from __future__ import annotations

from typing import Annotated

from kmip.cryptographic_parameters import RNGParameters
from kmip.enums import (
    AlternativeNameType,
    DeactivationReasonCode,
    HashingAlgorithm,
    KeyFormatType,
    KeyValueLocationType,
    LinkType,
    NameType,
    RevocationReasonCode,
    RotateNameType,
    UsageLimitsUnit,
)
from kmip.structures import Structure, structure
from kmip.types import LongInteger, Reference
from kmip.versions import V1_1, since

RandomNumberGenerator = RNGParameters
"""The same structure under another tag (2.1 section 4.46)."""


@structure
class Name(Structure):
    """A name and its type (2.1 section 4.32); in 3.0 the text alone."""

    name_value: str
    name_type: NameType = NameType.UNINTERPRETED_TEXT_STRING


@structure
class NameText(Structure):
    """The text of a Name of whatever type, as a filter of 3.0 has it."""

    name_value: str


@structure
class Link(Structure):
    """A link to another object (2.1 section 4.31); in 3.0 an attribute for each type."""

    link_type: LinkType
    linked_object_identifier: Reference


@structure
class AlternativeName(Structure):
    """2.1 section 4.2."""

    alternative_name_value: str
    alternative_name_type: AlternativeNameType


@structure
class ApplicationSpecificInformation(Structure):
    """2.1 section 4.4; the server may make the data where only the namespace is given."""

    application_namespace: str
    application_data: str | None = None


@structure
class Digest(Structure):
    """2.1 section 4.21; no Key Format Type in 1.0."""

    hashing_algorithm: HashingAlgorithm
    digest_value: bytes | None = None
    key_format_type: Annotated[KeyFormatType | None, since(V1_1)] = None


@structure
class KeyValueLocation(Structure):
    """2.1 section 4.27."""

    key_value_location_value: str
    key_value_location_type: KeyValueLocationType


@structure
class RevocationReason(Structure):
    """2.1 section 4.47."""

    revocation_reason_code: RevocationReasonCode
    revocation_message: str | None = None


@structure
class DeactivationReason(Structure):
    """The reason of a Deactivate (3.0)."""

    deactivation_reason_code: DeactivationReasonCode
    deactivation_message: str | None = None


@structure
class UsageLimits(Structure):
    """2.1 section 4.59; the count is what is left."""

    usage_limits_total: LongInteger
    usage_limits_count: LongInteger | None = None
    usage_limits_unit: UsageLimitsUnit | None = None


@structure
class RotateName(Structure):
    """2.1 section 4.53."""

    rotate_name_value: str
    rotate_name_type: RotateNameType


@structure
class CertificateIdentifier(Structure):
    """1.4 section 3.13, deprecated since 1.1."""

    issuer: str
    serial_number: str | None = None


@structure
class CertificateSubject(Structure):
    """1.4 section 3.14, deprecated since 1.1."""

    certificate_subject_distinguished_name: str
    certificate_subject_alternative_name: tuple[str, ...] = ()


@structure
class CertificateIssuer(Structure):
    """1.4 section 3.15, deprecated since 1.1."""

    certificate_issuer_distinguished_name: str
    certificate_issuer_alternative_name: tuple[str, ...] = ()


@structure
class X509CertificateIdentifier(Structure):
    """2.1 section 4.61; DER of the name and of the number."""

    issuer_distinguished_name: bytes
    certificate_serial_number: bytes


@structure
class X509CertificateSubject(Structure):
    """2.1 section 4.63; DER."""

    subject_distinguished_name: bytes
    subject_alternative_name: tuple[bytes, ...] = ()


@structure
class X509CertificateIssuer(Structure):
    """2.1 section 4.62; DER."""

    issuer_distinguished_name: bytes
    issuer_alternative_name: tuple[bytes, ...] = ()
