"""Join Split Key (2.1 section 6.1.27)."""

from typing import Any

from kmip.attributes import Attributes
from kmip.enums import (
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    SecretDataType,
    UniqueIdentifier,
)
from kmip.errors import CryptographicFailure, InvalidField, InvalidObjectType
from kmip.key_block import KeyBlock, plain_block
from kmip.objects import SecretData, SplitKey, SymmetricKey, key_block_of
from kmip.payloads.join_split_key import JoinSplitKeyRequest, JoinSplitKeyResponse
from kmip.structures import Structure
from kmip.tags import Tag
from server.attributes import initial, protection_storage
from server.context import Context, RequestedIdentifier
from server.crypto.secret_sharing import split_keys
from server.keys import key_use
from server.objects.managed_object import ManagedObject
from server.registry import operation


@operation(Operation.JOIN_SPLIT_KEY)
async def join_split_key(context: Context, request: JoinSplitKeyRequest) -> JoinSplitKeyResponse:
    """Put a key together from enough of its parts."""
    attributes = await initial.resolve(context, request.attributes)
    protection_storage.check(attributes, request.protection_storage_masks)
    sources = [await context.find(identifier) for identifier in _named(request)]
    attributes = initial.guarded(attributes, sources)
    parts, sharing = await _parts(context, sources)
    attributes = await _as_the_parts(context, attributes, sources)
    bits = attributes.get(Tag.CRYPTOGRAPHIC_LENGTH)
    length = None if bits is None else (bits + 7) // 8
    secret = await context.compute(
        sharing.joining_cost(parts), split_keys.join, parts, sharing, length
    )
    block = plain_block(
        KeyFormatType.RAW, secret, attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM), bits
    )
    if request.object_type == ObjectType.SYMMETRIC_KEY:
        initial.required(attributes, Tag.CRYPTOGRAPHIC_ALGORITHM)
    content = _object(request, block)
    managed_object = initial.new_object(
        context, request.object_type, content, attributes, created=False
    )
    for source in sources:
        initial.link(managed_object, LinkType.CHILD_LINK, source.identifier)
        managed_object.attributes.add(Tag.JOINED_SPLIT_KEY_PARTS_LINK, source.identifier)
    context.objects.add(managed_object)
    context.remember(managed_object.identifier, UniqueIdentifier.JOIN_SPLIT_KEY)
    return JoinSplitKeyResponse(
        object_type=managed_object.object_type, unique_identifier=managed_object.identifier
    )


def _named(request: JoinSplitKeyRequest) -> list[RequestedIdentifier]:
    """The parts that are named, each once.

    Raises:
        InvalidField: they are more than a key is split into.
    """
    named: list[RequestedIdentifier] = list(dict.fromkeys(request.unique_identifier))
    if len(named) > split_keys.MAX_PARTS:
        raise InvalidField(f"a key has at most {split_keys.MAX_PARTS} parts")
    return named


async def _as_the_parts(
    context: Context, attributes: Attributes, sources: list[ManagedObject]
) -> Attributes:
    """The key's attributes, those that the request leaves out being what all parts say.

    An algorithm, a length and a usage mask always have a value (2.1 section 4). A part's length is
    the key's where its Key Block states it; otherwise it may only have been measured.
    """
    full = attributes.copy()
    blocks = [key_block_of(await context.content(source)) for source in sources]
    masks = [source.attributes.get(Tag.CRYPTOGRAPHIC_USAGE_MASK) for source in sources]
    stated: dict[Tag, set[Any]] = {
        Tag.CRYPTOGRAPHIC_ALGORITHM: {block.cryptographic_algorithm for block in blocks if block},
        Tag.CRYPTOGRAPHIC_LENGTH: {block.cryptographic_length for block in blocks if block},
        Tag.CRYPTOGRAPHIC_USAGE_MASK: set(masks),
    }
    for tag, values in stated.items():
        if tag not in full and len(values) == 1:
            full.set(tag, values.pop())
    return full


async def _parts(
    context: Context, sources: list[ManagedObject]
) -> tuple[dict[int, bytes], split_keys.Sharing]:
    """The parts by their numbers, and how they were made."""
    found: dict[int, bytes] = {}
    sharings = set()
    for source in sources:
        content = await context.content(source)
        if not isinstance(content, SplitKey):
            raise InvalidObjectType("only parts of split keys are joined")
        key = await key_use.open_key(context, source, None)
        found[content.key_part_identifier] = key.key
        sharings.add(
            split_keys.Sharing(
                content.split_key_method,
                content.split_key_parts,
                content.split_key_threshold,
                content.prime_field_size,
                content.split_key_polynomial,
            )
        )
    if len(sharings) != 1:
        raise CryptographicFailure("the parts do not belong together")
    return found, sharings.pop()


def _object(request: JoinSplitKeyRequest, block: KeyBlock) -> Structure:
    if request.object_type == ObjectType.SYMMETRIC_KEY:
        return SymmetricKey(key_block=block)
    if request.object_type == ObjectType.SECRET_DATA:
        kind = request.secret_data_type or SecretDataType.SEED
        return SecretData(secret_data_type=kind, key_block=block)
    raise InvalidField("a symmetric key or secret data can be joined")
