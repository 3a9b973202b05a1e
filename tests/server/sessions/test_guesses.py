"""Guesses of passwords: how many there are, at one server and at all, and what they write."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_trio
import trio

from kmip.errors import AuthenticationNotSuccessful
from server.objects.own_records import SWEEP_GRACE, OwnRecords, sweep
from server.sessions import guesses
from server.sessions.guesses import BURST, KIND, PER_SECOND, Guesses
from server.sessions.lockout import FAILURE_WINDOW_SECONDS, MAX_FAILURES
from storage import KeyFile, MemoryBackend, MemorySpace, SealedStore, StorageFull, open_store
from storage.testing import FailingBackend
from tests.server.conftest import NOW, Clock

RIGHT = "correct horse"


@dataclass
class At:
    """Passwords judged at one server.

    Attributes:
        store: of the server.
        backend: of the store.
        guesses: of the server.
        judged: the passwords that were compared, rightly or not.
    """

    store: SealedStore
    backend: FailingBackend
    guesses: Guesses
    judged: list[str] = field(default_factory=list)

    async def lets_in(
        self, password: str, client: str = "client", name: str = "user:fred", basis: str = ""
    ) -> bool:
        async def verify() -> bool | None:
            self.judged.append(password)
            await trio.lowlevel.checkpoint()
            return True if password == RIGHT else None

        await self.store.refresh()
        try:
            return await self.guesses.judge(client, name, password, verify, basis)
        except AuthenticationNotSuccessful:
            return False

    async def fails(self, times: int, client: str = "client") -> None:
        for number in range(times):
            assert not await self.lets_in(f"wrong {number}", client)

    @property
    def commits(self) -> int:
        return self.backend.calls.count("commit")


@pytest_trio.trio_fixture
async def pair(clock: Clock) -> AsyncIterator[tuple[At, At]]:
    """Two servers on one store."""
    space, key = MemorySpace(), KeyFile(bytes(32))
    backends = [FailingBackend(MemoryBackend(space, shared=True)) for _ in range(2)]
    async with (
        open_store(backends[0], key, create=True) as first,
        open_store(backends[1], key) as second,
    ):
        one, other = (
            At(store, backend, Guesses(store, clock))
            for store, backend in zip((first, second), backends, strict=True)
        )
        for each in (one, other):
            each.backend.calls.clear()
        yield one, other


@pytest.fixture
def at(pair: tuple[At, At]) -> At:
    return pair[0]


# At one server


async def test_too_many_failures_bar_a_name_for_the_rest_of_the_minute(at: At, clock: Clock):
    await at.fails(MAX_FAILURES)
    assert not await at.lets_in(RIGHT)
    assert len(at.judged) == MAX_FAILURES
    clock.now += FAILURE_WINDOW_SECONDS
    assert await at.lets_in(RIGHT)


async def test_who_is_at_work_is_not_locked_out_by_others_guesses(at: At):
    assert await at.lets_in(RIGHT)
    await at.fails(MAX_FAILURES, client="mallory")
    assert await at.lets_in(RIGHT)
    assert not await at.lets_in(RIGHT, client="mallory")


async def test_failures_of_an_earlier_minute_do_not_count(at: At, clock: Clock):
    await at.fails(MAX_FAILURES - 1)
    clock.now += FAILURE_WINDOW_SECONDS
    await at.fails(MAX_FAILURES - 1)
    assert await at.lets_in(RIGHT)


async def test_the_right_password_forgets_the_failures_before_it(at: At):
    """Also one that is known to be right, for which nothing is counted."""
    for _ in range(3):
        await at.fails(MAX_FAILURES - 1)
        assert await at.lets_in(RIGHT)


async def test_what_is_guessed_at_may_change_and_is_guessed_at_anew(at: At):
    """A password that is replaced lets in at once whoever has failed at the one before."""
    await at.fails(MAX_FAILURES)
    assert not await at.lets_in(RIGHT)
    assert await at.lets_in(RIGHT, basis="another mark")


async def test_guesses_that_come_at_once_are_not_more(at: At):
    async with trio.open_nursery() as nursery:
        for number in range(3 * MAX_FAILURES):
            nursery.start_soon(at.lets_in, f"wrong {number}")
    assert len(at.judged) == MAX_FAILURES


async def test_a_crowd_with_the_right_password_is_let_in(at: At):
    """A program opens many connections at once; only its first message is counted."""
    ended: list[bool] = []

    async def come() -> None:
        ended.append(await at.lets_in(RIGHT))

    async with trio.open_nursery() as nursery:
        for _ in range(3 * MAX_FAILURES):
            nursery.start_soon(come)
    assert ended == [True] * 3 * MAX_FAILURES
    assert at.commits == 2


async def test_a_password_that_is_right_no_more_is_a_guess(at: At):
    assert await at.lets_in(RIGHT)

    async def verify() -> bool | None:
        return None

    for _ in range(MAX_FAILURES):
        with pytest.raises(AuthenticationNotSuccessful):
            await at.guesses.judge("client", "user:fred", RIGHT, verify)
    assert not await at.lets_in(RIGHT)


async def test_a_client_that_is_locked_out_leaves_one_line(at: At, caplog):
    for number in range(MAX_FAILURES + 5):
        assert not await at.lets_in(f"wrong {number}", "mallory", "user:" + "n" * 200)
    (line,) = [each for each in caplog.messages if "failed too often" in each]
    assert line == f"'mallory' failed too often to identify as user:{'n' * 123}"


async def test_any_name_and_password_that_can_be_sent_are_judged(at: At):
    assert not await at.lets_in("\ud800", "\udfff", "user:\ud800", "\ud800")


async def test_nobody_is_locked_out_until_a_clock_gets_there_again(at: At, clock: Clock):
    clock.now += 9000
    await at.fails(MAX_FAILURES)
    clock.now -= 9000
    assert await at.lets_in(RIGHT)


# At all servers together


async def test_a_guesser_gains_nothing_by_another_server(pair):
    one, other = pair
    await one.fails(MAX_FAILURES // 2)
    await other.fails(MAX_FAILURES)
    await one.fails(MAX_FAILURES)
    assert len(one.judged) + len(other.judged) == MAX_FAILURES
    for each in pair:
        assert not await each.lets_in(RIGHT)
        assert await each.lets_in(RIGHT, client="another")


async def test_nor_by_asking_all_at_once(pair):
    async with trio.open_nursery() as nursery:
        for number in range(4 * MAX_FAILURES):
            nursery.start_soon(pair[number % 2].lets_in, f"wrong {number}")
    assert len(pair[0].judged) + len(pair[1].judged) == MAX_FAILURES


async def test_nor_where_the_servers_clocks_differ(pair, clock: Clock):
    one, other = pair
    other.guesses._clock = lambda: clock.now - 20
    for _ in range(MAX_FAILURES):
        await one.fails(1)
        await other.fails(1)
    assert len(one.judged) + len(other.judged) == MAX_FAILURES


async def test_a_right_password_at_one_server_forgets_failures_for_all(pair):
    one, other = pair
    for each in pair:
        await each.fails(MAX_FAILURES // 2 - 1)
    assert await other.lets_in(RIGHT)
    await one.fails(MAX_FAILURES // 2)
    assert await one.lets_in(RIGHT)


async def test_failures_outlive_the_server_that_counted_them(at: At, clock: Clock):
    await at.fails(MAX_FAILURES)
    at.guesses = Guesses(at.store, clock)
    assert not await at.lets_in(RIGHT)


# What is written


async def test_a_password_that_was_right_before_costs_no_write(at: At):
    assert await at.lets_in(RIGHT)
    at.backend.calls.clear()
    for _ in range(5):
        assert await at.lets_in(RIGHT)
    assert set(at.backend.calls) == {"tail"}


async def test_whoever_is_locked_out_writes_nothing(at: At):
    await at.fails(MAX_FAILURES)
    before = at.commits
    await at.fails(20)
    assert at.commits == before


async def test_a_guesser_at_many_names_writes_so_much_and_no_more(at: At, clock: Clock):
    for number in range(2 * BURST):
        assert not await at.lets_in("wrong", name=f"user:{number}")
    assert at.commits == BURST
    assert await at.lets_in(RIGHT, "another"), "others are not hindered"
    before = at.commits
    clock.now += 2 / PER_SECOND
    for number in range(10):
        assert not await at.lets_in("wrong", name=f"user:{number} too")
    assert at.commits == before + 2


async def test_guesses_that_are_not_written_are_one_a_minute_for_each_name(at: At, clock: Clock):
    for number in range(BURST):
        assert not await at.lets_in("wrong", name=f"user:{number}")
    at.judged.clear()
    await at.fails(5)
    assert len(at.judged) == 1
    assert not await at.lets_in(RIGHT)
    assert await at.lets_in(RIGHT, name="user:anna"), "the first password of the minute is judged"
    clock.now += FAILURE_WINDOW_SECONDS
    assert await at.lets_in(RIGHT)


async def test_so_many_records_are_written_and_no_more(at: At, monkeypatch, clock: Clock):
    monkeypatch.setattr(guesses, "MAX_RECORDS", 3)
    for number in range(5):
        assert not await at.lets_in("wrong", name=f"user:{number}")
    assert await OwnRecords(at.store, KIND).count(now=NOW) == 3
    assert await at.lets_in(RIGHT, name="user:anna")
    clock.now += FAILURE_WINDOW_SECONDS + 1 + SWEEP_GRACE
    assert not await at.lets_in("wrong")
    assert await OwnRecords(at.store, KIND).count() == 3, "those before are not removed yet"
    await sweep(at.store, clock.now)
    assert not await at.lets_in("wrong", "another")
    assert await OwnRecords(at.store, KIND).count() == 1


async def test_a_full_disk_locks_out_nobody_who_knows_the_password(at: At, caplog):
    at.backend.error = StorageFull("no room")
    at.backend.fail_next = 1000
    assert await lets_in_without_writes(at, RIGHT)
    assert await lets_in_without_writes(at, RIGHT)
    for number in range(5):
        assert not await lets_in_without_writes(at, f"wrong {number}", client="mallory")
    assert at.judged == [RIGHT, RIGHT, "wrong 0"]
    assert "could not be counted for all servers" in caplog.text
    assert await lets_in_without_writes(at, RIGHT)


async def lets_in_without_writes(at: At, password: str, client: str = "client") -> bool:
    """The same, where the store gives what it has and takes no change."""

    async def verify() -> bool | None:
        at.judged.append(password)
        return True if password == RIGHT else None

    try:
        return await at.guesses.judge(client, "user:fred", password, verify)
    except AuthenticationNotSuccessful:
        return False


async def test_failures_that_cannot_be_forgotten_end_with_the_minute(at: At, clock: Clock, caplog):
    caplog.set_level("INFO")
    await at.fails(MAX_FAILURES - 1)
    await at.store.refresh()

    async def verify() -> bool | None:
        at.backend.fail_next = 1000
        return True

    assert await at.guesses.judge("client", "user:fred", RIGHT, verify)
    at.backend.fail_next = 0
    assert "stay counted" in caplog.text
    assert not await at.lets_in("another")
    clock.now += FAILURE_WINDOW_SECONDS
    assert await at.lets_in(RIGHT)
