"""What an operator says of certificates at one server is in force at the others on the store."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_trio
import trio
import trio.testing

from kmip.enums import Operation
from server.access import kept_rules
from server.access.client import Client
from server.access.client_certificates import NotAccepted, Rules
from server.access.kept_rules import KeptRules
from server.access.refused_certificates import entry_of
from server.access.users import Users
from server.setup.config import Config
from server.state import Server
from server.transport.admission import LOOK_SECONDS, Admission, Reading
from server.transport.followed_rules import FollowedRules
from storage import KeyFile, MemoryBackend, MemorySpace, SealedStore, open_store
from storage.testing import FailingBackend
from tests.server.access.authorities import DAY, NOW, PEM, Issuer
from tests.server.conftest import Clock, InProcessClient

ROOT = Issuer.root("authority")
ALICE, BOB = ROOT.client("alice"), ROOT.client("bob")


def chain(holder: Issuer) -> tuple:
    return (holder.certificate, ROOT.certificate)


@dataclass
class Pair:
    """Two servers on one store: what is said at the one is to be followed by the other.

    Attributes:
        one: the store at the first.
        other: the store at the second.
        backend: of the second.
        admission: of the second.
        followed: by the second.
    """

    one: SealedStore
    other: SealedStore
    backend: FailingBackend
    admission: Admission
    followed: FollowedRules

    async def say(self, kept: KeptRules) -> None:
        await kept_rules.write(self.one, kept)

    async def follow(self) -> None:
        await self.other.refresh()
        await self.followed.follow()

    def lets_in(self, holder: Issuer) -> bool:
        try:
            self.admission.checked(chain(holder))
        except NotAccepted:
            return False
        return True


@pytest_trio.trio_fixture
async def pair() -> AsyncIterator[Pair]:
    space, key = MemorySpace(), KeyFile(bytes(32))
    backend = FailingBackend(MemoryBackend(space, shared=True))
    read = Reading(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), Rules((ROOT.certificate,)))
    admission = Admission(lambda: read, lambda: NOW)
    async with (
        open_store(MemoryBackend(space, shared=True), key, create=True) as first,
        open_store(backend, key) as second,
    ):
        yield Pair(first, second, backend, admission, FollowedRules(second, admission))


async def test_what_is_said_at_one_server_holds_at_the_other(pair: Pair):
    await pair.follow()
    assert pair.lets_in(ALICE)
    refused = KeptRules().with_refused([entry_of(ALICE.certificate)])
    await pair.say(refused)
    await pair.follow()
    assert (pair.lets_in(ALICE), pair.lets_in(BOB)) == (False, True)
    lists = ROOT.revocations([BOB], start=NOW - DAY).public_bytes(PEM)
    await pair.say(refused.without_refused([entry_of(ALICE.certificate)]).with_lists(lists))
    await pair.follow()
    assert (pair.lets_in(ALICE), pair.lets_in(BOB)) == (True, False)


async def test_a_connection_that_is_open_ends_although_nothing_comes(
    pair: Pair, autojump_clock: trio.testing.MockClock
):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pair.followed.keep)
        with pair.admission.open_while_accepted(chain(ALICE), "address"):
            pair.backend.fail_next = 1  # the first look fails, and is made up for by the next
            await pair.say(KeptRules().with_refused([entry_of(ALICE.certificate)]))
            await trio.sleep(3 * LOOK_SECONDS)
            pytest.fail("the connection goes on")
        assert trio.current_time() <= 2 * LOOK_SECONDS
        nursery.cancel_scope.cancel()


async def test_a_message_of_a_refused_client_is_not_answered(
    pair: Pair, config: Config, clock: Clock
):
    server = Server(config=config, store=pair.other, users=Users(config.users_file), clock=clock)
    server.follow_rules = pair.followed.follow
    alice, answered = InProcessClient(server, Client("alice")), 0
    with pair.admission.open_while_accepted(chain(ALICE), "address"):
        await alice(Operation.QUERY)
        answered += 1
        await pair.say(KeptRules().with_refused([entry_of(ALICE.certificate)]))
        await alice(Operation.QUERY)
        answered += 1
    assert answered == 1


async def test_what_is_in_force_is_not_read_again(pair: Pair):
    await pair.say(KeptRules().with_refused([entry_of(ALICE.certificate)]))
    await pair.follow()
    pair.backend.calls.clear()
    for _ in range(3):
        await pair.followed.follow()
    assert pair.backend.calls == []


async def test_rules_that_cannot_be_used_are_told_and_the_former_are_in_force(pair: Pair, caplog):
    forged = Issuer.root("authority").revocations([BOB]).public_bytes(PEM)
    refused = KeptRules().with_refused([entry_of(ALICE.certificate)])
    await pair.say(refused)
    await pair.follow()
    await pair.say(KeptRules().with_lists(forged))
    for _ in range(2):
        await pair.follow()
    assert (pair.lets_in(ALICE), pair.lets_in(BOB)) == (False, True)
    assert caplog.text.count("is not taken") == 1
