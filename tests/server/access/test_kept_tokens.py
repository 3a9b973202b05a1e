"""API tokens in the store: at each server on it at once, and one for a name."""

from __future__ import annotations

import pytest
import pytest_trio
import trio

from server.access import api_tokens, kept_tokens
from server.access.api_tokens import APITokens
from server.access.kept_tokens import KeptTokens
from server.setup.failure import Failure
from storage import KeyFile, MemoryBackend, SealedStore, open_store

NOW = 1_700_000_000


@pytest_trio.trio_fixture
async def store():
    async with open_store(MemoryBackend(), KeyFile(bytes(32)), create=True) as opened:
        yield opened


@pytest.fixture
def kept(store: SealedStore) -> KeptTokens:
    return KeptTokens(store)


async def made(kept: KeptTokens, name: str, *, replace: bool = False) -> str:
    text, token = api_tokens.new(name, NOW, 1, api_tokens.READ_ONLY)
    await kept.add(token, replace=replace)
    return text


async def test_a_token_is_found_with_its_end_and_its_rights(kept: KeptTokens):
    tokens = APITokens(None, kept)
    assert await tokens.is_empty()
    text = await made(kept, "app")
    assert not await tokens.is_empty()
    found = await tokens.find(text, NOW)
    assert found is not None
    assert (found.client, found.operations) == ("token:app", api_tokens.READ_ONLY)
    assert await tokens.find(text, NOW + 86_400) is None
    assert await tokens.find(api_tokens.PREFIX + "x" * 43, NOW) is None
    assert await tokens.holds("app", found.mark, NOW)
    assert not await tokens.holds("other", found.mark, NOW)


async def test_one_that_was_removed_is_found_no_more(kept: KeptTokens):
    text, other = await made(kept, "app"), await made(kept, "other")
    await kept.remove("app")
    tokens = APITokens(None, kept)
    assert await tokens.find(text, NOW) is None
    assert await tokens.find(other, NOW) is not None
    assert [each.name for each in await kept.all()] == ["other"]
    with pytest.raises(Failure, match="no token 'app'"):
        await kept.remove("app")


async def test_a_name_has_one_token(kept: KeptTokens):
    before = await made(kept, "app")
    with pytest.raises(Failure, match="exists"):
        await made(kept, "app")
    after = await made(kept, "app", replace=True)
    tokens = APITokens(None, kept)
    assert await tokens.find(before, NOW) is None
    assert await tokens.find(after, NOW) is not None
    assert len(await kept.all()) == 1


@pytest.mark.parametrize("alike", ["APP", "\u0430pp"])
async def test_of_names_that_look_alike_one_is_taken(kept: KeptTokens, alike: str):
    await made(kept, "app")
    with pytest.raises(Failure):
        await made(kept, alike)
    with pytest.raises(Failure):
        await made(kept, alike, replace=True)
    with pytest.raises(Failure, match="no token"):
        await kept.remove(alike)


async def test_of_two_that_are_made_at_once_one_has_the_name(store: SealedStore):
    refused = []

    async def make() -> None:
        try:
            await made(KeptTokens(store), "app")
        except Failure as failure:
            refused.append(str(failure))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(make)
        nursery.start_soon(make)
    assert len(refused) == 1
    assert len(await KeptTokens(store).all()) == 1


async def test_the_store_has_the_hash_and_not_the_token(kept: KeptTokens, store: SealedStore):
    text = await made(kept, "app")
    for name in (await store.search(kept._records.query())).names:
        record = await store.read(name)
        assert record is not None
        assert text.removeprefix(api_tokens.PREFIX).encode() not in record.meta + record.name


async def test_there_are_only_so_many(kept: KeptTokens, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kept_tokens, "MAX_TOKENS", 2)
    for name in ("one", "two"):
        await made(kept, name)
    with pytest.raises(Failure, match="2 tokens"):
        await made(kept, "three")
    await made(kept, "two", replace=True)
