"""Grants: what an owner allows others to do with an object, or with all that is in a group.

A grant names a grantee and operations. Those on one object are part of its sealed record, and go
where it goes. Those on an object group are of all the objects of this owner that are in it, now
or later; they are in one sealed record for each owner, beside the objects. Either way the grantees
are terms of the index, so that a grantee's Locate finds what it has been granted.

An object is in a group by its Object Group, or by a Group Link to it (3.0).

What a grant may name, and who is a grantee, is decided in `server.access`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from kmip.encodings import ttlv
from kmip.enums import Operation
from kmip.structures import Structure, from_item, structure, to_item
from kmip.tags import Tag
from kmip.versions import INTERNAL

RECORD_PREFIX: Final = b"grants/"

MAX_GRANTEES: Final = 256
"""Of one object: each is a term in the index; who wants more makes a group of them."""
MAX_NAME: Final = 512
"""Characters of a client's, a user group's or an object group's name."""
MAX_BYTES: Final = 64 << 10
"""Of an object's grants, as a record has them: 256 short names with every operation, and far below
what an object's attributes may have."""
MAX_GROUP_GRANTS: Final = 512
"""Grantees of one owner's object groups, all groups together."""
MAX_GROUP_BYTES: Final = 64 << 10
"""Of one owner's grants on groups."""


class GranteeKind(Enum):
    """What is granted something.

    The names are parts of terms in stores, and stay.
    """

    CLIENT = "client"
    GROUP = "group"
    EVERYONE = "everyone"


class Grantee(NamedTuple):
    """Who is granted something.

    Attributes:
        kind: what it is.
        name: the client's name, or the Unique Identifier of a Group (3.0); empty for everyone.
    """

    kind: GranteeKind
    name: str = ""


EVERYONE: Final = Grantee(GranteeKind.EVERYONE)
"""Every client that is identified."""

Grants = Mapping[Grantee, frozenset[Operation]]
"""What each grantee may do; never changed in place."""

_RECORD: Final = ttlv.TTLV(max_items=1 << 20)

NO_GRANTS: Final[Grants] = {}
NO_OPERATIONS: Final[frozenset[Operation]] = frozenset()


def operations_for(grants: Grants, grantees: Iterable[Grantee]) -> frozenset[Operation]:
    """What any of these grantees may do."""
    if not grants:
        return NO_OPERATIONS
    return NO_OPERATIONS.union(*(grants.get(each, NO_OPERATIONS) for each in grantees))


@structure
class GrantRecord(Structure):
    """One grant at rest: to a client, to a group, or, where neither is there, to everyone.

    Its operations are a bit for each by its number, least significant byte first: as items of their
    own they would make a busy key's record slow to write.
    """

    username: str | None = None
    group_link: str | None = None
    object_group: str | None = None
    operations: bytes = b""


def written(grants: Grants, group: str | None = None) -> tuple[GrantRecord, ...]:
    """Grants as they are kept.

    Args:
        grants: what is granted.
        group: the object group that they are on; None: one object.
    """
    return tuple(
        GrantRecord(
            username=grantee.name if grantee.kind is GranteeKind.CLIENT else None,
            group_link=grantee.name if grantee.kind is GranteeKind.GROUP else None,
            object_group=group,
            operations=_bits(operations),
        )
        for grantee, operations in grants.items()
    )


def read(records: Iterable[GrantRecord]) -> Grants:
    """The grants that were kept."""
    return {_grantee(each): _operations(each.operations) for each in records} or NO_GRANTS


def _bits(operations: frozenset[Operation]) -> bytes:
    bits = sum(1 << each for each in operations)
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")


def _operations(written: bytes) -> frozenset[Operation]:
    bits = int.from_bytes(written, "little")
    return frozenset(each for each in NUMBERED if bits >> each & 1)


NUMBERED: Final = tuple(each for each in Operation if each < 1 << 10)
"""The operations but vendors' own, whose numbers are no places in a row of bits."""


def _grantee(record: GrantRecord) -> Grantee:
    if record.username is not None:
        return Grantee(GranteeKind.CLIENT, record.username)
    if record.group_link is not None:
        return Grantee(GranteeKind.GROUP, record.group_link)
    return EVERYONE


@structure
class GroupGrantsRecord(Structure):
    """The grants of one owner on object groups."""

    username: str
    right: tuple[GrantRecord, ...] = ()


@dataclass(slots=True)
class GroupGrants:
    """What one owner has granted on object groups.

    Attributes:
        owner: whose objects.
        by_group: the grants on each group.
        version: of the record; 0: there is none yet.
    """

    owner: str
    by_group: Mapping[str, Grants] = field(default_factory=dict)
    version: int = 0

    @property
    def count(self) -> int:
        """Grantees in all groups together."""
        return sum(map(len, self.by_group.values()))

    @property
    def grantees(self) -> frozenset[Grantee]:
        """All that are granted something in some group."""
        return frozenset(grantee for grants in self.by_group.values() for grantee in grants)

    def groups_for(self, grantees: Iterable[Grantee]) -> frozenset[str]:
        """The groups in which any of these grantees may do something."""
        every = tuple(grantees)
        return frozenset(
            group for group, grants in self.by_group.items() if operations_for(grants, every)
        )

    def encode(self) -> bytes:
        """The record's content."""
        rights = (
            each for group, grants in self.by_group.items() for each in written(grants, group)
        )
        record = GroupGrantsRecord(username=self.owner, right=tuple(rights))
        return ttlv.encode(to_item(record, Tag.RIGHTS, INTERNAL), _RECORD)


def group_grants_of(content: bytes, version: int) -> GroupGrants:
    """What a record holds."""
    record = from_item(ttlv.decode(content, _RECORD), GroupGrantsRecord, INTERNAL)
    grouped: dict[str, list[GrantRecord]] = {}
    for each in record.right:
        grouped.setdefault(each.object_group or "", []).append(each)
    by_group = {group: read(rights) for group, rights in grouped.items()}
    return GroupGrants(record.username, by_group, version)


def record_name(owner: str) -> bytes:
    """The store's name for an owner's record; a name of any length has one."""
    return RECORD_PREFIX + hashlib.sha256(owner.encode()).digest()


def size_of(grants: Grants) -> int:
    """Bytes that grants take in a record."""
    return sum(
        len(ttlv.encode(to_item(each, Tag.RIGHT, INTERNAL), _RECORD)) for each in written(grants)
    )
