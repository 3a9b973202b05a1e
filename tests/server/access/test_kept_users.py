"""Users and devices in the store: let in and removed at all servers at once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_trio
import trio

from server.access import kept_users, password_file
from server.access.kept_users import KeptUsers, verifier_of
from server.access.password_file import Cost, Kind
from server.access.users import Users
from server.setup.failure import Failure
from storage import KeyFile, MemoryBackend, MemorySpace, SealedStore, open_store

QUICK = Cost(memory_kib=8, iterations=1, lanes=1)


@pytest_trio.trio_fixture
async def stores() -> AsyncIterator[tuple[SealedStore, SealedStore]]:
    """One store at two servers."""
    space, key = MemorySpace(), KeyFile(bytes(32))
    async with (
        open_store(MemoryBackend(space, shared=True), key, create=True) as first,
        open_store(MemoryBackend(space, shared=True), key) as second,
    ):
        yield first, second


@pytest.fixture
def kept(stores) -> KeptUsers:
    return KeptUsers(stores[0])


def verifier(password: str) -> str:
    return verifier_of(password, QUICK)


def at(store: SealedStore, path: Path) -> Users:
    users = Users(path / "users.json", QUICK)
    users.look_into(store)
    return users


async def test_a_user_that_is_added_comes_in_at_all_servers(stores, kept: KeptUsers, tmp_path):
    servers = [at(store, tmp_path) for store in stores]
    for users in servers:
        assert await users.is_empty()
    await kept.add(Kind.USER, "ulla", verifier("one"))
    await kept.add(Kind.DEVICE, "SN-1", verifier("two"))
    await stores[1].refresh()
    for users in servers:
        assert not await users.is_empty()
        assert await users.verify("ulla", "one")
        assert not await users.verify("ulla", "two")
        assert not await users.verify("ulla", "one", Kind.DEVICE)
        assert await users.verify("SN-1", "two", Kind.DEVICE)
        assert await users.mark("ulla", Kind.USER)
        assert await users.mark("other", Kind.USER) == ""


async def test_one_that_is_removed_or_replaced_comes_in_at_none(stores, kept, tmp_path):
    await kept.add(Kind.USER, "ulla", verifier("one"))
    await stores[1].refresh()
    users = at(stores[1], tmp_path)
    assert await users.verify("ulla", "one")
    mark = await users.mark("ulla", Kind.USER)
    await kept.add(Kind.USER, "ulla", verifier("two"), replace=True)
    await stores[1].refresh()
    assert await users.mark("ulla", Kind.USER) != mark
    assert not await users.verify("ulla", "one")
    assert await users.verify("ulla", "two")
    await kept.remove(Kind.USER, "ulla")
    await stores[1].refresh()
    assert not await users.verify("ulla", "two")
    assert await users.is_empty()


async def test_a_user_of_the_file_comes_before_one_of_the_store(stores, kept, tmp_path):
    users = at(stores[0], tmp_path)
    await kept.add(Kind.USER, "ulla", verifier("of the store"))
    await kept.add(Kind.USER, "anna", verifier("of the store"))
    password_file.add(tmp_path / "users.json", Kind.USER, "ulla", "of the file", cost=QUICK)
    assert await users.verify("ulla", "of the file")
    assert not await users.verify("ulla", "of the store")
    assert await users.verify("anna", "of the store")


async def test_a_damaged_file_lets_in_nobody_of_the_store(stores, kept, tmp_path, caplog):
    """It may say that somebody of this name has another password."""
    await kept.add(Kind.USER, "ulla", verifier("one"))
    (tmp_path / "users.json").write_text("{")
    users = at(stores[0], tmp_path)
    assert not await users.verify("ulla", "one")
    assert not await users.is_empty()


async def test_names_are_listed_by_kind_and_in_order(kept: KeptUsers):
    for name in ("ulla", "anna"):
        await kept.add(Kind.USER, name, verifier("x"))
    await kept.add(Kind.DEVICE, "SN-1", verifier("x"))
    assert await kept.names(Kind.USER) == ["anna", "ulla"]
    assert await kept.names(Kind.DEVICE) == ["SN-1"]


@pytest.mark.parametrize("name", ["", " ulla", "\u0430nna", "device:7", "x" * 256])
async def test_names_that_cannot_be_are_refused(kept: KeptUsers, name: str):
    with pytest.raises(Failure):
        await kept.add(Kind.USER, name, verifier("x"))
    assert await kept.verifier(Kind.USER, name) is None


async def test_a_name_is_added_once_and_none_that_looks_like_it(kept: KeptUsers):
    await kept.add(Kind.USER, "ulla", verifier("x"))
    with pytest.raises(Failure, match="exists; --replace"):
        await kept.add(Kind.USER, "ulla", verifier("y"))
    for replace in (False, True):
        with pytest.raises(Failure, match="looks like the name of the user 'ulla'"):
            await kept.add(Kind.USER, "Ulla", verifier("y"), replace=replace)
    with pytest.raises(Failure, match="looks like"):
        await kept.check_name(Kind.USER, "ULLA")
    await kept.check_name(Kind.USER, "ulla")
    assert await kept.verifier(Kind.USER, "Ulla") is None
    for name in ("Ulla", "other"):
        with pytest.raises(Failure, match="There is no user"):
            await kept.remove(Kind.USER, name)


async def test_of_two_names_alike_that_two_servers_add_at_once_one_is_taken(stores):
    ended: list[str] = []

    async def add(store: SealedStore, name: str) -> None:
        try:
            await KeptUsers(store).add(Kind.USER, name, verifier("x"))
        except Failure:
            ended.append("refused")
        else:
            ended.append("taken")

    async with trio.open_nursery() as nursery:
        for store, name in zip(stores, ("ulla", "Ulla"), strict=True):
            nursery.start_soon(add, store, name)
    assert sorted(ended) == ["refused", "taken"]


async def test_there_are_so_many_and_no_more(kept: KeptUsers, monkeypatch):
    monkeypatch.setattr(kept_users, "MAX_USERS", 1)
    await kept.add(Kind.USER, "ulla", verifier("x"))
    with pytest.raises(Failure, match="1 users already"):
        await kept.add(Kind.USER, "anna", verifier("x"))
    await kept.add(Kind.USER, "ulla", verifier("y"), replace=True)


@pytest.mark.parametrize("password", ["", "x" * 1025])
def test_a_password_that_cannot_be_is_refused(password: str):
    with pytest.raises(Failure, match="1 to 1024 bytes"):
        verifier_of(password)
