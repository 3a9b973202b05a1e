"""The attributes of KMIP 1.0 to 3.0, one row each.

A row says which tag an attribute has, the form of its value, and whether an object may have several
(2.1 section 4; 1.4 section 3 for those that 2.0 dropped). The versions that have the attribute are
those of its tag, except for what was a field before it became an attribute (`FIELDS_ONCE`). The
rules of the specification's "Attribute Rules" tables are in `kmip.attribute_rules`, one row for
each attribute too.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from kmip import attribute_values as v
from kmip.cryptographic_parameters import CryptographicDomainParameters, CryptographicParameters
from kmip.enums import (
    CertificateRequestType,
    CertificateType,
    CredentialType,
    CryptographicAlgorithm,
    DigitalSignatureAlgorithm,
    ItemType,
    KeyFormatType,
    LinkType,
    NISTKeyType,
    ObjectClass,
    ObjectType,
    OTPAlgorithm,
    ProtectionLevel,
    SplitKeyMethod,
    SplitKeyPolynomial,
    State,
)
from kmip.masks import CryptographicUsageMask, ProtectionStorageMask
from kmip.structures import Converted, Form, Nested, Plain, Versioned, form_of
from kmip.tags import WORDS, Tag
from kmip.types import DateTime, Identifier, Interval, LongInteger, OpaqueDataType, Reference
from kmip.versions import INTERNAL, V2_0, V2_1, V3_0, Span, since


class Attribute(NamedTuple):
    """One attribute.

    Attributes:
        tag: names it in 2.0 and later.
        form: how one value is encoded in an item.
        many: whether an object may have several values.
        name: names it in 1.x.
        span: the versions that have it.
    """

    tag: Tag
    form: Form
    many: bool
    name: str
    span: Span


FIELDS_ONCE: Final[dict[Tag, Span]] = {
    Tag.KEY_FORMAT_TYPE: since(V2_0),
    Tag.OPAQUE_DATA_TYPE: since(V2_0),
    Tag.CERTIFICATE_REQUEST_TYPE: since(V3_0),
    Tag.CREDENTIAL_TYPE: since(V3_0),
    Tag.SPLIT_KEY_METHOD: since(V3_0),
    Tag.SPLIT_KEY_PARTS: since(V3_0),
    Tag.SPLIT_KEY_THRESHOLD: since(V3_0),
    Tag.KEY_PART_IDENTIFIER: since(V3_0),
}
"""The versions of attributes whose tags are older, being those of fields of objects or payloads."""


def _row(tag: Tag, hint: Any, *, many: bool = False) -> Attribute:
    form: Form = hint if hasattr(hint, "read") else form_of(*_unfolded(hint))
    return Attribute(tag, form, many, WORDS[tag], FIELDS_ONCE.get(tag, tag.span))


def _unfolded(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    return getattr(hint, "__origin__", hint), getattr(hint, "__metadata__", ())


def _text_name(text: str) -> v.Name:
    return v.Name(name_value=text)


def _name_text(name: v.Name) -> str:
    return name.name_value


NAME: Final = Versioned(
    (Span(INTERNAL, V2_1), ItemType.STRUCTURE, Nested(v.Name)),
    (
        since(V3_0),
        ItemType.TEXT_STRING,
        Converted(Plain(ItemType.TEXT_STRING), _text_name, _name_text),
    ),
)

_ONE: Final[dict[Tag, Any]] = {
    Tag.UNIQUE_IDENTIFIER: Identifier,
    Tag.SHORT_UNIQUE_IDENTIFIER: bytes,
    Tag.OBJECT_TYPE: ObjectType,
    Tag.OBJECT_CLASS: ObjectClass,
    Tag.CRYPTOGRAPHIC_ALGORITHM: CryptographicAlgorithm,
    Tag.CRYPTOGRAPHIC_LENGTH: int,
    Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS: CryptographicDomainParameters,
    Tag.CRYPTOGRAPHIC_USAGE_MASK: CryptographicUsageMask,
    Tag.CERTIFICATE_TYPE: CertificateType,
    Tag.CERTIFICATE_REQUEST_TYPE: CertificateRequestType,
    Tag.CERTIFICATE_LENGTH: int,
    Tag.X_509_CERTIFICATE_IDENTIFIER: v.X509CertificateIdentifier,
    Tag.X_509_CERTIFICATE_SUBJECT: v.X509CertificateSubject,
    Tag.X_509_CERTIFICATE_ISSUER: v.X509CertificateIssuer,
    Tag.CERTIFICATE_IDENTIFIER: v.CertificateIdentifier,
    Tag.CERTIFICATE_SUBJECT: v.CertificateSubject,
    Tag.CERTIFICATE_ISSUER: v.CertificateIssuer,
    Tag.DIGITAL_SIGNATURE_ALGORITHM: DigitalSignatureAlgorithm,
    Tag.OPERATION_POLICY_NAME: str,
    Tag.LEASE_TIME: Interval,
    Tag.USAGE_LIMITS: v.UsageLimits,
    Tag.STATE: State,
    Tag.INITIAL_DATE: DateTime,
    Tag.ACTIVATION_DATE: DateTime,
    Tag.PROCESS_START_DATE: DateTime,
    Tag.PROTECT_STOP_DATE: DateTime,
    Tag.DEACTIVATION_DATE: DateTime,
    Tag.DESTROY_DATE: DateTime,
    Tag.COMPROMISE_OCCURRENCE_DATE: DateTime,
    Tag.COMPROMISE_DATE: DateTime,
    Tag.REVOCATION_REASON: v.RevocationReason,
    Tag.DEACTIVATION_REASON: v.DeactivationReason,
    Tag.ARCHIVE_DATE: DateTime,
    Tag.FRESH: bool,
    Tag.CONTACT_INFORMATION: str,
    Tag.LAST_CHANGE_DATE: DateTime,
    Tag.ORIGINAL_CREATION_DATE: DateTime,
    Tag.KEY_VALUE_PRESENT: bool,
    Tag.RANDOM_NUMBER_GENERATOR: v.RandomNumberGenerator,
    Tag.PKCS_12_FRIENDLY_NAME: str,
    Tag.DESCRIPTION: str,
    Tag.COMMENT: str,
    Tag.SENSITIVE: bool,
    Tag.ALWAYS_SENSITIVE: bool,
    Tag.EXTRACTABLE: bool,
    Tag.NEVER_EXTRACTABLE: bool,
    Tag.KEY_FORMAT_TYPE: KeyFormatType,
    Tag.OPAQUE_DATA_TYPE: OpaqueDataType,
    Tag.PROTECTION_LEVEL: ProtectionLevel,
    Tag.PROTECTION_PERIOD: Interval,
    Tag.PROTECTION_STORAGE_MASK: ProtectionStorageMask,
    Tag.QUANTUM_SAFE: bool,
    Tag.ROTATE_AUTOMATIC: bool,
    Tag.ROTATE_DATE: DateTime,
    Tag.ROTATE_GENERATION: int,
    Tag.ROTATE_INTERVAL: Interval,
    Tag.ROTATE_LATEST: bool,
    Tag.ROTATE_NAME: v.RotateName,
    Tag.ROTATE_OFFSET: Interval,
    Tag.CREDENTIAL_TYPE: CredentialType,
    Tag.SPLIT_KEY_METHOD: SplitKeyMethod,
    Tag.SPLIT_KEY_PARTS: int,
    Tag.SPLIT_KEY_THRESHOLD: int,
    Tag.SPLIT_KEY_POLYNOMIAL: SplitKeyPolynomial,
    Tag.KEY_PART_IDENTIFIER: int,
    Tag.NIST_SECURITY_CATEGORY: int,
    Tag.CERTIFY_COUNTER: LongInteger,
    Tag.DECRYPT_COUNTER: LongInteger,
    Tag.ENCRYPT_COUNTER: LongInteger,
    Tag.SIGN_COUNTER: LongInteger,
    Tag.SIGNATURE_VERIFY_COUNTER: LongInteger,
    Tag.OTP_ALGORITHM: OTPAlgorithm,
    Tag.OTP_COUNTER: LongInteger,
    Tag.OTP_DIGITS: int,
    Tag.OTP_INTERVAL: Interval,
    Tag.OTP_SERIAL: str,
}

_MANY: Final[dict[Tag, Any]] = {
    Tag.NAME: NAME,
    Tag.LINK: v.Link,
    Tag.CRYPTOGRAPHIC_PARAMETERS: CryptographicParameters,
    Tag.DIGEST: v.Digest,
    Tag.OBJECT_GROUP: str,
    Tag.APPLICATION_SPECIFIC_INFORMATION: v.ApplicationSpecificInformation,
    Tag.ALTERNATIVE_NAME: v.AlternativeName,
    Tag.KEY_VALUE_LOCATION: v.KeyValueLocation,
    Tag.NIST_KEY_TYPE: NISTKeyType,
    Tag.CERTIFICATE_SUBJECT_DN: bytes,
    Tag.CERTIFICATE_ISSUER_DN: bytes,
    Tag.GROUP_LINK: Reference,
    Tag.CREDENTIAL_LINK: Reference,
    Tag.CERTIFICATE_REQUEST_LINK: Reference,
    Tag.PASSWORD_LINK: Reference,
    Tag.SPLIT_KEY_BASE_LINK: Reference,
    Tag.JOINED_SPLIT_KEY_PARTS_LINK: Reference,
}

_RDN: Final = (
    *("CN", "O", "OU", "EMAIL", "C", "ST", "L"),
    *("UID", "SERIAL_NUMBER", "TITLE", "DC", "DN_QUALIFIER"),
)
for _whose in ("SUBJECT", "ISSUER"):
    for _part in _RDN:
        _MANY[Tag[f"CERTIFICATE_{_whose}_{_part}"]] = str

ATTRIBUTES: Final[dict[Tag, Attribute]] = {
    **{tag: _row(tag, hint) for tag, hint in _ONE.items()},
    **{tag: _row(tag, hint, many=True) for tag, hint in _MANY.items()},
}
"""Every attribute by its tag."""

BY_NAME: Final[dict[str, Attribute]] = {row.name: row for row in ATTRIBUTES.values()}
"""Every attribute by its 1.x name."""

LINK_TAGS: Final[dict[LinkType, Tag]] = {
    LinkType.CERTIFICATE_LINK: Tag.CERTIFICATE_LINK,
    LinkType.PUBLIC_KEY_LINK: Tag.PUBLIC_KEY_LINK,
    LinkType.PRIVATE_KEY_LINK: Tag.PRIVATE_KEY_LINK,
    LinkType.DERIVATION_BASE_OBJECT_LINK: Tag.DERIVATION_OBJECT_LINK,
    LinkType.DERIVED_KEY_LINK: Tag.DERIVED_OBJECT_LINK,
    LinkType.REPLACEMENT_OBJECT_LINK: Tag.REPLACEMENT_OBJECT_LINK,
    LinkType.REPLACED_OBJECT_LINK: Tag.REPLACED_OBJECT_LINK,
    LinkType.PARENT_LINK: Tag.PARENT_LINK,
    LinkType.CHILD_LINK: Tag.CHILD_LINK,
    LinkType.PREVIOUS_LINK: Tag.PREVIOUS_LINK,
    LinkType.NEXT_LINK: Tag.NEXT_LINK,
    LinkType.PKCS_12_CERTIFICATE_LINK: Tag.PKCS_12_CERTIFICATE_LINK,
    LinkType.PKCS_12_PASSWORD_LINK: Tag.PKCS_12_PASSWORD_LINK,
    LinkType.WRAPPING_KEY_LINK: Tag.WRAPPING_KEY_LINK,
}
"""The attribute that a type of link is in 3.0."""

LINK_TYPES: Final = {tag: kind for kind, tag in LINK_TAGS.items()}
