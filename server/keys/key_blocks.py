"""Key blocks in another format or compression."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from kmip.enums import CryptographicAlgorithm, KeyCompressionType, KeyFormatType, ObjectType
from kmip.errors import KeyCompressionTypeNotSupported, KeyFormatTypeNotSupported
from kmip.key_block import KeyBlock, KeyValue
from server.crypto.keys import key_formats

PLAIN: Final = KeyCompressionType.EC_PUBLIC_KEY_TYPE_UNCOMPRESSED


def in_format(
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
    material = key_formats.convert(*kept, compression)
    if compression not in (None, PLAIN) and material == key_formats.convert(*kept, PLAIN):
        raise KeyCompressionTypeNotSupported("a key in this format has nothing to compress")
    return replace(
        block,
        key_format_type=to_format,
        key_compression_type=compression,
        key_value=KeyValue(key_material=material),
    )
