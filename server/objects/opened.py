"""Opened objects, kept so that a busy key is not unsealed and decoded for every request.

What is kept is bounded in bytes of memory and not by number, since a client chooses how long its
objects are. What an object takes is estimated from its record: the bytes of it, and a fixed sum for
each item, since the small items of a record become Python objects many times their size. The sums
are measured (`tests/server/objects/test_opened.py`), and no form of an object takes more.

One client's objects take half of the memory at most, so that the others' keys stay.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from server.objects.grants import GroupGrants
from server.objects.managed_object import ManagedObject

CLIENT_SHARE: Final = 2
"""One part in so many of the memory is the most that one client's objects take."""


MAX_GROUP_GRANTS: Final = 64
"""Owners whose grants on groups are kept, some 400 KiB each at most and usually a few."""


class OpenedGroupGrants:
    """A cache of what owners have granted on groups, the least recently used out first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, GroupGrants] = OrderedDict()

    def get(self, name: bytes, version: int) -> GroupGrants | None:
        """What the record of this name holds at this version."""
        kept = self._kept.get(name)
        if kept is None or not version or kept.version != version:
            return None
        self._kept.move_to_end(name)
        return kept

    def put(self, name: bytes, found: GroupGrants) -> None:
        """Keep what nobody changes any more."""
        self._kept[name] = found
        self._kept.move_to_end(name)
        if len(self._kept) > MAX_GROUP_GRANTS:
            self._kept.popitem(last=False)


class Opened:
    """A cache of opened objects, least recently used out first.

    Args:
        limit: bytes of memory, as `ManagedObject.memory` estimates them.

    Attributes:
        group_grants: what owners have granted on groups.
        hits: how often an object was found.
        misses: how often it was not, or was there as of another version.
    """

    def __init__(self, limit: int) -> None:
        self.group_grants = OpenedGroupGrants()
        self.hits = 0
        self.misses = 0
        self._limit = limit
        self._share = limit // CLIENT_SHARE
        self._kept: OrderedDict[str, tuple[ManagedObject, int]] = OrderedDict()
        self._by_owner: dict[str, OrderedDict[str, int]] = {}
        self._taken: dict[str, int] = {}
        self._total = 0

    def __len__(self) -> int:
        """Objects that are kept."""
        return len(self._kept)

    @property
    def memory(self) -> int:
        """Bytes that they take."""
        return self._total

    def get(self, identifier: str, version: int) -> ManagedObject | None:
        """The object at this version of its record."""
        kept = self._kept.get(identifier)
        if kept is None or kept[0].version != version:
            self.misses += 1
            return None
        self.hits += 1
        self._kept.move_to_end(identifier)
        self._by_owner[kept[0].owner].move_to_end(identifier)
        return kept[0]

    def put(self, managed_object: ManagedObject) -> None:
        """Keep an object that nobody changes any more, or count it anew: its material is loaded."""
        identifier, owner = managed_object.identifier, managed_object.owner
        self.drop(identifier)
        size = managed_object.memory
        if size > self._share:
            return
        self._kept[identifier] = (managed_object, size)
        self._by_owner.setdefault(owner, OrderedDict())[identifier] = size
        self._taken[owner] = self._taken.get(owner, 0) + size
        self._total += size
        while self._taken[owner] > self._share:
            self.drop(next(iter(self._by_owner[owner])))
        while self._total > self._limit:
            self.drop(next(iter(self._kept)))

    def drop(self, identifier: str) -> None:
        """Forget an object."""
        kept = self._kept.pop(identifier, None)
        if kept is None:
            return
        managed_object, size = kept
        owner = managed_object.owner
        self._total -= size
        self._taken[owner] -= size
        del self._by_owner[owner][identifier]
        if not self._by_owner[owner]:
            del self._by_owner[owner], self._taken[owner]
