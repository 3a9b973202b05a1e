"""Key pairs as managed objects, in the formats that objects of their algorithm have by default."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from kmip.attributes import Attributes
from kmip.cryptographic import CryptographicDomainParameters
from kmip.enums import CryptographicAlgorithm, ObjectType
from kmip.key_block import KeyBlock, KeyValue
from kmip.objects import PrivateKey, PublicKey
from kmip.tags import Tag
from server import key_blocks
from server.context import Context
from server.crypto import key_facts, key_formats, key_pairs, key_types


class Pair(NamedTuple):
    """Both keys as objects."""

    private_key: PrivateKey
    public_key: PublicKey


async def generate(
    context: Context, attributes: Attributes, domain: CryptographicDomainParameters | None
) -> Pair:
    """A new pair of the algorithm and length, or curve, that the attributes say.

    Raises:
        InvalidField, UnsupportedCryptographicParameters: the server makes no such pair.
    """
    algorithm: CryptographicAlgorithm = attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
    length = attributes.get(Tag.CRYPTOGRAPHIC_LENGTH)
    legacy = context.allow_legacy
    key = await context.slowly(
        lambda: key_pairs.generate_key_pair(algorithm, length, domain, allow_legacy=legacy)
    )
    return of_key(key, algorithm)


def of_key(key: key_types.PrivateKey, algorithm: CryptographicAlgorithm) -> Pair:
    """Both halves of a private key as objects."""
    length = key_facts.length_of(key)
    private_format = key_facts.COMPACT_FORMATS[ObjectType.PRIVATE_KEY]
    public_format = key_facts.COMPACT_FORMATS[ObjectType.PUBLIC_KEY]
    if algorithm not in key_facts.CURVE_ALGORITHMS:
        private_format = key_facts.default_format(ObjectType.PRIVATE_KEY, algorithm)
        public_format = key_facts.default_format(ObjectType.PUBLIC_KEY, algorithm)
    private = KeyBlock(
        key_format_type=private_format,
        key_value=KeyValue(key_material=key_formats.dump_private(key, private_format)),
        cryptographic_algorithm=algorithm,
        cryptographic_length=length,
    )
    half = key_types.public_half(key)
    public = KeyBlock(
        key_format_type=public_format,
        key_value=KeyValue(key_material=key_formats.dump_public(half, public_format)),
        cryptographic_algorithm=algorithm,
        cryptographic_length=length,
    )
    return Pair(PrivateKey(key_block=private), PublicKey(key_block=public))


def formed(
    key: PrivateKey | PublicKey, object_type: ObjectType, attributes: Attributes
) -> PrivateKey | PublicKey:
    """A new key in the format that its attributes ask for (2.1 section 4.26)."""
    wanted = attributes.get(Tag.KEY_FORMAT_TYPE)
    return replace(key, key_block=key_blocks.in_format(object_type, key.key_block, wanted))
