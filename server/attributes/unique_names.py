"""Names, of which an object has none that another has (2.1 section 4.32: "Names SHALL be unique").

The earlier versions say so too, but their clients have always given names twice and their test
cases expect them to succeed; so names are unique from the version that has an error for it. Then a
name that a request gives may not be one of another object of the same client, nor one that the
object has already. Objects that are destroyed, and the other key of a pair, do not count. Names are
unique for each client rather than for the server, so that nobody learns of other clients' names.

A ticket that reaches some objects only gives no new names at all: the refusal of a name that is
taken would tell it of an object beyond its rights.

Two requests that give the same name at once would each find it free. So each also writes a record
that stands for all names of the same hash: one of them is in conflict, and is performed anew.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import trio

from kmip.attributes import Attributes
from kmip.enums import LinkType
from kmip.errors import NonUniqueNameAttribute, NotAuthorised
from kmip.masks import StorageStatusMask
from kmip.tags import Tag
from server.context import Context
from server.objects.managed_object import ManagedObject

KEPT: Final = StorageStatusMask.ON_LINE_STORAGE | StorageStatusMask.ARCHIVAL_STORAGE
PAIR: Final = (LinkType.PUBLIC_KEY_LINK, LinkType.PRIVATE_KEY_LINK)

TURN: Final = 16
"""Names that are looked for, some 3 ms, before others have their turn."""

LOCK_PREFIX: Final = b"names/"
LOCKS: Final = 512
"""Records that stand for names: rarely the same for two requests at once, and few to keep, also for
a request that gives thousands of names."""


async def check(context: Context) -> None:
    """Refuse names that are not unique, before they are made durable.

    Only what this batch item has changed is looked at, and of that only the names that are new:
    those of the items before have been looked at with them.

    Raises:
        NonUniqueNameAttribute: a name is another object's, or one that the object has already.
        NotAuthorised: the client's ticket gives no names.
    """
    if not context.names_are_unique:
        return
    changes = await context.objects.changes()
    permission = context.client.permission
    if permission is not None and permission.is_narrow:
        _refuse_new(changes)
    for managed_object, before in changes:
        names = managed_object.attributes.all(Tag.NAME)
        had = Counter(map(_key, before.attributes.all(Tag.NAME) if before is not None else ()))
        has = Counter(map(_key, names))
        added = [name for name in names if has[_key(name)] > had[_key(name)]]
        for place, name in enumerate(added):
            if place % TURN == TURN - 1:
                await trio.lowlevel.checkpoint()
            await _lock(context, managed_object.owner, name)
            if has[_key(name)] > 1 or await _is_taken(context, managed_object, name):
                raise NonUniqueNameAttribute("an object of this name exists")


def _refuse_new(changes: Sequence[tuple[ManagedObject, ManagedObject | None]]) -> None:
    """Refuse names that none of the changed objects had: a replacement takes over its key's.

    Raises:
        NotAuthorised: there is one.
    """
    every = [before for _, before in changes if before is not None]
    old = {_key(name) for before in every for name in before.attributes.all(Tag.NAME)}
    new = {_key(name) for changed, _ in changes for name in changed.attributes.all(Tag.NAME)}
    if new - old:
        raise NotAuthorised("a ticket to some objects gives no new names")


def _key(name: Any) -> tuple[Any, ...]:
    """What makes two names the same."""
    return name.name_value, name.name_type


async def _is_taken(context: Context, managed_object: ManagedObject, name: Any) -> bool:
    """Whether another object has the name."""
    wanted = Attributes([(Tag.NAME, name)])
    found = await context.objects.locate(wanted, managed_object.owner, status=KEPT, limit=3)
    return bool(set(found.identifiers) - {managed_object.identifier} - _pair(managed_object))


def _pair(managed_object: ManagedObject) -> set[Any]:
    """The other key of a pair."""
    links = managed_object.attributes.all(Tag.LINK)
    return {link.linked_object_identifier for link in links if link.link_type in PAIR}


async def _lock(context: Context, owner: str, name: Any) -> None:
    """Be in conflict with whoever gives the same name at the same time."""
    digest = hashlib.sha256(f"{owner}\0{name.name_value}".encode()).digest()
    record = LOCK_PREFIX + b"%d" % (int.from_bytes(digest[:8]) % LOCKS)
    _, version = await context.objects.note(record)
    context.objects.write_note(record, b"", version)
