"""Grants made, taken back and listed, one request at a time.

KMIP has no operation for this. So these requests come beside its messages, by HTTPS
(`server.transport.access_rights`), and go the same way: the store is asked what other servers have
done, what is changed is one commit, which is performed anew where others were first, and the audit
log has a line for each.

Only an owner grants and takes back, and only an owner sees what is granted to whom. Others are told
what they are told of an object that is not there, and a grantee that it may not. A ticket or a
token that narrows its client's rights does neither: else it would outlive itself.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeVar

import trio

from kmip.attributes import Attributes
from kmip.enums import Operation, ResultReason, ResultStatus
from kmip.errors import InvalidField, KMIPError, PermissionDenied, ServerLimitExceeded
from kmip.masks import StorageStatusMask
from kmip.versions import V2_1
from server.access import granted, policy
from server.access.client import Client
from server.objects import grants as kept
from server.objects.grants import (
    MAX_BYTES,
    MAX_GRANTEES,
    MAX_GROUP_BYTES,
    MAX_GROUP_GRANTS,
    MAX_NAME,
    NO_OPERATIONS,
    Grantee,
    GranteeKind,
    Grants,
)
from server.objects.index_terms import Reach, owned
from server.objects.managed_object import ManagedObject
from server.objects.refreshing import refresh
from server.objects.transaction import Transaction
from server.requests import audit, store_failures
from server.requests.dispatch import MAX_ATTEMPTS, commit_whole
from server.sessions.client_turns import Turn
from server.setup import logs
from server.state import Server
from storage import Conflict, StorageError

log: Final = logging.getLogger(__name__)

T = TypeVar("T")

MAX_LISTED: Final = 1000
"""Objects in one list, the newest; those after them are asked for by an offset."""
MAX_LISTED_BYTES: Final = 256 << 10
"""Of their names and their owners' names, after which a list ends before that."""
LISTED_AT_ONCE: Final = 16
"""Objects that are read, some 5 ms, before others have their turn."""
EVERYWHERE: Final = StorageStatusMask(7)

CHANGED: Final = "Grant"
TAKEN_BACK: Final = "Revoke Grant"
LISTED: Final = "List Grants"
"""What the audit log calls these requests."""


class Failed(Exception):
    """A request for access rights failed.

    Attributes:
        reason: why, as KMIP names it.
    """

    def __init__(self, reason: ResultReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Target(NamedTuple):
    """What is granted something on.

    Attributes:
        identifier: an object's; None: a group.
        group: the name of the client's object group.
    """

    identifier: str | None = None
    group: str | None = None


class Listed(NamedTuple):
    """What one grantee has been granted.

    Attributes:
        grantee: who.
        operations: what they may do.
        group: the object group that it is granted on; None: the object itself.
    """

    grantee: Grantee
    operations: frozenset[Operation]
    group: str | None = None


Describe = Callable[[ManagedObject, frozenset[Operation]], T]
"""Gives what is listed of an object, by it and by what has been granted on it (nothing: it is the
client's own). The object itself is not kept, as it may be a thousand times longer."""


@dataclass(frozen=True, slots=True)
class AccessRights:
    """The access rights as one client asks for them.

    Attributes:
        server: what all requests share.
        client: who asks.
        request: the number of the request, for log and audit.
        turn: the request's part in its client's turns; None: it need not take turns.
    """

    server: Server
    client: Client
    request: int | None = None
    turn: Turn | None = None

    async def grant(
        self, target: Target, grantee: Grantee, operations: frozenset[Operation]
    ) -> None:
        """Grant a grantee operations, beside what it has been granted before.

        Raises:
            Failed: the object or the grantee cannot be granted this, or not by this client.
        """

        async def run() -> None:
            _check_grantable(self.client, grantee, operations)
            await self._change(target, grantee, lambda before: before | operations, is_bounded=True)

        await self._answered(CHANGED, target, run)
        self._tell("granted", target, grantee, operations)

    async def revoke(
        self, target: Target, grantee: Grantee, operations: frozenset[Operation]
    ) -> None:
        """Take back operations from a grantee; what was not granted is none of it.

        Raises:
            Failed: the object is not this client's.
        """

        async def run() -> None:
            await self._change(target, grantee, lambda before: before - operations)

        await self._answered(TAKEN_BACK, target, run)
        self._tell("took back", target, grantee, operations)

    async def on_object(self, identifier: str) -> list[Listed]:
        """What is granted on an object of the client's, on itself and on groups it is in.

        Raises:
            Failed: the object is not this client's.
        """

        async def run() -> list[Listed]:
            objects = self.server.begin()
            found = await self._own(objects, identifier)
            listed = _listed(found.grants)
            by_group = (await objects.group_grants(found.owner)).by_group
            for group in dict.fromkeys(granted.object_groups(found)):
                listed += _listed(by_group.get(group, {}), group)
            return listed

        return await self._answered(LISTED, Target(identifier), run)

    async def on_groups(self) -> list[Listed]:
        """What the client grants on groups of its objects.

        Raises:
            Failed: the store cannot be read.
        """

        async def run() -> list[Listed]:
            theirs = await self.server.begin().group_grants(self.client.name)
            every = sorted(theirs.by_group.items())
            return [each for group, grants in every for each in _listed(grants, group)]

        return await self._answered(LISTED, Target(), run)

    async def owned(self, describe: Describe[T], offset: int = 0) -> list[T]:
        """The client's objects, newest first, wherever they are stored.

        Args:
            describe: gives what is listed of each.
            offset: how many to pass over.

        Raises:
            Failed: the store cannot be read.
        """

        async def run() -> list[T]:
            reaches = [owned(self.client.name)]
            return [
                describe(one, NO_OPERATIONS)
                async for one in self._located(self.server.begin(), reaches, offset)
            ]

        return await self._answered(LISTED, Target(), run)

    async def obtained(self, describe: Describe[T], offset: int = 0) -> list[T]:
        """The objects of others on which the client has been granted something.

        Args:
            describe: gives what is listed of each.
            offset: how many to pass over.

        Raises:
            Failed: the store cannot be read.
        """

        async def run() -> list[T]:
            found: list[T] = []
            objects, administrators = self.server.begin(), self.server.config.administrators
            reaches = await granted.reaches(objects, administrators, self.client)
            async for one in self._located(objects, reaches, offset):
                operations = await granted.operations_on(objects, administrators, self.client, one)
                if operations and one.owner != self.client.name:
                    found.append(describe(one, operations & policy.GRANTABLE))
            return found

        return await self._answered(LISTED, Target(), run)

    async def _located(
        self, objects: Transaction, reaches: list[Reach], offset: int
    ) -> AsyncIterator[ManagedObject]:
        located = await objects.locate_among(
            Attributes(), reaches, status=EVERYWHERE, offset=offset, limit=MAX_LISTED
        )
        size = 0
        for place, identifier in enumerate(located.identifiers):
            if place % LISTED_AT_ONCE == LISTED_AT_ONCE - 1:
                await self._let_others()
            one = await objects.find(identifier)
            if one is None:
                continue
            yield one
            size += len(one.identifier.encode()) + len(one.owner.encode())
            if size > MAX_LISTED_BYTES:
                return

    async def _let_others(self) -> None:
        if self.turn is not None:
            self.turn.release()
        await trio.lowlevel.checkpoint()
        if self.turn is not None:
            await self.turn.take()

    async def _own(self, objects: Transaction, identifier: str) -> ManagedObject:
        """The client's own object.

        Raises:
            ObjectNotFound: there is none, or none that the client may know of.
            PermissionDenied: it is another's who has granted the client something.
        """
        found = await objects.find(identifier) if identifier else None
        if found is not None and found.owner == self.client.name:
            return found
        if found is not None:
            administrators = self.server.config.administrators
            if await granted.operations_on(objects, administrators, self.client, found):
                raise PermissionDenied("only the owner grants, and sees what is granted")
        raise policy.not_found(Operation.GET, identifier)

    async def _change(
        self,
        target: Target,
        grantee: Grantee,
        change: Callable[[frozenset[Operation]], frozenset[Operation]],
        *,
        is_bounded: bool = False,
    ) -> None:
        """Change what one grantee is granted, in one commit.

        Args:
            target: what on.
            grantee: to whom.
            change: gives what they may do from now on, by what they may do now.
            is_bounded: whether it may make the grants more, which have limits.
        """
        if (target.identifier is None) == (target.group is None):
            raise InvalidField("name one object, or one group of objects")
        if target.group is not None and not 0 < len(target.group) <= MAX_NAME:
            raise InvalidField(f"a group has a name of 1 to {MAX_NAME} characters")
        for _ in range(MAX_ATTEMPTS):
            objects = self.server.begin()
            if target.group is not None:
                await self._change_group(objects, target.group, grantee, change, is_bounded)
            else:
                await self._change_object(
                    objects, target.identifier or "", grantee, change, is_bounded
                )
            if self.turn is not None:
                self.turn.release()
            try:
                await commit_whole(objects)
            except Conflict:
                await refresh(self.server.store)
            else:
                return
        raise ServerLimitExceeded("too many clients change the same object; try again")

    async def _change_object(
        self,
        objects: Transaction,
        identifier: str,
        grantee: Grantee,
        change: Callable[[frozenset[Operation]], frozenset[Operation]],
        is_bounded: bool,
    ) -> None:
        found = (await self._own(objects, identifier)).copy()
        changed = _with(found.grants, grantee, change)
        if changed == found.grants:
            return
        too_many = len(changed) > MAX_GRANTEES or kept.size_of(changed) > MAX_BYTES
        if is_bounded and too_many:
            raise ServerLimitExceeded(f"an object has at most {MAX_GRANTEES} grantees: use a group")
        found.grants = changed
        objects.put(found)

    async def _change_group(
        self,
        objects: Transaction,
        group: str,
        grantee: Grantee,
        change: Callable[[frozenset[Operation]], frozenset[Operation]],
        is_bounded: bool,
    ) -> None:
        before = await objects.group_grants(self.client.name)
        grants = before.by_group.get(group, {})
        changed = _with(grants, grantee, change)
        if changed == grants:
            return
        by_group = {key: each for key, each in before.by_group.items() if key != group}
        if changed:
            by_group[group] = changed
        after = replace(before, by_group=by_group)
        too_many = after.count > MAX_GROUP_GRANTS or len(after.encode()) > MAX_GROUP_BYTES
        if is_bounded and too_many:
            raise ServerLimitExceeded("an owner's grants on groups are bounded, and these are more")
        objects.put_group_grants(after)

    async def _answered(self, title: str, target: Target, run: Callable[[], Awaitable[T]]) -> T:
        """What `run` gives; what goes wrong is told as KMIP would, and either is recorded.

        Raises:
            Failed: it went wrong.
        """
        failure: Failed | None = Failed(ResultReason.GENERAL_FAILURE, "it was not finished")
        try:
            if self.turn is not None:
                await self.turn.take()
            if self.client.permission is not None:
                raise PermissionDenied("a ticket or token of narrowed rights does not reach these")
            await refresh(self.server.store)
            found = await run()
            failure = None
        except KMIPError as error:
            failure = Failed(error.reason(V2_1), str(error))
            raise failure from None
        except StorageError as error:
            explained = store_failures.log_and_explain(error)
            failure = Failed(ResultReason.GENERAL_FAILURE, explained)
            raise failure from None
        finally:
            self._record(title, target, failure)
        return found

    def _record(self, title: str, target: Target, failure: Failed | None) -> None:
        """Write the audit log's line."""
        status = ResultStatus.SUCCESS if failure is None else ResultStatus.OPERATION_FAILED
        reason = None if failure is None else failure.reason
        named = target.identifier if target.group is None else f"group {target.group}"
        now = self.server.clock()
        audit.write(
            audit.line(now, self.client, title, named, status, reason, self.request)
            for _ in range(1)
        )

    def _tell(
        self, did: str, target: Target, grantee: Grantee, operations: Iterable[Operation]
    ) -> None:
        """One line in the log, which says what the audit log's has no place for."""
        titles = ", ".join(sorted(each.title for each in operations))
        to = f"{grantee.kind.value} {logs.cut(grantee.name)!r}"
        on = logs.cut(target.identifier or f"group {target.group}")
        log.info("%r %s %s on %r: %s", logs.cut(self.client.name), did, to, on, titles)


def _with(
    grants: Grants, grantee: Grantee, change: Callable[[frozenset[Operation]], frozenset[Operation]]
) -> Grants:
    """Grants with a change of what one grantee may do."""
    operations = change(grants.get(grantee, NO_OPERATIONS))
    others = {key: each for key, each in grants.items() if key != grantee}
    return others | {grantee: operations} if operations else others


def _listed(grants: Grants, group: str | None = None) -> list[Listed]:
    every = sorted(grants.items(), key=lambda each: (each[0].kind.value, each[0].name))
    return [Listed(grantee, operations, group) for grantee, operations in every]


def _check_grantable(client: Client, grantee: Grantee, operations: frozenset[Operation]) -> None:
    """Refuse a grant that means nothing, or more than an owner may give.

    Raises:
        InvalidField: it names nobody, the owner, or no operation.
        PermissionDenied: an operation is not to be granted.
    """
    is_named = 0 < len(grantee.name) <= MAX_NAME
    if grantee.kind is not GranteeKind.EVERYONE and not is_named:
        raise InvalidField(f"a grantee has a name of 1 to {MAX_NAME} characters")
    if grantee == Grantee(GranteeKind.CLIENT, client.name):
        raise InvalidField("the owner needs no grant")
    if not operations:
        raise InvalidField("no operation is named")
    for operation in sorted(operations - policy.GRANTABLE):
        raise PermissionDenied(f"{operation.title} is not to be granted: see docs/access.md")
