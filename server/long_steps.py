"""Steps of plain Python that take longer than others should wait: they run in a thread.

Theory: reading and writing thousands of small items is plain Python and holds the interpreter's
lock, but a thread gives that up every few milliseconds, and the event loop goes on in between. So
what handles as many items as take some milliseconds is handed over here, by number; everything
shorter stays on the loop, where it costs no change of threads. As only one thread computes at a
time, two in all are enough.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, TypeVarTuple

import trio

from kmip.attributes import Attributes
from kmip.items import Item
from kmip.structures import Structure, plan_of

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

LOOP_VALUES: Final = 128
"""Attribute values, or other entries of a list, that are handled on the event loop: some 20
microseconds each, and real objects have fifty."""
LOOP_BYTES: Final = 32 * 1024
"""Bytes of a message that are decoded on the event loop: at most 2000 items, a few microseconds
each."""
THREADS: Final = 2

_limiter: Final = trio.CapacityLimiter(THREADS)


async def stepped(is_long: bool, call: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """Run a step: in a thread where it is long, else here.

    Args:
        is_long: whether it is.
        call: the step; what it works on changes nowhere else meanwhile.
        arguments: of the call.
    """
    if not is_long:
        return call(*arguments)
    return await trio.to_thread.run_sync(call, *arguments, limiter=_limiter)


LOOP_ITEMS: Final = 4 * LOOP_VALUES
"""Items that are read or written on the event loop; a value has some four of them."""


def are_many(attributes: Attributes) -> bool:
    """Whether work on all of these attributes is long: many values, or such with much in them."""
    if attributes.count > LOOP_VALUES:
        return True
    left = LOOP_ITEMS
    for _, value in attributes:
        if isinstance(value, Item):  # of a client's own making: a structure of any size
            left = _left(value, left)
    return left < 0


def has_many(item: Item) -> bool:
    """Whether an item has so many others in it that reading or writing them is long."""
    return _left(item, LOOP_ITEMS) < 0


def _left(item: Item, left: int) -> int:
    """What is left of a number once the items in a structure are taken from it."""
    for child in item.children:
        left -= 1
        if left < 0:
            break
        left = _left(child, left)
    return left


def is_long(structure: Structure) -> bool:
    """Whether a payload has a list so long that writing it is long."""
    for field in plan_of(type(structure)).fields:
        value = getattr(structure, field.name)
        if isinstance(value, Attributes) and are_many(value):
            return True
        if isinstance(value, tuple) and len(value) > LOOP_VALUES:
            return True
    return False
