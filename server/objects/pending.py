"""The objects that a transaction has changed, and how those among them are found.

Each batch item of an undoable batch may search among what all the items before it have changed. So
the terms of a changed object are computed once, after the item that changed it, and are kept with a
small index of their own: a search looks at the objects that have its rarest term, not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from server.objects.index_terms import terms_of
from server.objects.managed_object import ManagedObject
from storage import Query, Terms

NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(slots=True)
class Change:
    """An object as it is to become.

    Attributes:
        managed_object: the changed object; None: it is removed.
        expected: the version of the record that it takes the place of; 0: there is none.
        body: whether its material is written too.
        place: among the changes, from 0; an object keeps its first one.
        may_wait: whether it may be written later, or never (`server.objects.served`).
        terms: of the index, once the object does not change any more.
    """

    managed_object: ManagedObject | None
    expected: int
    body: bool
    place: int
    may_wait: bool = False
    terms: Terms | None = None

    def settled_terms(self) -> Terms:
        """The terms, which are kept: nothing changes the object any more."""
        if self.terms is None and self.managed_object is not None:
            self.terms = terms_of(self.managed_object)
        return self.terms or Terms(NO_TERMS, {})


NO_TERMS: Final[frozenset[bytes]] = frozenset()


@dataclass(slots=True)
class Pending:
    """The changes of a transaction by the identifiers of the objects."""

    _changes: dict[str, Change] = field(default_factory=dict)
    _added: dict[str, None] = field(default_factory=dict)
    _of_item: dict[str, None] = field(default_factory=dict)
    _open: dict[str, None] = field(default_factory=dict)
    _by_term: dict[bytes, set[str]] = field(default_factory=dict)
    _indexed: dict[str, Terms] = field(default_factory=dict)
    _unindexed: dict[str, None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self._changes)

    def __len__(self) -> int:
        return len(self._changes)

    def __contains__(self, identifier: str) -> bool:
        return identifier in self._changes

    def __iter__(self) -> Iterator[tuple[str, Change]]:
        return iter(self._changes.items())

    def get(self, identifier: str) -> Change | None:
        """What becomes of an object, if anything does."""
        return self._changes.get(identifier)

    def put(
        self, identifier: str, managed_object: ManagedObject | None, expected: int, *, body: bool
    ) -> None:
        """Note what becomes of an object, in place of what was noted before."""
        before = self._changes.get(identifier)
        place = len(self._changes) if before is None else before.place
        self._changes[identifier] = Change(managed_object, expected, body, place)
        for table in (self._of_item, self._open, self._unindexed):
            table[identifier] = None
        self._unindex(identifier)

    def add(self, managed_object: ManagedObject, expected: int) -> None:
        """Note a new object."""
        self._added[managed_object.identifier] = None
        self.put(managed_object.identifier, managed_object, expected, body=True)

    def let_wait(self, identifier: str) -> None:
        """Note of a change that it may be written later, or never."""
        self._changes[identifier].may_wait = True

    def begin_item(self) -> None:
        """A batch item begins: what was changed before it is final, unless it is put anew."""
        self._of_item.clear()
        self._open.clear()

    def settle(self) -> None:
        """A batch item has done its work: what it has put does not change any more."""
        self._open.clear()

    @property
    def of_item(self) -> list[Change]:
        """What this batch item has changed, and not removed."""
        every = (self._changes[one] for one in self._of_item)
        return [change for change in every if change.managed_object is not None]

    @property
    def added(self) -> list[ManagedObject]:
        """The new objects of this batch item, as they are now."""
        every = ((one, self._changes[one].managed_object) for one in self._of_item)
        return [found for one, found in every if found is not None and one in self._added]

    def clear(self) -> None:
        """Forget every change."""
        for table in (self._changes, self._added, self._of_item, self._open, self._unindexed):
            table.clear()
        self._by_term.clear()
        self._indexed.clear()

    def matching(
        self, query: Query, matches: Callable[[Query, Terms], bool]
    ) -> list[tuple[str, int]]:
        """The changed objects that meet a query, and the versions that they replace; last first.

        Args:
            query: the query.
            matches: whether an object of these terms meets it.
        """
        self._index()
        found = [
            identifier
            for identifier in self._candidates(query)
            if matches(query, self._indexed[identifier])
        ]
        for identifier in self._open:  # an item that searches for what it has not finished
            one = self._changes[identifier].managed_object
            if one is not None and matches(query, terms_of(one)):
                found.append(identifier)
        found.sort(key=lambda one: self._changes[one].place, reverse=True)
        return [(one, self._changes[one].expected) for one in found]

    def _candidates(self, query: Query) -> set[str] | frozenset[str]:
        """The indexed objects that have one of the terms of the group that fewest have."""
        rarest: list[set[str]] | None = None
        least = len(self._indexed) + 1
        for group in query.all_of:
            having = [self._by_term[term] for term in group if term in self._by_term]
            size = sum(map(len, having))
            if size < least:
                rarest, least = having, size
                if not size:
                    return NOTHING
        return set(self._indexed) if rarest is None else NOTHING.union(*rarest)

    def _index(self) -> None:
        for identifier in [one for one in self._unindexed if one not in self._open]:
            del self._unindexed[identifier]
            change = self._changes[identifier]
            if change.managed_object is not None:
                terms = self._indexed[identifier] = change.settled_terms()
                for term in terms.exact:
                    self._by_term.setdefault(term, set()).add(identifier)

    def _unindex(self, identifier: str) -> None:
        terms = self._indexed.pop(identifier, None)
        for term in terms.exact if terms is not None else ():
            self._by_term[term].discard(identifier)
