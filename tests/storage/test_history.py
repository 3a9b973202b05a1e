"""What a store remembers of its own states, and what stops its changes from outside."""

import copy

import pytest

from storage import Anchor, MemoryBackend, MemorySpace, Part, Reason, Tampered, open_store
from storage import history as history_module
from storage.history import History
from tests.storage.stores import SECRET, put, shared_stores


async def test_a_store_knows_each_state_that_it_went_through_at_whichever_server():
    async with shared_stores() as (one, other):
        states = [one.anchor]
        for name in (b"a", b"b", b"c"):
            await one.commit([put(name)])
            states.append(one.anchor)
        assert [one.has_been(state) for state in states] == [True] * 4
        assert [other.has_been(state) for state in states] == [True, None, None, None]
        await other.refresh()
        assert [other.has_been(state) for state in states] == [True] * 4


async def test_another_history_is_told_from_its_own_also_behind_the_fork():
    space = MemorySpace()
    async with open_store(MemoryBackend(space), SECRET, create=True):
        pass
    fork = copy.deepcopy(space)
    fork.holder = None
    async with (
        open_store(MemoryBackend(space), SECRET) as one,
        open_store(MemoryBackend(fork), SECRET) as other,
    ):
        assert other.has_been(one.anchor) is True
        await one.commit([put(b"a")])
        await other.commit([put(b"a")])
        early = one.anchor
        await one.commit([put(b"b")])
        await other.commit([put(b"b")])
        assert other.has_been(early) is False
        assert other.has_been(one.anchor) is False


async def test_as_many_states_are_remembered_as_the_log_has(monkeypatch):
    monkeypatch.setattr(history_module, "REMEMBERED", 3)
    async with open_store(MemoryBackend(), SECRET, create=True) as store:
        states = [store.anchor]
        for number in range(4):
            await store.commit([put(b"%d" % number)])
            states.append(store.anchor)
        known = [store.has_been(state) for state in states]
    assert known == [None, None, True, True, True]
    assert History().has(Anchor(0, bytes(16))) is None


async def test_a_stopped_store_is_read_and_takes_no_more_changes():
    async with open_store(MemoryBackend(), SECRET, create=True) as store:
        await store.commit([put(b"a")])
        assert store.finding is None
        store.stop(Reason.FORKED)
        store.stop(Reason.ROLLED_BACK)
        with pytest.raises(Tampered) as caught:
            await store.commit([put(b"b")])
        assert (caught.value.part, caught.value.reason) == (Part.HEAD, Reason.FORKED)
        assert (await store.read(b"a")) is not None
        assert store.finding is not None
        assert store.finding.reason is Reason.FORKED
