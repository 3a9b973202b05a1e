import gc
from contextlib import nullcontext

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import (
    KEEP,
    Conflict,
    Found,
    InUse,
    KeyFile,
    MemoryBackend,
    MemorySpace,
    Missing,
    Part,
    Password,
    Query,
    Range,
    Reason,
    Remove,
    SQLiteBackend,
    Tampered,
    Unavailable,
    WrongSecret,
    open_store,
)
from storage import store as store_module
from storage.backend import Kind
from storage.ledger import PutMeta
from storage.testing import FailingBackend, SlowBackend
from storage.turns import PIECE, ROWS
from tests.storage.stores import CHEAP, PASSWORD, SECRET, put, shared_stores, terms


def having(*names):
    return Query(tuple(frozenset({name.encode()}) for name in names))


async def test_a_record_lives(make):
    async with open_store(make(), SECRET, create=True) as store:
        await store.commit([put(b"n", 0, b"meta", b"body", terms("a", date=1))])
        record = await store.read(b"n")
        assert (record.name, record.version, record.meta) == (b"n", 1, b"meta")
        assert record.terms == terms("a", date=1)
        assert await store.read_body(b"n", 1) == b"body"
        assert (store.has_body(b"n"), store.has_body(b"other")) == (True, False)
        await store.commit([put(b"n", 1, b"second", KEEP, terms("b"))])
        assert (await store.read(b"n")).meta == b"second"
        assert await store.read_body(b"n", 2) == b"body"
        assert await store.search(having("a")) == Found([], 0)
        assert await store.search(having("b")) == Found([b"n"], 1)
        await store.commit([put(b"n", 2, b"third", None)])
        assert await store.read_body(b"n", 3) is None
        assert (store.version(b"n"), store.has_body(b"n"), store.count) == (3, False, 1)
        await store.commit([Remove(b"n", 3)])
        assert await store.read(b"n") is None
        assert (store.version(b"n"), store.count) == (0, 0)


async def test_it_is_new_once_and_its_secret_is_asked_for_accordingly(make):
    answers = []

    def secret_for(is_new):
        answers.append(is_new)
        return SECRET

    with pytest.raises(Missing):
        async with open_store(make(), secret_for):
            pass
    for _ in range(2):
        async with open_store(make(), secret_for, create=True) as store:
            assert store.is_new == answers[-1]
    assert answers == [True, False]


async def test_it_is_all_there_again(make):
    async with open_store(make(), SECRET, create=True) as store:
        for n in range(5):
            await store.commit([put(b"%d" % n, 0, b"m%d" % n, b"b%d" % n, terms("t", n=n))])
        await store.commit([put(b"0", 1, b"changed", KEEP, terms("t")), Remove(b"2", 3)])
        anchor = store.anchor
    async with open_store(make(), SECRET, anchor=anchor) as store:
        assert store.anchor == anchor
        assert (await store.read(b"0")).meta == b"changed"
        assert await store.read_body(b"0", 6) == b"b0"
        assert await store.search(having("t")) == Found([b"4", b"3", b"1", b"0"], 4)
        await store.commit([put(b"5", found_by=terms("t"))])
        found = await store.search(Query(limit=2, offset=1))
        assert found == Found([b"4", b"3"], 5)


async def test_a_commit_is_all_or_nothing(make):
    async with open_store(make(), SECRET, create=True) as store:
        await store.commit([put(b"a"), put(b"b")])
        with pytest.raises(Conflict) as caught:
            await store.commit([put(b"a", 1), put(b"c"), put(b"b", 2)])
        assert caught.value.name == b"b"
        assert (store.version(b"a"), store.version(b"c")) == (1, 0)
        for wrong in ([put(b"a")], [put(b"x", 1)], [Remove(b"x", 1)], [Remove(b"a", 2)]):
            with pytest.raises(Conflict):
                await store.commit(wrong)
        with pytest.raises(ValueError, match="once"):
            await store.commit([put(b"x"), Remove(b"x", 1)])
        with pytest.raises(ValueError, match="name"):
            await store.commit([put(b"")])
        before = store.anchor
        await store.commit([])
        assert store.anchor == before


async def test_read_body_is_of_that_version_or_a_conflict(make):
    async with open_store(make(), SECRET, create=True) as store:
        await store.commit([put(b"n")])
        await store.commit([put(b"n", 1, body=b"new")])
        for version in (0, 1, 3):
            with pytest.raises(Conflict):
                await store.read_body(b"n", version)
        assert await store.read_body(b"n", 2) == b"new"


async def test_concurrent_callers_share_commits(make):
    async with open_store(make(), SECRET, create=True) as store:
        async with trio.open_nursery() as nursery:
            for n in range(200):
                nursery.start_soon(store.commit, [put(b"%d" % n, body=b"%d" % n)])
        assert store.count == 200
        assert store.anchor.number <= 3
        assert await store.read_body(b"123", 1) == b"123"


async def test_of_concurrent_changes_to_one_version_one_wins(make):
    async with open_store(make(), SECRET, create=True) as store:
        await store.commit([put(b"n")])
        outcomes = []

        async def change(n):
            try:
                await store.commit([put(b"n", 1, b"%d" % n)])
            except Conflict:
                outcomes.append(None)
            else:
                outcomes.append(b"%d" % n)

        async with trio.open_nursery() as nursery:
            for n in range(20):
                nursery.start_soon(change, n)
        (won,) = [outcome for outcome in outcomes if outcome]
        assert (await store.read(b"n")).meta == won
        assert store.version(b"n") == 2


async def test_changes_in_one_commit_see_each_other(make):
    """Callers that share a back-end commit: made, changed, removed and made again in it."""
    refused = []

    async def commit(store, changes):
        try:
            assert await store.commit(changes) == 3
        except Conflict as conflict:
            refused.append(conflict.name)

    slow = SlowBackend(make())
    slow.go.set()
    async with open_store(slow, SECRET, create=True) as store:
        await store.commit([put(b"n"), put(b"gone")])
        slow.go, slow.waiting = trio.Event(), trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.commit, [put(b"first")])
            await slow.waiting.wait()
            for changes in (
                [put(b"new", body=b"1")],
                [put(b"new")],
                [Remove(b"new", 3)],  # nobody can know this version yet
                [put(b"n", 1, b"m2", KEEP)],
                [put(b"n", 1)],
                [Remove(b"gone", 1)],
                [put(b"gone", 1)],
                [put(b"gone", 0, b"again", b"2")],
            ):
                nursery.start_soon(commit, store, changes)
                await trio.testing.wait_all_tasks_blocked()
            slow.go.set()
        assert store.anchor.number == 3
    assert sorted(refused) == [b"gone", b"n", b"new", b"new"]
    async with open_store(make(), SECRET) as store:
        assert (await store.read(b"n")).meta == b"m2"
        assert await store.read_body(b"n", 3) == b"body"
        assert await store.read_body(b"gone", 3) == b"2"
        assert await store.read_body(b"new", 3) == b"1"
        assert store.count == 4


async def test_no_two_contents_of_a_name_have_the_same_version(make):
    """Also when it was removed and made anew, by whichever server; nothing is taken for another."""
    async with open_store(make(), SECRET, create=True) as store:
        first = await store.commit([put(b"n", body=b"1")])
        await store.commit([Remove(b"n", first)])
        again = await store.commit([put(b"n", body=b"2")])
        assert again > first
        with pytest.raises(Conflict):
            await store.read_body(b"n", first)
        with pytest.raises(Conflict):
            await store.commit([put(b"n", first)])
        assert await store.read_body(b"n", again) == b"2"
        assert await store.commit([]) == 0


async def test_a_cancelled_caller_does_all_or_nothing(make):
    slow = SlowBackend(make())
    slow.go.set()
    async with open_store(slow, SECRET, create=True) as store:
        slow.go, slow.waiting = trio.Event(), trio.Event()
        async with trio.open_nursery() as nursery:
            taken, queued = trio.CancelScope(), trio.CancelScope()

            async def commit(scope, name):
                with scope:
                    await store.commit([put(name), put(name + b"2")])

            nursery.start_soon(commit, taken, b"taken")
            await slow.waiting.wait()
            nursery.start_soon(commit, queued, b"queued")
            await trio.testing.wait_all_tasks_blocked()
            taken.cancel()
            queued.cancel()
            await trio.testing.wait_all_tasks_blocked()
            slow.go.set()
        assert taken.cancelled_caught
        assert queued.cancelled_caught
        await store.commit([put(b"after")])
        assert [store.version(name) for name in (b"taken", b"taken2", b"queued")] == [1, 1, 0]


async def test_a_commit_under_way_is_finished_before_the_store_closes(make):
    slow = SlowBackend(make())
    slow.go.set()
    outcomes = []
    async with trio.open_nursery() as nursery, open_store(slow, SECRET, create=True) as store:
        slow.go, slow.waiting = trio.Event(), trio.Event()

        async def commit(name):
            try:
                await store.commit([put(name)])
            except Unavailable:
                outcomes.append((name, "refused"))
            else:
                outcomes.append((name, "durable"))

        nursery.start_soon(commit, b"under way")
        await slow.waiting.wait()
        nursery.start_soon(commit, b"queued")
        await trio.testing.wait_all_tasks_blocked()
        slow.go.set()
    with pytest.raises(Unavailable):
        await store.commit([put(b"late")])
    assert sorted(outcomes) == [(b"queued", "refused"), (b"under way", "durable")]
    async with open_store(make(), SECRET) as store:
        assert [store.version(b"under way"), store.version(b"queued")] == [1, 0]


async def test_a_failed_commit_changes_nothing(make):
    failing = FailingBackend(make())
    async with open_store(failing, SECRET, create=True) as store:
        await store.commit([put(b"a")])
        failing.fail_next = 1
        with pytest.raises(Unavailable):
            await store.commit([put(b"b")])
        assert store.version(b"b") == 0
        await store.commit([put(b"b"), put(b"a", 1)])
        assert store.count == 2


async def test_a_failed_read_is_only_that(make):
    failing = FailingBackend(make())
    async with open_store(failing, SECRET, create=True, cache_bytes=0) as store:
        await store.commit([put(b"a")])
        for read in (store.read(b"a"), store.read_body(b"a", 1)):
            failing.fail_next = 1
            with pytest.raises(Unavailable):
                await read
        assert (await store.read(b"a")).meta == b"meta"


async def test_a_commit_whose_answer_is_lost_is_found_again(make):
    failing = FailingBackend(make())
    async with open_store(failing, SECRET, create=True) as store:
        failing.lose_answers = 1
        await store.commit([put(b"a", found_by=terms("t"))])
        assert store.version(b"a") == 1
        assert await store.search(having("t")) == Found([b"a"], 1)
        assert await store.read_body(b"a", 1) == b"body"
        await store.commit([put(b"a", 1)])


@pytest.mark.parametrize("refreshed", [True, False])
async def test_a_commit_in_doubt_is_settled_by_whatever_comes_next(make, refreshed):
    failing = FailingBackend(make())
    async with open_store(failing, SECRET, create=True) as store:

        async def lose_everything(commit, true=failing.commit):
            failing.fail_next = 0
            try:
                return await true(commit)
            finally:
                failing.fail_next = 100  # the question what became of it

        failing.lose_answers = 1
        failing.commit = lose_everything
        with pytest.raises(Unavailable):
            await store.commit([put(b"a")])
        del failing.commit
        failing.fail_next = 0
        assert store.version(b"a") == 0  # not known yet
        if refreshed:
            await store.refresh()
            assert store.version(b"a") == 1
        await store.commit([put(b"a", 1)])
        assert store.version(b"a") == 2


async def test_opening(make):
    backend = make()
    with pytest.raises(Missing):
        async with open_store(make(), SECRET):
            pass
    async with open_store(make(), SECRET, create=True) as store:
        await store.commit([put(b"a")])
        with pytest.raises(InUse) if backend.exclusive else nullcontext():
            async with open_store(make(), SECRET) as another:
                assert another.count == 1
    with pytest.raises(WrongSecret):
        async with open_store(make(), KeyFile(bytes(32)), create=True):
            pass
    async with open_store(make(), SECRET, create=True) as store:
        assert store.count == 1


async def test_errors_leave_the_block_as_they_are(make):
    with pytest.raises(Conflict):
        async with open_store(make(), SECRET, create=True) as store:
            await store.commit([put(b"a", 1)])
    with trio.CancelScope() as scope:
        async with open_store(make(), SECRET) as store:
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught


async def test_a_password_is_changed_without_touching_records(make):
    async with open_store(make(), PASSWORD, create=True) as store:
        await store.commit([put(b"a")])
        added = await store.add_slot(SECRET)
        await store.replace_slot(store.slot, Password("new", CHEAP))
        assert {slot.number for slot in store.slots} == {1, added}
    with pytest.raises(WrongSecret):
        async with open_store(make(), PASSWORD):
            pass
    for secret in (SECRET, Password("new")):
        async with open_store(make(), secret) as store:
            assert await store.read_body(b"a", 1) == b"body"
    async with open_store(make(), SECRET) as store:
        assert store.slot == added
        with pytest.raises(ValueError, match="no such"):
            await store.remove_slot(77)
        with pytest.raises(ValueError, match="no such"):
            await store.replace_slot(77, SECRET)
        await store.remove_slot(1)
        with pytest.raises(ValueError, match="last"):
            await store.remove_slot(added)
    with pytest.raises(WrongSecret):
        async with open_store(make(), Password("new")):
            pass


async def test_slots_are_bounded(make):
    async with open_store(make(), SECRET, create=True) as store:
        async with trio.open_nursery() as nursery:  # at once: none is lost
            for n in range(7):
                nursery.start_soon(store.add_slot, KeyFile(bytes([n]) * 32))
        assert len(store.slots) == 8
        with pytest.raises(ValueError, match="eight"):
            await store.add_slot(SECRET)


async def test_only_a_shared_store_asks_to_be_fresh(make):
    counting = FailingBackend(make())
    async with open_store(counting, SECRET, create=True) as store:
        await store.commit([put(b"a", found_by=terms("t"))])
        counting.calls.clear()
        await store.refresh()
        await store.search(having("t"))
        await store.read(b"a")
        await store.read_body(b"a", 1)
        assert counting.calls == ([] if counting.exclusive else ["tail"])


async def test_nothing_of_a_record_is_in_the_clear():
    space = MemorySpace()
    word = b"a word nobody would seal by chance"
    async with open_store(MemoryBackend(space), SECRET, create=True) as store:
        name = word + b" name"
        await store.commit([put(name, 0, word, word, terms(word.decode(), **{word.decode(): 1}))])
        await store.commit([put(name, 1, word, KEEP)])
        assert repr(await store.read(name)).count("word") == 1
    kept = [space.header, space.head, *space.log.values()]
    for blobs in space.blobs.values():
        kept += [*blobs, *blobs.values()]
    assert not any(word[:8] in one for one in kept)
    sizes = {len(blob) for kind in Kind for blob in space.blobs[kind].values()}
    assert sizes <= {256 + 42, 512 + 42}


# The same random operations on every kind of store, and on a dict.

NAME = st.sampled_from([b"a", b"b", b"c", b"d"])
TERM_SET = st.frozensets(st.sampled_from(["x", "y", "z"]))
CHANGE = st.tuples(
    NAME, st.sampled_from(["put", "keep", "none", "remove"]), st.integers(0, 3), TERM_SET
)
STEP = st.lists(CHANGE, min_size=1, max_size=3, unique_by=lambda change: change[0])
TRACE = st.lists(STEP | st.just("reopen") | st.just("rotate"), max_size=12)


def to_change(step, serial, model):
    """A change that expects no record (0), the one that is there (1, 3) or another (2)."""
    name, kind, chosen, found_by = step
    current = model.get(name, (0,))[0]
    expected = (0, current, current + 1, current)[chosen]
    if kind == "remove":
        return Remove(name, max(expected, 1))
    body = {"put": b"body %d" % serial, "keep": KEEP, "none": None}[kind]
    return put(name, expected, b"meta %d" % serial, body, terms(*found_by))


def apply_to_model(model, changes, number):
    """The plain dict's verdict: None where refused, else the new dict after the commit `number`."""
    if any(change.expected != model.get(change.name, (0,))[0] for change in changes):
        return None
    new = dict(model)
    for change in changes:
        if isinstance(change, Remove):
            del new[change.name]
            continue
        old = new.get(change.name, (0, None, None, None))
        body = old[2] if change.body is KEEP else change.body
        new[change.name] = (number, change.meta, body, change.terms)
    return new


async def compare(store, model):
    assert store.count == len(model)
    for name in (b"a", b"b", b"c", b"d"):
        version, meta, body, found_by = model.get(name, (0, None, None, None))
        assert store.version(name) == version
        record = await store.read(name)
        assert (record and (record.version, record.meta, record.terms)) == (
            (version, meta, found_by) if version else None
        )
        if version:
            assert await store.read_body(name, version) == body
    for word in ("x", "y", "z"):
        found = await store.search(having(word))
        there = {name for name, record in model.items() if word.encode() in record[3].exact}
        assert (set(found.names), found.total) == (there, len(there))
    # Newest first: a dict keeps the order of creation, too.
    assert (await store.search(Query())).names == list(reversed(model))


async def run_trace(make, trace):
    model = {}
    serial = 0
    steps = iter([*trace, "reopen"])
    going = True
    while going:
        going = False
        async with open_store(make(), SECRET, create=True) as store:
            await compare(store, model)
            for step in steps:
                if step == "reopen":
                    going = True
                    break
                if step == "rotate":
                    await store.rotate(SECRET)
                    continue
                serial += 1
                changes = [to_change(change, serial, model) for change in step]
                number = store.anchor.number + 1
                expected = apply_to_model(model, changes, number)
                if expected is None:
                    with pytest.raises(Conflict):
                        await store.commit(changes)
                else:
                    assert await store.commit(changes) == number
                    model = expected
                await compare(store, model)


@given(TRACE)
@settings(max_examples=40, deadline=None)
def test_any_trace_in_memory(trace):
    space = MemorySpace()
    trio.run(run_trace, lambda: MemoryBackend(space), trace)


@pytest.mark.slow
def test_any_trace_in_a_file(tmp_path):
    runs = iter(range(1_000_000))

    @given(TRACE)
    @settings(max_examples=15, deadline=None)
    def check(trace):
        path = tmp_path / str(next(runs))
        trio.run(run_trace, lambda: SQLiteBackend(path), trace)

    check()
    gc.collect()


@given(st.lists(st.tuples(st.integers(0, 2), STEP), max_size=12))
@settings(max_examples=40, deadline=None)
def test_any_trace_on_several_servers(trace):
    """One after the other, each after a refresh: several servers are as one."""

    async def run():
        model, number = {}, 0
        async with shared_stores(count=3) as stores:
            for serial, (server, step) in enumerate(trace):
                changes = [to_change(change, serial, model) for change in step]
                expected = apply_to_model(model, changes, number + 1)
                if expected is None:
                    with pytest.raises(Conflict):
                        await stores[server].commit(changes)
                else:
                    number += 1
                    assert await stores[server].commit(changes) == number
                    model = expected
            for store in stores:
                await store.refresh()
                await compare(store, model)
            assert len({store.anchor for store in stores}) == 1

    trio.run(run)


async def test_many_rows_that_a_bound_has_passed_are_looked_at_in_pieces(monkeypatch):
    """Others have their turn between two pieces, and a bound that moves the other way waits."""
    monkeypatch.setattr(store_module, "_PIECE", 10)
    async with open_store(MemoryBackend(), SECRET, create=True) as store:
        await store.commit([put(b"%d" % n, found_by=terms(x=n)) for n in range(100)])
        turns, done = 0, trio.Event()

        async def count_turns():
            nonlocal turns
            while not done.is_set():
                turns += 1
                await trio.lowlevel.checkpoint()

        async def ask(high):
            found = await store.search(Query(ranges=(Range(b"x", high=high),), limit=1))
            assert found.total == high + 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(count_turns)
            async with trio.open_nursery() as asking:
                for high in (90, 20, 80):
                    asking.start_soon(ask, high)
            done.set()
        assert turns >= 7  # as few as that where they come in the order of their bounds


OTHER_KEY = bytes(range(100, 132))


def key_files_of(key):
    """All key files with this content that anything refers to."""
    gc.collect()
    return [each for each in gc.get_objects() if type(each) is KeyFile and each.key == key]


class Full(MemoryBackend):
    """A back end that has no room."""

    async def commit(self, commit):
        raise Unavailable("there is no room")


def failing_at_once():
    backend = FailingBackend(MemoryBackend(MemorySpace()))
    backend.fail_next = 1
    return backend


async def of_somebody_else():
    space = MemorySpace()
    async with open_store(MemoryBackend(space), SECRET, create=True):
        pass
    return MemoryBackend(space)


@pytest.mark.parametrize("error", [Missing, WrongSecret, Unavailable])
async def test_an_error_that_somebody_keeps_does_not_keep_the_secret(error):
    cases = {
        Missing: [(MemoryBackend(MemorySpace()), False)],
        WrongSecret: [(await of_somebody_else(), True)],
        Unavailable: [(failing_at_once(), True), (Full(MemorySpace()), True)],
    }
    for backend, create in cases[error]:
        with pytest.raises(error) as kept:
            async with open_store(backend, KeyFile(OTHER_KEY), create=create):
                pass
        assert kept.value.__traceback__ is not None
        assert key_files_of(OTHER_KEY) == []


class Watched(MemoryBackend):
    """Tells how many turns others had had when a commit came."""

    turns = 0
    had = 0

    async def commit(self, commit):
        self.had = self.turns
        return await super().commit(commit)


async def test_others_have_their_turn_while_a_long_commit_is_drafted_and_taken_over(nursery):
    backend = Watched(MemorySpace())

    async def others():
        while True:
            await trio.lowlevel.checkpoint()
            backend.turns += 1

    async with open_store(backend, SECRET, create=True) as store:
        nursery.start_soon(others)
        changes = [put(b"%d" % n, found_by=terms("long")) for n in range(4 * ROWS)]
        await store.commit(changes)
        assert backend.had >= len(changes) // PIECE
        assert backend.turns - backend.had >= len(changes) // ROWS
        assert (await store.search(having("long"))).total == len(changes)
        backend.turns = 0
        await store.commit([Remove(b"%d" % n, store.version(b"%d" % n)) for n in range(4 * ROWS)])
        assert backend.had >= len(changes) // PIECE
        assert store.count == 0
        nursery.cancel_scope.cancel()


async def test_a_draft_that_another_server_overtakes_is_begun_again():
    async with shared_stores() as (one, other):
        names = [b"%d" % n for n in range(4 * PIECE)]
        await one.commit([put(name) for name in names])
        await other.refresh()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                one.commit, [put(name, one.version(name), b"second") for name in names]
            )
            await trio.lowlevel.checkpoint()
            await other.commit([put(b"between")])
            await one.refresh()  # moves the table on which the other commit is being drafted
        await other.refresh()
        for store in (one, other):
            assert store.count == len(names) + 1
            assert {(await store.read(name)).meta for name in names} == {b"second"}


async def test_nothing_of_what_was_removed_or_replaced_stays_in_the_back_end():
    """Whoever destroys a key expects its bytes to go, sealed or not."""
    space = MemorySpace()
    async with open_store(MemoryBackend(space), SECRET, create=True) as store:
        await store.commit([put(b"a"), put(b"b"), put(b"c")])
        before = dict(space.blobs[Kind.BODY])
        await store.commit([put(b"a", 1, body=b"new"), put(b"b", 1, body=None), Remove(b"c", 1)])
        assert len(space.blobs[Kind.META]) == 2
        (left,) = space.blobs[Kind.BODY].values()
        assert left not in before.values()
        await store.commit([Remove(b"a", 2), Remove(b"b", 2)])
        assert not any(space.blobs.values())


async def test_nothing_under_keys_that_are_given_up_stays_in_the_back_end():
    space = MemorySpace()
    async with open_store(MemoryBackend(space), SECRET, create=True) as store:
        await store.commit([put(b"a"), put(b"b", body=None)])
        before = {kind: set(blobs.values()) for kind, blobs in space.blobs.items()}
        await store.rotate(SECRET)
        assert {kind: len(blobs) for kind, blobs in space.blobs.items()} == {
            Kind.META: 2,
            Kind.BODY: 1,
        }
        for kind, blobs in space.blobs.items():
            assert not before[kind] & set(blobs.values())


class SlowToClose(MemoryBackend):
    """Lets others run before it has closed."""

    closed = False

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()
        await super().aclose()
        self.closed = True


async def test_a_back_end_is_closed_also_where_who_opened_it_is_cancelled():
    backend = SlowToClose()
    with trio.CancelScope() as scope:
        async with open_store(backend, SECRET, create=True):
            scope.cancel()
            await trio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert backend.closed


async def test_a_log_entry_names_records_that_open_where_it_says():
    """Only who has the keys can write such an entry; nobody takes it for right."""
    space = MemorySpace()
    async with open_store(MemoryBackend(space), SECRET, create=True) as store:
        await store.commit([put(b"a"), put(b"b")])
        table = store._table
        (one, blob), (other, _) = space.blobs[Kind.META].items()
        name, row = table.logged(table.keyring, PutMeta(one, blob))
        assert row is not None
        assert (name, row.tag) == (table.rows[name].name, table.rows[name].tag)
        with pytest.raises(Tampered) as caught:
            table.logged(table.keyring, PutMeta(other, blob))
        assert (caught.value.part, caught.value.reason) == (Part.LOG, Reason.EDITED)


# Rows that become segments


async def test_much_that_was_written_becomes_segments_and_is_found_as_before():
    """While the store goes on, and when it is opened again."""
    space = MemorySpace()
    names = [b"%d" % n for n in range(2_100)]
    async with open_store(MemoryBackend(space), SECRET, create=True) as store:
        puts = [put(name, found_by=terms("t")) for name in names]
        for start in range(0, len(puts), 700):
            await store.commit(puts[start : start + 700])
        (era,) = store._table.index.eras.values()
        while not era.segments:
            await trio.lowlevel.checkpoint()
        await store.commit([Remove(b"5", store.version(b"5"))])
        changed = await store.commit(
            [put(b"7", store.version(b"7"), meta=b"new", found_by=terms("u"))]
        )
        assert store.count == 2_099
        assert store.version(b"5") == 0
        assert (await store.read(b"7")).meta == b"new"
        assert (await store.search(Query((frozenset({b"u"}),)))).names == [b"7"]
        found = await store.search(Query((frozenset({b"t"}),), limit=2))
        assert (found.names, found.total) == ([b"2099", b"2098"], 2_098)
    async with open_store(MemoryBackend(space), SECRET) as store:
        assert (store.count, store.version(b"7")) == (2_099, changed)
        found = await store.search(Query((frozenset({b"t"}),), limit=2))
        assert (found.names, found.total) == ([b"2099", b"2098"], 2_098)
