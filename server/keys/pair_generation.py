"""Key pairs as managed objects, in the formats that objects of their algorithm have by default."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from kmip.attributes import Attributes
from kmip.cryptographic_parameters import CryptographicDomainParameters
from kmip.enums import CryptographicAlgorithm, ObjectType
from kmip.key_block import plain_block
from kmip.objects import PrivateKey, PublicKey
from kmip.tags import Tag
from server.context import Context
from server.crypto.keys import key_costs, key_facts, key_formats, key_pairs, key_types
from server.crypto.keys.key_facts import CURVE_ALGORITHMS
from server.keys import key_blocks

DEFAULT_LENGTHS: Final = {
    CryptographicAlgorithm.RSA: 3072,
    CryptographicAlgorithm.DSA: 3072,
    CryptographicAlgorithm.DH: 3072,
    CryptographicAlgorithm.EC: 256,
    CryptographicAlgorithm.ECDSA: 256,
    CryptographicAlgorithm.ECDH: 256,
    CryptographicAlgorithm.ECMQV: 256,
}
"""Bits of a pair whose length the client leaves to the server: 128 bits of strength (SP 800-57
table 2)."""


class Pair(NamedTuple):
    """Both keys as objects."""

    private_key: PrivateKey
    public_key: PublicKey


async def generate(
    context: Context, attributes: Attributes, domain: CryptographicDomainParameters | None
) -> Pair:
    """A new pair of the algorithm and length, or curve, that the attributes say.

    What they leave out is the server's to choose (2.1 section 4, Table 28; of lengths also 1.4
    section 4.2).

    Raises:
        InvalidField, UnsupportedCryptographicParameters: the server makes no such pair.
    """
    has_curve = domain is not None and domain.recommended_curve is not None
    default = CryptographicAlgorithm.EC if has_curve else CryptographicAlgorithm.RSA
    algorithm = attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM, default)
    length = attributes.get(Tag.CRYPTOGRAPHIC_LENGTH)
    if length is None and (domain is None or algorithm not in CURVE_ALGORITHMS):
        length = DEFAULT_LENGTHS.get(algorithm)
    legacy = context.allow_legacy
    key = await context.compute(
        key_costs.of_pair(algorithm, length, domain),
        lambda: key_pairs.generate_key_pair(algorithm, length, domain, allow_legacy=legacy),
    )
    return of_key(key, algorithm)


def of_key(key: key_types.PrivateKey, algorithm: CryptographicAlgorithm) -> Pair:
    """Both halves of a private key as objects."""
    half = key_types.public_half(key)
    private_format, public_format = key_facts.compact_format(key), key_facts.compact_format(half)
    if algorithm in NOT_COMPACT:
        private_format = key_facts.default_format(ObjectType.PRIVATE_KEY, algorithm)
        public_format = key_facts.default_format(ObjectType.PUBLIC_KEY, algorithm)
    private_material = key_formats.dump_private(key, private_format)
    public_material = key_formats.dump_public(half, public_format)
    private = plain_block(private_format, private_material, algorithm, key_facts.length_of(key))
    public = plain_block(public_format, public_material, algorithm, key_facts.length_of(half))
    return Pair(PrivateKey(key_block=private), PublicKey(key_block=public))


NOT_COMPACT: Final = frozenset({CryptographicAlgorithm.DSA, CryptographicAlgorithm.DH})
"""Algorithms whose keys are given in the specification's default format. For keys on curves that is
a transparent one, which PyKMIP cannot read; so those are made as byte strings."""


async def formed(
    context: Context, key: PrivateKey | PublicKey, object_type: ObjectType, attributes: Attributes
) -> PrivateKey | PublicKey:
    """A new key in the format that its attributes ask for (2.1 section 4.26)."""
    wanted = attributes.get(Tag.KEY_FORMAT_TYPE)
    block = await key_blocks.in_format(context, object_type, key.key_block, wanted)
    return replace(key, key_block=block)
