"""Attributes as terms of the store's index: what makes an object findable, and what asks for it.

Every attribute of every object is a term: its name and its value as TTLV, hashed where long. So any
attribute is a filter of Locate without a line of its own. Three kinds of value give more:

    structures   a term for each field too, so that a filter may leave fields out
    masks        a term for each bit, since a filter's bits need only be among the object's
    dates        a ranged value, since two dates in a filter mean from and to

The state of an object changes by time alone. Its term is written with the rest and is right until
the moment in the column `DUE`, by which the server finds whose term must be written anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import combinations
from typing import Any, Final

from kmip import lifecycle
from kmip.attribute_table import ATTRIBUTES
from kmip.attributes import AttributeName, Attributes, Custom, name_of
from kmip.encodings import ttlv
from kmip.enums import ItemType, ObjectClass, State
from kmip.errors import InvalidField
from kmip.items import Item
from kmip.masks import StorageStatusMask
from kmip.tags import Tag
from kmip.versions import INTERNAL
from kmip.vocabulary import Mask
from server.objects.managed_object import ManagedObject
from storage import Query, Range, Terms

LONGEST: Final = 48
"""Bytes of a term that stands as it is; longer ones are hashed, to keep records small."""

MOST_CHOSEN: Final = 4
"""Fields of a structure whose choices each have a term: 15 terms."""

REMEMBERED: Final = 1 << 12
"""Terms that are kept at hand: algorithms, types, states and the like are few and in every object.
One megabyte."""

DUE: Final = b"due"
DATES: Final = frozenset(
    {tag for tag in ATTRIBUTES if ATTRIBUTES[tag].form == ATTRIBUTES[Tag.INITIAL_DATE].form}
)
"""The attributes that are dates."""


def terms_of(managed_object: ManagedObject, now: int) -> Terms:
    """What the index is to know of an object, in the state that it has at `now`."""
    exact = {owner_term(managed_object.owner), _status_term(_status(managed_object))}
    ranged: dict[bytes, int] = {}
    for attribute, value in managed_object.attributes:
        if attribute in DATES:
            ranged[_label(attribute)] = value
        else:
            exact.update(_value_terms(attribute, value))
    exact.update(_value_terms(Tag.STATE, lifecycle.state_of(managed_object.attributes, now)))
    due = lifecycle.next_change(managed_object.attributes, now)
    if due is not None:
        ranged[DUE] = due
    return Terms(frozenset(exact), ranged)


@lru_cache(REMEMBERED)
def owner_term(owner: str) -> bytes:
    """The term of all that a client owns."""
    return _term(b"owner", owner.encode())


def _status(managed_object: ManagedObject) -> StorageStatusMask:
    if managed_object.is_destroyed:
        return StorageStatusMask.DESTROYED_STORAGE
    if managed_object.archived:
        return StorageStatusMask.ARCHIVAL_STORAGE
    return StorageStatusMask.ON_LINE_STORAGE


@lru_cache
def _status_term(status: StorageStatusMask) -> bytes:
    return _term(b"status", bytes([status]))


def query_of(
    attributes: Attributes,
    owner: str,
    status: StorageStatusMask | None,
    offset: int,
    limit: int | None,
    classes: int | None = None,
) -> Query:
    """The query that finds a client's objects with all of these attributes.

    Args:
        attributes: the filter; every value of it must be met.
        owner: whose objects.
        status: which storage the objects are in; None means on-line (2.1 section 6.1.32).
        offset: how many of the newest to pass over.
        limit: how many at most.
        classes: which Object Classes, a bit for each; None: all.

    Raises:
        InvalidField: more than two values of one date, or a value that says nothing.
    """
    groups = [frozenset({owner_term(owner)})]
    wanted = StorageStatusMask.ON_LINE_STORAGE if status is None else status
    groups.append(frozenset(_status_term(one) for one in StorageStatusMask if one & wanted))
    if classes is not None:
        known = [one for one in ObjectClass if one & classes]
        groups.append(
            frozenset(term for one in known for term in _value_terms(Tag.OBJECT_CLASS, one))
        )
    ranges: list[Range] = []
    for attribute in attributes.values:
        values = attributes.all(attribute)
        if attribute in DATES:
            ranges.append(_range(attribute, values))
        else:
            for value in values:
                groups += _filter_groups(attribute, value)
    return Query(tuple(groups), ranges=tuple(ranges), offset=offset, limit=limit)


def due_query(now: int, limit: int) -> Query:
    """The query for objects whose state has changed by time since it was written."""
    return Query(ranges=(Range(DUE, high=now),), limit=limit)


def _range(attribute: AttributeName, dates: tuple[int, ...]) -> Range:
    """One date is met exactly, two are from and to (2.1 section 6.1.32)."""
    if len(dates) > 2:
        raise InvalidField("a date can be asked for by one value, or by two that mean from and to")
    return Range(_label(attribute), min(dates), max(dates))


def _value_terms(attribute: AttributeName, value: Any) -> Iterable[bytes]:
    """The terms of one value of an object."""
    return (
        _number_terms(attribute, value)
        if isinstance(value, int)
        else _other_terms(attribute, value)
    )


@lru_cache(REMEMBERED, typed=True)
def _number_terms(attribute: AttributeName, value: int) -> tuple[bytes, ...]:
    """The terms of a number, an enumeration's value, a mask or a truth."""
    if not isinstance(value, Mask):
        return (_item_term(attribute, _item(attribute, value)),)
    bits = (bit for bit in range(32) if int(value) >> bit & 1)
    return tuple(_term(_label(attribute), b"bit", bytes([bit])) for bit in bits)


def _other_terms(attribute: AttributeName, value: Any) -> Iterator[bytes]:
    item = _item(attribute, value)
    fields = _fields(attribute, item)
    if fields is None:
        yield _item_term(attribute, item)
    elif len(fields) <= MOST_CHOSEN:
        for size in range(1, len(fields) + 1):
            for chosen in combinations(fields, size):
                yield _term(_label(attribute), b"fields", *chosen)
    else:
        for one in fields:
            yield _term(_label(attribute), b"field", one)


def _filter_groups(attribute: AttributeName, value: Any) -> list[frozenset[bytes]]:
    """What an object must have to meet one value of a filter: a term of each group."""
    if isinstance(value, Mask):
        groups = [frozenset({term}) for term in _value_terms(attribute, value)]
    else:
        item = _item(attribute, value)
        fields = _fields(attribute, item)
        if fields is None:
            return [frozenset({_item_term(attribute, item)})]
        chosen = _term(_label(attribute), b"fields", *fields)
        groups = [frozenset({chosen, _term(_label(attribute), b"field", one)}) for one in fields]
    if not groups:
        raise InvalidField(f"the filter by {name_of(attribute)} says nothing")
    return groups


def _fields(attribute: AttributeName, item: Item) -> list[bytes] | None:
    """The fields of a structure, each as bytes; None: it is none, or one of unknown fields."""
    if item.type != ItemType.STRUCTURE or isinstance(attribute, Custom):
        return None
    return sorted(ttlv.encode(child) for child in item.children)


def _item(attribute: AttributeName, value: Any) -> Item:
    if isinstance(attribute, Custom):
        return Item(Tag.ATTRIBUTE_VALUE, value.type, value.value)
    if attribute == Tag.STATE:
        value = State(value)
    return ATTRIBUTES[attribute].form.write(Tag.ATTRIBUTE_VALUE, value, INTERNAL)


def _item_term(attribute: AttributeName, item: Item) -> bytes:
    plain = Item(Tag.ATTRIBUTE_VALUE, item.type, item.value)
    return _term(_label(attribute), ttlv.encode(plain)[3:])


def _label(attribute: AttributeName) -> bytes:
    if isinstance(attribute, Custom):
        return b"custom\0" + attribute.vendor.encode() + b"\0" + attribute.name.encode()
    return attribute.to_bytes(3, "big")


def _term(*parts: bytes) -> bytes:
    """Parts joined so that no two lists of parts give the same term."""
    joined = b"".join([len(part).to_bytes(4, "big") + part for part in parts])
    return joined if len(joined) <= LONGEST else hashlib.blake2b(joined, digest_size=24).digest()
