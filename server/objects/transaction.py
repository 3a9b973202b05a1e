"""The managed objects a client can reach, read and changed within one transaction.

Theory: a `Transaction` belongs to one batch item, or to a whole batch that must be undone when an
item fails. What it changes stays in it until `commit`, which hands all of it to the store as one
unit: all or none, durable when it returns, and only if no record has changed since it was read
(`storage.Conflict`, upon which the item is simply performed again). Reads see the transaction's
own changes first.

Opened objects are kept in a cache by the version of their record (`server.objects.opened`); the
store's resident table knows each record's version without input or output.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from heapq import merge
from itertools import islice
from typing import Final

import trio

from kmip.attributes import Attributes
from kmip.errors import KMIPError, ServerLimitExceeded
from kmip.masks import StorageStatusMask
from kmip.structures import Structure
from kmip.tags import Tag
from server.long_steps import LOOP_BYTES, are_many, stepped
from server.objects import grants
from server.objects.grants import GroupGrants
from server.objects.index_terms import Reach, group_grantee_term, query_of
from server.objects.managed_object import (
    ManagedObject,
    identifier_of,
    managed_object_of,
    record_name,
)
from server.objects.opened import Opened
from server.objects.pending import Change, Pending
from server.objects.served import Served
from storage import KEEP, Conflict, Put, Query, Remove, SealedStore, StorageError, Terms

log: Final = logging.getLogger(__name__)

MAX_META_BYTES: Final = 1 << 20
"""An object's attributes as they are kept. Real objects have 1 KiB; and an object that has grown by
one long attribute after the other must still be read for every use."""

MAX_TERMS: Final = 4_000
"""Terms by which one object is found, each of which takes some 200 bytes of memory for as long as
the object is there. Real objects have fifty; and each of an object's changes compares them all."""

MAX_CHANGES: Final = 4_000
"""Objects that one transaction changes, which are all held until it ends. A whole batch of key
pairs that are keyed anew changes so many."""

YIELD_BYTES: Final = 16 * 1024
"""Of attributes that a commit encodes, some 5 ms, before others have their turn."""

MAX_BODY_BYTES: Final = 16 << 20
"""An object itself as it is kept, should messages be allowed to be longer than that."""


@dataclass(slots=True)
class Located:
    """What a search found.

    Attributes:
        identifiers: newest first, after offset and limit.
        total: how many there are without them.
    """

    identifiers: list[str]
    total: int


@dataclass(slots=True)
class Transaction:
    """The objects as one batch item, or one undoable batch, sees and changes them.

    Attributes:
        store: the sealed store.
        opened: the cache of opened objects.
        now: the time of the request, seconds since 1970.
        served: objects that were given and could not be written.
    """

    store: SealedStore
    opened: Opened
    now: int
    served: Served = field(default_factory=Served)
    _changed: Pending = field(default_factory=Pending)
    _notes: dict[bytes, Put | Remove] = field(default_factory=dict)

    async def find(self, identifier: str) -> ManagedObject | None:
        """The object, whoever owns it; not to be changed, but copied and put."""
        changed = self._changed.get(identifier)
        return await self._stored(identifier) if changed is None else changed.managed_object

    async def _stored(self, identifier: str) -> ManagedObject | None:
        """The object as it is in the store."""
        version = self.store.version(record_name(identifier))
        if not version:
            return None
        managed_object = self.opened.get(identifier, version)
        if managed_object is None:
            record = await self.store.read(record_name(identifier))
            if record is None:
                return None
            is_long = len(record.meta) > LOOP_BYTES // 4
            managed_object = await stepped(is_long, managed_object_of, record.meta, record.version)
            self.opened.put(managed_object)
        if identifier in self.served and managed_object.attributes.get(Tag.FRESH):
            managed_object = managed_object.copy()
            managed_object.attributes.set(Tag.FRESH, value=False)
            self.opened.put(managed_object)
        return managed_object

    async def load(self, managed_object: ManagedObject) -> Structure | None:
        """The object's material; it stays with `managed_object`.

        Raises:
            storage.Conflict: the record has changed meanwhile.
        """
        if managed_object.content is None and managed_object.version:
            body = await self.store.read_body(managed_object.name, managed_object.version)
            if body is not None:
                managed_object.take_body(body)
                self.count(managed_object)
        return managed_object.content

    def count(self, managed_object: ManagedObject) -> None:
        """Count the memory of a kept object anew: its material, or its key, has been loaded."""
        if self.opened.get(managed_object.identifier, managed_object.version) is managed_object:
            self.opened.put(managed_object)

    def begin_item(self) -> None:
        """A batch item begins: what the items before it have changed is final."""
        self._changed.begin_item()

    async def settle(self) -> None:
        """A batch item has done its work: what it has changed is final, and is checked now.

        Raises:
            ServerLimitExceeded: with it, too many objects are changed.
        """
        if len(self._changed) > MAX_CHANGES:
            raise ServerLimitExceeded("too many objects are changed at once")
        self._changed.settle()
        for change in self._changed.of_item:
            one = change.managed_object
            if one is not None and are_many(one.attributes):
                await stepped(True, change.settled_terms)

    def add(self, managed_object: ManagedObject) -> None:
        """Make a new object."""
        self._changed.add(managed_object, self._expected(managed_object.identifier))

    def put(self, managed_object: ManagedObject, *, body: bool = False) -> None:
        """Change an object: `managed_object` is a copy of what `find` gave, with the changes in it.

        Args:
            managed_object: the changed copy.
            body: whether its material has changed too.
        """
        before = self._changed.get(managed_object.identifier)
        body = body or (before is not None and before.body)
        expected = before.expected if before is not None else managed_object.version
        self._changed.put(managed_object.identifier, managed_object, expected, body=body)

    def serve(self, managed_object: ManagedObject) -> None:
        """Note in an object, a copy of what `find` gave, that it is given to a client.

        That is no reason to fail: where nothing else is changed, `commit` succeeds without a store
        that can be written (see `Served`).
        """
        before = self._changed.get(managed_object.identifier)
        managed_object.attributes.set(Tag.FRESH, value=False)
        self.put(managed_object)
        if before is None or before.may_wait:
            self._changed.let_wait(managed_object.identifier)

    def remove(self, managed_object: ManagedObject) -> None:
        """Remove an object without a trace."""
        expected = self._expected(managed_object.identifier) or managed_object.version
        self._changed.put(managed_object.identifier, None, expected, body=True)

    def _expected(self, identifier: str) -> int:
        before = self._changed.get(identifier)
        if before is not None:
            return before.expected
        return self.store.version(record_name(identifier))

    @property
    def added(self) -> list[ManagedObject]:
        """The new objects of this batch item, as they are now."""
        return self._changed.added

    @property
    def changed_owners(self) -> frozenset[str]:
        """Whose objects this batch item has changed, and not removed."""
        every = (change.managed_object for change in self._changed.of_item)
        return frozenset(one.owner for one in every if one is not None)

    async def changes(self) -> list[tuple[ManagedObject, ManagedObject | None]]:
        """What this batch item has changed, and each as it is in the store, where it is there."""
        found = []
        for change in self._changed.of_item:
            managed_object = change.managed_object
            if managed_object is not None:
                before = await self._stored(managed_object.identifier) if change.expected else None
                found.append((managed_object, before))
        return found

    async def note(self, name: bytes) -> tuple[bytes, int]:
        """The content and the version of a record that is no object; empty and 0: there is none."""
        noted = self._notes.get(name)
        if noted is not None:
            return noted.meta if isinstance(noted, Put) else b"", noted.expected
        record = await self.store.read(name) if self.store.version(name) else None
        return (b"", 0) if record is None else (record.meta, record.version)

    def write_note(self, name: bytes, content: bytes, expected: int) -> None:
        """Write a record that is no object.

        Args:
            name: of the record; no object's begins so.
            content: the whole of it.
            expected: the version that was read.
        """
        self.put_note(Put(name, expected, content, None, Terms(frozenset(), {})))

    def put_note(self, change: Put) -> None:
        """Make or replace a record that is no object, as `change` says."""
        self._notes[change.name] = change

    def remove_note(self, name: bytes) -> None:
        """Remove a record that is no object, if it is there."""
        noted = self._notes.pop(name, None)
        expected = self.store.version(name) if noted is None else noted.expected
        if expected:
            self._notes[name] = Remove(name, expected)

    def has_note(self, name: bytes) -> bool:
        """Whether there is such a record, with what is changed here."""
        noted = self._notes.get(name)
        return bool(self.store.version(name)) if noted is None else isinstance(noted, Put)

    def follow_note(self, name: bytes, before: int, after: int) -> None:
        """Let a change of a record stand although the request itself has meanwhile written another.

        Args:
            name: of the record; nothing happens where it is not changed here.
            before: the version that the request has replaced.
            after: its new version.
        """
        noted = self._notes.get(name)
        if noted is not None and noted.expected == before:
            self._notes[name] = replace(noted, expected=after)

    async def note_names(self, query: Query) -> list[bytes]:
        """The names of the records that are no objects and meet a query, the newest first.

        Args:
            query: without offset and limit.
        """
        found = await self.store.search(replace(query, without=frozenset(self._notes)))
        new = [
            name
            for name, change in self._notes.items()
            if isinstance(change, Put) and self.store.matches(query, change.terms)
        ]
        return [*reversed(new), *found.names]

    async def group_grants(self, owner: str) -> GroupGrants:
        """What an owner has granted on groups of objects."""
        found = await self.group_grants_in(grants.record_name(owner))
        return GroupGrants(owner) if found is None else found

    async def group_grants_in(self, name: bytes) -> GroupGrants | None:
        """What the record of this name says of some owner's groups; None: there is no record."""
        version = self.store.version(name)
        kept = self.opened.group_grants.get(name, version)
        if kept is not None and name not in self._notes:
            return kept
        content, version = await self.note(name)
        if not content:
            return None
        is_long = len(content) > LOOP_BYTES // 4
        found = await stepped(is_long, grants.group_grants_of, content, version)
        if name not in self._notes:
            self.opened.group_grants.put(name, found)
        return found

    def put_group_grants(self, changed: GroupGrants) -> None:
        """Write what an owner grants on groups of objects, in place of what was read."""
        terms = Terms(frozenset(map(group_grantee_term, changed.grantees)), {})
        name = grants.record_name(changed.owner)
        if changed.by_group:
            self.put_note(Put(name, changed.version, changed.encode(), None, terms))
        elif changed.version:
            self._notes[name] = Remove(name, changed.version)

    async def commit(self) -> None:
        """Make every change durable, or none.

        Raises:
            ServerLimitExceeded: an object has grown too large.
            storage.Conflict: an object has changed since it was read.
            storage.Unavailable: the back end does not answer.
        """
        changes = await self._written()
        if changes or self._notes:
            try:
                await self._write(changes)
            except Conflict:
                raise
            except StorageError as error:
                if not self._may_wait():
                    raise
                log.warning("objects are given, and are not marked as served yet: %s", error)
                for identifier, _ in self._changed:
                    self.served.add(identifier)
            else:
                await self._write_served()
        self.forget()

    async def _written(self) -> list[Put | Remove]:
        """All changes as they go into the store; others have their turn in between."""
        changes: list[Put | Remove] = []
        written = 0
        for identifier, changed in self._changed:
            one = changed.managed_object
            is_long = one is not None and are_many(one.attributes)
            change = await stepped(is_long, self._change, identifier, changed)
            if change is not None:
                changes.append(change)
                written += len(change.meta) if isinstance(change, Put) else 0
            if written > YIELD_BYTES:
                written = 0
                await trio.lowlevel.checkpoint()
        return changes

    async def _write(self, changes: list[Put | Remove]) -> None:
        version = await self.store.commit([*changes, *self._notes.values()])
        for identifier, changed in self._changed:
            self._keep(identifier, changed, version)
            self.served.drop(identifier)

    def _may_wait(self) -> bool:
        """Whether all that is changed may be written later, or never."""
        every = all(changed.may_wait for _, changed in self._changed)
        identifiers = {identifier for identifier, _ in self._changed}
        return every and not self._notes and self.served.has_room_for(identifiers)

    async def _write_served(self) -> None:
        """Write some of what could not be written before, now that the store takes changes."""
        self.forget()
        try:
            for identifier in self.served.next():
                managed_object = await self._stored(identifier)
                if managed_object is None:
                    self.served.drop(identifier)
                else:
                    self.serve(managed_object.copy())
            if self._changed:
                await self._write(await self._written())
        except (KMIPError, StorageError):
            log.debug("objects that were given are still not marked as served", exc_info=True)

    def _change(self, identifier: str, changed: Change) -> Put | Remove | None:
        managed_object = changed.managed_object
        if managed_object is None:
            name = record_name(identifier)
            return Remove(name, changed.expected) if changed.expected else None
        body = managed_object.body() if changed.body or not changed.expected else KEEP
        meta = managed_object.meta()
        terms = changed.settled_terms()
        if len(meta) > MAX_META_BYTES or len(terms.exact) > MAX_TERMS:
            raise ServerLimitExceeded("the object's attributes are too many or too long together")
        if isinstance(body, bytes) and len(body) > MAX_BODY_BYTES:
            raise ServerLimitExceeded("the object is too long")
        return Put(managed_object.name, changed.expected, meta, body, terms)

    def _keep(self, identifier: str, changed: Change, version: int) -> None:
        if changed.managed_object is None:
            self.opened.drop(identifier)
            return
        changed.managed_object.version = version
        self.opened.put(changed.managed_object)

    def forget(self) -> None:
        """Drop every change that is not committed."""
        self._changed.clear()
        self._notes.clear()

    async def locate(
        self,
        attributes: Attributes,
        among: str | Reach,
        *,
        status: StorageStatusMask | None = None,
        offset: int = 0,
        limit: int | None = None,
        classes: int | None = None,
    ) -> Located:
        """The objects of an owner, or of a reach, that have all of the attributes, newest first.

        A State among the attributes is the one that an object's dates give it at `now`.
        """
        make_query = partial(query_of, status=status, offset=offset, limit=limit, classes=classes)
        query = await stepped(are_many(attributes), make_query, attributes, among, self.now)
        stale = set(self.served) if attributes.get(Tag.FRESH) else set()
        if not self._changed and not stale:
            found = await self.store.search(query)
            return Located([identifier_of(name) for name in found.names], found.total)
        return await self._locate_changed(query, stale)

    async def locate_among(
        self,
        attributes: Attributes,
        reaches: Sequence[Reach],
        *,
        status: StorageStatusMask | None = None,
        offset: int = 0,
        limit: int | None = None,
        classes: int | None = None,
    ) -> Located:
        """The same among the objects of several reaches, those of the first one first.

        Args:
            attributes: the filter.
            reaches: of which each object is in one at most.
            status: see `query_of`.
            offset: how many to pass over.
            limit: how many at most.
            classes: see `query_of`.
        """
        identifiers: list[str] = []
        total = 0
        for reach in reaches:
            found = await self.locate(
                attributes,
                reach,
                status=status,
                offset=max(0, offset - total),
                limit=None if limit is None else limit - len(identifiers),
                classes=classes,
            )
            identifiers += found.identifiers
            total += found.total
        return Located(identifiers, total)

    async def _locate_changed(self, query: Query, stale: set[str]) -> Located:
        """The same, with what is changed here, or given, and not yet in the store.

        What is changed is compared here and left out there; the rest comes from the store, no more
        of it than is asked for. An object that is changed keeps its place by age.
        """
        mine = self._changed.matching(query, self.store.matches)
        new = [identifier for identifier, expected in mine if not expected]
        older = [identifier for identifier, expected in mine if expected]
        older.sort(key=self._age, reverse=True)
        end = None if query.limit is None else query.offset + query.limit
        hidden = frozenset(map(record_name, {*stale, *(one for one, _ in self._changed)}))
        found = await self.store.search(replace(query, offset=0, limit=end, without=hidden))
        kept = map(identifier_of, found.names)
        merged = islice(merge(kept, older, key=self._age, reverse=True), end)
        both = [*new, *merged]
        return Located(both[query.offset : end], len(mine) + found.total)

    def _age(self, identifier: str) -> int:
        """The later an object was made, the greater."""
        return self.store.serial(record_name(identifier))
