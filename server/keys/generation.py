"""New random material: symmetric keys and secret data."""

from collections.abc import Awaitable, Callable
from typing import Final

from kmip.attributes import Attributes
from kmip.enums import (
    CryptographicAlgorithm,
    KeyFormatType,
    ObjectType,
    SecretDataType,
)
from kmip.errors import InvalidField
from kmip.key_block import KeyBlock, KeyValue
from kmip.objects import SecretData, SymmetricKey
from kmip.structures import Structure
from kmip.tags import Tag
from server.attributes import initial
from server.context import Context
from server.crypto import costs
from server.crypto.keys import symmetric_keys
from server.keys import key_blocks

DEFAULT_ALGORITHM: Final = CryptographicAlgorithm.AES
"""Of a key whose algorithm is left to the server, as it may be from 2.0 on (2.1 section 4)."""

DEFAULT_LENGTHS: Final = {
    CryptographicAlgorithm.AES: 256,
    CryptographicAlgorithm.CHACHA20: 256,
    CryptographicAlgorithm.CHACHA20POLY1305: 256,
    CryptographicAlgorithm.DES3: 192,
    CryptographicAlgorithm.HMAC_SHA1: 160,
    CryptographicAlgorithm.HMAC_SHA224: 224,
    CryptographicAlgorithm.HMAC_SHA256: 256,
    CryptographicAlgorithm.HMAC_SHA384: 384,
    CryptographicAlgorithm.HMAC_SHA512: 512,
}
"""Bits of a key whose length the client leaves to the server."""

SECRET_BITS: Final = 256
"""Bits of secret data whose length the client leaves to the server."""


async def symmetric_key(context: Context, attributes: Attributes) -> SymmetricKey:
    """A random key of the algorithm, length and format that the attributes say (2.1 section 4.26).

    Raises:
        KeyFormatTypeNotSupported: symmetric keys do not have the format.
    """
    if context.requires_usage_mask:  # and so all else that a key needs
        initial.required(attributes, Tag.CRYPTOGRAPHIC_ALGORITHM)
    algorithm = attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM, DEFAULT_ALGORITHM)
    length = attributes.get(Tag.CRYPTOGRAPHIC_LENGTH, DEFAULT_LENGTHS.get(algorithm))
    if length is None:
        raise InvalidField("Cryptographic Length is needed")
    material = await context.compute(
        costs.RANDOM.of(length // 8), symmetric_keys.generate_symmetric_key, algorithm, length
    )
    block = KeyBlock(
        key_format_type=KeyFormatType.RAW,
        key_value=KeyValue(key_material=material),
        cryptographic_algorithm=algorithm,
        cryptographic_length=length,
    )
    wanted = attributes.get(Tag.KEY_FORMAT_TYPE)
    formed = await key_blocks.in_format(context, ObjectType.SYMMETRIC_KEY, block, wanted)
    return SymmetricKey(key_block=formed)


async def secret_data(context: Context, attributes: Attributes) -> SecretData:
    """Random secret data of the length that the attributes say."""
    length = attributes.get(Tag.CRYPTOGRAPHIC_LENGTH, SECRET_BITS)
    material = await context.compute(
        costs.RANDOM.of(length // 8), symmetric_keys.generate_secret, length
    )
    return SecretData(
        secret_data_type=SecretDataType.PASSWORD,
        key_block=KeyBlock(
            key_format_type=KeyFormatType.OPAQUE,
            key_value=KeyValue(key_material=material),
        ),
    )


MAKERS: Final[dict[ObjectType, Callable[[Context, Attributes], Awaitable[Structure]]]] = {
    ObjectType.SYMMETRIC_KEY: symmetric_key,
    ObjectType.SECRET_DATA: secret_data,
}
"""What makes the material of each type of object that can be created."""
