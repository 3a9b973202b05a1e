"""Hand-over between servers in this process: real TLS, a real Valkey, simulated chips."""

import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import pytest
import trio

from enclave.claims import Role
from enclave.errors import EnclaveError
from enclave.mutual import MutualConnection, Party, connect
from enclave.policy import write_policy
from enclave.snp import SEV_SNP
from enclave.snp.abi import GuestPolicy
from enclave.tdx import TDX
from kmip.enums import ObjectType, Operation
from kmip.versions import V2_1
from server import service
from server.attestation import attester
from server.bootstrap.operator import operator_access
from server.bootstrap.routes import Bootstrap
from server.peers import hand_over
from server.peers.expectations import Expectations, Vendors
from server.peers.hand_over import Giver
from server.peers.port import make_party
from server.setup.config import Config
from server.setup.failure import Failure
from server.setup.provisioning import Provisioning
from storage import KeyFile, MemoryBackend, MemorySpace, SealedStore, open_store
from tests.e2e.program import Remote
from tests.server.access.authorities import Issuer
from tests.server.bootstrap.test_routes import own_key
from tests.server.samples import aes
from tests.server.unprovisioned_server import (
    MINE,
    InProcessServer,
    attested_server,
    chip,
    configured,
    expected,
    give,
    running,
    software,
)
from tests.storage.redis_server import RedisServer, Servers, free_port

pytestmark = pytest.mark.slow

KEY = bytes(range(32))
ROOT = Issuer.root("authority")
ALICE = ROOT.client("alice")
OTHER_CODE = bytes(48)
DEBUG = int(GuestPolicy.SMT | GuestPolicy.RESERVED_ONE | GuestPolicy.DEBUG)


def vendors() -> Vendors:
    """The software chip's: what its simulated vendors publish, and their roots."""
    return Vendors({TDX: chip().intel.collateral(chip().made)}, chip().roots)


def settings(data: Path, **more: Any) -> Config:
    return configured(data, **({"insecure_allow_simulated_peers": True} | more))


async def policy_of(tee: Any, added: str = "") -> bytes:
    """The policy that names a simulated guest."""
    return (write_policy((await expected(tee)).policy) + added).encode()


@dataclass
class Place:
    """Where a giver and its store are.

    Attributes:
        directory: of all data.
        redis: has the store.
        port: the giver's, for its peers.
    """

    directory: Path
    redis: RedisServer
    port: int

    @asynccontextmanager
    async def giver(
        self,
        policy: bytes = b"",
        tee: Any = None,
        name: str = "giver",
        start: Any = None,
        **more: Any,
    ) -> AsyncIterator[InProcessServer]:
        """A server that its operator has provisioned, with a store in Redis."""
        steps: list[tuple[str, Any]] = [
            ("/key-file", KEY),
            ("/redis-findex", {"url": self.redis.url, "findex_label": "x"}),
            ("/client-ca", ROOT.pem),
        ]
        config = settings(
            self.directory / name, **({"peer_address": f"127.0.0.1:{self.port}"} | more)
        )
        async with running(config, tee or software(), vendors=vendors, **(start or {})) as one:
            async with one.waiting() as connection:
                for path, body in (*steps, *([("/policy", policy)] if policy else [])):
                    assert (await give(connection, path, body))[0] == 200
                status, said = await give(connection, "/start")
                assert status == 200, said
            await one.until_up()
            yield one

    @asynccontextmanager
    async def taker(
        self,
        tee: Any = None,
        name: str = "taker",
        givers: Any = None,
        start: Any = None,
        **more: Any,
    ) -> AsyncIterator[InProcessServer]:
        """A server that takes its provisioning from the giver."""
        givers = givers or (f"127.0.0.1:{self.port}",)
        config = settings(self.directory / name, handover_from=givers, **more)
        async with running(
            config, tee or software(), vendors=vendors, first_pause=0.01, **(start or {})
        ) as one:
            yield one


@pytest.fixture
def place(tmp_path: Path, servers: Servers) -> Place:
    return Place(tmp_path, servers.start(), free_port())


@asynccontextmanager
async def client(server: InProcessServer, directory: Path) -> AsyncIterator[Remote]:
    """A KMIP client of a server."""
    up = await server.until_up()
    file = directory / "pair.pem"
    file.write_bytes(ALICE.pair)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(file)
    tcp = await trio.open_tcp_stream("127.0.0.1", int(up.kmip[0].rpartition(":")[2]))
    stream = trio.SSLStream(tcp, context)
    await stream.do_handshake()
    yield Remote(None, None, V2_1, stream=stream)
    await trio.aclose_forcefully(stream)


async def until_said(caplog: pytest.LogCaptureFixture, words: str) -> None:
    """Wait until the log has these words."""
    with trio.fail_after(30):
        while words not in caplog.text:
            await trio.lowlevel.checkpoint()


# What it is for


@pytest.mark.parametrize("kind", [SEV_SNP, TDX])
async def test_a_server_takes_its_provisioning_from_another_and_serves_the_same_keys(
    place: Place, kind: Any, caplog
):
    tee = partial(software, kind)
    caplog.set_level(logging.INFO)
    async with place.giver(await policy_of(tee()), tee()) as giver, place.taker(tee()) as taker:
        async with client(giver, place.directory) as ask:
            made = await ask(
                Operation.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=aes()
            )
            got = await ask(Operation.GET, unique_identifier=made.unique_identifier)
        async with client(taker, place.directory) as ask:
            same = await ask(Operation.GET, unique_identifier=made.unique_identifier)
        assert same.object == got.object
    assert "has handed its provisioning over" in caplog.text
    assert KEY.hex() not in caplog.text


async def test_one_that_has_taken_hands_on_to_a_third(place: Place):
    second = replace(place, port=free_port())
    taker = place.taker(peer_address=f"127.0.0.1:{second.port}")
    async with place.giver(await policy_of(software())), taker as one:
        await one.until_up()
        async with second.taker(name="third") as third:
            assert (await third.until_up()).kmip


async def test_a_giver_that_is_not_there_yet_is_asked_again(place: Place, caplog):
    async with place.taker() as taker:
        await until_said(caplog, "Connection refused")
        async with place.giver(await policy_of(software())):
            assert (await taker.until_up()).kmip


async def test_a_giver_that_breaks_off_leaves_the_taker_as_it_was(place: Place, caplog):
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    broken = listeners[0].socket.getsockname()[1]

    async def break_off(stream: trio.SocketStream) -> None:
        await stream.receive_some(100)
        await stream.send_all(b"\x16\x03\x03\x00")

    givers = (f"127.0.0.1:{broken}", f"127.0.0.1:{place.port}")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, break_off, listeners)
        async with place.taker(givers=givers) as taker:
            await until_said(caplog, f"nothing from 127.0.0.1:{broken}")
            assert not taker.up
            async with place.giver(await policy_of(software())):
                assert (await taker.until_up()).kmip
        nursery.cancel_scope.cancel()


# Who is given nothing


@asynccontextmanager
async def party(config: Config, tee: Any, role: Role = Role.TAKER) -> AsyncIterator[Party]:
    """A side of its own, of a server with these settings."""
    async with trio.open_nursery() as nursery:
        yield await make_party(config, tee, role, bytes(16), service.now, nursery)
        nursery.cancel_scope.cancel()


async def knock(place: Place, own: Party) -> MutualConnection:
    """Connect to the giver whoever it is: a taker that is not ours would not be particular."""
    anybody = await expected(software(), Role.PEER)
    return await connect("127.0.0.1", place.port, own, anybody)


REFUSED = {
    "nobody was allowed": ({}, {}, b"", "has allowed no server"),
    "other code": ({"measurement": OTHER_CODE}, {}, None, "measurement"),
    "open to its host": ({"policy": DEBUG}, {}, None, "open to debugging"),
    "another operator": (
        {},
        {"bootstrap_operator_token_sha256": sha256(b"x" * 32).hexdigest()},
        None,
        "another operator",
    ),
    "another deployment": ({}, {"deployment": "other"}, None, "belongs to deployment"),
    "other settings": ({}, {"audit": "stderr"}, None, "does not accept its settings"),
    "weaker settings": (
        {},
        {"insecure_allow_no_client_certificate": True},
        None,
        "does not accept",
    ),
}


@pytest.mark.parametrize("guest, changed, policy, why", REFUSED.values(), ids=REFUSED)
async def test_nothing_is_handed_over_to(
    place: Place, guest: Any, changed: Any, policy: bytes | None, why: str, caplog
):
    if policy is None:
        policy = await policy_of(software())
    async with place.giver(policy):
        own = party(settings(place.directory / "taker", **changed), software(**guest))
        async with own as side:
            with pytest.raises((trio.BrokenResourceError, EnclaveError)):
                async with await knock(place, side) as connection:
                    await hand_over.take(connection, service.now)
            await until_said(caplog, "is not accepted")
    assert why in caplog.text


async def test_other_settings_are_accepted_where_the_policy_lists_them(place: Place):
    changed = settings(place.directory / "taker", audit="stderr")
    digest = attester.configuration_sha256(changed).hex()
    policy = await policy_of(software(), f'\n[claims]\nconfigurations = ["{digest}"]\n')
    async with place.giver(policy), place.taker(audit="stderr") as taker:
        assert (await taker.until_up()).kmip


@pytest.mark.parametrize(
    "role, why",
    [
        (Role.API, "key is for api"),
        (Role.BOOTSTRAP, "key is for bootstrap"),
        (Role.PEER, "tells no state"),
    ],
)
async def test_a_key_for_something_else_is_given_nothing(
    place: Place, role: Role, why: str, caplog
):
    """Evidence that a server shows to others is none for a hand-over."""
    caplog.set_level(logging.INFO)
    own = party(settings(place.directory / "taker"), software(), role)
    async with place.giver(await policy_of(software())), own as side:
        with pytest.raises(trio.BrokenResourceError):
            async with await knock(place, side) as connection:
                await hand_over.take(connection, service.now)
        await until_said(caplog, why)


async def test_stale_evidence_is_refused(place: Place, caplog):
    config, tee = settings(place.directory / "taker"), software()
    async with place.giver(await policy_of(tee)), trio.open_nursery() as nursery:
        yesterday = partial(lambda: service.now() - timedelta(days=1, minutes=1))
        side = await make_party(config, tee, Role.TAKER, bytes(16), yesterday, nursery)
        with pytest.raises(trio.BrokenResourceError):
            await knock(place, replace(side, now=service.now))
        await until_said(caplog, "the claims ended")
        nursery.cancel_scope.cancel()


@dataclass(frozen=True)
class Replaying:
    """Answers each challenge by the evidence of an earlier one.

    Attributes:
        before: that evidence.
    """

    before: bytes

    async def quote(self, nonce: bytes, since: bytes | None = None) -> bytes:
        return self.before


async def test_evidence_for_another_connection_is_refused(place: Place, caplog):
    own = party(settings(place.directory / "taker"), software())
    async with place.giver(await policy_of(software())), own as side:
        before = await side.attester.quote(bytes(32))
        with pytest.raises(trio.BrokenResourceError):
            await knock(place, replace(side, attester=cast(Any, Replaying(before))))
        await until_said(caplog, "it answers another nonce")


async def test_a_policy_that_is_withdrawn_holds_at_once(place: Place, caplog):
    caplog.set_level(logging.INFO)
    policy = await policy_of(software())
    async with place.giver(policy) as giver:
        up = await giver.until_up()
        port = int(up.https[0].rpartition(":")[2])
        async with giver.connected(port, Role.API) as operator:
            displayed = await attested_server.ask(operator, "GET", "/policy", headers=MINE)
            assert displayed.json() == {"policy": policy.decode()}
            own = party(settings(place.directory / "taker"), software())
            async with own as side, await knock(place, side) as connection:
                assert (await give(operator, "/policy"))[0] == 200
                with pytest.raises(trio.BrokenResourceError):
                    await hand_over.take(connection, service.now)
            assert (await give(operator, "/policy", policy))[0] == 200
            async with place.taker() as taker:
                assert (await taker.until_up()).kmip


# Whom a taker takes from


class NotSimulated:
    """A simulated guest that passes for a real one within its own server."""

    def __init__(self, tee: Any) -> None:
        self._tee = tee
        self.simulated = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tee, name)


def expectations(place: Place, tee: Any = None, **changed: Any) -> Expectations:
    config = settings(place.directory / "taker", **changed)
    return Expectations(config, tee or software(), service.now, vendors)


FOREIGN = {
    "other code": ({"measurement": OTHER_CODE}, {}, "measurement"),
    "open to its host": ({"policy": DEBUG}, {}, "open to debugging"),
    "another operator": (
        {},
        {"bootstrap_operator_token_sha256": sha256(b"x" * 32).hexdigest()},
        "another operator",
    ),
    "another deployment": ({}, {"deployment": "other"}, "belongs to deployment"),
}


@asynccontextmanager
async def listening(side: Party, serve: Callable[[Any], Any]) -> AsyncIterator[int]:
    """A port at which the side's certificate is presented."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")

    async def session(tcp: trio.SocketStream) -> None:
        stream = trio.SSLStream(tcp, side.context, server_side=True)
        try:
            await serve(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            await trio.aclose_forcefully(stream)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, session, listeners)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("guest, changed, why", FOREIGN.values(), ids=FOREIGN)
async def test_nothing_is_taken_from(place: Place, guest: Any, changed: Any, why: str):
    """A host that wants to provision the server with secrets of its own gets no further."""
    foreign = settings(place.directory / "foreign", **changed)

    async def shake(stream: Any) -> None:
        await stream.do_handshake()
        await stream.receive_some()

    async with (
        party(foreign, software(**guest), Role.PEER) as theirs,
        party(settings(place.directory / "taker"), software()) as own,
        listening(theirs, shake) as port,
    ):
        expectation = await expectations(place).giver()
        with pytest.raises(EnclaveError, match=why):
            await connect("127.0.0.1", port, own, expectation)


@pytest.mark.parametrize("role", [Role.TAKER, Role.BOOTSTRAP, Role.API])
async def test_nothing_is_taken_from_a_key_that_is_not_a_provisioned_servers(
    place: Place, role: Role
):
    async def shake(stream: Any) -> None:
        await stream.do_handshake()
        await stream.receive_some()

    async with (
        party(settings(place.directory / "other"), software(), role) as theirs,
        party(settings(place.directory / "taker"), software()) as own,
        listening(theirs, shake) as port,
    ):
        expectation = await expectations(place).giver()
        with pytest.raises(EnclaveError, match=f"its key is for {role}"):
            await connect("127.0.0.1", port, own, expectation)


async def test_simulated_peers_need_a_setting_and_are_never_a_real_chips(place: Place):
    with pytest.raises(Failure, match="insecure_allow_simulated_peers"):
        expectations(place, insecure_allow_simulated_peers=False)
    with pytest.raises(Failure, match="measured_launch"):
        expectations(place, NotSimulated(software()))
    real = expectations(place, NotSimulated(software()), measured_launch=True)
    policy = (await policy_of(software())).decode()
    assert real.taker(policy).allow_insecure_simulated is False
    assert expectations(place).taker(policy).allow_insecure_simulated is True


# What is handed over


class Said:
    """A connection to somebody who has said one thing."""

    def __init__(self, message: bytes) -> None:
        self.message = message
        self.sent = b""

    async def receive(self, most: int) -> bytes:
        return self.message

    async def send(self, message: bytes) -> None:
        self.sent = message


@asynccontextmanager
async def shared_store() -> AsyncIterator[SealedStore]:
    backend = MemoryBackend(MemorySpace(), shared=True)
    async with open_store(backend, KeyFile(KEY), create=True) as store:
        yield store


FULL = Provisioning(
    store="redis://x",
    key_file=KEY,
    pkcs12=b"p12",
    pkcs12_password="word",
    certificate="own",
    client_ca="ca",
    certificate_rules=b"rules",
    policy="policy",
    restart=True,
    configuration="aa",
    number=7,
    lineage="bb",
)


async def test_what_is_one_servers_alone_is_not_handed_over_and_the_stores_state_is():
    async with shared_store() as store:
        taker = Said(b'{"take": 1, "time": %d}' % service.now().timestamp())
        assert await Giver(FULL, store, service.now).give(taker, trio.lowlevel.checkpoint) == ""
        taken = await hand_over.take(Said(taker.sent), service.now)
        anchor = str(store.anchor)
    assert taken == replace(
        FULL,
        certificate="",
        certificate_rules=b"",
        policy="",
        configuration="",
        number=0,
        lineage="",
        anchor=anchor,
        time=taken.time,
    )


@pytest.mark.parametrize(
    "request_, why",
    [
        (b'{"take": 1, "time": 0}', "clocks are"),
        (b'{"take": 1}', "time is missing"),
        (b'{"take": 1, "time": 1e400}', "time is missing"),
        (b'{"take": 2, "time": 0}', "another release"),
        (b"[]", "another release"),
        (b"\xff", "another release"),
        (b"[" * 900, "another release"),
    ],
)
async def test_a_request_that_cannot_be_met_is_told_why(request_: bytes, why: str):
    async with shared_store() as store:
        taker = Said(request_)
        assert why in await Giver(FULL, store, service.now).give(taker, trio.lowlevel.checkpoint)
    with pytest.raises(Failure, match=why):
        await hand_over.take(Said(taker.sent), service.now)


@pytest.mark.parametrize(
    "answer", [b"", b"{}", b'{"provisioning": 1}', b'{"provisioning": {"store": "x"}}', b"["]
)
async def test_an_answer_of_another_form_is_taken_for_nothing(answer: bytes):
    with pytest.raises(Failure, match="not of this release"):
        await hand_over.take(Said(answer), service.now)


async def test_a_store_for_one_server_is_not_handed_over():
    taker = Said(b'{"take": 1, "time": %d}' % service.now().timestamp())
    async with open_store(MemoryBackend(), KeyFile(KEY), create=True) as store:
        assert "one server only" in await Giver(FULL, store, service.now).give(
            taker, trio.lowlevel.checkpoint
        )
    assert KEY.hex().encode() not in taker.sent


@pytest.mark.parametrize("secret", [{"key_file": bytes(32)}, {"key_file": None}])
async def test_a_secret_that_opens_the_store_no_more_is_not_handed_over(secret: Any):
    taker = Said(b'{"take": 1, "time": %d}' % service.now().timestamp())
    async with shared_store() as store:
        giver = Giver(replace(FULL, **secret), store, service.now)
        assert "has changed" in await giver.give(taker, trio.lowlevel.checkpoint)


async def test_a_machine_that_cannot_verify_itself_is_not_asked_again_and_again(place: Place):
    """TDX without collateral: strangers who connect must not cost the chip's time each time."""
    tee = software(TDX)
    requests: list[bytes] = []

    class Counting(NotSimulated):
        async def evidence(self, report_data: bytes) -> Any:
            requests.append(report_data)
            return await tee.evidence(report_data)

    config = settings(place.directory / "taker")
    one = Expectations(config, Counting(tee), service.now, Vendors)
    for _ in range(3):
        with pytest.raises(EnclaveError):
            await one.giver()
    assert len(requests) == 1


async def test_an_operator_who_has_begun_is_not_overtaken(tmp_path: Path):
    launched: list[Provisioning] = []

    async def launch(provisioning: Provisioning) -> None:
        launched.append(provisioning)

    config = configured(tmp_path, insecure_allow_no_client_certificate=True)
    bootstrap = Bootstrap(config, operator_access(config), launch, own_key)
    bootstrap.provisioning, bootstrap._touched = Provisioning(key_file=KEY), trio.current_time()
    assert not await bootstrap.hand_over(FULL, "x")
    bootstrap.provisioning = Provisioning()
    with pytest.raises(Failure, match="Something is missing"):
        await bootstrap.hand_over(replace(FULL, key_file=None), "x")
    assert not bootstrap.done.is_set()
    assert await bootstrap.hand_over(replace(FULL, pkcs12=None), "x")
    assert bootstrap.done.is_set()
    assert not await bootstrap.hand_over(FULL, "x")
    assert [each.key_file for each in launched] == [KEY]
