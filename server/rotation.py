"""Keys, key pairs and certificates replaced when they fall due (2.1 sections 4.48 to 4.54).

Theory: the index has a column with the time at which each object falls due (`kmip.rotation`), so a
look costs one search, and finds nothing where nothing is due. What is found is replaced by the
handler of Re-key, Re-key Key Pair or Re-certify, as if its owner had asked, with the Rotate Offset.

A rotation is one commit, which is refused where any object in it has changed since it was read. So
of several servers on one store one replaces an object; the others' commits fail, and when they look
again it is not due any more. The same holds for a client that replaces it at that moment, and for a
server that was stopped in between: nothing is remembered but what the store says.

No owner holds up another, however many objects of theirs are due or however long their keys take
to make: each owner's are replaced by a task of its own, some at a time. What cannot be replaced is
tried again after a pause that grows, and does not keep the owner's other objects from it.

A clock that leaps ahead would make everything fall due at once. So after a leap nothing is rotated
for a while, in which whoever keeps the clock may set it back.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple

import trio

from kmip import rotation
from kmip.enums import LinkType, ObjectType, Operation, ResultReason, ResultStatus
from kmip.errors import InvalidField, KMIPError
from kmip.payloads.recertify import ReCertifyRequest
from kmip.payloads.rekey import ReKeyRequest
from kmip.payloads.rekey_key_pair import ReKeyKeyPairRequest
from kmip.structures import Structure
from kmip.tags import Tag
from kmip.versions import V2_1
from server.access.client import Client
from server.context import Context, Produced, Room
from server.objects.index_terms import due_for_rotation, owner_term
from server.objects.managed_object import ManagedObject, identifier_of
from server.registry import ROUTES
from server.requests import audit, store_failures
from server.requests.dispatch import check_changes, commit_whole
from server.state import Server
from storage import Conflict, StorageError

log: Final = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0
"""Between two looks for what is due: the smallest Rotate Interval. A look is one search."""
REFRESH_LOOKS: Final = 30
"""Looks after which a store that is shared is asked what others did although nothing is due: that
another server has stopped need not be noticed at once."""
MAX_OWNERS: Final = 64
"""Whose objects are replaced at the same time: each has one object in work."""
MAX_AT_ONCE: Final = 8
"""Objects of one owner that are replaced for each look, so that one who has very many, or very
short intervals, makes no more work than a busy client."""
PAGE: Final = 256
"""Objects that are due and are looked through for some that are not to wait."""
FIRST_PAUSE: Final = 60.0
LONGEST_PAUSE: Final = 3600.0
"""After a failure, doubled with each further one."""
REST_SECONDS: Final = 15.0
"""Between two looks at an owner all of whose due objects have just failed."""
MAX_FAILURES: Final = 10_000
"""Objects whose failures are remembered, two megabytes; one that is forgotten is tried earlier."""
STORE_PAUSE: Final = 30.0
"""After the store has failed, which is nobody's object's fault."""
LEAP_SECONDS: Final = 60.0
"""By so much the clock may go ahead of the time that passes between two looks."""
LEAP_PAUSE: Final = 60.0
"""After it has gone further."""


class Failures(NamedTuple):
    """How often an object could not be replaced, and until when it is left alone.

    Attributes:
        times: how often, one after the other.
        until: by trio's clock.
    """

    times: int
    until: float


class Rotation:
    """Replaces what falls due.

    Args:
        server: whose objects; requests go on meanwhile.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._looks = 0
        self._busy: set[str] = set()
        self._resting: dict[str, float] = {}
        self._failures: OrderedDict[str, Failures] = OrderedDict()
        self._not_before = 0.0
        self._ahead: float | None = None

    async def keep(self) -> None:
        """Replace what falls due, until this is cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                await trio.sleep(LOOK_SECONDS)
                try:
                    await self._look(nursery)
                except StorageError as error:
                    self._pause(error)
                except Exception:
                    log.exception("the look for what is to be rotated failed")

    async def _look(self, nursery: trio.Nursery) -> None:
        """Begin to replace what is due of owners for whom nothing is in work."""
        now = int(self._server.clock())
        self._looks += 1
        if not self._trusts_clock(now) or trio.current_time() < self._not_before:
            return
        if self._looks % REFRESH_LOOKS == 0:
            await self._server.store.refresh()
        self._wake()
        left_out = {owner_term(owner) for owner in (*self._busy, *self._resting)}
        for _ in range(MAX_OWNERS - len(self._busy)):
            query = due_for_rotation(now, none_of=frozenset(left_out), limit=1)
            found = await self._server.store.search(query)
            if not found.names:
                return
            managed_object = await self._server.begin().find(identifier_of(found.names[0]))
            if managed_object is not None:
                left_out.add(owner_term(managed_object.owner))
                self._busy.add(managed_object.owner)
                nursery.start_soon(self._rotate_some, managed_object.owner)

    def _trusts_clock(self, now: int) -> bool:
        """Whether the clock has not leapt ahead just now; where it has, all of it waits."""
        ahead = now - trio.current_time()
        if self._ahead is not None and ahead - self._ahead > LEAP_SECONDS:
            log.warning(
                "the clock went ahead by %d s at once; nothing is rotated for %d s",
                ahead - self._ahead,
                LEAP_PAUSE,
            )
            self._not_before = max(self._not_before, trio.current_time() + LEAP_PAUSE)
        self._ahead = ahead
        return trio.current_time() >= self._not_before

    def _wake(self) -> None:
        """Look again at the owners who have rested."""
        now = trio.current_time()
        self._resting = {owner: until for owner, until in self._resting.items() if until > now}

    def _pause(self, error: StorageError) -> None:
        store_failures.log_and_explain(error)
        self._not_before = max(self._not_before, trio.current_time() + STORE_PAUSE)

    async def _rotate_some(self, owner: str) -> None:
        """Replace some of an owner's objects; what goes wrong ends with this owner."""
        try:
            await self._server.store.refresh()
            identifiers = await self._due(owner)
            if not identifiers:
                self._resting[owner] = trio.current_time() + REST_SECONDS
            for identifier in identifiers:
                await self._rotate(identifier)
        except StorageError as error:
            self._pause(error)
        except Exception:
            log.exception("what is due to be rotated could not be read")
            self._resting[owner] = trio.current_time() + FIRST_PAUSE
        finally:
            self._busy.discard(owner)

    async def _due(self, owner: str) -> Sequence[str]:
        """Some of an owner's objects that are due, and have not just failed."""
        now = int(self._server.clock())
        eligible: list[str] = []
        for offset in range(0, MAX_FAILURES + PAGE, PAGE):
            query = due_for_rotation(now, owner=owner, offset=offset, limit=PAGE)
            names = (await self._server.store.search(query)).names
            eligible += filter(self._is_eligible, map(identifier_of, names))
            if len(eligible) >= MAX_AT_ONCE or len(names) < PAGE:
                break
            await trio.lowlevel.checkpoint()
        return eligible[:MAX_AT_ONCE]

    def _is_eligible(self, identifier: str) -> bool:
        failures = self._failures.get(identifier)
        return failures is None or failures.until <= trio.current_time()

    async def _rotate(self, identifier: str) -> None:
        """Replace one object, if it is still due; a failure is told and remembered."""
        now = int(self._server.clock())
        objects = self._server.begin()
        managed_object = await objects.find(identifier)
        if managed_object is None or managed_object.archived:
            return
        if not rotation.is_due(managed_object.attributes, now):
            return  # another server was first, or the owner; or it was one of a pair
        context = Context(
            server=self._server,
            client=Client(managed_object.owner, how=HOW),
            operation=rotation.REPLACED_BY.get(managed_object.object_type, Operation.REKEY),
            objects=objects,
            earlier=Produced(),
            now=now,
            place=0,
            room=Room(),
            _version=V2_1,
        )
        try:
            await _replace(context, managed_object)
        except Conflict:
            return  # whoever was first has replaced or changed it: the next look tells
        except KMIPError as error:
            self._failed(context, identifier, error.reason(V2_1), str(error))
        except StorageError:
            raise
        except Exception:
            log.exception("a rotation failed")
            self._failed(context, identifier, ResultReason.GENERAL_FAILURE, "internal error")
        else:
            self._failures.pop(identifier, None)
            _record(context, context.subject, None)

    def _failed(
        self, context: Context, identifier: str, reason: ResultReason, message: str
    ) -> None:
        before = self._failures.pop(identifier, None)
        times = 1 if before is None else before.times + 1
        pause = min(FIRST_PAUSE * 2 ** min(times - 1, 16), LONGEST_PAUSE)
        self._failures[identifier] = Failures(times, trio.current_time() + pause)
        if len(self._failures) > MAX_FAILURES:
            self._failures.popitem(last=False)
        log.warning("%s could not be rotated, next try in %d s: %s", identifier, pause, message)
        _record(context, identifier, reason)


HOW: Final = "rotation"
"""How the audit log calls what the server does by itself in an owner's name."""


async def _replace(context: Context, managed_object: ManagedObject) -> None:
    """Replace an object as its owner, in one commit.

    Raises:
        KMIPError: it cannot be replaced.
        storage.StorageError: nothing was done.
    """
    context.objects.begin_item()
    await ROUTES[context.operation].handler(context, _request(context.operation, managed_object))
    await check_changes(context)
    await commit_whole(context.objects)


def _request(operation: Operation, managed_object: ManagedObject) -> Structure:
    """The request that the owner would send."""
    identifier = managed_object.identifier
    offset = managed_object.attributes.get(Tag.ROTATE_OFFSET)
    if operation == Operation.RECERTIFY:
        return ReCertifyRequest(unique_identifier=identifier, offset=offset)
    if operation == Operation.REKEY:
        return ReKeyRequest(unique_identifier=identifier, offset=offset)
    if managed_object.object_type == ObjectType.PUBLIC_KEY:
        identifier = _private_key(managed_object)
    return ReKeyKeyPairRequest(private_key_unique_identifier=identifier, offset=offset)


def _private_key(public: ManagedObject) -> str:
    """The other half of a public key.

    Raises:
        InvalidField: it has none here.
    """
    for link in public.attributes.all(Tag.LINK):
        if link.link_type == LinkType.PRIVATE_KEY_LINK:
            return str(link.linked_object_identifier)
    raise InvalidField("the public key has no link to a private key")


def _record(context: Context, identifier: str | None, reason: ResultReason | None) -> None:
    """Write the audit log's line."""
    status = ResultStatus.SUCCESS if reason is None else ResultStatus.OPERATION_FAILED
    now = context.server.clock()
    audit.write(
        audit.line(now, context.client, context.operation, identifier, status, reason)
        for _ in range(1)
    )
