"""Servers that go on while another rotates the keys of their store."""

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import (
    KEEP,
    Conflict,
    KeyFile,
    MemoryBackend,
    MemorySpace,
    Remove,
    Rotated,
    RotationUnderway,
    Unavailable,
    WrongSecret,
    open_store,
    read_status,
)
from storage import replica as replica_module
from storage import resume as resume_module
from storage import rotate as rotate_module
from storage import saver as saver_module
from storage.backend import Kind
from storage.header import Header, Unlocked
from storage.recipient import MAX_RECIPIENTS
from storage.redis import RedisBackend
from storage.testing import FailingBackend
from tests.storage.stores import PASSWORD, SECRET, put, shared_stores

NEW = KeyFile(b"n" * 32)


class Stopped(Exception):
    """Ends a rotation where a crash would."""


def after(chunks):
    """Lets so many commits of a rotation pass, and ends it then."""
    left = [chunks]

    def tell(done, total):
        if not left[0]:
            raise Stopped
        left[0] -= 1

    return tell


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(rotate_module, "_CHUNK", 2)


async def join(*stores):
    for store in stores:
        await store._follower.look()


async def test_a_server_that_follows_goes_on():
    async with shared_stores() as (one, other):
        await join(other)
        await one.commit([put(b"%d" % n, body=b"%d" % n) for n in range(100)])
        version = one.version(b"99")
        await other.refresh()
        await one.rotate(NEW)
        assert await other.read_body(b"99", version) == b"99"
        await other.refresh()
        assert not other.is_rotating
        assert other.anchor == one.anchor
        await other.commit([put(b"more")])
        await one.refresh()
        assert await one.read_body(b"more", one.version(b"more")) == b"body"


async def test_one_that_is_in_the_midst_of_a_commit_goes_on():
    async with shared_stores() as (one, other):
        await join(other)
        await one.rotate(NEW)
        await other.commit([put(b"a")])  # its head is gone, and its keys
        assert other.anchor.number == one.anchor.number + 1


async def test_a_server_that_does_not_follow_is_refused():
    space = MemorySpace()
    async with shared_stores(space) as (one, other):
        await one.rotate(NEW)
        with pytest.raises(Rotated, match="rotated"):
            await other.refresh()
        with pytest.raises(Rotated):
            await other.commit([put(b"b")])


async def test_a_rotation_alone_leaves_the_others_behind():
    async with shared_stores() as (one, other):
        await join(one, other)
        await one.rotate(NEW, alone=True)
        with pytest.raises(Rotated):
            await other.refresh()
        await one.commit([put(b"a")])


async def test_the_new_secret_opens_the_store_and_no_old_one():
    space = MemorySpace()
    async with shared_stores(space) as (one, other):
        await one.add_slot(PASSWORD)
        await join(other)
        await one.rotate(NEW)
        await other.refresh()
        assert [slot.number for slot in other.slots] == [other.slot]
    for secret in (SECRET, PASSWORD):
        with pytest.raises(WrongSecret):
            async with open_store(MemoryBackend(space, shared=True), secret):
                pass
    async with open_store(MemoryBackend(space, shared=True), NEW):
        pass


async def test_a_copy_of_before_and_all_of_after_give_the_old_secret_nothing_new():
    """The aim of a rotation holds also while servers follow it: dumps, and the old master key."""
    space = MemorySpace()
    async with shared_stores(space) as (one, other):
        await join(other)
        known = one._table.unlocked
        seen = []
        true_apply = space.apply

        def apply(commit):
            true_apply(commit)
            seen.append(space.header)

        space.apply = apply
        await one.rotate(NEW)
        await other.refresh()
        await join(other)
        assert len({*seen}) > 2
        for data in seen:
            header = Header.parse(data)
            with pytest.raises(WrongSecret):
                Unlocked.open(header, SECRET)
            assert known.master not in data
            assert Unlocked.received(header, {}) is None
        blobs = [blob for kind in Kind for blob in space.blobs[kind].values()]
        assert not any(known.keyring().epochs.get(blob[1]) for blob in blobs)


async def test_who_has_followed_takes_fresh_keys():
    async with shared_stores() as (one, other):
        await join(other)
        before = set(other._replica.recipient_keys)
        await one.rotate(NEW)
        await other.refresh()
        await join(other)
        assert len(before) == len(other._replica.recipient_keys) == 1
        assert before.isdisjoint(other._replica.recipient_keys)
        await one.refresh()
        await one.rotate(SECRET)
        await other.refresh()
        assert other.anchor == one.anchor


async def test_a_server_that_was_pushed_out_joins_again():
    async with shared_stores() as (one, other):
        await join(other)
        (public,) = other._replica.recipient_keys
        for _ in range(MAX_RECIPIENTS):
            one._follower._joined = None
            one._replica.recipient_keys.clear()  # as if killed each time
            await join(one)
        await other.refresh()
        await join(other)
        listed = [each.public for each in other._table.unlocked.header.recipients]
        assert len(listed) == MAX_RECIPIENTS
        assert public not in listed
        assert set(other._replica.recipient_keys) < set(listed)


async def test_a_server_that_closes_the_store_leaves():
    space = MemorySpace()
    async with shared_stores(space, 1) as (one,):
        async with open_store(MemoryBackend(space, shared=True), SECRET) as other:
            await join(other)
        await one.refresh()
        assert one._table.unlocked.header.recipients == ()


async def test_a_server_that_cannot_leave_is_not_held_up():
    failing = FailingBackend(MemoryBackend(shared=True))
    async with open_store(failing, SECRET, create=True) as store:
        await join(store)
        failing.fail_next = 100


async def test_alone_nobody_joins():
    space = MemorySpace()
    async with open_store(MemoryBackend(space), SECRET, create=True, follows=True) as store:
        await join(store)
        assert store.anchor.number == 0
    assert space.header[:8] == b"SRSTORE\x01"


async def test_two_that_rotate_at_once(autojump_clock):
    """One wins, and the other is told; nothing of its secret is there."""
    space = MemorySpace()
    outcomes = {}
    async with shared_stores(space) as stores:
        await join(*stores)
        await stores[0].commit([put(b"%d" % n) for n in range(100)])

        async def rotate(store, secret):
            try:
                await store.rotate(secret)
            except RotationUnderway:
                outcomes[secret] = "refused"
            else:
                outcomes[secret] = "done"

        async with trio.open_nursery() as nursery:
            for store, secret in zip(stores, (NEW, PASSWORD), strict=True):
                nursery.start_soon(rotate, store, secret)
        for store in stores:
            await store.refresh()
            assert not store.is_rotating
        assert stores[0].anchor == stores[1].anchor
    assert sorted(outcomes.values()) == ["done", "refused"]
    (won,) = (secret for secret, outcome in outcomes.items() if outcome == "done")
    async with open_store(MemoryBackend(space, shared=True), won) as again:
        assert again.count == 100


async def test_one_that_does_not_follow_and_rotates_too_is_told():
    async with shared_stores() as (one, other):
        await one.rotate(NEW)
        with pytest.raises(RotationUnderway):
            await other.rotate(PASSWORD)


async def test_a_change_of_slots_that_meets_a_rotation_is_refused():
    """The slot that it was to change is gone; another has its number."""
    async with shared_stores() as (one, other):
        await join(other)
        await one.rotate(NEW)
        with pytest.raises(RotationUnderway):
            await other.replace_slot(1, PASSWORD)
        await other.replace_slot(1, PASSWORD)  # who asks again means what is there now


async def test_a_rotation_whose_answer_is_lost_is_found_in_the_log():
    space = MemorySpace()
    failing = FailingBackend(MemoryBackend(space, shared=True))
    async with open_store(failing, SECRET, create=True) as store:
        await store.commit([put(b"a")])
        failing.lose_answers = 1
        await store.rotate(NEW)
        assert not store.is_rotating
        await store.commit([put(b"b")])
    async with open_store(MemoryBackend(space, shared=True), NEW) as store:
        assert store.count == 2


async def test_another_server_goes_on_where_one_was_killed(small_chunks):
    async with shared_stores() as (one, other):
        await join(other)
        await one.commit([put(b"%d" % n) for n in range(10)])
        with pytest.raises(Stopped):
            await one.rotate(NEW, tell=after(2))
        await other.refresh()
        assert other.is_rotating
        await other._follower.look()
        assert other.is_rotating  # it may only be slow
        await other._follower.look()
        assert not other.is_rotating
        await one.refresh()
        assert not one.is_rotating


async def test_a_server_that_makes_progress_is_left_alone(small_chunks):
    async with shared_stores() as (one, other):
        await join(other)
        await one.commit([put(b"%d" % n) for n in range(10)])
        with pytest.raises(Stopped):
            await one.rotate(NEW, tell=after(1))
        for _ in range(4):
            await other.refresh()
            await other._follower.look()
            assert other.is_rotating
            with pytest.raises(Stopped):
                await one.reseal(after(1))


async def test_an_open_store_follows_by_itself(autojump_clock):
    space = MemorySpace()
    async with (
        open_store(MemoryBackend(space, shared=True), SECRET, create=True, follows=True) as one,
        open_store(MemoryBackend(space, shared=True), SECRET, follows=True) as other,
    ):
        await one.commit([put(b"%d" % n) for n in range(200)])
        await trio.sleep(30)
        await one.refresh()
        assert len(one._table.unlocked.header.recipients) == 2
        with pytest.raises(Stopped):
            await one.rotate(NEW, tell=after(1))
        await trio.sleep(60)
        await other.refresh()
        assert not other.is_rotating
    assert Header.parse(space.header).recipients == ()


async def test_a_store_opens_while_its_keys_are_rotated(monkeypatch):
    """What the rotation has sealed does not open under the keys that were read first."""
    space = MemorySpace()
    async with shared_stores(space, 1) as (writer,):
        await writer.commit([put(b"%d" % n) for n in range(10)])
        backend = MemoryBackend(space, shared=True)
        true_scan, scans = backend.scan, []

        async def rotate_then_scan(cursor):
            scans.append(cursor)
            if len(scans) == 1:
                await writer.rotate(SECRET)
            return await true_scan(cursor)

        backend.scan = rotate_then_scan
        async with open_store(backend, SECRET) as late:
            assert late.anchor == writer.anchor
            assert late.count == 10
            assert not late.is_rotating


async def test_a_server_that_fell_behind_the_log_follows_a_rotation(monkeypatch):
    monkeypatch.setattr(replica_module, "_KEPT_SHARED", 2)
    async with shared_stores() as (one, other):
        await join(other)
        await one.commit([put(b"%d" % n) for n in range(10)])
        await one.rotate(NEW)
        for n in range(10):
            await one.commit([put(b"later %d" % n)])
        await other.refresh()
        assert other.count == 20
        await other.commit([put(b"b")])


async def test_a_server_that_reads_everything_again_meets_a_rotation(monkeypatch):
    monkeypatch.setattr(replica_module, "_KEPT_SHARED", 2)
    space = MemorySpace()
    backend = MemoryBackend(space, shared=True)
    async with shared_stores(space, 1) as (one,), open_store(backend, SECRET) as other:
        await join(other)
        for n in range(10):
            await one.commit([put(b"%d" % n)])
        true_scan, scans = backend.scan, []

        async def scan_then_rotate(cursor):
            scans.append(cursor)
            if len(scans) == 1:
                await one.rotate(NEW)
            return await true_scan(cursor)

        backend.scan = scan_then_rotate
        await other.refresh()
        assert other.anchor == one.anchor
        await other.commit([put(b"b")])
        await one.refresh()


async def test_the_end_of_a_rotation_does_not_make_others_read_everything_again():
    space = MemorySpace()
    backend = FailingBackend(MemoryBackend(space, shared=True))
    async with shared_stores(space, 1) as (one,), open_store(backend, SECRET) as other:
        await join(other)
        await one.commit([put(b"%d" % n) for n in range(100)])
        with pytest.raises(Stopped):
            await one.rotate(NEW, tell=after(0))
        await other.refresh()
        backend.calls.clear()
        await one.reseal()
        await other.refresh()
        assert "scan" not in backend.calls
        assert not other.is_rotating
    assert {entry[1] for entry in space.log.values()} == {2}


async def test_the_end_of_a_rotation_together_with_a_change_is_followed():
    async with shared_stores() as (one, other):
        await join(other)
        await one.commit([put(b"a"), put(b"b")])
        with pytest.raises(Stopped):
            await one.rotate(NEW, tell=after(1))
        await other.refresh()
        assert other.is_rotating
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.reseal)
            for n in range(20):
                version = await one.commit([put(b"a", one.version(b"a"), body=b"%d" % n)])
        await other.refresh()
        assert await other.read_body(b"a", version) == b"19"
        assert not other.is_rotating


async def test_a_record_that_is_written_while_others_are_looked_at_is_not_passed_over():
    """Its body stays under the old keys, which must not be given up."""
    space = MemorySpace()
    async with open_store(MemoryBackend(space), SECRET, create=True) as store:
        await store.commit([put(b"%d" % n) for n in range(3000)])
    async with open_store(MemoryBackend(space), SECRET) as store:
        with pytest.raises(Stopped):
            await store.rotate(NEW, tell=after(0))
        found = []

        async def look():
            found.extend(await rotate_module.old(store._replica))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(look)
            for n in (2999, 1500, 1):
                await store.commit([put(b"%d" % n, 1, b"changed", KEEP)])
        assert len(found) == 3000
        await store.reseal()
        for n in (2999, 1500, 1):
            name = b"%d" % n
            assert await store.read_body(name, store.version(name)) == b"body"


async def test_a_rotation_goes_on_from_a_saved_index(monkeypatch, small_chunks):
    """Also where that was saved in the midst of it, and a body stayed under the old keys."""
    monkeypatch.setattr(resume_module, "SAVED_FROM", 20)
    monkeypatch.setattr(saver_module, "SAVED_FROM", 20)
    space = MemorySpace()
    async with open_store(MemoryBackend(space), SECRET, create=True) as store:
        await store.commit([put(b"%d" % n, body=b"%d" % n) for n in range(40)])
        await store.save_index()
        with pytest.raises(Stopped):
            await store.rotate(NEW, tell=after(5))
        names = [name for name, row in store._table.rows.items() if row.epoch == 1]
        assert 20 < len(names) < 40
        await store.commit([put(names[0], 1, b"changed", KEEP)])
        await store.save_index()
        await store.commit([put(names[1], 1, b"changed", KEEP)])
    for _ in range(2):
        backend = FailingBackend(MemoryBackend(space))
        async with open_store(backend, NEW) as store:
            assert "scan" not in backend.calls
            await store.reseal()
            assert not store.is_rotating
            for n in range(40):
                name = b"%d" % n
                assert await store.read_body(name, store.version(name)) == name
            await store.save_index()
            number = store.anchor.number
    await backend.open()
    status = await read_status(backend, NEW)
    await backend.aclose()
    assert status.saved == number
    assert status.segments


@pytest.mark.parametrize("answers", ["lost", "not applied"])
async def test_a_crash_at_any_commit_of_a_rotation(small_chunks, answers):
    for count in range(12):
        space = MemorySpace()
        dying = FailingBackend(MemoryBackend(space, shared=True))
        async with open_store(dying, SECRET, create=True) as store:
            await store.commit([put(b"%d" % n, body=b"%d" % n) for n in range(7)])
            true_commit, commits = dying.commit, []

            async def commit(commit, count=count, dying=dying, true=true_commit, seen=commits):
                seen.append(commit)
                if len(seen) <= count:
                    return await true(commit)
                if answers == "lost" and len(seen) == count + 1:
                    await true(commit)
                dying.fail_next = 10_000
                raise Unavailable

            dying.commit = commit
            try:
                await store.rotate(NEW)
            except Unavailable:
                assert len(commits) == count + 1
        try:
            opened = open_store(MemoryBackend(space, shared=True), NEW)
            async with opened as store:
                await store.reseal()
        except WrongSecret:
            assert count == 0
            assert answers == "not applied"
            continue
        async with open_store(MemoryBackend(space, shared=True), NEW) as store:
            assert not store.is_rotating
            for n in range(7):
                assert await store.read_body(b"%d" % n, 1) == b"%d" % n
        if len(commits) <= count:
            break
    else:
        raise AssertionError("a rotation has more commits than were tried")


SERVERS = st.integers(0, 2)
STEPS = st.one_of(
    st.tuples(st.just("put"), SERVERS, st.integers(0, 5)),
    st.tuples(st.just("remove"), SERVERS, st.integers(0, 5)),
    st.tuples(st.just("rotate"), SERVERS, st.integers(0, 4)),
    st.tuples(st.just("reseal"), SERVERS, st.integers(0, 4)),
    st.tuples(st.just("look"), SERVERS, st.just(0)),
    st.tuples(st.just("refresh"), SERVERS, st.just(0)),
    st.tuples(st.just("kill"), SERVERS, st.just(0)),
)


@settings(max_examples=25)
@given(steps=st.lists(STEPS, min_size=5, max_size=30), kept=st.sampled_from([3, 4096]))
def test_whatever_comes_in_whatever_order_nobody_stops_and_nothing_is_lost(steps, kept):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rotate_module, "_CHUNK", 2)
        patch.setattr(replica_module, "_KEPT_SHARED", kept)
        trio.run(play, steps)


async def play(steps):
    """Three servers over one memory, each step at one of them; compared with a plain dictionary."""
    space, model = MemorySpace(), {}
    async with open_store(MemoryBackend(space, shared=True), SECRET, create=True):
        pass
    async with trio.open_nursery() as nursery:
        servers = [await nursery.start(serve, space) for _ in range(3)]
        for number, (action, at, n) in enumerate(steps):
            if action == "kill":
                servers[at] = await nursery.start(serve, space)
            else:
                await step(servers[at], action, n, b"%d" % number, model)
            await compare(servers[number % 3], model)
        await servers[0].refresh()
        await servers[0].reseal()
        for server in servers:
            await compare(server, model)
            assert not server.is_rotating
        nursery.cancel_scope.cancel()


async def serve(space, task_status):
    """A server that follows; it is never closed, so a later one in its place finds it killed."""
    async with open_store(MemoryBackend(space, shared=True), SECRET) as store:
        await join(store)
        task_status.started(store)
        await trio.sleep_forever()


async def step(store, action, n, content, model):
    name = b"name %d" % n
    if action == "refresh":
        await store.refresh()
    elif action == "look":
        await store._follower.look()
    elif action == "put":
        try:
            await store.commit([put(name, store.version(name), content, content)])
        except Conflict:
            return
        model[name] = content
    elif action == "remove":
        version = store.version(name)
        try:
            await store.commit([Remove(name, version)] if version else [])
        except Conflict:
            return
        if version:
            del model[name]
    else:
        try:
            if action == "rotate":
                await store.rotate(SECRET, tell=after(n))
            else:
                await store.reseal(after(n))
        except (Stopped, RotationUnderway):
            pass


async def compare(store, model):
    await store.refresh()
    assert store.count == len(model)
    for name, content in model.items():
        assert (await store.read(name)).meta == content
        assert await store.read_body(name, store.version(name)) == content


async def test_on_a_real_valkey_all_serve_while_the_keys_are_rotated(valkey, label):
    def backend():
        return RedisBackend(valkey.place, label)

    async with (
        open_store(backend(), SECRET, create=True) as one,
        open_store(backend(), SECRET) as other,
        open_store(backend(), SECRET) as third,
    ):
        await join(other, third)
        await one.commit([put(b"%d" % n, body=b"%d" % n) for n in range(150)])

        async def write(store, who):
            for n in range(10):
                name = b"%d of %d" % (n, who)
                version = await store.commit([put(name, body=name)])
                assert await store.read_body(name, version) == name

        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.rotate, NEW)
            nursery.start_soon(write, other, 1)
            nursery.start_soon(write, third, 2)
        for store in (one, other, third):
            await store.refresh()
            assert not store.is_rotating
        assert one.anchor == other.anchor == third.anchor
        assert await third.read_body(b"149", third.version(b"149")) == b"149"
        with pytest.raises(WrongSecret):
            async with open_store(backend(), SECRET):
                pass
        async with open_store(backend(), NEW) as late:
            assert late.count == one.count
