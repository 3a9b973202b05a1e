"""Usage Limits: counting what a key protects (2.1 section 4.59).

The Count is the server's alone: it is the Total when the limits are set, whatever a client says,
and less from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from kmip.attribute_values import UsageLimits
from kmip.attributes import Attributes
from kmip.enums import UsageLimitsUnit
from kmip.errors import UsageLimitExceeded
from kmip.tags import Tag
from server.context import Context
from server.objects.managed_object import ManagedObject
from server.objects.transaction import Transaction
from storage import Conflict

MAX_ATTEMPTS: Final = 20
"""Times a count is written anew because others changed the key meanwhile."""


def begun(limits: UsageLimits) -> UsageLimits:
    """Limits as a client sets them, with all of their Total left."""
    return replace(limits, usage_limits_count=limits.usage_limits_total)


def begin(attributes: Attributes) -> None:
    """Let the limits among an object's new attributes begin, where there are any."""
    limits: UsageLimits | None = attributes.get(Tag.USAGE_LIMITS)
    if limits is not None:
        attributes.set(Tag.USAGE_LIMITS, begun(limits))


def charge(
    context: Context, managed_object: ManagedObject, length: int, *, first: bool = True
) -> None:
    """Count a use against the key's Usage Limits (2.1 section 4.59).

    Args:
        context: of the operation that protects.
        managed_object: the key.
        length: bytes protected.
        first: whether the use begins, and does not go on: what is not counted by bytes counts once.

    Raises:
        UsageLimitExceeded: the limits do not allow it.
    """
    limits = managed_object.usage_limits
    if limits is None:
        return
    amount = length if limits.usage_limits_unit == UsageLimitsUnit.BYTE else int(first)
    if amount:
        spend(context, managed_object.copy(), limits, amount)
        charged = context.charges.get(managed_object.identifier, 0)
        context.charges[managed_object.identifier] = charged + amount


def units_left(limits: UsageLimits) -> int:
    """The units that may still be protected; all of them where nobody has counted yet."""
    left = limits.usage_limits_count
    return limits.usage_limits_total if left is None else left


def spend(
    context: Context, managed_object: ManagedObject, limits: UsageLimits, amount: int
) -> None:
    """Take units from a key's Usage Limits; `managed_object` is a copy.

    Raises:
        UsageLimitExceeded: fewer are left.
    """
    left = units_left(limits)
    if amount > left:
        raise UsageLimitExceeded("the object's Usage Limits do not allow this much more")
    _set_left(managed_object, limits, left - amount)
    context.objects.put(managed_object)


async def count(objects: Transaction, charges: Mapping[str, int]) -> None:
    """Make durable what a failed or undone item has used of keys, whatever else it would have done.

    Args:
        objects: a transaction of its own.
        charges: the units used, by the keys' identifiers.

    Raises:
        storage.StorageError: it cannot be made durable.
    """
    for attempt in range(MAX_ATTEMPTS):
        for identifier, amount in charges.items():
            found = await objects.find(identifier)
            limits = found.usage_limits if found is not None else None
            if found is not None and limits is not None:
                changed = found.copy()
                _set_left(changed, limits, max(0, units_left(limits) - amount))
                objects.put(changed)
        try:
            await objects.commit()
        except Conflict:
            objects.forget()
            if attempt == MAX_ATTEMPTS - 1:
                raise
            await objects.store.refresh()
        else:
            return


def _set_left(managed_object: ManagedObject, limits: UsageLimits, left: int) -> None:
    managed_object.attributes.set(
        Tag.USAGE_LIMITS,
        UsageLimits(
            usage_limits_total=limits.usage_limits_total,
            usage_limits_count=left,
            usage_limits_unit=limits.usage_limits_unit,
        ),
    )
