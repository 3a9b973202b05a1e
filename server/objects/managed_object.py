"""A managed object as the server holds it, and its sealed record.

A record has two parts. The meta part holds everything but the material: identifier, owner, type,
attributes and what the owner has granted others, as TTLV in the internal dialect, which every field
survives. The body is the object itself, read only when its material is needed.

An object's State is not kept but follows from its dates (`kmip.lifecycle`), so that an Activation
Date that has come counts without anybody writing it down.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from kmip import lifecycle
from kmip.attribute_encoding import Template
from kmip.attribute_values import UsageLimits
from kmip.attributes import Attributes
from kmip.compiled.reading import NOT_TAKEN, reader_of
from kmip.compiled.writing import written
from kmip.encodings import ttlv
from kmip.encodings.ttlv import HEADER_BYTES
from kmip.enums import ObjectType, State
from kmip.masks import StorageStatusMask
from kmip.objects import OBJECTS
from kmip.structures import Structure, from_item, structure, to_item
from kmip.tags import Tag
from kmip.types import LongInteger
from kmip.versions import INTERNAL
from server.objects import grants as granted
from server.objects.grants import NO_GRANTS, GrantRecord, Grants

S = TypeVar("S", bound=Structure)

OBJECT_PREFIX: Final = b"object/"

ITEM_MEMORY: Final = 300
"""Bytes that one item of a record takes in memory beside its own, at most: a value of a custom
attribute is a name of two texts, an item, and a place in two tables."""
OBJECT_MEMORY: Final = 2048
"""Bytes that an object takes beside its attributes and its material."""
OPENED_MEMORY: Final = 8192
"""Bytes of a key as the cryptographic library has it, beside its numbers."""
OPENED_TIMES: Final = 3
"""Times that such a key holds its numbers: as they are, and prepared for computing."""

# A record is written by this server and authentic; an object may outgrow a message's limits.
_RECORD: Final = ttlv.TTLV(max_items=1 << 20)


@structure
class Record(Structure):
    """The meta part of a record."""

    unique_identifier: str
    username: str
    object_type: ObjectType
    storage_status_mask: StorageStatusMask = StorageStatusMask.ON_LINE_STORAGE
    usage_limits_count: LongInteger | None = None
    right: tuple[GrantRecord, ...] = ()
    attributes: Template


@dataclass(slots=True)
class ManagedObject:
    """A managed object.

    Attributes:
        identifier: its Unique Identifier.
        owner: the name of the client that made it.
        object_type: its type.
        attributes: all of them, but State, which `state` tells.
        content: the object itself; None until it is loaded, or where there is none (any more).
        archived: whether it is in archival storage.
        allocated: Usage Limits units that Get Usage Allocation has given out.
        grants: what others may do with it; replaced as a whole where it changes.
        version: of its record; 0: not yet committed.
        opened: its key as the cryptographic library has it, once it has been used.
        meta_memory: bytes of memory that the meta part takes, once it has been read or written.
        content_memory: the same of the material.
    """

    identifier: str
    owner: str
    object_type: ObjectType
    attributes: Attributes
    content: Structure | None = field(default=None, repr=False)
    archived: bool = False
    allocated: int = 0
    grants: Grants = field(default_factory=lambda: NO_GRANTS)
    version: int = 0
    opened: Any = field(default=None, repr=False)
    meta_memory: int = field(default=0, compare=False)
    content_memory: int = field(default=0, compare=False)

    @property
    def memory(self) -> int:
        """Bytes of memory that it takes while it is kept, at most; estimated from its record."""
        content = 0 if self.content is None else self.content_memory
        opened = 0 if self.opened is None else OPENED_MEMORY + OPENED_TIMES * self.content_memory
        return OBJECT_MEMORY + self.meta_memory + content + opened

    @property
    def name(self) -> bytes:
        """The record's name in the store."""
        return record_name(self.identifier)

    def copy(self) -> ManagedObject:
        """An independent copy, to be changed and put back."""
        return replace(self, attributes=self.attributes.copy())

    def state(self, now: int) -> State:
        """The state at `now`, seconds since 1970."""
        return lifecycle.state_of(self.attributes, now)

    @property
    def is_destroyed(self) -> bool:
        """Whether its material is gone."""
        return Tag.DESTROY_DATE in self.attributes

    def view(self, now: int) -> Attributes:
        """All attributes with the State at `now`: what a client sees."""
        seen = self.attributes.copy()
        seen.set(Tag.STATE, self.state(now))
        return seen

    @property
    def usage_limits(self) -> UsageLimits | None:
        """The limits on protecting with it, if there are any."""
        limits: UsageLimits | None = self.attributes.get(Tag.USAGE_LIMITS)
        return limits

    def meta(self) -> bytes:
        """The record's meta part; its memory is estimated anew."""
        status = StorageStatusMask.ARCHIVAL_STORAGE if self.archived else _ON_LINE
        record = Record(
            unique_identifier=self.identifier,
            username=self.owner,
            object_type=self.object_type,
            storage_status_mask=status,
            usage_limits_count=self.allocated or None,
            right=granted.written(self.grants),
            attributes=self.attributes,
        )
        data, self.meta_memory = _written(record, Tag.OBJECTS)
        return data

    def body(self) -> bytes | None:
        """The record's body; None where there is no object. Its memory is estimated anew."""
        if self.content is None:
            return None
        tag = OBJECTS[self.object_type][0]
        data, self.content_memory = _written(self.content, tag)
        return data

    def take_body(self, body: bytes) -> None:
        """Take the material from the record's body."""
        self.content = _read(body, OBJECTS[self.object_type][1])
        self.content_memory = _memory(body)


_ON_LINE: Final = StorageStatusMask.ON_LINE_STORAGE


def record_name(identifier: str) -> bytes:
    """The store's name for an object's record."""
    return OBJECT_PREFIX + identifier.encode()


def identifier_of(name: bytes) -> str:
    """The identifier of the object whose record has this name."""
    return name.removeprefix(OBJECT_PREFIX).decode()


def managed_object_of(meta: bytes, version: int) -> ManagedObject:
    """The object whose record has this meta part; its material is not loaded."""
    record = _read(meta, Record)
    return ManagedObject(
        identifier=record.unique_identifier,
        owner=record.username,
        object_type=record.object_type,
        attributes=record.attributes,
        archived=record.storage_status_mask == StorageStatusMask.ARCHIVAL_STORAGE,
        allocated=record.usage_limits_count or 0,
        grants=granted.read(record.right),
        version=version,
        meta_memory=_memory(meta),
    )


def _read(data: bytes, cls: type[S]) -> S:
    """The structure that a part of a record is."""
    try:
        found: S = reader_of(cls, INTERNAL)(data, HEADER_BYTES, len(data))
    except NOT_TAKEN:
        return from_item(ttlv.decode(data, _RECORD), cls, INTERNAL)
    return found


def _written(value: Structure, tag: Tag) -> tuple[bytes, int]:
    """A part of a record as bytes, and the bytes of memory that its object takes."""
    content = written(value, INTERNAL)
    if content is None:
        data = ttlv.encode(to_item(value, tag, INTERNAL), _RECORD)
    else:
        data = ttlv.encode(ttlv.with_content(tag, content), _RECORD)
    return data, _memory(data)


def _memory(data: bytes) -> int:
    return len(data) + ITEM_MEMORY * ttlv.count_items(data)
