"""Objects in transactions: what is seen, what is durable, and several servers on one store."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_trio
import trio

from kmip.attribute_values import UsageLimits
from kmip.attributes import Attributes, Instance
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import (
    BatchErrorContinuationOption,
    BlockCipherMode,
    ObjectType,
    Operation,
    PaddingMethod,
    ResultReason,
    ResultStatus,
    State,
    UsageLimitsUnit,
)
from kmip.tags import Tag
from server.access.password_file import Users
from server.objects.managed_object import ManagedObject
from server.objects.transaction import Opened, Transaction
from server.setup.config import Config
from server.state import Server
from storage import Conflict, KeyFile, MemoryBackend, MemorySpace, open_store
from tests.server.conftest import NOW, Asking, Clock, Failed
from tests.server.samples import ACTIVE, aes, attribute, create, state, symmetric_key, values

UNDO = BatchErrorContinuationOption.UNDO


def managed_object(identifier: str, version: int = 0) -> ManagedObject:
    attributes = Attributes([(Tag.UNIQUE_IDENTIFIER, identifier)])
    return ManagedObject(identifier, "alice", ObjectType.OPAQUE_OBJECT, attributes, version=version)


# The cache


def test_the_cache_forgets_what_was_used_longest_ago():
    opened = Opened(2)
    for name in "ab":
        opened.put(managed_object(name, 1))
    assert opened.get("a", 1)
    opened.put(managed_object("c", 1))
    assert opened.get("b", 1) is None
    assert opened.get("a", 1)
    assert opened.get("c", 1)


def test_the_cache_gives_no_other_version():
    opened = Opened(2)
    opened.put(managed_object("a", 1))
    assert opened.get("a", 2) is None
    opened.drop("a")
    assert opened.get("a", 1) is None
    opened.drop("a")


def test_a_cache_of_nothing_keeps_nothing():
    opened = Opened(0)
    opened.put(managed_object("a", 1))
    assert opened.get("a", 1) is None


# One server


async def test_a_transaction_sees_its_changes_and_nobody_else_does(server: Server):
    one = Transaction(server.store, server.opened, NOW)
    other = Transaction(server.store, server.opened, NOW)
    one.add(managed_object("a"))
    assert one.is_changed
    assert (await one.find("a")) is not None
    assert (await other.find("a")) is None
    await one.commit()
    assert not one.is_changed
    found = await other.find("a")
    assert found is not None
    other.remove(found)
    assert await other.find("a") is None
    assert await one.find("a") is not None
    await other.commit()
    assert await one.find("a") is None


async def test_what_is_forgotten_is_not_done(server: Server):
    transaction = Transaction(server.store, server.opened, NOW)
    transaction.add(managed_object("a"))
    transaction.forget()
    await transaction.commit()
    assert await transaction.find("a") is None


async def test_made_and_removed_in_one_transaction_leaves_nothing(server: Server):
    transaction = Transaction(server.store, server.opened, NOW)
    one = managed_object("a")
    transaction.add(one)
    transaction.remove(one)
    await transaction.commit()
    assert server.store.count == 0


async def test_of_two_changes_to_one_version_the_second_conflicts(server: Server):
    first = Transaction(server.store, server.opened, NOW)
    first.add(managed_object("a"))
    await first.commit()
    one, other = (Transaction(server.store, Opened(1), NOW) for _ in range(2))
    for transaction in (one, other):
        found = await transaction.find("a")
        assert found is not None
        transaction.put(found.copy())
    await one.commit()
    with pytest.raises(Conflict):
        await other.commit()


async def test_material_is_that_of_the_version_read(server: Server):
    first = Transaction(server.store, server.opened, NOW)
    first.add(managed_object("a"))
    await first.commit()
    reader = Transaction(server.store, Opened(1), NOW)
    found = await reader.find("a")
    assert found is not None
    writer = Transaction(server.store, Opened(1), NOW)
    writer.put(found.copy(), body=True)
    await writer.commit()
    with pytest.raises(Conflict):
        await reader.load(found)


# Several servers on one store


@dataclass
class Racing:
    """Two servers that share one store, and a client of each."""

    one: Asking
    other: Asking


@pytest_trio.trio_fixture
async def racing(config: Config, clock: Clock) -> AsyncIterator[Racing]:
    space, key = MemorySpace(), KeyFile(bytes(32))
    async with (
        open_store(MemoryBackend(space, shared=True), key, create=True) as first,
        open_store(MemoryBackend(space, shared=True), key) as second,
    ):
        users = Users(config.users_file)
        yield Racing(
            *(
                Asking(Server(config=config, store=store, users=users, clock=clock), None).named(
                    "alice"
                )
                for store in (first, second)
            )
        )


async def test_what_one_server_does_the_other_knows(racing: Racing):
    key = await create(racing.one)
    assert await state(racing.other, key) == State.PRE_ACTIVE
    await racing.other(Operation.ACTIVATE, unique_identifier=key)
    assert await state(racing.one, key) == State.ACTIVE
    located = await racing.one(Operation.LOCATE, attributes=Attributes([(Tag.STATE, State.ACTIVE)]))
    assert located.unique_identifier == (key,)


async def test_no_change_is_lost(racing: Racing):
    key = await create(racing.one)
    names = [f"{number}" for number in range(16)]

    async def add(ask: Asking, name: str) -> None:
        group = Instance(Tag.OBJECT_GROUP, name)
        await ask(Operation.ADD_ATTRIBUTE, unique_identifier=key, new_attribute=group)

    async with trio.open_nursery() as nursery:
        for number, name in enumerate(names):
            nursery.start_soon(add, (racing.one, racing.other)[number % 2], name)
    for ask in (racing.one, racing.other):
        assert sorted(await values(ask, key, Tag.OBJECT_GROUP)) == sorted(names)


async def test_usage_limits_are_spent_once(racing: Racing):
    limits = UsageLimits(usage_limits_total=10, usage_limits_unit=UsageLimitsUnit.OBJECT)
    key = await create(racing.one, ACTIVE, (Tag.USAGE_LIMITS, limits))
    ended: list[ResultReason | None] = []

    async def encrypt(ask: Asking) -> None:
        try:
            await ask(
                Operation.ENCRYPT, unique_identifier=key, data=b"x", cryptographic_parameters=CBC
            )
        except Failed as failure:
            ended.append(failure.reason)
        else:
            ended.append(None)

    async with trio.open_nursery() as nursery:
        for number in range(14):
            nursery.start_soon(encrypt, (racing.one, racing.other)[number % 2])
    assert ended.count(None) == 10
    assert set(ended) == {None, ResultReason.USAGE_LIMIT_EXCEEDED}
    left = await attribute(racing.other, key, Tag.USAGE_LIMITS)
    assert left.usage_limits_count == 0


CBC = CryptographicParameters(
    block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5, random_iv=True
)


async def test_streams_that_race_for_usage_limits_keep_their_text(racing: Racing):
    limits = UsageLimits(usage_limits_total=1 << 20, usage_limits_unit=UsageLimitsUnit.BYTE)
    key = await create(racing.one, ACTIVE, (Tag.USAGE_LIMITS, limits))
    text = bytes(range(160))
    done: list[tuple[bytes, bytes]] = []

    async def encrypt(ask: Asking) -> None:
        first = await ask(
            Operation.ENCRYPT,
            unique_identifier=key,
            cryptographic_parameters=CBC,
            data=text[:50],
            init_indicator=True,
        )
        value, got = first.correlation_value, first.data or b""
        for start, stop in ((50, 90), (90, 130)):
            part = await ask(Operation.ENCRYPT, correlation_value=value, data=text[start:stop])
            got += part.data or b""
        last = await ask(
            Operation.ENCRYPT, correlation_value=value, data=text[130:], final_indicator=True
        )
        done.append((first.iv_counter_nonce, got + last.data))

    async with trio.open_nursery() as nursery:
        for number in range(8):
            nursery.start_soon(encrypt, (racing.one, racing.other)[number % 2])
    assert len(done) == 8
    for vector, got in done:
        plain = await racing.one(
            Operation.DECRYPT,
            unique_identifier=key,
            cryptographic_parameters=CBC,
            iv_counter_nonce=vector,
            data=got,
        )
        assert plain.data == text
    left = await attribute(racing.other, key, Tag.USAGE_LIMITS)
    assert left.usage_limits_count == (1 << 20) - 8 * len(text)


async def test_undoable_batches_that_race_happen_as_wholes(racing: Racing):
    keys = [await create(racing.one) for _ in range(2)]

    async def batch(ask: Asking, name: str) -> None:
        group = Instance(Tag.OBJECT_GROUP, name)
        items = [
            ask.item(Operation.ADD_ATTRIBUTE, unique_identifier=key, new_attribute=group)
            for key in keys
        ]
        if int(name) % 4 == 3:
            items.append(ask.item(Operation.GET, unique_identifier="nobody"))
        else:
            items.append(
                ask.item(
                    Operation.CREATE,
                    object_type=ObjectType.SYMMETRIC_KEY,
                    attributes=aes((Tag.OBJECT_GROUP, name)),
                )
            )
        answers = await ask.batch(*items, option=UNDO)
        expected = ResultStatus.OPERATION_FAILED if int(name) % 4 == 3 else ResultStatus.SUCCESS
        assert answers[-1].result_status == expected

    async with trio.open_nursery() as nursery:
        for number in range(12):
            nursery.start_soon(batch, (racing.one, racing.other)[number % 2], str(number))
    done = sorted(str(number) for number in range(12) if number % 4 != 3)
    for key in keys:
        assert sorted(await values(racing.other, key, Tag.OBJECT_GROUP)) == done
    for name in map(str, range(12)):
        located = await racing.one(
            Operation.LOCATE, attributes=Attributes([(Tag.OBJECT_GROUP, name)])
        )
        assert len(located.unique_identifier) == (3 if name in done else 0)


async def test_one_of_two_who_import_the_same_identifier_wins(racing: Racing):
    ended: list[object] = []

    async def take_in(ask: Asking) -> None:
        try:
            ended.append(
                await ask(
                    Operation.IMPORT,
                    unique_identifier="same",
                    object_type=ObjectType.SYMMETRIC_KEY,
                    attributes=aes(),
                    object=symmetric_key(bytes(32)),
                )
            )
        except Failed as failure:
            ended.append(failure.reason)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take_in, racing.one)
        nursery.start_soon(take_in, racing.other)
    assert ended.count(ResultReason.OBJECT_ALREADY_EXISTS) == 1
