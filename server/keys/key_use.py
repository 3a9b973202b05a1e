"""Keys in use: which key, whether it may be used so, and what its use costs.

The table `USES` says for each operation which bit of the Cryptographic Usage Mask it needs and
whether it protects (only an Active key within its dates does) or processes what was protected (a
key that is Deactivated or Compromised still does) (2.1 section 4.57).

A key that came wrapped is unwrapped for each use, with the rights and the state that its wrapping
key has then; its plain form is not kept.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple

from kmip import lifecycle
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import CryptographicAlgorithm, EncodingOption, ObjectType, Operation, State
from kmip.errors import (
    AttributesNotFound,
    CryptographicFailure,
    IncompatibleCryptographicUsageMask,
    InvalidField,
    InvalidObjectType,
    ItemNotFound,
    KeyValueNotPresent,
    KMIPError,
    ObjectArchived,
    ObjectNotFound,
    WrappingObjectArchived,
    WrappingObjectDestroyed,
    WrappingObjectNotFound,
    WrongKeyLifecycleState,
)
from kmip.key_block import (
    EncryptionKeyInformation,
    KeyBlock,
    KeyValue,
    MACSignatureKeyInformation,
    bind,
)
from kmip.masks import CryptographicUsageMask as Mask
from kmip.objects import Certificate, key_block_of
from kmip.structures import Structure
from kmip.tags import Tag
from server.attributes import usage_limits
from server.context import Context, RequestedIdentifier
from server.crypto import costs
from server.crypto import wrapping as engine
from server.crypto.certificates import certificate_facts
from server.crypto.keys import key_costs, key_formats
from server.crypto.parameters import choose_parameters
from server.long_steps import LOOP_BYTES, stepped
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
AUTHENTICATE: Final = Use(Mask.SIGN | Mask.MAC_GENERATE, protects=True)
VERIFY: Final = Use(Mask.VERIFY | Mask.MAC_VERIFY, protects=False)

MAX_WRAPPINGS: Final = 3
"""Keys above a key that wrap each other: a data, a key and a master key. Each one in use is opened
with all those above it, of which a client could make a ring."""

WrappingKeyInformation = EncryptionKeyInformation | MACSignatureKeyInformation | None

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
    context.used.add(managed_object.identifier)
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
    context: Context,
    managed_object: ManagedObject,
    parameters: CryptographicParameters | None,
    wrapped: int = 0,
) -> UsableKey:
    """The key in an object, whatever it is to be used for.

    Args:
        context: of the request.
        managed_object: the object.
        parameters: of the request.
        wrapped: keys below it that it is to unwrap, one within the other.

    Raises:
        As `open_block` and `unwrap`.
    """
    content = await context.content(managed_object)
    block = key_block_of(content)
    if block is not None and block.key_wrapping_data is not None:
        key = await _unwrapped_key(context, managed_object, block, wrapped)
    elif managed_object.opened is None:
        key = managed_object.opened = await _open(context, managed_object, content)
        context.objects.count(managed_object)
    else:
        key = managed_object.opened
    algorithm = managed_object.attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
    chosen = choose_parameters(
        parameters, managed_object.attributes.get(Tag.CRYPTOGRAPHIC_PARAMETERS)
    )
    return UsableKey(managed_object, key, algorithm, chosen)


async def _unwrapped_key(
    context: Context, managed_object: ManagedObject, block: KeyBlock, wrapped: int
) -> Any:
    """The key in a wrapped block, whose material nobody has checked yet."""
    plain = await unwrap(context, block, wrapped)
    if plain.cryptographic_algorithm is None:
        algorithm = managed_object.attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
        plain = replace(plain, cryptographic_algorithm=algorithm)
    return await open_block(context, managed_object.object_type, plain, validated=False)


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


async def open_block(
    context: Context, object_type: ObjectType, block: KeyBlock, *, validated: bool = True
) -> Any:
    """The key in a plain key block.

    Args:
        context: of the request.
        object_type: of the object.
        block: its block.
        validated: whether the material has been checked before: a private key is once.
    """
    if block.key_value is None:
        raise KeyValueNotPresent("the key value is kept elsewhere, see Key Value Location")
    if block.key_wrapping_data is not None:
        raise InvalidObjectType("the key is wrapped, and its wrapping key is not known")
    key_format, material = block.key_format_type, block.key_material
    algorithm = block.cryptographic_algorithm
    if object_type == ObjectType.PRIVATE_KEY:
        load_private = partial(key_formats.load_private, validated=validated)
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
    await _check_unwrapping(context, managed_object)
    if use.protects:
        usage_limits.charge(context, managed_object, length, first=False)


# Wrapped keys


async def unwrap(context: Context, block: KeyBlock, wrapped: int = 0) -> KeyBlock:
    """A wrapped key block as it was before, its wrapping keys being the client's here.

    Args:
        context: of the request.
        block: the block; a plain one is given back.
        wrapped: keys that it is to unwrap in turn, one within the other.

    Raises:
        As `wrapping_key`; CryptographicFailure where it does not unwrap.
        InvalidField: its wrapping key is itself wrapped, and so on.
    """
    data, secret = block.key_wrapping_data, wrapped_bytes(block)
    if data is None or secret is None:
        return block
    if wrapped >= MAX_WRAPPINGS:
        raise InvalidField(f"a key is unwrapped by at most {MAX_WRAPPINGS} keys, one by the other")
    encryption, authentication = [
        await wrapping_key(context, information, use, wrapped=wrapped + 1)
        for information, use in (
            (data.encryption_key_information, UNWRAP),
            (data.mac_signature_key_information, VERIFY),
        )
    ]
    wrapped_key = engine.Wrapped(secret, data.iv_counter_nonce, data.mac_signature)
    legacy = context.allow_legacy_reading
    value = await context.compute(
        engine.cost(len(secret), encryption, authentication),
        lambda: engine.unwrap(
            data.wrapping_method, wrapped_key, encryption, authentication, allow_legacy=legacy
        ),
    )
    if data.encoding_option == EncodingOption.NO_ENCODING:
        plain = KeyValue(key_material=value)
    else:
        plain = await stepped(len(value) > LOOP_BYTES, context.decode_key_value, value)
    plain.key_material = bind(plain.key_material, block.key_format_type)
    return replace(block, key_value=plain, key_wrapping_data=None)


def wrapped_bytes(block: KeyBlock) -> bytes | None:
    """The wrapped bytes of a block: its Key Value, or the Key Material within one.

    The second is what clients of 1.x register with No Encoding (OASIS TC-WRAP-3).
    """
    value = block.key_value
    found = value.key_material if isinstance(value, KeyValue) else value
    return found if isinstance(found, bytes) else None


async def wrapping_key(
    context: Context,
    information: WrappingKeyInformation,
    use: Use,
    size: int = 0,
    wrapped: int = 0,
) -> engine.WrappingKey | None:
    """The wrapping key that a specification or wrapping data name; None: they name none.

    Args:
        context: of the request.
        information: names it.
        use: what it is to do; if it protects, that counts against its Usage Limits.
        size: bytes that it protects.
        wrapped: keys that it is to unwrap, one within the other.

    Raises:
        WrappingObjectNotFound, WrappingObjectDestroyed, WrappingObjectArchived: it is not there.
        IncompatibleCryptographicUsageMask, WrongKeyLifecycleState: it may not be used so.
        UsageLimitExceeded: it has wrapped as much as it may.
    """
    if information is None:
        return None
    managed_object = await _wrapping_object(context, information, use)
    key = await open_key(context, managed_object, information.cryptographic_parameters, wrapped)
    if use.protects:
        usage_limits.charge(context, managed_object, size)
    return engine.WrappingKey(key.key, key.algorithm, key.parameters)


async def _wrapping_object(
    context: Context,
    information: EncryptionKeyInformation | MACSignatureKeyInformation,
    use: Use,
) -> ManagedObject:
    try:
        managed_object = await context.find(information.unique_identifier)
    except ObjectArchived:
        raise WrappingObjectArchived("the wrapping key is archived") from None
    except KMIPError as error:
        if type(error) in NOT_FOUND:
            raise WrappingObjectNotFound("there is no such wrapping key") from None
        raise
    if managed_object.is_destroyed:
        raise WrappingObjectDestroyed("the wrapping key is destroyed")
    check_use(context, managed_object, use)
    return managed_object


async def _check_unwrapping(context: Context, managed_object: ManagedObject) -> None:
    """Refuse to go on with a key whose wrapping keys would not unwrap it any more."""
    block = key_block_of(await context.content(managed_object))
    data = None if block is None else block.key_wrapping_data
    if data is not None and data.encryption_key_information is not None:
        await _wrapping_object(context, data.encryption_key_information, UNWRAP)
    if data is not None and data.mac_signature_key_information is not None:
        await _wrapping_object(context, data.mac_signature_key_information, VERIFY)
