"""Two sides that attest themselves to each other on one connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import trio

from enclave.claims import Role
from enclave.client import Expectation, client_context
from enclave.errors import InvalidEvidence, Refused
from enclave.insecure import SoftwareGuest, SoftwareTee
from enclave.mutual import INNER, OUTER, MutualConnection, Party, accept, connect, peer_context
from enclave.peer_certificate import read_presented
from enclave.policy import accepting_no_collateral, naming
from enclave.ratls import Attester, use_certificate
from enclave.snp import SEV_SNP
from tests.enclave.attested import KEY, OTHER_KEY, software_chip, verified

CHIP = software_chip()


def now():
    return CHIP.made + timedelta(hours=1)


async def party(role: Role, key=KEY, **guest) -> Party:
    tee = SoftwareTee(SoftwareGuest(CHIP, **guest))
    attester = Attester(
        tee=tee, key=key, role=role, deployment="eu-1", instance=bytes(16),
        configuration_sha256=bytes(32), now=now,
    )  # fmt: skip
    context = peer_context()
    use_certificate(context, key, (await attester.certificate()).certificate)
    return Party(attester, context, now)


async def expectation(role: Role) -> Expectation:
    side = await party(role)
    presented = read_presented((await side.attester.certificate()).certificate)
    policy = accepting_no_collateral(naming(verified(presented)))
    assert SEV_SNP in policy.sections
    return Expectation(policy=policy, role=role, roots=CHIP.roots, allow_insecure_simulated=True)


@dataclass
class Responder:
    """A responder, and what became of its connections.

    Attributes:
        port: where it listens.
        connections: those that it accepted.
        errors: why it did not accept others.
    """

    port: int
    connections: list[MutualConnection] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    changed: trio.Event = field(default_factory=trio.Event)


@asynccontextmanager
async def responding(side: Party, expected: Expectation) -> AsyncIterator[Responder]:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    one = Responder(listeners[0].socket.getsockname()[1])

    async def expectation_for(role: Role) -> Expectation:
        return expected

    async def session(tcp: trio.SocketStream) -> None:
        outer = trio.SSLStream(tcp, side.context, server_side=True)
        try:
            await outer.do_handshake()
            connection = await accept(outer, side, expectation_for)
            one.connections.append(connection)
            await connection.send(b"hello " + await connection.receive(100))
        except Exception as error:  # noqa: BLE001 - whatever it is
            one.errors.append(error)
        finally:
            await trio.aclose_forcefully(outer)
            one.changed.set()

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, session, listeners)
            yield one
            nursery.cancel_scope.cancel()


@pytest.fixture
async def sides():
    return (
        await party(Role.TAKER, OTHER_KEY),
        await party(Role.PEER),
        await expectation(Role.TAKER),
        await expectation(Role.PEER),
    )


async def test_each_knows_the_other_before_anything_is_said(sides):
    initiator, responder, of_initiator, of_responder = sides
    async with responding(responder, of_initiator) as one:
        async with await connect("127.0.0.1", one.port, initiator, of_responder) as connection:
            await connection.send(b"you")
            assert await connection.receive(100) == b"hello you"
            assert connection.claims.role is Role.PEER
            assert connection.claims.nonce is not None
        [accepted] = one.connections
    assert accepted.claims.role is Role.TAKER
    assert accepted.attested.pin != connection.attested.pin


async def test_an_initiator_that_is_not_expected_is_told_nothing(sides):
    _, responder, of_initiator, of_responder = sides
    stranger = await party(Role.TAKER, OTHER_KEY, measurement=bytes(48))
    async with responding(responder, of_initiator) as one:
        with pytest.raises(trio.BrokenResourceError):
            await connect("127.0.0.1", one.port, stranger, of_responder)
        await one.changed.wait()
    assert (len(one.connections), type(one.errors[0])) == (0, Refused)


async def test_a_responder_that_is_not_expected_is_shown_no_evidence(sides):
    initiator, _, of_initiator, of_responder = sides
    stranger = await party(Role.PEER, measurement=bytes(48))
    async with responding(stranger, of_initiator) as one:
        with pytest.raises(Refused, match="measurement"):
            await connect("127.0.0.1", one.port, initiator, of_responder)
        await one.changed.wait()
    assert isinstance(one.errors[0], trio.BrokenResourceError)


async def test_evidence_of_another_key_is_refused(sides):
    """A host that has recorded a certificate has its evidence, and not its key."""
    initiator, responder, of_initiator, of_responder = sides
    thief = await party(Role.TAKER, KEY)
    thief = Party(initiator.attester, thief.context, now)
    async with responding(responder, of_initiator) as one:
        with pytest.raises(trio.BrokenResourceError):
            await connect("127.0.0.1", one.port, thief, of_responder)
        await one.changed.wait()
    assert "they name another key" in str(one.errors[0])


@pytest.mark.parametrize("protocols", [[], [INNER], ["http/1.1"]])
async def test_another_protocol_of_tls_is_not_answered(sides, protocols):
    _, responder, of_initiator, _ = sides
    context = client_context()
    if protocols:
        context.set_alpn_protocols(protocols)
    async with responding(responder, of_initiator) as one:
        tcp = await trio.open_tcp_stream("127.0.0.1", one.port)
        stream = trio.SSLStream(tcp, context)
        await stream.do_handshake()
        await one.changed.wait()
        await trio.aclose_forcefully(stream)
    [error] = one.errors
    assert isinstance(error, InvalidEvidence)
    assert OUTER in str(error)


async def test_a_longer_message_than_expected_is_not_read(sides):
    initiator, responder, of_initiator, of_responder = sides
    async with (
        responding(responder, of_initiator) as one,
        await connect("127.0.0.1", one.port, initiator, of_responder) as connection,
    ):
        await connection.send(bytes(101))
        await one.changed.wait()
    assert "101 bytes" in str(one.errors[0])
