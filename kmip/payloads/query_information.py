"""What a server states about itself in Query (2.1 section 7; 1.4 section 2.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, NamedTuple, NoReturn

from kmip.enums import (
    CredentialType,
    DestroyAction,
    ItemType,
    ProfileName,
    RNGMode,
    ShreddingAlgorithm,
    UnwrapMode,
    ValidationAuthorityType,
    ValidationType,
)
from kmip.errors import InvalidField
from kmip.items import Item
from kmip.structures import Converted, EnumerationForm, Plain, Structure, Versioned, structure
from kmip.versions import V1_4, V2_0, ProtocolVersion, since, until


class VendorSpecific(NamedTuple):
    """Items of the vendor's own, under tags of the extension range.

    They are written as they are. On reading they are ignored, as extension tags are everywhere.
    """

    @property
    def tags(self) -> Sequence[int]:
        """None that is read."""
        return ()

    def read(self, items: Sequence[Item], version: ProtocolVersion) -> NoReturn:
        """Never called, since it has no tags."""
        raise AssertionError

    def write(self, value: Any, version: ProtocolVersion) -> Iterable[Item]:
        """The items."""
        yield from value


@structure
class ServerInformation(Structure):
    """2.1 section 7.37; in 1.x a structure of the vendor's own items."""

    server_name: Annotated[str | None, since(V2_0)] = None
    server_serial_number: Annotated[str | None, since(V2_0)] = None
    server_version: Annotated[str | None, since(V2_0)] = None
    server_load: Annotated[str | None, since(V2_0)] = None
    product_name: Annotated[str | None, since(V2_0)] = None
    build_level: Annotated[str | None, since(V2_0)] = None
    build_date: Annotated[str | None, since(V2_0)] = None
    cluster_info: Annotated[str | None, since(V2_0)] = None
    alternate_failover_endpoints: Annotated[tuple[str, ...], since(V2_0)] = ()
    vendor_specific: Annotated[tuple[Item, ...], VendorSpecific()] = ()


def _item_type(number: int) -> ItemType:
    try:
        return ItemType(number)
    except ValueError:
        raise InvalidField("no such item type") from None


ExtensionType = Annotated[
    ItemType,
    Versioned(
        (until(V1_4), ItemType.INTEGER, Converted(Plain(ItemType.INTEGER), _item_type, int)),
        (since(V2_0), ItemType.ENUMERATION, EnumerationForm(ItemType)),
    ),
]
"""An integer up to 1.4 (section 2.1.9), an enumeration later (2.1 section 7.13)."""


@structure
class ExtensionInformation(Structure):
    """A tag of the extension range (2.1 section 7.13; 1.4 section 2.1.9)."""

    extension_name: str
    extension_tag: int | None = None
    extension_type: ExtensionType | None = None
    extension_enumeration: Annotated[int | None, since(V2_0)] = None
    extension_attribute: Annotated[bool | None, since(V2_0)] = None
    extension_parent_structure_tag: Annotated[int | None, since(V2_0)] = None
    extension_description: Annotated[str | None, since(V2_0)] = None


@structure
class ProfileVersion(Structure):
    """2.1 section 7.32."""

    profile_version_major: int
    profile_version_minor: int


@structure
class ProfileInformation(Structure):
    """2.1 section 7.31; 1.4 section 2.1.19."""

    profile_name: ProfileName
    profile_version: Annotated[ProfileVersion | None, since(V2_0)] = None
    server_uri: str | None = None
    server_port: int | None = None


@structure
class ValidationInformation(Structure):
    """A formal validation, as by FIPS 140 (2.1 section 7.41; 1.4 section 2.1.20)."""

    validation_authority_type: ValidationAuthorityType
    validation_authority_country: str | None = None
    validation_authority_uri: str | None = None
    validation_version_major: int
    validation_version_minor: int | None = None
    validation_type: ValidationType
    validation_level: int
    validation_certificate_identifier: str | None = None
    validation_certificate_uri: str | None = None
    validation_vendor_uri: str | None = None
    validation_profile: tuple[str, ...] = ()


@structure
class CapabilityInformation(Structure):
    """2.1 section 7.5; 1.4 section 2.1.21."""

    streaming_capability: bool | None = None
    asynchronous_capability: bool | None = None
    attestation_capability: bool | None = None
    batch_undo_capability: Annotated[bool | None, since(V1_4)] = None
    batch_continue_capability: Annotated[bool | None, since(V1_4)] = None
    unwrap_mode: UnwrapMode | None = None
    destroy_action: DestroyAction | None = None
    shredding_algorithm: ShreddingAlgorithm | None = None
    rng_mode: RNGMode | None = None
    quantum_safe_capability: Annotated[bool | None, since(V2_0)] = None


@structure
class CredentialInformation(Structure):
    """The types of credential that a server takes (3.0)."""

    credential_type: tuple[CredentialType, ...] = ()
