"""Objects in transactions: what is seen, and what is durable."""

import pytest

from kmip.attributes import Attributes
from kmip.enums import (
    BatchErrorContinuationOption,
    ObjectType,
)
from kmip.errors import ServerLimitExceeded
from kmip.tags import Tag
from server.objects import pending
from server.objects import transaction as transactions
from server.objects.index_terms import terms_of
from server.objects.managed_object import ManagedObject
from server.objects.opened import Opened
from server.objects.transaction import Transaction
from server.state import Server
from storage import Conflict, Found, Query, Terms
from tests.server.conftest import NOW

UNDO = BatchErrorContinuationOption.UNDO


def managed_object(identifier: str, version: int = 0) -> ManagedObject:
    attributes = Attributes([(Tag.UNIQUE_IDENTIFIER, identifier)])
    return ManagedObject(identifier, "alice", ObjectType.OPAQUE_OBJECT, attributes, version=version)


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
    one, other = (Transaction(server.store, Opened(1 << 20), NOW) for _ in range(2))
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
    reader = Transaction(server.store, Opened(1 << 20), NOW)
    found = await reader.find("a")
    assert found is not None
    writer = Transaction(server.store, Opened(1 << 20), NOW)
    writer.put(found.copy(), body=True)
    await writer.commit()
    with pytest.raises(Conflict):
        await reader.load(found)


async def test_a_transaction_finds_what_each_of_its_items_changed_last(server: Server):
    transaction = Transaction(server.store, server.opened, NOW)
    for name in ("a", "b", "c"):
        transaction.begin_item()
        transaction.add(managed_object(name))
        await transaction.settle()
    transaction.begin_item()
    found = await transaction.find("b")
    assert found is not None
    grouped = found.copy()
    grouped.attributes.add(Tag.OBJECT_GROUP, "g")
    transaction.put(grouped)
    wanted = Attributes([(Tag.OBJECT_GROUP, "g")])
    assert (await transaction.locate(wanted, "alice")).identifiers == ["b"]
    await transaction.settle()
    assert (await transaction.locate(wanted, "alice")).identifiers == ["b"]
    every = await transaction.locate(Attributes(), "alice", offset=1, limit=1)
    assert (every.identifiers, every.total) == (["b"], 3)


async def test_only_what_an_item_changed_is_checked_with_it(server: Server):
    transaction = Transaction(server.store, server.opened, NOW)
    for name in ("a", "b"):
        transaction.begin_item()
        transaction.add(managed_object(name))
        await transaction.settle()
        assert [one.identifier for one in transaction.added] == [name]
        assert [one.identifier for one, _ in await transaction.changes()] == [name]


async def test_terms_are_computed_once_for_each_change(server: Server, monkeypatch):
    computed = []

    def counted(one: ManagedObject) -> Terms:
        computed.append(one.identifier)
        return terms_of(one)

    monkeypatch.setattr(pending, "terms_of", counted)
    transaction = Transaction(server.store, server.opened, NOW)
    for number in range(10):
        transaction.begin_item()
        transaction.add(managed_object(str(number)))
        await transaction.settle()
        await transaction.locate(Attributes(), "alice")
    await transaction.commit()
    assert sorted(computed) == [str(number) for number in range(10)]


async def test_an_item_with_which_too_many_objects_are_changed_fails(server: Server, monkeypatch):
    monkeypatch.setattr(transactions, "MAX_CHANGES", 2)
    transaction = Transaction(server.store, server.opened, NOW)
    for name in ("a", "b"):
        transaction.begin_item()
        transaction.add(managed_object(name))
        await transaction.settle()
    transaction.begin_item()
    transaction.add(managed_object("c"))
    with pytest.raises(ServerLimitExceeded):
        await transaction.settle()


async def test_a_page_beside_changes_is_that_of_the_whole_and_costs_no_more(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    """What is changed keeps its place by age; no more is listed than is asked for."""
    first = Transaction(server.store, server.opened, NOW)
    for number in range(40):
        first.add(managed_object(f"{number:02}"))
    await first.commit()
    transaction = Transaction(server.store, server.opened, NOW)
    wanted = Attributes([(Tag.OBJECT_GROUP, "g")])
    for number in (3, 20, 38):
        transaction.begin_item()
        found = await transaction.find(f"{number:02}")
        assert found is not None
        changed = found.copy()
        changed.attributes.add(Tag.OBJECT_GROUP, "g")
        transaction.put(changed)
        await transaction.settle()
    removed = await transaction.find("30")
    assert removed is not None
    transaction.remove(removed)
    transaction.add(managed_object("new"))
    whole = ["new", *(f"{number:02}" for number in reversed(range(40)) if number != 30)]
    listed: list[int] = []
    search = server.store.search

    async def noting(query: Query) -> Found:
        found = await search(query)
        listed.append(len(found.names))
        return found

    monkeypatch.setattr(server.store, "search", noting)
    for offset in (0, 1, 2, 11, 39, 60):
        for limit in (0, 1, 5, None):
            end = None if limit is None else offset + limit
            listed.clear()
            located = await transaction.locate(Attributes(), "alice", offset=offset, limit=limit)
            assert (located.identifiers, located.total) == (whole[offset:end], len(whole))
            assert end is None or max(listed) <= end
    located = await transaction.locate(wanted, "alice", limit=2)
    assert (located.identifiers, located.total) == (["38", "20"], 3)
