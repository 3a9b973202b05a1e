"""Several servers over one back end."""

import copy

import pytest
import trio
import trio.testing

from storage import (
    Conflict,
    KeyFile,
    MemoryBackend,
    MemorySpace,
    Part,
    Query,
    Reason,
    Remove,
    Tampered,
    Unavailable,
    WrongSecret,
    open_store,
)
from storage import replica as replica_module
from storage import turns as turns_module
from storage.testing import FailingBackend, LyingBackend, SlowBackend
from tests.storage.stores import PASSWORD, SECRET, flipped, put, shared_stores, terms


async def test_each_follows_the_other():
    async with shared_stores() as (one, other):
        await one.commit([put(b"a", found_by=terms("t"))])
        assert other.version(b"a") == 0
        await other.refresh()
        assert await other.read_body(b"a", 1) == b"body"
        assert (await other.search(Query((frozenset({b"t"}),)))).names == [b"a"]
        await other.commit([put(b"a", 1, b"m2")])
        await one.refresh()
        assert (await one.read(b"a")).meta == b"m2"
        await one.commit([Remove(b"a", 2)])
        await other.refresh()
        assert await other.read(b"a") is None
        assert one.anchor == other.anchor


async def test_a_stale_server_reads_what_is_there_now():
    async with shared_stores() as (one, other):
        await one.commit([put(b"a")])
        await other.refresh()
        await one.commit([put(b"a", 1, b"m2", b"b2")])
        assert (await other.read(b"a")).version == 2
        assert await other.read_body(b"a", 2) == b"b2"
        await one.commit([Remove(b"a", 2)])
        other._reader._opened.drop(b"a")
        assert await other.read(b"a") is None


async def test_a_stale_server_refuses_and_accepts_by_the_newest_state():
    async with shared_stores() as (one, other):
        await one.commit([put(b"a"), put(b"b")])
        with pytest.raises(Conflict):
            await other.commit([put(b"a")])
        await one.commit([Remove(b"a", 1)])
        await other.commit([put(b"a")])  # its table still says it exists
        assert other.version(b"a") == 3
        await one.refresh()
        assert one.version(b"a") == 3


async def test_two_that_write_at_once_never_disagree(autojump_clock):
    async with shared_stores() as stores:
        won = []

        async def write(store, n):
            for _ in range(10):
                version = store.version(b"counter")
                try:
                    await store.commit([put(b"counter", version), put(b"%d.%d" % (n, len(won)))])
                except Conflict:
                    await store.refresh()
                else:
                    won.append(n)

        async with trio.open_nursery() as nursery:
            for n in range(12):
                nursery.start_soon(write, stores[n % 2], n)
        for store in stores:
            await store.refresh()
            assert store.version(b"counter") == len(won)
        assert stores[0].anchor == stores[1].anchor
        assert won


async def test_waiting_refreshes_share_one_request():
    space = MemorySpace()
    counting = FailingBackend(MemoryBackend(space, shared=True))
    async with open_store(counting, SECRET, create=True) as store:
        counting.calls.clear()
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(store.refresh)
        # Some arrived after the first had asked, so its answer may be too old for them.
        assert 1 <= counting.calls.count("tail") <= 2


async def test_who_falls_behind_the_log_reads_everything_again(monkeypatch):
    monkeypatch.setattr(replica_module, "_KEPT_SHARED", 4)
    async with shared_stores() as (one, other):
        await one.commit([put(b"old", found_by=terms("t"))])
        await other.refresh()
        for n in range(20):
            await one.commit([put(b"%d" % n, found_by=terms("t"))])
        await other.refresh()
        assert other.anchor == one.anchor
        assert (await other.search(Query((frozenset({b"t"}),)))).total == 21
        await other.commit([put(b"more")])
        await one.refresh()
        assert one.anchor == other.anchor


async def test_the_log_is_bounded_by_bytes(monkeypatch):
    monkeypatch.setattr(replica_module, "_KEPT_BYTES", 20_000)
    space = MemorySpace()
    async with shared_stores(space) as (one, other):
        for n in range(30):
            await one.commit([put(b"%d" % n, meta=bytes(1500))])
        assert 5 <= len(space.log) <= 12
        await other.refresh()
        assert other.count == 30


async def test_a_changed_header_is_followed():
    space = MemorySpace()
    async with shared_stores(space) as (one, other):
        number = await one.add_slot(PASSWORD)
        await one.commit([put(b"a")])
        await other.refresh()
        assert {slot.number for slot in other.slots} == {1, number}
        await other.remove_slot(number)
        await one.commit([put(b"b")])
        assert [slot.number for slot in one.slots] == [1]


async def test_rotated_keys_stop_the_other_server():
    space = MemorySpace()
    async with shared_stores(space) as (one, other):
        await one.commit([put(b"a")])
        await other.refresh()
        await one.rotate(KeyFile(bytes(40)))
        with pytest.raises(WrongSecret, match="rotated"):
            await other.refresh()
        with pytest.raises(WrongSecret):
            await other.commit([put(b"b")])
        assert await one.read_body(b"a", 1) == b"body"
    async with open_store(MemoryBackend(space, shared=True), KeyFile(bytes(40))) as again:
        assert again.count == 1


@pytest.fixture
async def watched():
    """Two servers at commit 2, the second of which is lied to; and the space as it was at 1."""
    space = MemorySpace()
    async with shared_stores(space, 1) as (one,):
        await one.commit([put(b"a")])
        before = copy.deepcopy(space)
        await one.commit([put(b"b")])
        lying = LyingBackend(MemoryBackend(space, shared=True))
        async with open_store(lying, SECRET) as other:
            yield space, before, one, other, lying


async def stopped(store, part, reason):
    for attempt in (store.refresh(), store.read(b"a"), store.commit([put(b"z")])):
        with pytest.raises(Tampered) as caught:
            await attempt
        assert (caught.value.part, caught.value.reason) == (part, reason)


async def test_going_back_is_noticed(watched):
    _, before, _, other, lying = watched
    lying.places = (None, before.head)
    await stopped(other, Part.HEAD, Reason.ROLLED_BACK)


async def test_two_histories_are_noticed(watched):
    _, before, _, other, lying = watched
    async with shared_stores(before, 1) as (forked,):
        await forked.commit([put(b"x")])
    lying.places = (None, before.head)
    await stopped(other, Part.HEAD, Reason.FORKED)


async def test_a_longer_other_history_is_noticed(watched):
    _, before, _, other, lying = watched
    async with shared_stores(before, 1) as (forked,):
        await forked.commit([put(b"x")])
        await forked.commit([put(b"y")])
    lying.places, lying.log = (None, before.head), {3: before.log[3]}
    await stopped(other, Part.LOG, Reason.FORKED)


@pytest.mark.parametrize(
    "lie,reason",
    [
        (lambda log: {3: None}, Reason.DROPPED),
        (lambda log: {4: None}, Reason.DROPPED),
        (lambda log: {3: log[4], 4: log[3]}, Reason.SWAPPED),
        (lambda log: {4: log[3]}, Reason.SWAPPED),
        (lambda log: {3: log[2]}, Reason.SWAPPED),
        (lambda log: {3: flipped(log[3])}, Reason.EDITED),
        (lambda log: {5: log[4]}, Reason.SWAPPED),
    ],
)
async def test_lies_in_the_log_are_noticed(watched, lie, reason):
    space, _, one, other, lying = watched
    await one.commit([put(b"c")])
    await one.commit([put(b"d")])
    lying.log = lie(space.log)
    await stopped(other, Part.LOG, reason)


async def test_a_hidden_header_is_noticed(watched):
    _, before, one, other, lying = watched
    await one.add_slot(PASSWORD)
    lying.places = (before.header, None)
    with pytest.raises(Unavailable, match="header"):
        await other.refresh()
    lying.truth()
    await other.refresh()
    assert len(other.slots) == 2


async def test_a_refresh_that_sees_our_own_commit_before_its_answer():
    """The log is read after the back end took the commit and before it said so."""
    space = MemorySpace()
    backend = LyingBackend(MemoryBackend(space, shared=True))
    async with open_store(backend, SECRET, create=True) as store:
        true_commit, taken, answer = backend.commit, trio.Event(), trio.Event()

        async def answer_late(commit):
            missed = await true_commit(commit)
            taken.set()
            await answer.wait()
            return missed

        backend.commit = answer_late
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.commit, [put(b"a")])
            await taken.wait()
            await store.refresh()
            assert await store.read_body(b"a", 1) == b"body"
            answer.set()
        assert (store.version(b"a"), store.count, store.anchor.number) == (1, 1, 1)
        await store.commit([put(b"a", 1)])


async def test_a_commit_without_an_answer_that_others_have_built_on():
    """Our answer was lost, and before we could ask, another server had committed after us."""
    space = MemorySpace()
    async with shared_stores(space, 1) as (one,):
        failing = FailingBackend(MemoryBackend(space, shared=True))
        async with open_store(failing, SECRET) as other:
            true_tail = failing.tail

            async def after_another_commit(after, wanted=()):
                await one.commit([put(b"theirs", one.version(b"theirs"))])
                return await true_tail(after)

            failing.tail = after_another_commit
            failing.lose_answers = 1
            await other.commit([put(b"ours")])
            assert (other.version(b"ours"), other.version(b"theirs")) == (1, 2)
            assert one.anchor == other.anchor


class Unanswered(FailingBackend):
    """A back end whose next commit fails, and one task of whoever asks what became of it.

    Attributes:
        first: done before the commit is refused without having been applied.
        later: whether it is applied after all, once the log was asked.
        deaf: how often the log cannot be asked after a commit that was applied.
    """

    def __init__(self, inner):
        super().__init__(inner)
        self.first, self.later, self.deaf = None, False, 0
        self._commit = None

    async def commit(self, commit):
        if self.first is not None:
            first, self.first = self.first, None
            await first()
            raise Unavailable("the connection was cut")
        if self.later:
            self._commit = commit
            raise Unavailable("the connection was cut")
        if self.deaf:
            self.lose_answers = 1
            self.fail_next = 0
        try:
            return await super().commit(commit)
        finally:
            self.fail_next, self.deaf = self.deaf, 0

    async def tail(self, after, wanted=()):
        tail = await super().tail(after, wanted)
        if self._commit is not None:
            commit, self._commit, self.later = self._commit, None, False
            await super().commit(commit)
        return tail


@pytest.fixture
async def unanswered():
    """A store, its back end, and another store over the same memory."""
    space = MemorySpace()
    async with shared_stores(space, 1) as (one,):
        backend = Unanswered(MemoryBackend(space, shared=True))
        async with open_store(backend, SECRET) as store:
            yield store, backend, one


async def test_the_log_is_asked_again_where_it_cannot_be_asked_at_once(unanswered):
    store, backend, other = unanswered
    backend.deaf = 1
    assert await store.commit([put(b"a")]) == 1
    assert backend.calls.count("commit") == 1
    await other.refresh()
    assert other.version(b"a") == 1


async def test_a_commit_that_comes_after_the_question_is_found(unanswered):
    store, backend, other = unanswered
    backend.later = True
    assert await store.commit([put(b"a")]) == 1
    await other.refresh()
    assert other.version(b"a") == 1


async def test_a_commit_whose_place_another_has_taken_is_drafted_anew(unanswered):
    store, backend, other = unanswered
    backend.first = lambda: other.commit([put(b"theirs")])
    assert await store.commit([put(b"ours")]) == 2
    await other.refresh()
    assert (other.version(b"theirs"), other.version(b"ours")) == (1, 2)


async def test_a_commit_that_did_not_happen_is_told_and_not_sent_again(unanswered):
    store, backend, _ = unanswered
    backend.first = trio.lowlevel.checkpoint
    with pytest.raises(Unavailable):
        await store.commit([put(b"a")])
    assert "commit" not in backend.calls
    assert store.version(b"a") == 0


async def test_a_log_that_cannot_be_asked_for_long_is_told(unanswered):
    store, backend, _ = unanswered
    backend.deaf = 100
    with pytest.raises(Unavailable):
        await store.commit([put(b"a")])
    assert backend.calls.count("commit") == 1
    assert 1 < backend.calls.count("tail") < 10


# Much to catch up with


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(turns_module, "PIECE", 4)
    monkeypatch.setattr(turns_module, "ROWS", 8)


async def watch(seen, look):
    """What another task sees at each of its turns."""
    while True:
        seen.append(look())
        await trio.lowlevel.checkpoint()


async def test_a_rebuild_gives_others_their_turn_and_is_seen_when_it_is_whole(
    monkeypatch, small_pieces
):
    monkeypatch.setattr(replica_module, "_KEPT_SHARED", 4)
    async with shared_stores() as (one, other):
        await one.commit([put(b"%d" % n, found_by=terms("t")) for n in range(100)])
        await other.refresh()
        for n in range(20):
            await one.commit([put(b"%d" % n, 1, found_by=terms("t"))])
        await one.commit([Remove(b"99", 1)])
        seen = []

        def look():
            return other.count, other.version(b"0"), len(other._table.index)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, seen, look)
            await other.refresh()
            nursery.cancel_scope.cancel()
        assert len(seen) >= 99 // 4
        assert set(seen) <= {(100, 1, 100), (99, 2, 99)}
        assert (other.count, other.anchor) == (99, one.anchor)
        found = await other.search(Query((frozenset({b"t"}),), limit=2))
        assert (found.names, found.total) == ([b"98", b"97"], 99)


async def test_a_long_log_gives_others_their_turn_and_is_taken_over_commit_by_commit(small_pieces):
    async with shared_stores() as (one, other):
        for n in range(30):
            await one.commit([put(b"%d.%d" % (n, m)) for m in range(5)])
        seen = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, seen, lambda: other.count)
            await other.refresh()
            nursery.cancel_scope.cancel()
        assert len(seen) >= 30 * 5 // 4
        assert seen == sorted(seen)
        assert all(count % 5 == 0 for count in seen)  # no commit is seen in part
        assert len(set(seen)) > 20
        assert (other.count, other.anchor) == (150, one.anchor)


async def test_who_is_in_the_midst_of_a_long_log_can_commit(small_pieces, autojump_clock):
    """It first takes over the rest; and what was begun by somebody else goes on meanwhile."""
    async with shared_stores() as (one, other):
        for n in range(30):
            await one.commit([put(b"%d" % n)])

        async def commit_when_begun():
            while not other.count:
                await trio.lowlevel.checkpoint()
            assert other.count < 30
            await other.commit([put(b"ours")])
            assert other.count == 31

        async with trio.open_nursery() as nursery:
            nursery.start_soon(commit_when_begun)
            nursery.start_soon(other.refresh)
        await one.refresh()
        assert one.anchor == other.anchor
        assert one.version(b"ours") == 31


async def test_a_refresh_that_is_given_up_half_way_is_taken_up_by_the_next(small_pieces):
    async with shared_stores() as (one, other):
        for n in range(30):
            await one.commit([put(b"%d" % n)])
        async with trio.open_nursery() as nursery:

            async def give_up():
                while not other.count:
                    await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()

            nursery.start_soon(give_up)
            nursery.start_soon(other.refresh)
        assert 0 < other.count < 30
        await other.commit([put(b"ours")])
        await one.refresh()
        assert (one.count, one.anchor) == (31, other.anchor)


async def test_nothing_is_taken_over_of_a_log_that_leads_elsewhere(small_pieces):
    """The entries are whole, and follow what is known; the head is that of another history."""
    space = MemorySpace()
    async with shared_stores(space, 1) as (one,):
        lying = LyingBackend(MemoryBackend(space, shared=True))
        async with open_store(lying, SECRET) as other:
            fork = copy.deepcopy(space)
            for n in range(10):
                await one.commit([put(b"%d" % n)])
            async with shared_stores(fork, 1) as (forked,):
                for n in range(10):
                    await forked.commit([put(b"x%d" % n)])
            lying.places = (None, fork.head)
            await stopped(other, Part.LOG, Reason.FORKED)
            assert other.count == 0


async def test_a_commit_that_was_refused_although_it_is_in_the_log_is_acknowledged():
    """Some Redis, or somebody who answers for it, has done it and says that it has not."""

    class Denying(MemoryBackend):
        async def commit(self, commit):
            return await super().commit(commit) or self.space.tail(commit.number - 1)

    space = MemorySpace()
    async with shared_stores(space, 1), open_store(Denying(space, shared=True), SECRET) as store:
        assert await store.commit([put(b"a")]) == 1
        assert await store.commit([put(b"a", 1, b"m2")]) == 2
        assert (await store.read(b"a")).meta == b"m2"


async def test_nobody_conflicts_with_what_was_drafted_and_not_done():
    """Two of one batch make the same record; the back end does not take the batch."""
    outcomes = []

    class Refusing(SlowBackend):
        async def commit(self, commit):
            if commit.number == 2:
                raise Unavailable
            return await super().commit(commit)

    async def attempt(store):
        try:
            await store.commit([put(b"a")])
        except (Conflict, Unavailable) as error:
            outcomes.append(type(error))

    space = MemorySpace()
    async with shared_stores(space, 1):
        backend = Refusing(MemoryBackend(space, shared=True))
        async with open_store(backend, SECRET) as store:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(store.commit, [put(b"first")])
                await backend.waiting.wait()
                nursery.start_soon(attempt, store)
                nursery.start_soon(attempt, store)
                await trio.testing.wait_all_tasks_blocked()
                backend.go.set()
            assert outcomes == [Unavailable, Unavailable]
            assert store.version(b"a") == 0


async def test_a_store_that_another_server_makes_meanwhile_is_not_one_without_its_head():
    """Both found the place empty; by the time one looks for records, the other has put one."""
    space = MemorySpace()

    class Overtaken(MemoryBackend):
        async def scan(self, cursor):
            if self.space.head is None:
                async with shared_stores(space, 1) as (other,):
                    await other.commit([put(b"a")])
            return await super().scan(cursor)

    async with open_store(Overtaken(space, shared=True), SECRET, create=True) as store:
        assert (store.is_new, store.version(b"a")) == (False, 1)
