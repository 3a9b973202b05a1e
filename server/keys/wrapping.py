"""Key blocks wrapped by other managed keys (2.1 sections 3.3 and 7.18).

What is wrapped is the whole Key Value as TTLV in the client's version, or, with No Encoding, the
bytes of the Key Material alone.
"""

from __future__ import annotations

from dataclasses import replace

from kmip.attributes import Attributes
from kmip.enums import EncodingOption
from kmip.errors import (
    EncodingOptionError,
    InvalidField,
)
from kmip.key_block import (
    KeyBlock,
    KeyValue,
    KeyWrappingData,
    KeyWrappingSpecification,
)
from server.context import Context
from server.crypto import wrapping as engine
from server.keys import key_use
from server.long_steps import are_many, stepped
from server.objects.managed_object import ManagedObject


async def wrap(
    context: Context,
    managed_object: ManagedObject,
    block: KeyBlock,
    specification: KeyWrappingSpecification,
) -> KeyBlock:
    """A plain key block wrapped as a client asks.

    Args:
        context: of the request.
        managed_object: the object whose block it is; its attributes may travel with the key.
        block: with a plain Key Value.
        specification: the keys, and how.

    Raises:
        WrappingObjectNotFound, WrappingObjectDestroyed, WrappingObjectArchived: a wrapping key.
        IncompatibleCryptographicUsageMask, WrongKeyLifecycleState: it may not wrap.
        UsageLimitExceeded: it has wrapped as much as it may.
        EncodingOptionError: the Key Value cannot be encoded so.
        UnsupportedCryptographicParameters, CryptographicFailure, …: it cannot be wrapped so.
    """
    is_long = are_many(managed_object.attributes)
    value = await stepped(is_long, _encoded, context, managed_object, block, specification)
    size = len(value)
    encryption = await key_use.wrapping_key(
        context, specification.encryption_key_information, key_use.WRAP, size
    )
    authentication = await key_use.wrapping_key(
        context, specification.mac_signature_key_information, key_use.AUTHENTICATE, size
    )
    legacy = context.allow_legacy
    wrapped = await context.compute(
        engine.cost(size, encryption, authentication),
        lambda: engine.wrap(
            specification.wrapping_method, value, encryption, authentication, allow_legacy=legacy
        ),
    )
    data = KeyWrappingData(
        wrapping_method=specification.wrapping_method,
        encryption_key_information=specification.encryption_key_information,
        mac_signature_key_information=specification.mac_signature_key_information,
        mac_signature=wrapped.mac_signature,
        iv_counter_nonce=wrapped.iv_counter_nonce,
        encoding_option=specification.encoding_option,
    )
    return replace(block, key_value=wrapped.key_value, key_wrapping_data=data)


def _encoded(
    context: Context,
    managed_object: ManagedObject,
    block: KeyBlock,
    specification: KeyWrappingSpecification,
) -> bytes:
    """The bytes that are wrapped."""
    material, names = block.key_material, specification.attribute_names
    if material is None:
        raise InvalidField("there is no plain Key Value to wrap")
    if specification.encoding_option == EncodingOption.NO_ENCODING:
        if not isinstance(material, bytes):
            raise EncodingOptionError("a transparent key can only be wrapped TTLV encoded")
        if names:
            raise EncodingOptionError("attributes can only be wrapped TTLV encoded")
        return material
    attributes: Attributes | None = None
    if names:
        attributes = context.view(managed_object).select(names)
    return context.encode_key_value(KeyValue(key_material=material, attributes=attributes))


def in_structure(block: KeyBlock) -> KeyBlock:
    """A wrapped block with its bytes within a Key Value structure, as the client had it."""
    material = key_use.wrapped_bytes(block)
    if material is None or block.key_wrapping_data is None:
        return block
    if block.key_wrapping_data.encoding_option != EncodingOption.NO_ENCODING:
        return block
    return replace(block, key_value=KeyValue(key_material=material))
