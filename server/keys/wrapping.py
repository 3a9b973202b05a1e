"""Key blocks wrapped by other managed keys, and unwrapped (2.1 sections 3.3 and 7.18).

What is wrapped is the whole Key Value as TTLV in the client's version, or, with No Encoding, the
bytes of the Key Material alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from kmip.attributes import Attributes
from kmip.enums import EncodingOption
from kmip.errors import (
    EncodingOptionError,
    InvalidField,
    KMIPError,
    ObjectArchived,
    WrappingObjectArchived,
    WrappingObjectDestroyed,
    WrappingObjectNotFound,
)
from kmip.key_block import (
    EncryptionKeyInformation,
    KeyBlock,
    KeyValue,
    KeyWrappingData,
    KeyWrappingSpecification,
    MACSignatureKeyInformation,
    bind,
)
from kmip.masks import CryptographicUsageMask as Mask
from server.attributes import usage_limits
from server.context import Context
from server.crypto import wrapping as engine
from server.keys import key_use
from server.objects.managed_object import ManagedObject

SIGN: Final = key_use.Use(Mask.SIGN | Mask.MAC_GENERATE, protects=True)
VERIFY: Final = key_use.Use(Mask.VERIFY | Mask.MAC_VERIFY, protects=False)

Information = EncryptionKeyInformation | MACSignatureKeyInformation | None


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
    value = _encoded(context, managed_object, block, specification)
    size = len(value)
    encryption = await _key(context, specification.encryption_key_information, key_use.WRAP, size)
    authentication = await _key(context, specification.mac_signature_key_information, SIGN, size)
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
        attributes = managed_object.view(context.now).select(names)
    return context.encode_key_value(KeyValue(key_material=material, attributes=attributes))


async def unwrap(context: Context, block: KeyBlock) -> KeyBlock:
    """A wrapped key block as it was before, its keys being the client's here.

    Raises:
        As `wrap`; CryptographicFailure where it does not unwrap.
    """
    data, secret = block.key_wrapping_data, wrapped_bytes(block)
    if data is None or secret is None:
        return block
    encryption = await _key(context, data.encryption_key_information, key_use.UNWRAP)
    authentication = await _key(context, data.mac_signature_key_information, VERIFY)
    wrapped = engine.Wrapped(secret, data.iv_counter_nonce, data.mac_signature)
    legacy = context.allow_legacy_reading
    value = await context.compute(
        engine.cost(len(secret), encryption, authentication),
        lambda: engine.unwrap(
            data.wrapping_method, wrapped, encryption, authentication, allow_legacy=legacy
        ),
    )
    if data.encoding_option == EncodingOption.NO_ENCODING:
        plain = KeyValue(key_material=value)
    else:
        plain = context.decode_key_value(value)
    plain.key_material = bind(plain.key_material, block.key_format_type)
    return replace(block, key_value=plain, key_wrapping_data=None)


def wrapped_bytes(block: KeyBlock) -> bytes | None:
    """The wrapped bytes of a block: its Key Value, or the Key Material within one.

    The second is what clients of 1.x register with No Encoding (OASIS TC-WRAP-3).
    """
    value = block.key_value
    found = value.key_material if isinstance(value, KeyValue) else value
    return found if isinstance(found, bytes) else None


def in_structure(block: KeyBlock) -> KeyBlock:
    """A wrapped block with its bytes within a Key Value structure, as the client had it."""
    material = wrapped_bytes(block)
    if material is None or block.key_wrapping_data is None:
        return block
    if block.key_wrapping_data.encoding_option != EncodingOption.NO_ENCODING:
        return block
    return replace(block, key_value=KeyValue(key_material=material))


async def _key(
    context: Context, information: Information, use: key_use.Use, size: int = 0
) -> engine.WrappingKey | None:
    """The wrapping key that a specification or wrapping data name.

    Args:
        context: of the request.
        information: names it.
        use: what it is to do; if it protects, that counts against its Usage Limits.
        size: bytes that it protects.
    """
    if information is None:
        return None
    try:
        managed_object = await context.find(information.unique_identifier)
        if managed_object.is_destroyed:
            raise WrappingObjectDestroyed("the wrapping key is destroyed")
        key_use.check_use(context, managed_object, use)
        key = await key_use.open_key(context, managed_object, information.cryptographic_parameters)
    except ObjectArchived:
        raise WrappingObjectArchived("the wrapping key is archived") from None
    except KMIPError as error:
        if type(error) in key_use.NOT_FOUND:
            raise WrappingObjectNotFound("there is no such wrapping key") from None
        raise
    if use.protects:
        usage_limits.charge(context, managed_object, size)
    return engine.WrappingKey(key.key, key.algorithm, key.parameters)
