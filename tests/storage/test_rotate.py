import pytest
import trio

from storage import (
    KEEP,
    KeyFile,
    MemoryBackend,
    MemorySpace,
    Part,
    Query,
    Reason,
    Tampered,
    Unavailable,
    WrongSecret,
    open_store,
)
from storage.backend import Kind
from storage.rotate import begin
from storage.table import Draft
from storage.testing import FailingBackend, LyingBackend
from tests.storage.stores import PASSWORD, SECRET, put, shared_stores, terms

NEW = KeyFile(b"n" * 32)


async def test_everything_is_sealed_anew(make):
    async with open_store(make(), SECRET, create=True) as store:
        await store.add_slot(PASSWORD)
        for n in range(150):
            body = None if n % 3 == 0 else b"body %d" % n
            await store.commit([put(b"%d" % n, 0, b"m%d" % n, body, terms("t", n=n))])
        await store.commit([put(b"7", store.version(b"7"), b"changed", KEEP, terms("t"))])
        before = await store.search(Query())
        await store.rotate(NEW)
        assert not store.is_rotating
        assert await store.search(Query()) == before
        assert await store.read_body(b"7", store.version(b"7")) == b"body 7"
        await store.commit([put(b"8", store.version(b"8"), b"after", KEEP)])
    for old in (SECRET, PASSWORD):
        with pytest.raises(WrongSecret):
            async with open_store(make(), old):
                pass
    async with open_store(make(), NEW) as store:
        assert (await store.search(Query())).names == before.names
        assert (await store.read(b"7")).meta == b"changed"
        assert await store.read_body(b"8", store.version(b"8")) == b"body 8"
        assert await store.read_body(b"9", store.version(b"9")) is None


async def test_nothing_old_stays_behind():
    space = MemorySpace()
    async with open_store(MemoryBackend(space), SECRET, create=True) as store:
        await store.commit([put(b"a"), put(b"b"), put(b"c", body=None)])
        old = {kind: dict(blobs) for kind, blobs in space.blobs.items()}
        await store.rotate(NEW)
    for kind in Kind:
        assert len(space.blobs[kind]) == len(old[kind])
        assert space.blobs[kind].keys().isdisjoint(old[kind])
        assert {blob[1] for blob in space.blobs[kind].values()} == {2}
    assert {entry[1] for entry in space.log.values()} == {2}


async def test_the_store_serves_meanwhile(make):
    async with open_store(make(), SECRET, create=True) as store:
        await store.commit([put(b"%d" % n) for n in range(200)])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.rotate, NEW)
            for n in range(200):
                changed = put(b"%d" % n, 1, b"changed", KEEP)
                version = await store.commit([changed, put(b"new %d" % n)])
                assert await store.read_body(b"%d" % n, version) == b"body"
        assert store.count == 400
    async with open_store(make(), NEW) as store:
        assert (await store.read(b"150")).meta == b"changed"
        assert not store.is_rotating


async def test_an_interrupted_rotation_is_taken_up_again(make):
    failing = FailingBackend(make())
    async with open_store(failing, SECRET, create=True, cache_bytes=0) as store:
        await store.commit([put(b"%d" % n, body=b"%d" % n) for n in range(100)])
        true_commit = failing.commit
        calls = []

        async def fail_at_third(commit):
            calls.append(commit)
            failing.fail_next = 2 if len(calls) == 3 else 0
            return await true_commit(commit)

        failing.commit = fail_at_third
        with pytest.raises(Unavailable):
            await store.rotate(NEW)
    async with open_store(make(), NEW) as store:
        assert store.is_rotating
        assert await store.read_body(b"99", 1) == b"99"
        version = await store.commit([put(b"99", 1, b"m", KEEP)])
        await store.reseal()
        assert not store.is_rotating
        assert await store.read_body(b"99", version) == b"99"
    async with open_store(make(), NEW) as store:
        assert store.count == 100


async def test_many_rotations():
    """More than there are epoch numbers: they are used again."""
    space = MemorySpace()
    async with open_store(MemoryBackend(space), SECRET, create=True) as store:
        await store.commit([put(b"a")])
        for _ in range(260):
            await store.rotate(NEW)
        assert await store.read_body(b"a", 1) == b"body"
        assert store._table.keyring.current == 261 - 255


class Late(LyingBackend):
    """A back end, one request of which is held on its way there, or the answer on its way back."""

    def __init__(self, inner):
        super().__init__(inner)
        self._stops = {}

    def hold(self, what):
        """Hold the next request of a kind; two events: it has come so far, and it may go on."""
        self._stops[what] = trio.Event(), trio.Event()
        return self._stops[what]

    async def _way(self, what):
        if what in self._stops:
            come, go = self._stops.pop(what)
            come.set()
            await go.wait()

    async def commit(self, commit):
        await self._way("commit")
        return await super().commit(commit)

    async def load(self):
        places = await super().load()
        await self._way("load")
        return places

    async def tail(self, after, wanted=()):
        tail = await super().tail(after, wanted)
        await self._way("tail")
        return tail

    async def get(self, kind, names):
        blobs = await super().get(kind, names)
        await self._way("get")
        return blobs


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("what", ["meta", "body"])
async def test_a_blob_that_was_under_way_while_its_keys_were_given_up_is_no_alarm(shared, what):
    late = Late(MemoryBackend(MemorySpace(), shared=shared))
    async with open_store(late, SECRET, create=True, cache_bytes=0) as store:
        await store.commit([put(b"a")])
        come, go = late.hold("get")
        got = []

        async def read():
            if what == "meta":
                got.append((await store.read(b"a")).meta)
            else:
                got.append(await store.read_body(b"a", 1))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await come.wait()
            await store.rotate(NEW)
            go.set()
        assert got == [what.encode()]
        await store.commit([put(b"b")])


async def rotate_under_a_refresh(store, late, meanwhile=lambda: None):
    """Refresh; the answer is of before a rotation, and comes when that has ended."""
    sent, send = late.hold("commit")
    answers = []

    async def refresh_in_between():
        await sent.wait()
        answered, answer = late.hold("tail")
        answers.append(answer)
        nursery.start_soon(store.refresh)
        await answered.wait()
        send.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(refresh_in_between)
        await store.rotate(NEW)
        meanwhile()
        answers[0].set()


@pytest.fixture
async def behind():
    """A store whose table is one commit behind another server's, over a back end that is late."""
    space = MemorySpace()
    async with shared_stores(space, 1) as (one,):
        late = Late(MemoryBackend(space, shared=True))
        async with open_store(late, SECRET) as store:
            await one.commit([put(b"a")])
            await store.refresh()
            yield space, late, one, store


async def test_a_head_that_was_under_way_while_its_keys_were_given_up_is_no_alarm(behind):
    _, late, _, store = behind
    await rotate_under_a_refresh(store, late)
    assert (await store.read(b"a")).meta == b"meta"
    await store.commit([put(b"b")])


async def test_a_head_that_stays_under_keys_that_were_given_up_is_noticed(behind):
    space, late, _, store = behind
    old = space.head

    def lie():
        late.places = (None, old)

    with pytest.RaisesGroup(Tampered, flatten_subgroups=True) as caught:
        await rotate_under_a_refresh(store, late, lie)
    (error,) = caught.value.exceptions
    while isinstance(error, BaseExceptionGroup):
        (error,) = error.exceptions
    assert (error.part, error.reason) == (Part.HEAD, Reason.EDITED)
    with pytest.raises(Tampered):
        await store.read(b"a")


async def test_a_key_header_that_was_under_way_during_a_rotation_refuses_nobody(behind):
    """It is under the old master key, and comes when this server has been given the new one."""
    _, late, one, store = behind
    await store._follower.look()
    await one.add_slot(PASSWORD)
    answered, answer = late.hold("load")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.refresh)
        await answered.wait()
        await one.rotate(NEW)
        await store.commit([put(b"b")])  # it is refused at first, and finds out what it missed
        answer.set()
    assert len(store.slots) == 1
    await one.refresh()
    assert store.anchor == one.anchor


async def test_a_row_can_be_read_while_the_commit_that_begins_a_rotation_is_taken_over():
    async with open_store(MemoryBackend(MemorySpace()), SECRET, create=True) as store:
        await store.commit([put(b"%d" % n) for n in range(3)])
        table = store._table
        draft = Draft(table)
        draft.begin_epoch(begin(table.unlocked, NEW))
        for n in range(3):
            draft.change(put(b"%d" % n, 1))
        commit, state = draft.commit(1)
        seen = set()
        for _ in table.applying(draft, state, commit.head):
            epochs = {row.epoch for row in table.index.rows()}
            assert epochs <= table.keyring.epochs.keys()
            seen |= epochs
        assert seen == {1, 2}
