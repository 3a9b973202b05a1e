"""What applies to objects yet to be made, as it is kept: defaults and constraints.

An administrator sets them for everybody, every other client for itself: nobody can keep others from
making what they need. Both are in a record of their own, one for everybody and one for each client
that has set any, written within the transaction of the operation that sets them.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from kmip.encodings import ttlv
from kmip.enums import ObjectType
from kmip.errors import ServerLimitExceeded
from kmip.payloads.factory_defaults import Constraint, ObjectDefaults, ObjectGroups, ObjectTypes
from kmip.structures import Structure, from_item, structure, to_item
from kmip.tags import Tag
from kmip.versions import INTERNAL
from server.context import Context

EVERYBODY: Final = b"factory"
PREFIX: Final = b"factory/"

MAX_RULES: Final = 256
"""Constraints, or Object Defaults, that one client may set: each is looked at for every object."""

MAX_BYTES: Final = 64 * 1024
"""Of the record, which is read for every object that is made: a rule has some 200 bytes."""

REMEMBERED: Final = 16
"""Records that are cached decoded, lest each small request decodes 64 KiB: 10 MiB at most."""

_RECORD: Final = ttlv.TTLV(max_items=1 << 20)


@structure
class Factory(Structure):
    """The record."""

    object_defaults: tuple[ObjectDefaults, ...] = ()
    constraint: tuple[Constraint, ...] = ()


async def in_force(context: Context) -> list[Factory]:
    """What applies to the client: its own first, then everybody's."""
    names = (_own(context), EVERYBODY)
    return [_decoded((await context.objects.note(name))[0]) for name in names]


async def change(context: Context, **fields: Any) -> None:
    """Set what applies to the client, or to everybody where it is an administrator.

    Args:
        context: whose request it is.
        fields: of `Factory`, which take the place of what was set before.

    Raises:
        ServerLimitExceeded: these are too many, or too long together.
    """
    if any(len(value) > MAX_RULES for value in fields.values()):
        raise ServerLimitExceeded(f"at most {MAX_RULES} can be set")
    name = EVERYBODY if context.is_administrator else _own(context)
    content, version = await context.objects.note(name)
    factory = replace(_decoded(content), **fields)
    encoded = ttlv.encode(to_item(factory, Tag.DEFAULTS_INFORMATION, INTERNAL), _RECORD)
    if len(encoded) > MAX_BYTES:
        raise ServerLimitExceeded(f"defaults and constraints have at most {MAX_BYTES} bytes")
    context.objects.write_note(name, encoded, version)


def pertains(
    types: ObjectTypes | None, groups: ObjectGroups | None, kind: ObjectType, member: set[str]
) -> bool:
    """Whether a rule for types and groups pertains to an object of a type in groups."""
    if types is not None and types.object_type and kind not in types.object_type:
        return False
    return groups is None or not member.isdisjoint(groups.object_group)


def _own(context: Context) -> bytes:
    return PREFIX + hashlib.sha256(context.client.name.encode()).digest()


@lru_cache(REMEMBERED)
def _decoded(content: bytes) -> Factory:
    return from_item(ttlv.decode(content, _RECORD), Factory, INTERNAL) if content else Factory()
