"""When an object is to be rotated by the server (2.1 sections 4.48 to 4.54).

Theory: an object with Rotate Automatic falls due once its Rotate Interval has passed since its
Initial Date. Then it is replaced as by Re-key, Re-key Key Pair or Re-certify, whichever is for its
type. The replacement has the same Rotate attributes and an Initial Date of its own, so it falls due
one interval later, and the replaced object never again: it is not the latest of its set any more.

What ends an object ends its rotation too: it is not made anew once it is deactivated, compromised
or destroyed. Otherwise the server would go on replacing what its owner has given up.
"""

from __future__ import annotations

from typing import Final

from kmip import lifecycle
from kmip.attributes import Attributes
from kmip.enums import ObjectType, Operation
from kmip.tags import Tag

REPLACED_BY: Final[dict[ObjectType, Operation]] = {
    ObjectType.SYMMETRIC_KEY: Operation.REKEY,
    ObjectType.PRIVATE_KEY: Operation.REKEY_KEY_PAIR,
    ObjectType.PUBLIC_KEY: Operation.REKEY_KEY_PAIR,
    ObjectType.CERTIFICATE: Operation.RECERTIFY,
}
"""The operation that rotates an object of each type; objects of other types are not rotated."""

LATEST: Final = (1 << 63) - 1
"""The greatest date."""


def due_date(attributes: Attributes) -> int | None:
    """The time from which on an object is to be rotated, seconds since 1970; None: it is not.

    A Deactivation Date may end that before: see `is_due`.
    """
    interval = attributes.get(Tag.ROTATE_INTERVAL)
    if not interval or not attributes.get(Tag.ROTATE_AUTOMATIC):
        return None
    if attributes.get(Tag.ROTATE_LATEST) is False:
        return None
    if lifecycle.lasting_state(attributes) is not None:
        return None
    return min(int(attributes.get(Tag.INITIAL_DATE, 0)) + int(interval), LATEST)


def is_due(attributes: Attributes, now: int) -> bool:
    """Whether an object is to be rotated at `now`, seconds since 1970."""
    due = due_date(attributes)
    end = attributes.get(Tag.DEACTIVATION_DATE)
    return due is not None and due <= now and (end is None or end > now)
