"""The store's state in the claims: strangers learn nothing, verifiers notice an older store."""

import copy

from server.setup.store_state import WRITTEN_BYTES, PrivateState
from storage import KeyFile, MemoryBackend, MemorySpace, Put, SealedStore, Terms, open_store

KEY = KeyFile(bytes(32))


async def add(store: SealedStore, name: bytes) -> None:
    await store.commit([Put(name, 0, b"", None, Terms())])


async def test_a_store_continues_each_state_that_it_was_in_and_none_that_it_was_put_back_from():
    space = MemorySpace()
    async with open_store(MemoryBackend(space), KEY, create=True) as store:
        state = await PrivateState.of(store)
        first = state.written()
    older = copy.deepcopy(space)
    async with open_store(MemoryBackend(space), KEY) as store:
        state = await PrivateState.of(store)
        await add(store, b"a")
        second = state.written()
        assert state.continues(first)
        assert state.continues(second)
    async with open_store(MemoryBackend(space), KEY) as store:
        assert (await PrivateState.of(store)).continues(second), "also after a restart"
    async with open_store(MemoryBackend(older), KEY) as store:
        state = await PrivateState.of(store)
        assert state.continues(first)
        assert not state.continues(second)
        await add(store, b"b")
        assert not state.continues(second), "the number is the same, the history is not"


async def test_what_is_written_tells_nothing_and_is_never_the_same():
    async with open_store(MemoryBackend(), KEY, create=True) as store:
        state = await PrivateState.of(store)
        one, other = state.written(), state.written()
        assert one != other
        assert {len(one), len(other)} == {WRITTEN_BYTES}
        assert store.anchor.mark not in one
        assert state.key.hex() not in repr(state)
        assert repr(state.key) not in repr(state)


async def test_another_stores_state_and_damage_are_no_state():
    async with (
        open_store(MemoryBackend(), KEY, create=True) as one,
        open_store(MemoryBackend(), KEY, create=True) as other,
    ):
        state = await PrivateState.of(one)
        written = state.written()
        assert not (await PrivateState.of(other)).continues(written)
        for bad in (b"", written[:-1], written + b"x", bytes(WRITTEN_BYTES)):
            assert not state.continues(bad)
