"""Attributes as terms of the store's index: what makes an object findable, and what asks for it.

Every attribute of every object is a term: its name and its value as TTLV, hashed where long. So any
attribute is a filter of Locate without a line of its own. Four kinds of value give more:

    structures   a term for each field too, so that a filter may leave fields out
    masks        a term for each bit, since a filter's bits need only be among the object's
    dates        a ranged value, since two dates in a filter mean from and to
    limits       a ranged value for each number, since an object may have more than a filter says

Beside the attributes there are terms of who may find an object: its owner, and each grantee. What
is granted on a group of objects is found by the owner and the group together (`Reach`).

One more ranged value is the time at which an object falls due to be rotated, which no attribute
says (`kmip.rotation`).

The state of an object changes by time alone, and so the index has a term only for the states in
which it does not: compromised and destroyed. An object without such a term is in the state that its
dates give it at the time of the request; a filter by State is a condition on these dates
(`kmip.lifecycle.SCHEDULES`). So a date that has come needs nobody to write anything, and servers
whose clocks differ each find what their own clock says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations
from typing import Any, Final, NamedTuple

from kmip import lifecycle, rotation
from kmip.attribute_table import ATTRIBUTES
from kmip.attribute_values import UsageLimits
from kmip.attributes import AttributeName, Attributes, VendorAttributeName, name_of
from kmip.encodings import ttlv
from kmip.enums import ItemType, ObjectClass, State
from kmip.errors import InvalidField
from kmip.items import Item
from kmip.lifecycle import SCHEDULES, Schedule
from kmip.masks import StorageStatusMask
from kmip.tags import Tag
from kmip.versions import INTERNAL
from kmip.vocabulary import Mask
from server.objects.grants import Grantee
from server.objects.managed_object import ManagedObject
from storage import Query, Range, Terms

LONGEST: Final = 48
"""Bytes of a term that stands as it is; longer ones are hashed, to keep records small."""

MOST_CHOSEN: Final = 4
"""Fields of a structure whose choices each have a term: 15 terms."""

MAX_FILTERS: Final = 256
"""Values of a search, each of which is looked up: some 30 microseconds. Clients give a few."""

REMEMBERED: Final = 1 << 12
"""Terms that are cached: algorithms, types, states and the like are few and in every object.
One megabyte."""

DATES: Final = frozenset(
    {tag for tag in ATTRIBUTES if ATTRIBUTES[tag].form == ATTRIBUTES[Tag.INITIAL_DATE].form}
)
"""The attributes that are dates."""


ROTATION_DUE: Final = b"rotation due"
"""The column of the times at which objects fall due to be rotated; no label of an attribute."""


def terms_of(managed_object: ManagedObject) -> Terms:
    """What the index is to know of an object, whatever the time."""
    exact = {owner_term(managed_object.owner), _status_term(_status(managed_object))}
    exact.update(map(grantee_term, managed_object.grants))
    ranged: dict[bytes, int] = {}
    for attribute, value in managed_object.attributes:
        if attribute in DATES:
            ranged[_label(attribute)] = value
        elif attribute == Tag.USAGE_LIMITS:
            ranged.update(_amounts(value))
            exact.add(_unit_term(value))
        else:
            exact.update(_value_terms(attribute, value))
    state = lifecycle.lasting_state(managed_object.attributes)
    if state is not None:
        exact.update(_value_terms(Tag.STATE, state))
    due = rotation.due_date(managed_object.attributes)
    if due is not None:
        ranged[ROTATION_DUE] = due
    return Terms(frozenset(exact), ranged)


@lru_cache(REMEMBERED)
def owner_term(owner: str) -> bytes:
    """The term of all that a client owns."""
    return _term(b"owner", owner.encode())


@lru_cache(REMEMBERED)
def grantee_term(grantee: Grantee) -> bytes:
    """The term of every object on which something is granted to this grantee."""
    return _term(b"granted", grantee.kind.value.encode(), grantee.name.encode())


@lru_cache(REMEMBERED)
def group_grantee_term(grantee: Grantee) -> bytes:
    """The term of every record of grants on groups that names this grantee."""
    return _term(b"granted in a group", grantee.kind.value.encode(), grantee.name.encode())


class Reach(NamedTuple):
    """The objects among which a client searches.

    Attributes:
        all_of: groups of terms, of each of which an object has one at least.
        none_of: terms that it has not.
    """

    all_of: tuple[frozenset[bytes], ...]
    none_of: frozenset[bytes] = frozenset()


def owned(owner: str) -> Reach:
    """All objects of an owner."""
    return Reach((frozenset({owner_term(owner)}),))


def granted(client: str, grantees: Iterable[Grantee]) -> Reach:
    """The objects of others on which one of these grantees is granted something."""
    terms = frozenset(map(grantee_term, grantees))
    return Reach((terms,), frozenset({owner_term(client)}))


def in_groups(owner: str, groups: Iterable[str], grantees: Iterable[Grantee]) -> Reach:
    """An owner's objects in some groups, without those that `granted` finds for the grantees."""
    members = frozenset(
        term
        for group in groups
        for attribute in (Tag.OBJECT_GROUP, Tag.GROUP_LINK)
        for term in _value_terms(attribute, group)
    )
    return Reach((frozenset({owner_term(owner)}), members), frozenset(map(grantee_term, grantees)))


def group_grants_query(grantees: Iterable[Grantee], limit: int) -> Query:
    """The query that finds the records of grants on groups to one of these grantees."""
    return Query((frozenset(map(group_grantee_term, grantees)),), limit=limit)


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
    among: str | Reach,
    now: int,
    *,
    status: StorageStatusMask | None = None,
    offset: int = 0,
    limit: int | None = None,
    classes: int | None = None,
) -> Query:
    """The query that finds the objects with all of these attributes that a client may find.

    Args:
        attributes: the filter; every value of it must be met.
        among: an owner, whose objects are meant, or which objects.
        now: the time at which they are to be in the state of the filter, seconds since 1970.
        status: which storage the objects are in; None means on-line (2.1 section 6.1.32).
        offset: how many of the newest to pass over.
        limit: how many at most.
        classes: which Object Classes, a bit for each; None: all.

    Raises:
        InvalidField: more than two values of one date, a value that says nothing, or too many.
    """
    if attributes.count > MAX_FILTERS:
        raise InvalidField(f"a search has at most {MAX_FILTERS} values")
    reach = owned(among) if isinstance(among, str) else among
    groups = list(reach.all_of)
    wanted = StorageStatusMask.ON_LINE_STORAGE if status is None else status
    groups.append(frozenset(_status_term(one) for one in StorageStatusMask if one & wanted))
    if classes is not None:
        known = [one for one in ObjectClass if one & classes]
        groups.append(
            frozenset(term for one in known for term in _value_terms(Tag.OBJECT_CLASS, one))
        )
    conditions = _Conditions(groups, reach.none_of)
    for attribute in attributes.values:
        values = attributes.all(attribute)
        if attribute in DATES:
            conditions.ranges.append(_range(attribute, values))
            continue
        for value in values:
            if attribute == Tag.USAGE_LIMITS:  # as much or more is left (2.1 section 6.1.28)
                conditions.ranges += (
                    Range(column, low=least) for column, least in _amounts(value).items()
                )
                if value.usage_limits_unit is not None:
                    conditions.groups.append(frozenset({_unit_term(value)}))
                continue
            schedule = SCHEDULES.get(value) if attribute == Tag.STATE else None
            if schedule is not None:
                conditions.schedule(schedule, now)
            else:
                conditions.groups += _filter_groups(attribute, value)
    return conditions.query(offset, limit)


def due_for_rotation(
    now: int,
    *,
    owner: str | None = None,
    none_of: frozenset[bytes] = frozenset(),
    offset: int = 0,
    limit: int | None = None,
) -> Query:
    """The query that finds what is due to be rotated; what is archived is not.

    Args:
        now: the time, seconds since 1970.
        owner: whose objects; None: everybody's.
        none_of: terms that no object found has: those of owners to be left out.
        offset: how many of the newest to pass over.
        limit: how many at most.
    """
    groups = [frozenset({_status_term(StorageStatusMask.ON_LINE_STORAGE)})]
    if owner is not None:
        groups.append(frozenset({owner_term(owner)}))
    due = (Range(ROTATION_DUE, high=now),)
    ended = (Range(_label(Tag.DEACTIVATION_DATE), high=now),)
    return Query(tuple(groups), none_of, due, ended, offset, limit)


@dataclass(slots=True)
class _Conditions:
    """What an object must meet, as it is gathered from a filter: see `storage.Query`."""

    groups: list[frozenset[bytes]]
    excluded: frozenset[bytes] = frozenset()
    ranges: list[Range] = field(default_factory=list)
    outside: list[Range] = field(default_factory=list)

    def schedule(self, schedule: Schedule, now: int) -> None:
        """An object must be in the state of this schedule at `now`."""
        self.excluded |= _lasting_terms()
        self.ranges += (Range(_label(date), high=now) for date in schedule.reached)
        self.outside += (Range(_label(date), high=now) for date in schedule.ahead)

    def query(self, offset: int, limit: int | None) -> Query:
        """All of it as a query."""
        ranges, outside = tuple(self.ranges), tuple(self.outside)
        return Query(tuple(self.groups), self.excluded, ranges, outside, offset, limit)


@lru_cache
def _lasting_terms() -> frozenset[bytes]:
    """The terms of the states that time does not change."""
    states = (state for state in State if state not in SCHEDULES)
    return frozenset(term for state in states for term in _value_terms(Tag.STATE, state))


def _amounts(limits: UsageLimits) -> dict[bytes, int]:
    """The numbers of Usage Limits by the columns that hold them."""
    label, count = _label(Tag.USAGE_LIMITS), limits.usage_limits_count
    amounts = {label + b"total": limits.usage_limits_total}
    return amounts if count is None else amounts | {label + b"count": count}


def _unit_term(limits: UsageLimits) -> bytes:
    return _term(_label(Tag.USAGE_LIMITS), b"unit", bytes([limits.usage_limits_unit or 0]))


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
    if item.type != ItemType.STRUCTURE or isinstance(attribute, VendorAttributeName):
        return None
    return sorted(ttlv.encode(child) for child in item.children)


def _item(attribute: AttributeName, value: Any) -> Item:
    if isinstance(attribute, VendorAttributeName):
        return Item(Tag.ATTRIBUTE_VALUE, value.type, value.value)
    if attribute == Tag.STATE:
        value = State(value)
    return ATTRIBUTES[attribute].form.write(Tag.ATTRIBUTE_VALUE, value, INTERNAL)


def _item_term(attribute: AttributeName, item: Item) -> bytes:
    plain = Item(Tag.ATTRIBUTE_VALUE, item.type, item.value)
    return _term(_label(attribute), ttlv.encode(plain)[3:])


def _label(attribute: AttributeName) -> bytes:
    if isinstance(attribute, VendorAttributeName):
        return b"custom\0" + attribute.vendor.encode() + b"\0" + attribute.name.encode()
    return attribute.to_bytes(3, "big")


def _term(*parts: bytes) -> bytes:
    """Parts joined so that no two lists of parts give the same term."""
    joined = b"".join([len(part).to_bytes(4, "big") + part for part in parts])
    return joined if len(joined) <= LONGEST else hashlib.blake2b(joined, digest_size=24).digest()
