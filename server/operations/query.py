"""Query (2.1 section 6.1.39): what the server does and is."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from kmip.cryptographic_parameters import RNGParameters
from kmip.enums import (
    ClientRegistrationMethod,
    CredentialType,
    CryptographicAlgorithm,
    DestroyAction,
    ObjectType,
    Operation,
    ProfileName,
    QueryFunction,
    RNGMode,
    ShreddingAlgorithm,
    UnwrapMode,
)
from kmip.objects import OBJECTS
from kmip.payloads.factory_defaults import DefaultsInformation
from kmip.payloads.protection_storage import ProtectionStorageMasks
from kmip.payloads.query import QueryRequest, QueryResponse
from kmip.payloads.query_information import (
    CapabilityInformation,
    CredentialInformation,
    ProfileInformation,
    ServerInformation,
)
from server.access.attested_clients import EVIDENCE
from server.access.policy import is_allowed
from server.attributes import defaults, initial, protection_storage
from server.context import Context
from server.registry import ROUTES, operation
from server.setup.release import VERSION

VENDOR: Final = "Strongroom"

CONFORMING: Final = frozenset(
    {
        "BASELINE_SERVER",
        "SYMMETRIC_KEY_LIFECYCLE_SERVER",
        "ASYMMETRIC_KEY_LIFECYCLE_SERVER",
        "SYMMETRIC_KEY_FOUNDRY_SERVER",
        "OPAQUE_MANAGED_OBJECT_STORE_SERVER",
        "STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER",
        "TAPE_LIBRARY_SERVER",
        "BASIC_CRYPTOGRAPHIC_SERVER",
        "ADVANCED_CRYPTOGRAPHIC_SERVER",
        "RNG_CRYPTOGRAPHIC_SERVER",
        "HTTPS_SERVER",
        "JSON_SERVER",
        "XML_SERVER",
        "AES_XTS_SERVER",
        "QUANTUM_SAFE_SERVER",
    }
)
"""The profiles whose cases the server passes (docs/conformance.md). 1.x has Baseline profiles for
its own TLS suites only, of which the server does not speak those that are mandatory."""

_OF_VERSION: Final = re.compile(r"_KMIP_V1_\d$")
"""What 1.x adds to a profile's name; 2.x has one name for all versions."""

PROFILES: Final = tuple(
    profile for profile in ProfileName if _OF_VERSION.sub("", profile.name) in CONFORMING
)

KEPT: Final = (*OBJECTS, ObjectType.USER, ObjectType.GROUP)
"""The types of object; the last two have attributes only."""

RANDOM: Final[tuple[RNGParameters, ...]] = (initial.RANDOM,)

CAPABILITIES: Final = CapabilityInformation(
    streaming_capability=True,
    asynchronous_capability=True,
    attestation_capability=False,
    batch_undo_capability=True,
    batch_continue_capability=True,
    unwrap_mode=UnwrapMode.NOT_PROCESSED,
    destroy_action=DestroyAction.KEY_MATERIAL_DELETED,
    shredding_algorithm=ShreddingAlgorithm.CRYPTOGRAPHIC,
    rng_mode=RNGMode.SHARED_INSTANTIATION,
    quantum_safe_capability=True,
)

CREDENTIALS: Final = CredentialInformation(
    credential_type=(
        CredentialType.USERNAME_AND_PASSWORD,
        CredentialType.DEVICE,
        CredentialType.TICKET,
    )
)

METHODS: Final = (
    ClientRegistrationMethod.CLIENT_GENERATED,
    ClientRegistrationMethod.CLIENT_REGISTERED,
)
"""How clients come to be known: the operator hands out or registers their certificates."""

Answer = Callable[[Context], dict[str, Any]]


def _server(context: Context) -> dict[str, Any]:
    information = ServerInformation(
        server_name=VENDOR,
        product_name=VENDOR,
        server_version=VERSION,
    )
    return {"vendor_identification": VENDOR, "server_information": information}


def _operations(context: Context) -> dict[str, Any]:
    """The operations that the client's version has and the client may ask for, by number."""
    known = (route.operation for route in ROUTES.values() if context.knows(route))
    return {"operation": tuple(sorted(one for one in known if is_allowed(context.client, one)))}


def _objects(context: Context) -> dict[str, Any]:
    return {"object_type": tuple(kind for kind in KEPT if context.knows(kind))}


def _profiles(context: Context) -> dict[str, Any]:
    known = [profile for profile in PROFILES if context.knows(profile)]
    return {"profile_information": tuple(ProfileInformation(profile_name=one) for one in known)}


def _capabilities(context: Context) -> dict[str, Any]:
    """The capabilities; quantum safe only where the version has names for what makes it so."""
    is_attested = bool(context.server.attested_clients)
    found = replace(CAPABILITIES, attestation_capability=is_attested)
    if not context.knows(CryptographicAlgorithm.ML_KEM_768):
        found = replace(found, quantum_safe_capability=None)
    return {"capability_information": (found,)}


def _attestation_types(context: Context) -> dict[str, Any]:
    return {"attestation_type": (EVIDENCE,)} if context.server.attested_clients else {}


def _masks(context: Context) -> dict[str, Any]:
    masks = ProtectionStorageMasks(protection_storage_mask=(protection_storage.OFFERED,))
    return {"protection_storage_masks": masks}


ANSWERS: Final[dict[QueryFunction, Answer]] = {
    QueryFunction.QUERY_OPERATIONS: _operations,
    QueryFunction.QUERY_OBJECTS: _objects,
    QueryFunction.QUERY_SERVER_INFORMATION: _server,
    QueryFunction.QUERY_APPLICATION_NAMESPACES: lambda context: {},
    QueryFunction.QUERY_EXTENSION_LIST: lambda context: {},
    QueryFunction.QUERY_EXTENSION_MAP: lambda context: {},
    QueryFunction.QUERY_ATTESTATION_TYPES: _attestation_types,
    QueryFunction.QUERY_RNGS: lambda context: {"rng_parameters": RANDOM},
    QueryFunction.QUERY_VALIDATIONS: lambda context: {},
    QueryFunction.QUERY_PROFILES: _profiles,
    QueryFunction.QUERY_CAPABILITIES: _capabilities,
    QueryFunction.QUERY_CLIENT_REGISTRATION_METHODS: lambda context: {
        "client_registration_method": METHODS
    },
    QueryFunction.QUERY_STORAGE_PROTECTION_MASKS: _masks,
    QueryFunction.QUERY_CREDENTIAL_INFORMATION: lambda context: {
        "credential_information": (CREDENTIALS,)
    },
}
"""What each function adds to the response; some things the server has none of."""


@operation(Operation.QUERY)
async def query(context: Context, request: QueryRequest) -> QueryResponse:
    """Answer every function that is asked for, once."""
    functions = set(map(int, request.query_function))
    found: dict[str, Any] = {}
    for function, answer in ANSWERS.items():
        if int(function) in functions:
            found |= answer(context)
    if int(QueryFunction.QUERY_DEFAULTS_INFORMATION) in functions:
        set_here = await defaults.in_force(context, request.object_groups)
        if set_here:  # without any there is no structure either (2.1 section 7.11)
            found["defaults_information"] = DefaultsInformation(object_defaults=tuple(set_here))
    return QueryResponse(**found)
