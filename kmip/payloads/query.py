"""Query: what a server, or a client, has (2.1 section 6.1.40; 1.4 section 4.25)."""

from __future__ import annotations

from typing import Annotated

from kmip.cryptographic_parameters import RNGParameters
from kmip.enums import (
    AttestationType,
    ClientRegistrationMethod,
    ObjectType,
    Operation,
    QueryFunction,
)
from kmip.payloads.factory_defaults import DefaultsInformation, ObjectGroups
from kmip.payloads.protection_storage import ProtectionStorageMasks
from kmip.payloads.query_information import (
    CapabilityInformation,
    CredentialInformation,
    ExtensionInformation,
    ProfileInformation,
    ServerInformation,
    ValidationInformation,
)
from kmip.structures import Structure, structure
from kmip.versions import V1_1, V1_2, V1_3, V2_0, V2_1, V3_0, since


@structure
class QueryRequest(Structure):
    """The query functions.

    Attributes:
        object_groups: the groups whose defaults are requested; absent: all.
    """

    query_function: tuple[QueryFunction, ...] = ()
    object_groups: Annotated[ObjectGroups | None, since(V2_1)] = None


@structure
class QueryResponse(Structure):
    """The answers to the query functions."""

    operation: tuple[Operation, ...] = ()
    object_type: tuple[ObjectType, ...] = ()
    vendor_identification: str | None = None
    server_information: ServerInformation | None = None
    application_namespace: tuple[str, ...] = ()
    extension_information: Annotated[tuple[ExtensionInformation, ...], since(V1_1)] = ()
    attestation_type: Annotated[tuple[AttestationType, ...], since(V1_2)] = ()
    rng_parameters: Annotated[tuple[RNGParameters, ...], since(V1_3)] = ()
    profile_information: Annotated[tuple[ProfileInformation, ...], since(V1_3)] = ()
    validation_information: Annotated[tuple[ValidationInformation, ...], since(V1_3)] = ()
    capability_information: Annotated[tuple[CapabilityInformation, ...], since(V1_3)] = ()
    client_registration_method: Annotated[tuple[ClientRegistrationMethod, ...], since(V1_3)] = ()
    defaults_information: Annotated[DefaultsInformation | None, since(V2_0)] = None
    protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None
    credential_information: Annotated[tuple[CredentialInformation, ...], since(V3_0)] = ()
