"""kill -9 under load: what was acknowledged is there, and nothing is there by half.

Several clients make, change and destroy objects until, at a moment that they do not know, the
process is killed. Each keeps book of what the server has acknowledged and of the one message that
it still had no answer to. After a new start on the same data everything that was acknowledged must
be as it was acknowledged, each unanswered message must have happened as a whole or not at all, and
there must be nothing else.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import trio

from kmip.attribute_values import RevocationReason
from kmip.attributes import AttributeInstance, Attributes, VendorAttributeName
from kmip.cryptographic_parameters import CryptographicDomainParameters
from kmip.enums import (
    BatchErrorContinuationOption,
    CryptographicAlgorithm,
    ItemType,
    LinkType,
    ObjectType,
    Operation,
    RecommendedCurve,
    ResultReason,
    ResultStatus,
    RevocationReasonCode,
    State,
)
from kmip.items import Item
from kmip.masks import CryptographicUsageMask, StorageStatusMask
from kmip.objects import key_block_of
from kmip.tags import Tag
from kmip.versions import V1_4, V2_1, V3_0
from tests.e2e.program import Program, Remote, running
from tests.server.conftest import Failed

pytestmark = pytest.mark.slow

ROUNDS = 6
CLIENTS = 4
SERIAL = VendorAttributeName("x", "serial")
GONE = (trio.BrokenResourceError, trio.ClosedResourceError, OSError)
EVERYWHERE = (
    StorageStatusMask.ON_LINE_STORAGE
    | StorageStatusMask.ARCHIVAL_STORAGE
    | StorageStatusMask.DESTROYED_STORAGE
)
UNDO = BatchErrorContinuationOption.UNDO


@dataclass(frozen=True)
class Facts:
    """What a client has been told of an object; its material is empty where it was not yet told."""

    group: str
    serial: int
    material: bytes = field(default=b"", repr=False)
    state: State = State.PRE_ACTIVE
    groups: frozenset[str] = frozenset()
    pair: str | None = None


@dataclass
class PendingMessage:
    """A message without an answer: what it changes, and what it makes under a new group's name."""

    changes: dict[str, Facts | None] = field(default_factory=dict)
    group: str | None = None
    makes: int = 0


@dataclass
class Book:
    """What one client knows."""

    known: dict[str, Facts] = field(default_factory=dict)
    pending: PendingMessage | None = None


def serial(number: int) -> Item:
    return Item(Tag.ATTRIBUTE_VALUE, ItemType.INTEGER, number)


def attributes(group: str, number: int, *more: tuple[Tag, Any]) -> Attributes:
    mask = CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.SIGN
    return Attributes(
        [
            *more,
            (Tag.CRYPTOGRAPHIC_USAGE_MASK, mask),
            (Tag.OBJECT_GROUP, group),
            (SERIAL, serial(number)),
        ]
    )


def aes(group: str, number: int) -> dict[str, Any]:
    algorithm = (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES)
    key_attributes = attributes(group, number, algorithm, (Tag.CRYPTOGRAPHIC_LENGTH, 256))
    return {"object_type": ObjectType.SYMMETRIC_KEY, "attributes": key_attributes}


def pair(group: str, number: int) -> dict[str, Any]:
    algorithm = (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.EC)
    curve = CryptographicDomainParameters(recommended_curve=RecommendedCurve.P_256)
    domain = (Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS, curve)
    return {"common_attributes": attributes(group, number, algorithm, domain)}


def material(got: Any) -> bytes:
    block = key_block_of(got.object)
    assert block is not None
    assert isinstance(block.key_material, bytes)
    return block.key_material


class Worker:
    """One client under load."""

    def __init__(self, number: int, book: Book, chance: random.Random, count: Callable[[], None]):
        self.name = f"{number}-"
        self.book = book
        self.chance = chance
        self.count = count
        self.made = 0
        self.ask: Remote

    async def work(self, program: Program) -> None:
        """Ask until the server is gone."""
        version = self.chance.choice([V1_4, V2_1, V3_0])
        acts: list[Callable[[], Awaitable[None]]] = [
            *(self.create, self.create_pair, self.modify, self.add, self.live, self.live),
            *(self.obliterate, self.undoable, self.undone),
        ]
        try:
            async with program.client(version) as self.ask:
                while True:
                    await self.chance.choice(acts)()
                    self.book.pending = None
                    self.count()
        except GONE:
            return

    def fresh(self) -> str:
        self.made += 1
        return f"{self.name}{self.made}-{self.chance.getrandbits(32):08x}"

    def any(self, *states: State) -> str | None:
        found = [uid for uid, one in self.book.known.items() if not states or one.state in states]
        return self.chance.choice(found) if found else None

    async def create(self) -> None:
        group, number = self.fresh(), self.chance.getrandbits(30)
        self.book.pending = PendingMessage(group=group, makes=1)
        ask = self.ask
        items = await ask.batch(
            ask.item(Operation.CREATE, batch_id=b"1", **aes(group, number)),
            ask.item(Operation.GET, batch_id=b"2"),
        )
        created, got = map(ask.payload, items)
        self.book.known[created.unique_identifier] = Facts(group, number, material(got))

    async def create_pair(self) -> None:
        group, number = self.fresh(), self.chance.getrandbits(30)
        self.book.pending = PendingMessage(group=group, makes=2)
        made = await self.ask(Operation.CREATE_KEY_PAIR, **pair(group, number))
        self.book.pending = None
        one, other = made.private_key_unique_identifier, made.public_key_unique_identifier
        self.book.known[one] = Facts(group, number, pair=other)
        self.book.known[other] = Facts(group, number, pair=one)
        await self.get(one)
        await self.get(other)

    async def get(self, uid: str) -> None:
        key = material(await self.ask(Operation.GET, unique_identifier=uid))
        self.book.known[uid] = replace(self.book.known[uid], material=key)

    async def change(self, uid: str, after: Facts | None, operation: Operation, **fields: Any):
        self.book.pending = PendingMessage({uid: after})
        await self.ask(operation, unique_identifier=uid, **fields)
        if after is None:
            del self.book.known[uid]
        else:
            self.book.known[uid] = after

    async def modify(self) -> None:
        if uid := self.any():
            number = self.chance.getrandbits(30)
            after = replace(self.book.known[uid], serial=number)
            before = AttributeInstance(SERIAL, serial(self.book.known[uid].serial))
            current = {"current_attribute": before} if self.ask.version >= V2_1 else {}
            new = AttributeInstance(SERIAL, serial(number))
            await self.change(uid, after, Operation.MODIFY_ATTRIBUTE, new_attribute=new, **current)

    async def add(self) -> None:
        if uid := self.any():
            group = self.fresh()
            before = self.book.known[uid]
            after = replace(before, groups=before.groups | {group})
            new = AttributeInstance(Tag.OBJECT_GROUP, group)
            await self.change(uid, after, Operation.ADD_ATTRIBUTE, new_attribute=new)

    async def live(self) -> None:
        """Move an object on in its life: Activate, Revoke, Destroy."""
        if uid := self.any(State.PRE_ACTIVE, State.ACTIVE, State.DEACTIVATED):
            before = self.book.known[uid]
            reason = RevocationReason(revocation_reason_code=RevocationReasonCode.SUPERSEDED)
            operation, state, fields = {
                State.PRE_ACTIVE: (Operation.ACTIVATE, State.ACTIVE, {}),
                State.ACTIVE: (Operation.REVOKE, State.DEACTIVATED, {"revocation_reason": reason}),
                State.DEACTIVATED: (Operation.DESTROY, State.DESTROYED, {}),
            }[before.state]
            await self.change(uid, replace(before, state=state), operation, **fields)

    async def obliterate(self) -> None:
        if self.ask.version == V3_0 and (uid := self.any(State.DESTROYED)):
            await self.change(uid, None, Operation.OBLITERATE)

    def several(self) -> tuple[list[Any], dict[str, Facts | None], str, int]:
        """Items that make one object and change two, for one batch."""
        ask = self.ask
        group, number = self.fresh(), self.chance.getrandbits(30)
        items = [ask.item(Operation.CREATE, batch_id=b"0", **aes(group, number))]
        changes: dict[str, Facts | None] = {}
        for uid in filter(None, (self.any(), self.any())):
            if uid not in changes:
                added = self.fresh()
                before = self.book.known[uid]
                changes[uid] = replace(before, groups=before.groups | {added})
                fields = {"new_attribute": AttributeInstance(Tag.OBJECT_GROUP, added)}
                items.append(
                    ask.item(
                        Operation.ADD_ATTRIBUTE,
                        batch_id=str(len(items)).encode(),
                        unique_identifier=uid,
                        **fields,
                    )
                )
        return items, changes, group, number

    async def undoable(self) -> None:
        items, changes, group, number = self.several()
        self.book.pending = PendingMessage(changes, group, 1)
        answers = await self.ask.batch(*items, option=UNDO)
        created, *_ = map(self.ask.payload, answers)
        self.book.known.update({uid: facts for uid, facts in changes.items() if facts})
        self.book.known[created.unique_identifier] = Facts(group, number)
        self.book.pending = None
        await self.get(created.unique_identifier)

    async def undone(self) -> None:
        items, _, _, _ = self.several()
        items.append(self.ask.item(Operation.GET, batch_id=b"9", unique_identifier="nobody"))
        self.book.pending = None  # whatever becomes of it, nothing is to change
        answers = await self.ask.batch(*items, option=UNDO)
        undone = [ResultStatus.OPERATION_UNDONE] * (len(items) - 1)
        assert [one.result_status for one in answers] == [*undone, ResultStatus.OPERATION_FAILED]


async def load(program: Program, books: list[Book], chance: random.Random) -> None:
    """Work with all clients at once; kill the server after so many answers."""
    left = chance.randint(5, 150)

    def count() -> None:
        nonlocal left
        left -= 1
        if not left:
            program.kill()

    async with trio.open_nursery() as nursery:
        for number, book in enumerate(books):
            worker = Worker(number, book, random.Random(chance.getrandbits(64)), count)
            nursery.start_soon(worker.work, program)


async def actual(ask: Remote, uid: str, facts: Facts | None) -> Facts:
    """An object as it is now, its Object Groups sorted as `facts` has them."""
    names = (Tag.STATE, Tag.OBJECT_GROUP, Tag.LINK, SERIAL)
    got = await ask(Operation.GET_ATTRIBUTES, unique_identifier=uid, attribute_names=names)
    attributes_now = got.attributes
    first, *more = attributes_now.all(Tag.OBJECT_GROUP)
    links = {
        link.linked_object_identifier
        for link in attributes_now.all(Tag.LINK)
        if link.link_type in (LinkType.PUBLIC_KEY_LINK, LinkType.PRIVATE_KEY_LINK)
    }
    state = attributes_now.get(Tag.STATE)
    if state == State.DESTROYED:
        with pytest.raises(Failed) as failure:
            await ask(Operation.GET, unique_identifier=uid)
        assert failure.value.reason == ResultReason.OBJECT_DESTROYED
        key = facts.material if facts else b""
    else:
        key = material(await ask(Operation.GET, unique_identifier=uid))
    return Facts(first, attributes_now.get(SERIAL).value, key, state, frozenset(more), *links)


async def check(ask: Remote, books: list[Book]) -> None:
    """Compare all books with what there is."""
    located = await ask(Operation.LOCATE, storage_status_mask=EVERYWHERE)
    there = set(located.unique_identifier)
    assert len(there) == located.located_items
    for book in books:
        await settle(ask, book, there)
    assert there == {uid for book in books for uid in book.known}
    for book in books:
        for uid, facts in book.known.items():
            now = await actual(ask, uid, facts)
            assert now == (facts if facts.material else replace(facts, material=now.material))
            book.known[uid] = now


async def settle(ask: Remote, book: Book, there: set[str]) -> None:
    """Find out whether the unanswered message has happened, as a whole or not at all."""
    pending, book.pending = book.pending, None
    if pending is None:
        return
    happened = set()
    for uid, after in pending.changes.items():
        before = book.known[uid]
        now = await actual(ask, uid, before) if uid in there else None
        if now is not None and not before.material:
            before = replace(before, material=now.material)
            after = after and replace(after, material=now.material)
        assert now in (before, after)
        happened.add(now == after)
        if now is None:
            del book.known[uid]
        else:
            book.known[uid] = now
    if pending.group is not None:
        named = Attributes([(Tag.OBJECT_GROUP, pending.group)])
        made = (await ask(Operation.LOCATE, attributes=named)).unique_identifier
        assert len(made) in (0, pending.makes)
        happened.add(bool(made))
        found = {uid: await actual(ask, uid, None) for uid in made}
        assert all(found[uid].pair in (None, *found) for uid in found)
        book.known.update(found)
    assert len(happened) == 1


async def test_what_is_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    chance = random.Random(20_240_229)
    data = tmp_path / "data"
    books = [Book() for _ in range(CLIENTS)]
    for _ in range(ROUNDS):
        with running(data) as program:
            async with program.client() as ask:
                await check(ask, books)
            await load(program, books, chance)
    with running(data) as program:
        async with program.client() as ask:
            await check(ask, books)
        assert program.end() == 0
    assert sum(len(book.known) for book in books) > ROUNDS
    assert "Traceback" not in program.said()
