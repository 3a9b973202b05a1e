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
from kmip.key_block import plain_block
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

DEFAULT_LENGTH: Final = 256
"""Bits of a key whose length the client leaves to the server, if its algorithm has such keys; else
as many as there are below."""

DEFAULT_LENGTHS: Final = {
    CryptographicAlgorithm.DES3: 192,
    CryptographicAlgorithm.HMAC_SHA1: 160,
    CryptographicAlgorithm.HMAC_SHA224: 224,
    CryptographicAlgorithm.HMAC_SHA384: 384,
    CryptographicAlgorithm.HMAC_SHA512: 512,
    CryptographicAlgorithm.HMAC_MD5: 128,
    CryptographicAlgorithm.HMAC_SHA3_224: 224,
    CryptographicAlgorithm.HMAC_SHA3_384: 384,
    CryptographicAlgorithm.HMAC_SHA3_512: 512,
}
"""The algorithms of which that is not so: 3DES with its parity, and HMACs, whose keys are as long
as their hash (RFC 2104 section 3)."""

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
    length = attributes.get(Tag.CRYPTOGRAPHIC_LENGTH)
    if length is None:
        length = default_length(algorithm)
    material = await context.compute(
        costs.RANDOM.of(length // 8), symmetric_keys.generate_symmetric_key, algorithm, length
    )
    block = plain_block(KeyFormatType.RAW, material, algorithm, length)
    wanted = attributes.get(Tag.KEY_FORMAT_TYPE)
    formed = await key_blocks.in_format(context, ObjectType.SYMMETRIC_KEY, block, wanted)
    return SymmetricKey(key_block=formed)


def default_length(algorithm: CryptographicAlgorithm) -> int:
    """The bits of a key of this algorithm whose length the client leaves to the server."""
    if algorithm in DEFAULT_LENGTHS:
        return DEFAULT_LENGTHS[algorithm]
    lengths = symmetric_keys.LENGTHS.get(algorithm, (DEFAULT_LENGTH,))
    return next(length for length in range(DEFAULT_LENGTH, 0, -1) if length in lengths)


async def secret_data(context: Context, attributes: Attributes) -> SecretData:
    """Random secret data of the length that the attributes say."""
    length = attributes.get(Tag.CRYPTOGRAPHIC_LENGTH, SECRET_BITS)
    material = await context.compute(
        costs.RANDOM.of(length // 8), symmetric_keys.generate_secret, length
    )
    return SecretData(
        secret_data_type=SecretDataType.PASSWORD,
        key_block=plain_block(KeyFormatType.OPAQUE, material),
    )


MAKERS: Final[dict[ObjectType, Callable[[Context, Attributes], Awaitable[Structure]]]] = {
    ObjectType.SYMMETRIC_KEY: symmetric_key,
    ObjectType.SECRET_DATA: secret_data,
}
"""What makes the material of each type of object that can be created."""
