"""Every OASIS case, in process, against an empty server each."""

from contextlib import AsyncExitStack

import pytest
import trio

from server import operations
from server.access.client import Client
from server.access.password_file import Cost, Kind, add
from server.access.users import Users
from server.requests.answer import answer
from server.setup.config import Config, LegacyAlgorithms
from server.state import Server as WholeServer
from storage.memory import MemoryBackend
from storage.secret import MIN_KEY_FILE_BYTES, KeyFile
from storage.store import open_store
from tests.conformance import unsupported
from tests.conformance.cases import all_cases, needs_cases
from tests.conformance.difference import Difference
from tests.conformance.judge import CLIENT, USERS
from tests.conformance.player import Clock, Server, missing, play, reason_not_to_play

pytestmark = needs_cases

STARTED = 1_900_000_000
"""When the cases are played, far from every date that they print."""

CHEAP = Cost(memory_kib=32, iterations=1, lanes=1)


def made_users(place):
    """The file of the users that the cases need."""
    file = place / "users.json"
    for name, password in USERS.items():
        add(file, Kind.USER, name, password, cost=CHEAP)
    operations.load()
    return file


@pytest.fixture(scope="session")
def users_file(tmp_path_factory):
    return made_users(tmp_path_factory.mktemp("users"))


async def difference_of(case, users_file, data, before=None):
    """What is not as expected when a case is played, if anything.

    Args:
        case: which.
        users_file: the users that the server knows.
        data: its directory.
        before: is called with each request, and what answers it, before that is sent.
    """
    config = Config(data=data, legacy_algorithms=LegacyAlgorithms.ALLOW)
    async with AsyncExitStack() as stack:

        async def start():
            clock = Clock(STARTED)
            store = await stack.enter_async_context(
                open_store(MemoryBackend(), KeyFile(bytes(MIN_KEY_FILE_BYTES)), create=True)
            )
            users = Users(users_file, cost=CHEAP)
            server = WholeServer(config=config, store=store, users=users, clock=clock)

            async def ask(message):
                return await answer(server, message, Client(CLIENT))

            async def answer_it(message):
                if before is not None:
                    await before(message, ask)
                return await ask(message)

            return Server(answer_it, clock)

        try:
            await play(case, start)
        except Difference as difference:
            return difference
    return None


@pytest.mark.parametrize("case", all_cases(), ids=str)
def test_case(case, users_file, tmp_path):
    if why_not := reason_not_to_play(case) or missing(case):
        pytest.skip(why_not)
    difference = trio.run(difference_of, case, users_file, tmp_path)
    reason = unsupported.reason(case)
    if difference and reason:
        pytest.xfail(f"{reason}: {difference}")
    if difference:
        pytest.fail(str(difference), pytrace=False)
    assert reason is None, f"{case} passes: take it out of {unsupported.FILE.name}"


@pytest.mark.parametrize("pattern", unsupported.reasons())
def test_a_listed_case_exists(pattern):
    assert any(unsupported.covers(pattern, case) for case in all_cases())
