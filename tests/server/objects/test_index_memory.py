"""What an object takes of the index in memory."""

import uuid
from collections import deque

from kmip.attribute_values import Digest, Name
from kmip.attributes import Attributes
from kmip.enums import (
    CryptographicAlgorithm,
    HashingAlgorithm,
    KeyFormatType,
    NameType,
    ObjectType,
)
from kmip.masks import CryptographicUsageMask
from kmip.tags import Tag
from server.objects.index_terms import terms_of
from server.objects.managed_object import ManagedObject, record_name
from storage.index import Index, Row
from tests.server.conftest import NOW

COUNT = 4096
MOST = 400


def key(place):
    """A key of twelve attributes."""
    identifier = str(uuid.UUID(int=place * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128)))
    digest = Digest(
        hashing_algorithm=HashingAlgorithm.SHA_256,
        digest_value=identifier.encode(),
        key_format_type=KeyFormatType.RAW,
    )
    pairs = [
        (Tag.UNIQUE_IDENTIFIER, identifier),
        (Tag.SHORT_UNIQUE_IDENTIFIER, identifier.encode()),
        (Tag.NAME, Name(name_value=identifier, name_type=NameType.UNINTERPRETED_TEXT_STRING)),
        (Tag.OBJECT_TYPE, ObjectType.SYMMETRIC_KEY),
        (Tag.OBJECT_GROUP, f"group {place // 10}"),
        (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES),
        (Tag.CRYPTOGRAPHIC_LENGTH, 128 << place % 2),
        (Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask.ENCRYPT),
        (Tag.DIGEST, digest),
        (Tag.INITIAL_DATE, NOW + place),
        (Tag.ACTIVATION_DATE, NOW + place),
        (Tag.LAST_CHANGE_DATE, NOW + place),
    ]
    return ManagedObject(identifier, "alice", ObjectType.SYMMETRIC_KEY, Attributes(pairs))


def test_an_object_of_twelve_attributes_takes_four_hundred_bytes_at_most():
    index = Index()
    for place in range(COUNT):
        made = key(place)
        terms = terms_of(made)
        tokens, ranged = index.tokens(terms.exact), index.ranged(terms.ranged)
        name = record_name(made.identifier)
        index.add(Row(name, 1, place, 1, bytes(16), 1, bytes(16), tokens, ranged))
    for era in index.eras.values():
        era.freeze()
    deque(index.settle(), 0)
    (era,) = index.eras.values()
    (segment,) = era.segments
    assert len(segment) == COUNT
    assert segment.memory / COUNT <= MOST
