"""The managed objects a client can reach, read and changed within one transaction.

Theory: a `Transaction` belongs to one batch item, or to a whole batch that must be undone when an
item fails. What it changes stays in it until `commit`, which hands all of it to the store as one
unit: all or none, durable when it returns, and only if no record has changed since it was read
(`storage.Conflict`, upon which the item is simply performed again). Reads see the transaction's
own changes first.

Opened objects are kept in a cache by the version of their record, so that a busy key is not
unsealed and decoded for every request; the store's resident table knows each record's version
without input or output.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Final

from kmip.attributes import Attributes
from kmip.errors import KMIPError, ServerLimitExceeded
from kmip.masks import StorageStatusMask
from kmip.structures import Structure
from kmip.tags import Tag
from server.objects.index_terms import owner_term, query_of, terms_of
from server.objects.managed_object import ManagedObject, content_of, managed_object_of, record_name
from server.objects.served import Served
from storage import KEEP, Conflict, Put, Query, Remove, SealedStore, StorageError, Terms

log: Final = logging.getLogger(__name__)

MAX_META_BYTES: Final = 1 << 20
"""An object's attributes as they are kept. Real objects have 1 KiB; and an object that has grown by
one long attribute after the other must still be read for every use."""

MAX_TERMS: Final = 20_000
"""Terms by which one object is found. Real objects have fifty; and each of an object's changes
compares them all."""

MAX_BODY_BYTES: Final = 16 << 20
"""An object itself as it is kept, should messages be allowed to be longer than that."""


class Opened:
    """A cache of opened objects, least recently used out first.

    Args:
        limit: objects kept at most.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._by_identifier: OrderedDict[str, ManagedObject] = OrderedDict()

    def get(self, identifier: str, version: int) -> ManagedObject | None:
        """The object at this version of its record."""
        managed_object = self._by_identifier.get(identifier)
        if managed_object is None or managed_object.version != version:
            return None
        self._by_identifier.move_to_end(identifier)
        return managed_object

    def put(self, managed_object: ManagedObject) -> None:
        """Keep an object that nobody changes any more."""
        if self._limit:
            self._by_identifier[managed_object.identifier] = managed_object
            self._by_identifier.move_to_end(managed_object.identifier)
            if len(self._by_identifier) > self._limit:
                self._by_identifier.popitem(last=False)

    def drop(self, identifier: str) -> None:
        """Forget an object."""
        self._by_identifier.pop(identifier, None)


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
class _Changed:
    managed_object: ManagedObject | None
    expected: int
    body: bool
    may_wait: bool = False


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
    _changed: dict[str, _Changed] = field(default_factory=dict)
    _notes: dict[bytes, Put] = field(default_factory=dict)
    _added: set[str] = field(default_factory=set)

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
            managed_object = managed_object_of(record.meta, record.version)
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
                managed_object.content = content_of(body, managed_object.object_type)
        return managed_object.content

    def add(self, managed_object: ManagedObject) -> None:
        """Make a new object."""
        self._added.add(managed_object.identifier)
        self._changed[managed_object.identifier] = _Changed(
            managed_object, self._expected(managed_object.identifier), True
        )

    def put(self, managed_object: ManagedObject, *, body: bool = False) -> None:
        """Change an object: `managed_object` is a copy of what `find` gave, with the changes in it.

        Args:
            managed_object: the changed copy.
            body: whether its material has changed too.
        """
        before = self._changed.get(managed_object.identifier)
        body = body or (before is not None and before.body)
        expected = before.expected if before is not None else managed_object.version
        self._changed[managed_object.identifier] = _Changed(managed_object, expected, body)

    def serve(self, managed_object: ManagedObject) -> None:
        """Note in an object, a copy of what `find` gave, that it is given to a client.

        That is no reason to fail: where nothing else is changed, `commit` succeeds without a store
        that can be written (see `Served`).
        """
        before = self._changed.get(managed_object.identifier)
        managed_object.attributes.set(Tag.FRESH, value=False)
        self.put(managed_object)
        self._changed[managed_object.identifier].may_wait = before is None or before.may_wait

    def remove(self, managed_object: ManagedObject) -> None:
        """Remove an object without a trace."""
        expected = self._expected(managed_object.identifier) or managed_object.version
        self._changed[managed_object.identifier] = _Changed(None, expected, True)

    def _expected(self, identifier: str) -> int:
        before = self._changed.get(identifier)
        if before is not None:
            return before.expected
        return self.store.version(record_name(identifier))

    @property
    def added(self) -> list[ManagedObject]:
        """The new objects, as they are now."""
        found = (self._changed[one].managed_object for one in self._added if one in self._changed)
        return [managed_object for managed_object in found if managed_object is not None]

    async def changes(self) -> list[tuple[ManagedObject, ManagedObject | None]]:
        """The changed objects, and each as it is in the store, where it is there."""
        found = []
        for changed in list(self._changed.values()):
            if changed.managed_object is not None:
                before = (
                    await self._stored(changed.managed_object.identifier)
                    if changed.expected
                    else None
                )
                found.append((changed.managed_object, before))
        return found

    async def note(self, name: bytes) -> tuple[bytes, int]:
        """The content and the version of a record that is no object; empty and 0: there is none."""
        noted = self._notes.get(name)
        if noted is not None:
            return noted.meta, noted.expected
        record = await self.store.read(name) if self.store.version(name) else None
        return (b"", 0) if record is None else (record.meta, record.version)

    def write_note(self, name: bytes, content: bytes, expected: int) -> None:
        """Write a record that is no object.

        Args:
            name: of the record; no object's begins so.
            content: the whole of it.
            expected: the version that was read.
        """
        self._notes[name] = Put(name, expected, content, None, Terms(frozenset(), {}))

    async def commit(self) -> None:
        """Make every change durable, or none.

        Raises:
            ServerLimitExceeded: an object has grown too large.
            storage.Conflict: an object has changed since it was read.
            storage.Unavailable: the back end does not answer.
        """
        changes = [change for change in map(self._change, self._changed.items()) if change]
        if changes or self._notes:
            try:
                await self._write(changes)
            except Conflict:
                raise
            except StorageError as error:
                if not self._may_wait():
                    raise
                log.warning("objects are given, and are not marked as served yet: %s", error)
                for identifier in self._changed:
                    self.served.add(identifier)
            else:
                await self._write_served()
        self.forget()

    async def _write(self, changes: list[Put | Remove]) -> None:
        version = await self.store.commit([*changes, *self._notes.values()])
        for identifier, changed in self._changed.items():
            self._keep(identifier, changed, version)
            self.served.drop(identifier)

    def _may_wait(self) -> bool:
        """Whether all that is changed may be written later, or never."""
        every = all(changed.may_wait for changed in self._changed.values())
        return every and not self._notes and self.served.has_room_for(self._changed.keys())

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
                changes = [change for change in map(self._change, self._changed.items()) if change]
                await self._write(changes)
        except (KMIPError, StorageError):
            log.debug("objects that were given are still not marked as served", exc_info=True)

    def _change(self, entry: tuple[str, _Changed]) -> Put | Remove | None:
        identifier, changed = entry
        managed_object = changed.managed_object
        if managed_object is None:
            name = record_name(identifier)
            return Remove(name, changed.expected) if changed.expected else None
        body = managed_object.body() if changed.body or not changed.expected else KEEP
        meta = managed_object.meta()
        terms = terms_of(managed_object)
        if len(meta) > MAX_META_BYTES or len(terms.exact) > MAX_TERMS:
            raise ServerLimitExceeded("the object's attributes are too many or too long together")
        if isinstance(body, bytes) and len(body) > MAX_BODY_BYTES:
            raise ServerLimitExceeded("the object is too long")
        return Put(managed_object.name, changed.expected, meta, body, terms)

    def _keep(self, identifier: str, changed: _Changed, version: int) -> None:
        if changed.managed_object is None:
            self.opened.drop(identifier)
            return
        changed.managed_object.version = version
        self.opened.put(changed.managed_object)

    def forget(self) -> None:
        """Drop every change that is not committed."""
        self._changed.clear()
        self._notes.clear()
        self._added.clear()

    async def locate(
        self,
        attributes: Attributes,
        owner: str,
        *,
        status: StorageStatusMask | None = None,
        offset: int = 0,
        limit: int | None = None,
        classes: int | None = None,
    ) -> Located:
        """The client's objects that have all of the attributes, newest first.

        A State among the attributes is the one that an object's dates give it at `now`.
        """
        query = query_of(
            attributes, owner, self.now, status=status, offset=offset, limit=limit, classes=classes
        )
        stale = set(self.served) if attributes.get(Tag.FRESH) else set()
        if not self._changed and not stale:
            found = await self.store.search(query)
            return Located([_identifier(name) for name in found.names], found.total)
        return await self._locate_changed(query, owner, stale)

    async def _locate_changed(self, query: Query, owner: str, stale: set[str]) -> Located:
        """The same, with what is changed here, or given, and not yet in the store."""
        everything = replace(query, offset=0, limit=None)
        found = await self.store.search(everything)
        old = [_identifier(name) for name in found.names]
        kept = [one for one in old if one not in self._changed and one not in stale]
        mine = [
            changed
            for changed in reversed(self._changed.values())
            if changed.managed_object is not None
            and self.store.matches(query, terms_of(changed.managed_object))
        ]
        new = [
            one.managed_object.identifier
            for one in mine
            if one.managed_object is not None and not one.expected
        ]
        older = {
            one.managed_object.identifier
            for one in mine
            if one.managed_object is not None and one.expected
        }
        if older:  # they stand where they stood
            older.update(kept)
            every = await self.store.search(Query((frozenset({owner_term(owner)}),)))
            kept = [one for one in map(_identifier, every.names) if one in older]
        both = new + kept
        end = None if query.limit is None else query.offset + query.limit
        return Located(both[query.offset : end], len(both))


def _identifier(name: bytes) -> str:
    return name.partition(b"/")[2].decode()
