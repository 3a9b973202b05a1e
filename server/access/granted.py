"""What a client has been granted: as itself, as a member of groups, and as everyone.

A client is a grantee under its name, under each Group (3.0) that it is a member of, and as one of
everyone. A User is a member of the Groups to which it has a Group Link; other clients, which
certificates and the users' file name, are in none. Users and Groups count where an administrator
has made them, and while they are neither revoked nor destroyed; so whoever may grant cannot make
anybody a member.

All of this is looked up for each object and each search, in what the store was when the request
came: a grant, its revocation, and a change of members hold from the next request on, at whichever
server.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from kmip.enums import ObjectType, Operation, State
from kmip.tags import Tag
from server.access.client import Client
from server.objects.grants import (
    EVERYONE,
    NO_OPERATIONS,
    Grantee,
    GranteeKind,
    operations_for,
)
from server.objects.index_terms import (
    Reach,
    granted,
    grantee_term,
    group_grantee_term,
    group_grants_query,
    in_groups,
)
from server.objects.managed_object import ManagedObject
from server.objects.transaction import Transaction
from storage import Query

USER_LABEL: Final = "user:"
"""Before the Unique Identifier of a User that is a client."""
VALID: Final = (State.PRE_ACTIVE, State.ACTIVE)
MAX_MEMBERSHIPS: Final = 32
"""Groups of one User that are looked at: each is one more object to read, and one more term."""
MAX_OBJECT_GROUPS: Final = 256
"""Groups of an object that are looked for among its owner's grants."""
MAX_GRANTORS: Final = 32
"""Owners whose groups one client searches: each is a search of its own. Those whose grants are the
newest records count."""


async def grantees_of(
    objects: Transaction, administrators: Collection[str], client: Client
) -> tuple[Grantee, ...]:
    """All that a client is to those who grant something.

    Args:
        objects: what there is now.
        administrators: who may make Users and Groups.
        client: the client.
    """
    own = (Grantee(GranteeKind.CLIENT, client.name), EVERYONE)
    if not client.name.startswith(USER_LABEL):
        return own
    user = await objects.find(client.name.removeprefix(USER_LABEL))
    if user is None or not _counts(objects, administrators, user, ObjectType.USER):
        return own
    groups = []
    for identifier in user.attributes.all(Tag.GROUP_LINK)[:MAX_MEMBERSHIPS]:
        group = await objects.find(str(identifier))
        if group is not None and _counts(objects, administrators, group, ObjectType.GROUP):
            groups.append(Grantee(GranteeKind.GROUP, group.identifier))
    return (*own, *groups)


def _counts(
    objects: Transaction,
    administrators: Collection[str],
    managed_object: ManagedObject,
    kind: ObjectType,
) -> bool:
    """Whether it is of this type, made by an administrator, and not over."""
    return (
        managed_object.object_type == kind
        and managed_object.owner in administrators
        and managed_object.state(objects.now) in VALID
    )


async def operations_on(
    objects: Transaction,
    administrators: Collection[str],
    client: Client,
    managed_object: ManagedObject,
) -> frozenset[Operation]:
    """What a client has been granted on an object of another owner.

    Args:
        objects: what there is now.
        administrators: who may make Users and Groups.
        client: the client.
        managed_object: the object.
    """
    groups = object_groups(managed_object)
    on_groups = (await objects.group_grants(managed_object.owner)).by_group if groups else {}
    relevant = [on_groups[group] for group in groups if group in on_groups]
    if not managed_object.grants and not relevant:
        return NO_OPERATIONS
    grantees = await grantees_of(objects, administrators, client)
    return operations_for(managed_object.grants, grantees).union(
        *(operations_for(grants, grantees) for grants in relevant)
    )


def object_groups(managed_object: ManagedObject) -> tuple[str, ...]:
    """The groups that an object is in."""
    attributes = managed_object.attributes
    named = (*attributes.all(Tag.OBJECT_GROUP), *attributes.all(Tag.GROUP_LINK))
    return tuple(str(group) for group in named[:MAX_OBJECT_GROUPS])


async def reaches(
    objects: Transaction, administrators: Collection[str], client: Client
) -> list[Reach]:
    """Among which objects of others a client searches; each object is in one of them at most.

    Args:
        objects: what there is now.
        administrators: who may make Users and Groups.
        client: the client.
    """
    grantees = await grantees_of(objects, administrators, client)
    terms = frozenset((*map(grantee_term, grantees), *map(group_grantee_term, grantees)))
    if not (await objects.store.search(Query((terms,), limit=0))).total:
        return []
    found = [granted(client.name, grantees)]
    for name in (await objects.store.search(group_grants_query(grantees, MAX_GRANTORS))).names:
        theirs = await objects.group_grants_in(name)
        groups = theirs.groups_for(grantees) if theirs is not None else frozenset()
        if theirs is not None and theirs.owner != client.name and groups:
            found.append(in_groups(theirs.owner, groups, grantees))
    return found
