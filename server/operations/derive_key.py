"""Derive Key (2.1 section 6.1.14)."""

from functools import partial
from typing import Final

from kmip.attributes import Attributes
from kmip.enums import (
    CryptographicAlgorithm,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    SecretDataType,
    State,
    UniqueIdentifier,
)
from kmip.errors import (
    IncompatibleCryptographicUsageMask,
    InvalidField,
    InvalidMessage,
    WrongKeyLifecycleState,
)
from kmip.key_block import plain_block
from kmip.masks import CryptographicUsageMask
from kmip.objects import SecretData, SymmetricKey
from kmip.payloads.derive_key import DeriveKeyRequest, DeriveKeyResponse
from kmip.structures import Structure
from kmip.tags import Tag
from server.attributes import defaults, initial
from server.context import Context, RequestedIdentifier
from server.crypto.derivation import methods
from server.crypto.derivation.inputs import Base
from server.keys import key_use
from server.objects.managed_object import ManagedObject
from server.registry import operation


@operation(Operation.DERIVE_KEY)
async def derive_key(context: Context, request: DeriveKeyRequest) -> DeriveKeyResponse:
    """Derive a symmetric key or secret data from objects the server holds."""
    attributes = await initial.resolve(context, request.attributes)
    attributes = await defaults.completed(context, request.object_type, attributes)
    initial.required(attributes, Tag.CRYPTOGRAPHIC_LENGTH)
    if len(request.unique_identifier or ()) > MAX_BASES:
        raise InvalidField(f"a key is derived from at most {MAX_BASES} objects")
    bases = [await _base(context, identifier) for identifier in _named(request)]
    material = await _derived(context, request, bases, attributes.get(Tag.CRYPTOGRAPHIC_LENGTH))
    attributes = initial.guarded(attributes, _revealed(request, bases))
    content = _object(request.object_type, material, attributes)
    managed_object = initial.new_object(
        context, request.object_type, content, attributes, created=True
    )
    for base in bases:
        initial.link(
            managed_object, LinkType.DERIVATION_BASE_OBJECT_LINK, base.managed_object.identifier
        )
        derived_from = base.managed_object.copy()
        initial.link(derived_from, LinkType.DERIVED_KEY_LINK, managed_object.identifier)
        context.keep(derived_from)
    context.objects.add(managed_object)
    context.remember(managed_object.identifier, UniqueIdentifier.DERIVE_KEY)
    return DeriveKeyResponse(unique_identifier=managed_object.identifier)


def _named(request: DeriveKeyRequest) -> tuple[RequestedIdentifier, ...]:
    """The objects to derive from: never the ID Placeholder (2.1 section 6.1.14)."""
    placeholder = (None, "", UniqueIdentifier.ID_PLACEHOLDER)
    if not request.unique_identifier or any(
        one in placeholder for one in request.unique_identifier
    ):
        raise InvalidMessage("the Unique Identifier of the base object is missing")
    return request.unique_identifier


def _revealed(request: DeriveKeyRequest, bases: list[key_use.UsableKey]) -> list[ManagedObject]:
    """The objects whose material can be computed from the derived one.

    A derivation reveals nothing of its key, unless that is a one time pad; its data it may well
    reveal, to whoever has the key.
    """
    revealed = [base.managed_object for base in bases[1:]]
    parameters = request.derivation_parameters.cryptographic_parameters
    named = None if parameters is None else parameters.cryptographic_algorithm
    if (bases[0].algorithm or named) == CryptographicAlgorithm.ONE_TIME_PAD:
        revealed.append(bases[0].managed_object)
    return revealed


MAX_BASES: Final = 16
"""Objects to derive from, each of which is read and gets a link: no method takes more than two."""

USABLE = frozenset({State.PRE_ACTIVE, State.ACTIVE})
"""States from which to derive. Clients derive from keys that they never activate, and so, unlike
for every other use, Pre-Active is enough."""


async def _base(context: Context, identifier: RequestedIdentifier) -> key_use.UsableKey:
    """An object to derive from."""
    managed_object = await context.find(identifier)
    mask = managed_object.attributes.get(Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask(0))
    if not mask & (CryptographicUsageMask.DERIVE_KEY | CryptographicUsageMask.UNRESTRICTED):
        raise IncompatibleCryptographicUsageMask("the usage mask does not allow derivation")
    if managed_object.state(context.now) not in USABLE:
        raise WrongKeyLifecycleState("the object's state does not allow derivation")
    return await key_use.open_key(context, managed_object, None)


async def _derived(
    context: Context, request: DeriveKeyRequest, bases: list[key_use.UsableKey], length: int
) -> bytes:
    """The derived bytes, as many as `length` bits have."""
    parameters = request.derivation_parameters
    data = parameters.derivation_data
    peer = None
    if len(bases) > 1:
        other = bases[1].key
        if isinstance(other, bytes):
            data = (other,)
        else:
            peer = other
    base = Base(bases[0].key, bases[0].algorithm, peer)
    derive = partial(
        methods.derive,
        request.derivation_method,
        base,
        length,
        parameters=parameters.cryptographic_parameters,
        derivation_data=data,
        salt=parameters.salt,
        iteration_count=parameters.iteration_count,
        initialization_vector=parameters.initialization_vector,
        allow_legacy=context.allow_legacy,
    )
    cost = methods.cost(
        request.derivation_method,
        base,
        length,
        parameters=parameters.cryptographic_parameters,
        derivation_data=data,
        iteration_count=parameters.iteration_count,
    )
    return await context.compute(cost, derive)


def _object(object_type: ObjectType, material: bytes, attributes: Attributes) -> Structure:
    """The derived bytes as the type of object that is asked for."""
    if object_type == ObjectType.SECRET_DATA:
        block = plain_block(KeyFormatType.OPAQUE, material)
        return SecretData(secret_data_type=SecretDataType.SEED, key_block=block)
    if object_type != ObjectType.SYMMETRIC_KEY:
        raise InvalidField("a symmetric key or secret data can be derived")
    initial.required(attributes, Tag.CRYPTOGRAPHIC_ALGORITHM)
    return SymmetricKey(
        key_block=plain_block(
            KeyFormatType.RAW,
            material,
            attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM),
            attributes.get(Tag.CRYPTOGRAPHIC_LENGTH),
        )
    )
