"""Objects in transactions: what is seen, and what is durable."""

import pytest

from kmip.attributes import Attributes
from kmip.enums import (
    BatchErrorContinuationOption,
    ObjectType,
)
from kmip.tags import Tag
from server.objects.managed_object import ManagedObject
from server.objects.transaction import Opened, Transaction
from server.state import Server
from storage import Conflict
from tests.server.conftest import NOW

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
    assert (await one.find("a")) is not None
    assert (await other.find("a")) is None
    await one.commit()
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
