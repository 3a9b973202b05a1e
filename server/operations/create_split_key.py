"""Create Split Key (2.1 section 6.1.10)."""

import itertools
from typing import Final

from kmip.attributes import Attributes
from kmip.enums import KeyFormatType, LinkType, ObjectType, Operation, UniqueIdentifier
from kmip.errors import InvalidObjectType
from kmip.key_block import plain_block
from kmip.objects import SplitKey, key_block_of
from kmip.payloads.create_split_key import CreateSplitKeyRequest, CreateSplitKeyResponse
from kmip.tags import Tag
from server.attributes import initial, protection_storage
from server.context import Context
from server.crypto import costs
from server.crypto.keys import symmetric_keys
from server.crypto.secret_sharing import split_keys
from server.keys import generation, key_use
from server.objects.managed_object import ManagedObject
from server.registry import operation


@operation(Operation.CREATE_SPLIT_KEY)
async def create_split_key(
    context: Context, request: CreateSplitKeyRequest
) -> CreateSplitKeyResponse:
    """Split a key, or random material, into parts, each an object of its own."""
    attributes = await initial.resolve(context, request.attributes)
    protection_storage.check(attributes, request.protection_storage_masks)
    if not request.unique_identifier:
        attributes = _completed(context, attributes)
    secret, whole = await _secret(context, request, attributes)
    if whole is not None:  # the key's own come first (1.4 section 4.38)
        attributes = _of(whole).united(attributes)
    attributes = initial.guarded(attributes, [] if whole is None else [whole])
    sharing = split_keys.Sharing(
        request.split_key_method,
        request.split_key_parts,
        request.split_key_threshold,
        request.prime_field_size,
    )
    parts = await context.compute(
        sharing.splitting_cost(len(secret)), split_keys.split, secret, sharing
    )
    shares = [
        initial.new_object(
            context,
            ObjectType.SPLIT_KEY,
            _part(request, attributes, number, material),
            attributes,
            created=True,
        )
        for number, material in sorted(parts.items())
    ]
    _link(context, shares, whole)
    context.remember(shares[0].identifier, UniqueIdentifier.CREATE_SPLIT_KEY)
    return CreateSplitKeyResponse(
        object_type=ObjectType.SPLIT_KEY,
        unique_identifier=tuple(part.identifier for part in shares),
    )


def _completed(context: Context, attributes: Attributes) -> Attributes:
    """The attributes of a key that is made to be split: of some algorithm and length."""
    if context.requires_algorithm:
        initial.required(attributes, Tag.CRYPTOGRAPHIC_ALGORITHM, Tag.CRYPTOGRAPHIC_LENGTH)
    full = attributes.copy()
    algorithm = full.get(Tag.CRYPTOGRAPHIC_ALGORITHM, generation.DEFAULT_ALGORITHM)
    full.set(Tag.CRYPTOGRAPHIC_ALGORITHM, algorithm)
    if Tag.CRYPTOGRAPHIC_LENGTH not in full:
        full.set(Tag.CRYPTOGRAPHIC_LENGTH, generation.default_length(algorithm))
    return full


async def _secret(
    context: Context, request: CreateSplitKeyRequest, attributes: Attributes
) -> tuple[bytes, ManagedObject | None]:
    """What is split, and the object it comes from."""
    if request.unique_identifier:
        managed_object = await context.find(request.unique_identifier)
        block = key_block_of(await context.content(managed_object))
        block = None if block is None else await key_use.unwrap(context, block)
        if block is None or not isinstance(block.key_material, bytes):
            raise InvalidObjectType("only a plain key that is a byte string can be split")
        return block.key_material, managed_object
    length = attributes.get(Tag.CRYPTOGRAPHIC_LENGTH)
    material = await context.compute(
        costs.RANDOM.of(length // 8),
        symmetric_keys.generate_symmetric_key,
        attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM),
        length,
    )
    return material, None


OF_THE_KEY: Final = (
    Tag.CRYPTOGRAPHIC_ALGORITHM,
    Tag.CRYPTOGRAPHIC_LENGTH,
    Tag.CRYPTOGRAPHIC_USAGE_MASK,
    Tag.CRYPTOGRAPHIC_PARAMETERS,
)
"""What the parts of an existing key have of it."""


def _of(whole: ManagedObject) -> Attributes:
    """What a key lends to its parts."""
    return whole.attributes.select(OF_THE_KEY)


def _part(
    request: CreateSplitKeyRequest, attributes: Attributes, number: int, material: bytes
) -> SplitKey:
    return SplitKey(
        split_key_parts=request.split_key_parts,
        key_part_identifier=number,
        split_key_threshold=request.split_key_threshold,
        split_key_method=request.split_key_method,
        prime_field_size=request.prime_field_size,
        key_block=plain_block(
            KeyFormatType.RAW,
            material,
            attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM),
            attributes.get(Tag.CRYPTOGRAPHIC_LENGTH),
        ),
    )


def _link(context: Context, parts: list[ManagedObject], whole: ManagedObject | None) -> None:
    """Link each part to the next one, and all of them to the whole."""
    for part, following in itertools.pairwise(parts):
        initial.link(part, LinkType.NEXT_LINK, following.identifier)
        initial.link(following, LinkType.PREVIOUS_LINK, part.identifier)
    for part in parts:
        if whole is not None:
            initial.link(part, LinkType.PARENT_LINK, whole.identifier)
            part.attributes.add(Tag.SPLIT_KEY_BASE_LINK, whole.identifier)  # as 3.0 says it
        context.objects.add(part)
