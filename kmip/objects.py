"""Managed objects (2.1 section 2; 1.4 section 2.2; the credentials of 3.0).

An object is in a payload under its own tag, so that the tag names its type: `ObjectField` is the
annotation of such a field.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final, NamedTuple

from kmip.attribute_encoding import AttributeList
from kmip.cryptographic_parameters import (
    CryptographicDomainParameters,
    CryptographicParameters,
    RNGParameters,
)
from kmip.enums import (
    CertificateRequestType,
    CertificateType,
    CredentialType,
    HashingAlgorithm,
    ObjectType,
    OTPAlgorithm,
    SecretDataType,
    SplitKeyMethod,
    SplitKeyPolynomial,
)
from kmip.errors import InvalidMessage
from kmip.items import Item
from kmip.key_block import (
    EncryptionKeyInformation,
    KeyBlock,
    KeyBlockField,
    KeyValue,
    KeyWrappingData,
    KeyWrappingSpecification,
    MACSignatureKeyInformation,
)
from kmip.structures import Structure, from_item, structure, to_item
from kmip.tags import Tag
from kmip.types import BigInteger, Interval, LongInteger, OpaqueDataType
from kmip.versions import V3_0, ProtocolVersion, since

__all__ = [
    "OBJECTS",
    "Certificate",
    "CertificateRequest",
    "CryptographicDomainParameters",
    "CryptographicParameters",
    "DeviceCredential",
    "EncryptionKeyInformation",
    "HashedPasswordCredential",
    "KeyBlock",
    "KeyObject",
    "KeyValue",
    "KeyWrappingData",
    "KeyWrappingSpecification",
    "MACSignatureKeyInformation",
    "OTPCredential",
    "ObjectField",
    "OpaqueObject",
    "PGPKey",
    "PasswordCredential",
    "PrivateKey",
    "PublicKey",
    "RNGParameters",
    "SecretData",
    "SplitKey",
    "SymmetricKey",
    "Template",
    "key_block_of",
    "object_type_of",
]


@structure
class Certificate(Structure):
    """2.1 section 2.1."""

    certificate_type: CertificateType
    certificate_value: bytes


@structure
class CertificateRequest(Structure):
    """2.1 section 2.2."""

    certificate_request_type: CertificateRequestType
    certificate_request_value: bytes


@structure
class OpaqueObject(Structure):
    """2.1 section 2.3."""

    opaque_data_type: OpaqueDataType
    opaque_data_value: bytes


@structure
class PGPKey(Structure):
    """2.1 section 2.4."""

    pgp_key_version: int
    key_block: KeyBlockField


@structure
class PrivateKey(Structure):
    """2.1 section 2.5."""

    key_block: KeyBlockField


@structure
class PublicKey(Structure):
    """2.1 section 2.6."""

    key_block: KeyBlockField


@structure
class SymmetricKey(Structure):
    """2.1 section 2.9."""

    key_block: KeyBlockField


@structure
class SecretData(Structure):
    """2.1 section 2.7."""

    secret_data_type: SecretDataType
    key_block: KeyBlockField


@structure
class SplitKey(Structure):
    """One part of a key (2.1 section 2.8)."""

    split_key_parts: int
    key_part_identifier: int
    split_key_threshold: int
    split_key_method: SplitKeyMethod
    split_key_polynomial: Annotated[SplitKeyPolynomial | None, since(V3_0)] = None
    prime_field_size: BigInteger | None = None
    key_block: KeyBlockField


@structure
class Template(Structure):
    """Attributes to take over by name (1.4 section 2.2.6; deprecated in 1.3, gone in 2.0)."""

    attributes: AttributeList


@structure
class PasswordCredential(Structure):
    """A password (3.0)."""

    password: str


@structure
class DeviceCredential(Structure):
    """What identifies a device (3.0; the fields of 2.1 section 9.11)."""

    device_serial_number: str | None = None
    password: str | None = None
    device_identifier: str | None = None
    network_identifier: str | None = None
    machine_identifier: str | None = None
    media_identifier: str | None = None


@structure
class OTPCredential(Structure):
    """What a generator of one-time passwords shares with the server (3.0)."""

    otp_algorithm: OTPAlgorithm | None = None
    otp_digest: HashingAlgorithm | None = None
    otp_serial: str | None = None
    otp_seed: bytes | None = None
    otp_interval: Interval | None = None
    otp_digits: int | None = None
    otp_counter: LongInteger | None = None


@structure
class HashedPasswordCredential(Structure):
    """A password that the server knows only hashed (3.0).

    Attributes:
        hashed_username_password: Hash(Username || Password), the S1 of 2.1 section 9.11.
        hashed_password_username: Hash(Password || Username), its S2.
        password_salt, password_salt_algorithm, salted_password: the same password in another form.
    """

    hashed_password_username: bytes | None = None
    hashed_username_password: bytes | None = None
    password_salt: bytes | None = None
    password_salt_algorithm: HashingAlgorithm | None = None
    salted_password: bytes | None = None


OBJECTS: Final[dict[ObjectType, tuple[Tag, type[Structure]]]] = {
    ObjectType.CERTIFICATE: (Tag.CERTIFICATE, Certificate),
    ObjectType.SYMMETRIC_KEY: (Tag.SYMMETRIC_KEY, SymmetricKey),
    ObjectType.PUBLIC_KEY: (Tag.PUBLIC_KEY, PublicKey),
    ObjectType.PRIVATE_KEY: (Tag.PRIVATE_KEY, PrivateKey),
    ObjectType.SPLIT_KEY: (Tag.SPLIT_KEY, SplitKey),
    ObjectType.TEMPLATE: (Tag.TEMPLATE, Template),
    ObjectType.SECRET_DATA: (Tag.SECRET_DATA, SecretData),
    ObjectType.OPAQUE_OBJECT: (Tag.OPAQUE_OBJECT, OpaqueObject),
    ObjectType.PGP_KEY: (Tag.PGP_KEY, PGPKey),
    ObjectType.CERTIFICATE_REQUEST: (Tag.CERTIFICATE_REQUEST, CertificateRequest),
    ObjectType.PASSWORD_CREDENTIAL: (Tag.PASSWORD_CREDENTIAL, PasswordCredential),
    ObjectType.DEVICE_CREDENTIAL: (Tag.DEVICE_CREDENTIAL, DeviceCredential),
    ObjectType.ONE_TIME_PASSWORD_CREDENTIAL: (Tag.OTP_CREDENTIAL, OTPCredential),
    ObjectType.HASHED_PASSWORD_CREDENTIAL: (
        Tag.HASHED_PASSWORD_CREDENTIAL,
        HashedPasswordCredential,
    ),
}
"""The tag and the structure of each type of object; 3.0's User and Group have attributes only."""

CREDENTIAL_OBJECTS: Final[dict[CredentialType, ObjectType]] = {
    CredentialType.USERNAME_AND_PASSWORD: ObjectType.PASSWORD_CREDENTIAL,
    CredentialType.PASSWORD: ObjectType.PASSWORD_CREDENTIAL,
    CredentialType.DEVICE: ObjectType.DEVICE_CREDENTIAL,
    CredentialType.ONE_TIME_PASSWORD: ObjectType.ONE_TIME_PASSWORD_CREDENTIAL,
    CredentialType.HASHED_PASSWORD: ObjectType.HASHED_PASSWORD_CREDENTIAL,
    CredentialType.CERTIFICATE: ObjectType.CERTIFICATE,
}
"""The object that a credential of each type is."""

KeyObject = PrivateKey | PublicKey | SymmetricKey | SecretData | SplitKey | PGPKey
"""The objects that have a key block."""

_BY_TAG: Final = {int(tag): cls for tag, cls in OBJECTS.values()}
_TYPES: Final = {cls: kind for kind, (_, cls) in OBJECTS.items()}


def object_type_of(managed: Structure) -> ObjectType:
    """The Object Type of a managed object."""
    return _TYPES[type(managed)]


def key_block_of(managed: Structure | None) -> KeyBlock | None:
    """The key block of an object that has one."""
    return managed.key_block if isinstance(managed, KeyObject) else None


class ObjectCarriage(NamedTuple):
    """A managed object under the tag of its type."""

    @property
    def tags(self) -> Sequence[int]:
        """Every type's tag."""
        return tuple(_BY_TAG)

    def read(self, items: Sequence[Item], version: ProtocolVersion) -> Structure:
        """The one object."""
        if len(items) != 1:
            raise InvalidMessage("a payload holds one object")
        return from_item(items[0], _BY_TAG[items[0].tag], version)

    def write(self, value: Any, version: ProtocolVersion) -> Iterable[Item]:
        """The object under its tag."""
        yield to_item(value, OBJECTS[object_type_of(value)][0], version)


ObjectField = Annotated[Structure, ObjectCarriage()]
