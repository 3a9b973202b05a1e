"""Usage Limits: counting what a key protects (2.1 section 4.59)."""

from __future__ import annotations

from kmip.attribute_values import UsageLimits
from kmip.enums import UsageLimitsUnit
from kmip.errors import UsageLimitExceeded
from kmip.tags import Tag
from server.context import Context
from server.objects.managed_object import ManagedObject


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
    managed_object.attributes.set(
        Tag.USAGE_LIMITS,
        UsageLimits(
            usage_limits_total=limits.usage_limits_total,
            usage_limits_count=left - amount,
            usage_limits_unit=limits.usage_limits_unit,
        ),
    )
    context.objects.put(managed_object)
