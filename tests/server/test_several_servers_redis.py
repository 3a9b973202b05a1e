"""What servers on one store must agree on, over a real Valkey."""

from collections.abc import AsyncIterator

import pytest
import pytest_trio
import trio

from kmip.attribute_values import UsageLimits
from kmip.enums import Operation, ResultReason
from kmip.versions import V3_0
from server.access.users import Users
from server.objects import own_records
from server.objects.own_records import SWEEP_GRACE
from server.sessions.issued import MAX_LEASE_SECONDS
from server.sessions.lockout import MAX_FAILURES
from server.setup.config import Config
from server.state import Server
from storage import KeyFile, open_store
from storage.redis import RedisBackend
from tests.server.conftest import Clock, Failed, InProcessClient
from tests.server.operations.test_create_user import CHEAP, as_user, make_user
from tests.server.operations.test_login import showing
from tests.storage.redis_server import RedisServer

R = ResultReason


@pytest_trio.trio_fixture
async def servers(
    config: Config, clock: Clock, valkey: RedisServer, label: str
) -> AsyncIterator[list[InProcessClient]]:
    """A client of each of two servers."""
    key = KeyFile(bytes(32))

    def server(store) -> Server:
        users = Users(config.users_file, cost=CHEAP)
        return Server(config=config, store=store, users=users, clock=clock)

    async with (
        open_store(RedisBackend(valkey.place, label), key, create=True) as first,
        open_store(RedisBackend(valkey.place, label), key) as second,
    ):
        yield [InProcessClient(server(store), None).named("alice") for store in (first, second)]


async def outcome(ask: InProcessClient) -> ResultReason | None:
    try:
        await ask(Operation.QUERY)
    except Failed as failure:
        return failure.reason
    return None


async def test_a_ticket_is_used_and_ended_by_both(servers: list[InProcessClient], clock: Clock):
    limits = UsageLimits(usage_limits_total=12)
    ticket = (await servers[0](Operation.LOGIN, usage_limits=limits)).ticket
    ended: list[ResultReason | None] = []

    async def use(ask: InProcessClient) -> None:
        ended.append(await outcome(showing(ask, ticket)))

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(use, servers[number % 2])
    assert ended.count(None) == 12
    assert ended.count(R.USAGE_LIMIT_EXCEEDED) == 8
    await servers[1](Operation.LOGOUT, ticket=ticket)
    assert await outcome(showing(servers[0], ticket)) == R.INVALID_TICKET
    await servers[0](Operation.LOGIN)
    later = clock.now + MAX_LEASE_SECONDS + SWEEP_GRACE
    assert await own_records.sweep(servers[1].server.store, later) == 1
    await servers[0].server.store.refresh()
    assert await servers[0].server.tickets.count(0) == 0


@pytest.mark.parametrize("at_once", [False, True], ids=["in turn", "at once"])
async def test_a_guesser_has_no_more_guesses_at_two_servers(
    servers: list[InProcessClient], at_once: bool
):
    await make_user(servers[0].at(V3_0).named("administrator"), "fred")
    refused: list[ResultReason | None] = []

    async def guess(number: int, password: str, certificate: str = "laptop") -> None:
        ask = as_user(servers[number % 2].at(V3_0), "fred", password, certificate)
        refused.append(await outcome(ask))

    async with trio.open_nursery() as nursery:
        for number in range(2 * MAX_FAILURES):
            if at_once:
                nursery.start_soon(guess, number, f"wrong {number}")
            else:
                await guess(number, f"wrong {number}")
    assert set(refused) == {R.AUTHENTICATION_NOT_SUCCESSFUL}
    refused.clear()
    for number in range(2):
        await guess(number, "correct horse")
        await guess(number, "correct horse", "desktop")
    assert refused == [R.AUTHENTICATION_NOT_SUCCESSFUL, None] * 2
