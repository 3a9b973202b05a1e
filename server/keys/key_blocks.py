"""Key blocks in another format or compression."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from kmip.enums import CryptographicAlgorithm, KeyCompressionType, KeyFormatType, ObjectType
from kmip.errors import KeyCompressionTypeNotSupported, KeyFormatTypeNotSupported
from kmip.key_block import KeyBlock, KeyValue
from server.context import Context
from server.crypto.keys import key_costs, key_formats

PLAIN: Final = KeyCompressionType.EC_PUBLIC_KEY_TYPE_UNCOMPRESSED


async def in_format(
    context: Context,
    object_type: ObjectType,
    block: KeyBlock,
    wanted: KeyFormatType | None,
    compression: KeyCompressionType | None = None,
) -> KeyBlock:
    """A key block in another format; a wrapped one keeps the format it has.

    Raises:
        KeyFormatTypeNotSupported, KeyCompressionTypeNotSupported: it has no such form.
    """
    if block.key_wrapping_data is not None:
        if wanted not in (None, block.key_format_type):
            raise KeyFormatTypeNotSupported("a wrapped key has the format it was wrapped in")
        if compression is not None:
            raise KeyCompressionTypeNotSupported("a wrapped key cannot be compressed")
        return block
    if wanted is None and compression is None:
        return block
    to_format = wanted or block.key_format_type
    algorithm: CryptographicAlgorithm | None = block.cryptographic_algorithm
    kept = (object_type, block.key_material, block.key_format_type, to_format, algorithm)

    def convert() -> key_formats.Material:
        material = key_formats.convert(*kept, compression)
        if compression not in (None, PLAIN) and material == key_formats.convert(*kept, PLAIN):
            raise KeyCompressionTypeNotSupported("a key in this format has nothing to compress")
        return material

    material = await context.compute(_cost(object_type, block, compression), convert)
    return replace(
        block,
        key_format_type=to_format,
        key_compression_type=compression,
        key_value=KeyValue(key_material=material),
    )


def _cost(
    object_type: ObjectType, block: KeyBlock, compression: KeyCompressionType | None
) -> float:
    """Microseconds to convert a block: to load its material, twice where it is compressed."""
    if object_type not in (ObjectType.PRIVATE_KEY, ObjectType.PUBLIC_KEY):
        return 0
    private = object_type == ObjectType.PRIVATE_KEY
    times = 1 if compression in (None, PLAIN) else 2
    return times * key_costs.of_loading(block.key_material, private=private)
