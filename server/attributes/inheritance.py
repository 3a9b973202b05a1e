"""A replacement for an object: which attributes it takes over, and what becomes of the old one.

The tables "Re-key … Attribute Requirements" of 2.1 sections 6.1.45 to 6.1.47 as data: what is not
in `NOT_TAKEN_OVER` is copied. Names move from the old object to the new one, both link to each
other, and with an Offset all dates of the new object move along with its Activation Date. The
Rotate attributes count and date the replacement (2.1 sections 4.49, 4.50 and 4.52).
"""

from __future__ import annotations

from typing import Final

from kmip.attributes import Attributes, is_single, written
from kmip.enums import LinkType, State
from kmip.errors import (
    InvalidField,
    OffsetWithDates,
    OffsetWithoutActivation,
    PermissionDenied,
    WrongKeyLifecycleState,
)
from kmip.tags import Tag
from server.attributes import initial
from server.context import Context
from server.objects.managed_object import ManagedObject
from server.objects.uses import COUNTERS

NOT_TAKEN_OVER: Final = frozenset(
    {
        Tag.UNIQUE_IDENTIFIER,
        Tag.SHORT_UNIQUE_IDENTIFIER,
        Tag.DIGEST,
        Tag.LINK,
        Tag.INITIAL_DATE,
        Tag.DESTROY_DATE,
        Tag.COMPROMISE_DATE,
        Tag.COMPROMISE_OCCURRENCE_DATE,
        Tag.REVOCATION_REASON,
        Tag.DEACTIVATION_REASON,
        Tag.ARCHIVE_DATE,
        Tag.LAST_CHANGE_DATE,
        Tag.ORIGINAL_CREATION_DATE,
        Tag.LEASE_TIME,
        Tag.FRESH,
        Tag.RANDOM_NUMBER_GENERATOR,
        Tag.ALWAYS_SENSITIVE,
        Tag.NEVER_EXTRACTABLE,
        Tag.KEY_FORMAT_TYPE,
        Tag.KEY_VALUE_PRESENT,
        Tag.KEY_VALUE_LOCATION,
        Tag.ROTATE_DATE,
        Tag.ROTATE_GENERATION,
        Tag.ROTATE_LATEST,
        *COUNTERS.values(),
    }
)

MOVING_DATES: Final = (
    Tag.PROCESS_START_DATE,
    Tag.PROTECT_STOP_DATE,
    Tag.DEACTIVATION_DATE,
)
"""The dates that keep their distance from the Activation Date."""


MAX_REPLACEMENTS: Final = 64
"""Replacements that are followed to the latest of a set: each is read, some 0.3 ms. A client that
replaces an old object once more does so soon after."""


def check_replaceable(managed_object: ManagedObject, now: int) -> None:
    """Refuse to replace what is destroyed, or replaced already.

    Raises:
        WrongKeyLifecycleState: it is.
    """
    if managed_object.state(now) in (State.DESTROYED, State.DESTROYED_COMPROMISED):
        raise WrongKeyLifecycleState("a destroyed object cannot be replaced")


def inherited(
    context: Context, managed_object: ManagedObject, requested: Attributes, offset: int | None
) -> Attributes:
    """The attributes of a replacement.

    Args:
        context: of the request.
        managed_object: the object that is replaced.
        requested: what the request says of the new one, resolved.
        offset: seconds from its Initial Date to its Activation Date.

    Raises:
        OffsetWithDates: both an Offset and a date are given.
        OffsetWithoutActivation: the old dates cannot be moved, having no Activation Date.
        PermissionDenied: the object is another client's, who has granted its replacement alone.
    """
    if managed_object.owner != context.client.name and requested.values:
        raise PermissionDenied("a grant to replace an object does not cover its attributes")
    attributes = Attributes()
    for attribute, value in managed_object.attributes:
        if attribute not in NOT_TAKEN_OVER:
            attributes.add(attribute, value)
    if offset is not None:
        _move(managed_object, attributes, requested, context.now + offset)
    for attribute in requested.values:
        if is_single(attribute):
            attributes.remove(attribute)
    for attribute in requested.values:
        has = {written(attribute, value) for value in attributes.all(attribute)}
        for value in requested.all(attribute):
            if written(attribute, value) not in has:
                attributes.add(attribute, value)
    return attributes


def _move(
    managed_object: ManagedObject, attributes: Attributes, requested: Attributes, activation: int
) -> None:
    """Set the Activation Date, and move the other dates as far."""
    if any(tag in requested for tag in (Tag.ACTIVATION_DATE, *MOVING_DATES)):
        raise OffsetWithDates("give an Offset, or dates, not both")
    before = managed_object.attributes.get(Tag.ACTIVATION_DATE)
    attributes.set(Tag.ACTIVATION_DATE, activation)
    for tag in MOVING_DATES:
        date = managed_object.attributes.get(tag)
        if date is None:
            continue
        if before is None:
            raise OffsetWithoutActivation("the dates of the old object are counted from no other")
        attributes.set(tag, date + activation - before)


async def replace(context: Context, old: ManagedObject, new: ManagedObject) -> None:
    """Link both objects, take the names from the old one, and put both into the transaction.

    The new object is the latest of its set, one generation on; both tell when that was. Where the
    old one had been replaced before, what took its place is the latest no longer. Whoever has
    replaced it, the new object is the owner's of the old one, and grants the same to others.

    Args:
        context: of the request.
        old: a copy of the object that is replaced.
        new: the new object.

    Raises:
        InvalidField: the old one has been replaced too often since.
        PermissionDenied: the old one has been replaced before, and is another client's: what took
            its place would be changed too, on which nothing may be granted.
    """
    new.owner, new.grants = old.owner, old.grants
    if old.attributes.get(Tag.ROTATE_LATEST) is False:
        if old.owner != context.client.name:
            raise PermissionDenied("only its owner replaces an object once more: use its latest")
        await _end_latest(context, old)
    old.attributes.remove(Tag.NAME)
    initial.link(old, LinkType.REPLACEMENT_OBJECT_LINK, new.identifier)
    initial.link(new, LinkType.REPLACED_OBJECT_LINK, old.identifier)
    generation = old.attributes.get(Tag.ROTATE_GENERATION, 0) + 1
    new.attributes.set(Tag.ROTATE_GENERATION, generation)
    for one in (old, new):
        one.attributes.set(Tag.ROTATE_DATE, context.now)
        one.attributes.set(Tag.ROTATE_LATEST, one is new)
    context.keep(old)
    context.objects.add(new)


async def _end_latest(context: Context, old: ManagedObject) -> None:
    """Let the latest of the set be it no longer: found by the links from each to its replacement.

    Raises:
        InvalidField: it is further away than `MAX_REPLACEMENTS`.
    """
    identifier = _replacement(old)
    for _ in range(MAX_REPLACEMENTS):
        found = None if identifier is None else await context.objects.find(identifier)
        if found is None or found.owner != old.owner:
            return  # it was removed, or the link is a client's own
        if found.attributes.get(Tag.ROTATE_LATEST):
            latest = found.copy()
            latest.attributes.set(Tag.ROTATE_LATEST, value=False)
            context.keep(latest)
            return
        identifier = _replacement(found)
    raise InvalidField("the object has been replaced too often since: replace its latest")


def _replacement(managed_object: ManagedObject) -> str | None:
    """What took an object's place last."""
    links = managed_object.attributes.all(Tag.LINK)
    found = [one for one in links if one.link_type == LinkType.REPLACEMENT_OBJECT_LINK]
    return str(found[-1].linked_object_identifier) if found else None
