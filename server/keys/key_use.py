"""Keys in use: which key, whether it may be used so, and what its use costs.

The table `USES` says for each operation which bit of the Cryptographic Usage Mask it needs and
whether it protects (only an Active key within its dates does) or processes what was protected (a
key that is Deactivated or Compromised still does) (2.1 section 4.57).
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final, NamedTuple

from kmip import lifecycle
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import CryptographicAlgorithm, ObjectType, Operation, State
from kmip.errors import (
    AttributesNotFound,
    CryptographicFailure,
    IncompatibleCryptographicUsageMask,
    InvalidObjectType,
    ItemNotFound,
    KeyValueNotPresent,
    ObjectArchived,
    ObjectNotFound,
    WrongKeyLifecycleState,
)
from kmip.key_block import KeyBlock
from kmip.masks import CryptographicUsageMask as Mask
from kmip.objects import Certificate, key_block_of
from kmip.structures import Structure
from kmip.tags import Tag
from server.attributes import usage_limits
from server.context import Context, RequestedIdentifier
from server.crypto import costs
from server.crypto.certificates import certificate_facts
from server.crypto.keys import key_costs, key_formats
from server.crypto.parameters import choose_parameters
from server.objects.managed_object import ManagedObject


class Use(NamedTuple):
    """What an operation needs of a key.

    Attributes:
        mask: bits of the usage mask, of which the object must have one.
        protects: whether it protects, or processes what was protected.
    """

    mask: Mask
    protects: bool


USES: Final[dict[Operation, Use]] = {
    Operation.ENCRYPT: Use(Mask.ENCRYPT, protects=True),
    Operation.DECRYPT: Use(Mask.DECRYPT, protects=False),
    Operation.SIGN: Use(Mask.SIGN, protects=True),
    Operation.SIGNATURE_VERIFY: Use(Mask.VERIFY, protects=False),
    Operation.MAC: Use(Mask.MAC_GENERATE, protects=True),
    Operation.MAC_VERIFY: Use(Mask.MAC_VERIFY, protects=False),
}

WRAP: Final = Use(Mask.WRAP_KEY, protects=True)
UNWRAP: Final = Use(Mask.UNWRAP_KEY | Mask.WRAP_KEY, protects=False)
"""Not Unwrap Key alone: the vectors give back what a key wrapped that has only Wrap Key (OASIS
TC-WRAP-3), and whoever may ask here owns that key."""


NOT_FOUND: Final = frozenset({ObjectNotFound, ItemNotFound, AttributesNotFound})
"""The ways to say that there is no such object."""


class UsableKey(NamedTuple):
    """A key ready for use.

    Attributes:
        managed_object: the object; not to be changed.
        key: the bytes of a symmetric key, or the library's object of an asymmetric one.
        algorithm: its Cryptographic Algorithm.
        parameters: of the request, else of the key.
    """

    managed_object: ManagedObject
    key: Any
    algorithm: CryptographicAlgorithm
    parameters: CryptographicParameters


async def key_for(
    context: Context,
    identifier: RequestedIdentifier,
    parameters: CryptographicParameters | None,
    use: Use,
) -> UsableKey:
    """The key a request names, if it may be used so now.

    Raises:
        ObjectNotFound, PermissionDenied: the client has no such object.
        WrongKeyLifecycleState, IncompatibleCryptographicUsageMask: it may not be used so.
        ObjectDestroyed, ObjectArchived, KeyValueNotPresent: there is no key material.
        InvalidObjectType: it is no key.
    """
    managed_object = await context.find(identifier)
    check_use(context, managed_object, use)
    return await open_key(context, managed_object, parameters)


def check_use(context: Context, managed_object: ManagedObject, use: Use) -> None:
    """Refuse a use that the key's mask, state or dates do not allow."""
    if not lifecycle.may_use(managed_object.attributes, context.now, protects=use.protects):
        raise WrongKeyLifecycleState("the object's state or dates do not allow this use")
    mask = managed_object.attributes.get(Tag.CRYPTOGRAPHIC_USAGE_MASK)
    if mask is None or not mask & (use.mask | Mask.UNRESTRICTED):
        raise IncompatibleCryptographicUsageMask("the object's usage mask does not allow this use")


def check_active(context: Context, managed_object: ManagedObject) -> None:
    """Refuse an object that is not Active.

    Raises:
        WrongKeyLifecycleState: it is not.
    """
    if managed_object.state(context.now) != State.ACTIVE:
        raise WrongKeyLifecycleState("the object is not Active")


async def open_key(
    context: Context, managed_object: ManagedObject, parameters: CryptographicParameters | None
) -> UsableKey:
    """The key in an object, whatever it is to be used for."""
    content = await context.content(managed_object)
    if managed_object.opened is None:
        managed_object.opened = await _open(context, managed_object, content)
        context.objects.count(managed_object)
    algorithm = managed_object.attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
    chosen = choose_parameters(
        parameters, managed_object.attributes.get(Tag.CRYPTOGRAPHIC_PARAMETERS)
    )
    return UsableKey(managed_object, managed_object.opened, algorithm, chosen)


async def _open(context: Context, managed_object: ManagedObject, content: Structure) -> Any:
    if isinstance(content, Certificate):
        value = content.certificate_value
        facts = await context.compute(
            costs.CERTIFICATE.of(len(value)), certificate_facts.certificate_facts, value
        )
        key = facts.public_key
        if key is None:
            raise CryptographicFailure("the certificate's key cannot be used here")
        return key
    block = key_block_of(content)
    if block is None:
        raise InvalidObjectType("this type of object is no key")
    return await open_block(context, managed_object.object_type, block)


async def open_block(context: Context, object_type: ObjectType, block: KeyBlock) -> Any:
    """The key in a plain key block."""
    if block.key_value is None:
        raise KeyValueNotPresent("the key value is kept elsewhere, see Key Value Location")
    if block.key_wrapping_data is not None:
        raise InvalidObjectType("the key is wrapped, and can only be given as it is")
    key_format, material = block.key_format_type, block.key_material
    algorithm = block.cryptographic_algorithm
    if object_type == ObjectType.PRIVATE_KEY:
        load_private = partial(key_formats.load_private, validated=True)
        cost = key_costs.of_loading(material, private=True)
        return await context.compute(cost, load_private, key_format, material, algorithm)
    if object_type == ObjectType.PUBLIC_KEY:
        cost = key_costs.of_loading(material, private=False)
        return await context.compute(cost, key_formats.load_public, key_format, material, algorithm)
    return key_formats.load_symmetric(key_format, material)


async def check_next_part(context: Context, identifier: str, use: Use, length: int) -> None:
    """Re-check and charge the key before the next part.

    Args:
        context: of the next part.
        identifier: the key.
        use: what the stream does.
        length: bytes of the part.

    Raises:
        As `key_for` and `charge`.
    """
    managed_object = await context.find(identifier)
    if managed_object.archived:
        raise ObjectArchived("the object is archived; recover it first")
    check_use(context, managed_object, use)
    if use.protects:
        usage_limits.charge(context, managed_object, length, first=False)
