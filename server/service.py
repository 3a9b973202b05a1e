"""The service put together: store, users, TEE, sockets, sessions."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple

import trio

from enclave.claims import Role
from enclave.errors import EnclaveError
from enclave.ratls import Attester
from enclave.tee import Tee
from server import operations
from server.access.attested_clients import attested_clients
from server.acme.challenges import PROTOCOL
from server.attestation.attester import make_attester
from server.attestation.identity import ServerIdentity
from server.objects import own_records, uses
from server.operator_routes import OperatorAccess, OperatorOrClient, OperatorRoutes
from server.peers import opened as peers
from server.peers.expectations import Vendors
from server.requests import asynchronous, audit, audit_positions
from server.rotation import Rotation
from server.setup import addresses, explanations
from server.setup.config import AuditLines, Config
from server.setup.failure import Failure
from server.setup.shutdown import Shutdown
from server.setup.store_state import PrivateState
from server.sources import Sources, closing
from server.state import Server
from server.transport.acceptor import Acceptor, Endpoint, Peer, Stream
from server.transport.access_rights import AccessOverHTTPS
from server.transport.admission import Admission, Judge, OptionalBeside, OptionalOfFiles
from server.transport.departures import Departures
from server.transport.exposition import Exposition, Presented
from server.transport.followed_rules import FollowedRules
from server.transport.http import HTTPConnection, Limits, Routes
from server.transport.issuer_keys import jwt_issuers
from server.transport.kmip import Connection
from server.transport.kmip_https import KMIPOverHTTPS
from server.transport.listening import address_of, open_listeners
from server.transport.plain_http import PlainHTTP
from server.transport.readiness import Readiness
from storage import SealedStore

log: Final = logging.getLogger(__name__)

HTTP_IDLE_SECONDS: Final = 60.0
"""Between two requests: operators and verifiers ask one after the other and leave."""
HTTP_SHARE: Final = 3
"""HTTP takes at most one in so many connections: its clients need no certificate, KMIP's do."""


LAST_WRITE_SECONDS: Final = 1.0
"""At a stop, for the counts of uses that are not written yet."""


class Up(NamedTuple):
    """Where a server listens, each as `host:port`.

    Attributes:
        kmip: for KMIP.
        https: for KMIP over HTTPS and, with a TEE, attestation; empty where there is no port.
        attested: whether there is a TEE, real or simulated.
        simulated: whether the TEE is simulated.
        metrics: for metrics, in the clear; empty where there is no such port.
    """

    kmip: Sequence[str]
    https: Sequence[str] = ()
    attested: bool = False
    simulated: bool = False
    metrics: Sequence[str] = ()


async def serve(
    config: Config,
    sources: Sources,
    *,
    started: Callable[[Up], None] = lambda up: None,
    stop: trio.Event | None = None,
    hangups: trio.MemoryReceiveChannel[None] | None = None,
    operator: OperatorAccess | None = None,
    vendors: Callable[[], Vendors] | None = None,
) -> None:
    """Serve KMIP, and attestation where there is a TEE, until `stop` is set.

    Args:
        config: the settings.
        sources: where the server takes what it needs from.
        started: callback(where it listens), once it is up.
        stop: ends it gracefully.
        hangups: has what can be renewed read again, for each thing received.
        operator: who may change what the server was provisioned with; None: nobody.
        vendors: gives what peers' evidence is verified by; None: as the settings name it.

    Raises:
        OSError, ssl.SSLError, storage.StorageError, server.setup.failure.Failure: it cannot start.
    """
    operations.load()
    shutdown = Shutdown(trio.Event() if stop is None else stop)
    async with AsyncExitStack() as stack:
        listeners = await open_listeners(config.kmip_host, config.kmip_port)
        await stack.enter_async_context(closing(listeners))
        plain = await _metrics_listeners(config)
        await stack.enter_async_context(closing(plain))
        tee = sources.tee()
        https = await stack.enter_async_context(sources.https_listeners())
        store = await stack.enter_async_context(sources.store())
        nursery = await stack.enter_async_context(trio.open_nursery())
        stack.callback(nursery.cancel_scope.cancel)
        server = Server(
            config=config,
            store=store,
            users=sources.users(),
            clock=time.time,  # noqa: TID251 - this is where the clock comes from
            shutdown=shutdown,
        )
        with device_errors_as_failure():
            attester = await _attester(config, sources, tee, store)
            own = None if attester is None else attester.key
            identity = ServerIdentity(config, attester, sources.identity(own), nursery)
            admission = await sources.admission(identity)
            server.certificate_rules = lambda: admission.reading.rules
            nursery.start_soon(admission.keep)
            followed = FollowedRules(store, admission)
            if config.use_bootstrap_server:
                server.follow_rules = followed.follow
            server.attested_clients = attested_clients(config)
            server.jwt_issuers = jwt_issuers(config)
            for issuer in server.jwt_issuers:
                nursery.start_soon(issuer.keys.keep)
            acceptor = Acceptor(config, shutdown)
            seen = partial(_presented, identity, admission)
            exposition = Exposition(server, acceptor, seen, lambda: identity.evident_since)
            readiness = Readiness(server, exposition)
            departures = Departures()
            nursery.start_soon(departures.watch)
            routes = OperatorRoutes(server, followed, admission, operator) if operator else None
            endpoints = [kmip_endpoint(server, listeners, admission, departures)]
            if https.listeners:
                door = await _https_door(server, identity, admission, https.free, routes, readiness)
                endpoints.append(
                    http_endpoint(config, https.listeners, *door, shutdown, https.free, departures)
                )
            if config.peer_address:
                number = b"" if attester is None else attester.instance
                handed = sources.to_hand_over() if store.is_shared else None
                port = peers.opened(server, tee, number, handed, vendors, nursery)
                endpoints.append(await stack.enter_async_context(port))
            head = await sources.finish(store)
            if head is not None and routes is not None:
                routes.seal = head.seal
            if hangups is not None:
                nursery.start_soon(_renew, config, sources, identity, admission, hangups)
        chain = await audit_positions.begin(
            store, server.clock, is_sealed=config.audit_lines is AuditLines.SEALED
        )
        if chain is not None:
            nursery.start_soon(chain.keep)
        if head is not None:
            nursery.start_soon(head.keep, shutdown.stop.set)
        if server.follow_rules is not None and store.is_shared:
            nursery.start_soon(followed.keep)
        if plain:
            metrics = PlainHTTP(readiness.plain_routes, shutdown)
            await nursery.start(metrics.listen, plain)
        nursery.start_soon(Rotation(server).keep)
        nursery.start_soon(uses.keep_written, server.uses, server.begin)
        nursery.start_soon(own_records.keep_swept, store, server.clock)
        nursery.start_soon(asynchronous.keep_running, server)
        up = Up(
            endpoints[0].addresses,
            _addresses(endpoints[1 : 1 + bool(https.listeners)]),
            attested=tee is not None,
            simulated=identity.simulated,
            metrics=[address_of(each) for each in plain],
        )
        try:
            await acceptor.serve(endpoints, lambda: started(up))
        finally:
            with trio.move_on_after(LAST_WRITE_SECONDS, shield=True):
                await uses.write_all(server.uses, server.begin)
            if chain is not None:
                with trio.move_on_after(LAST_WRITE_SECONDS, shield=True):
                    await chain.finish()
            if head is not None:
                with trio.CancelScope(shield=True):
                    await head.seal()


async def _renew(
    config: Config,
    sources: Sources,
    identity: ServerIdentity,
    admission: Admission,
    hangups: trio.MemoryReceiveChannel[None],
) -> None:
    """Have new connections use certificates and authorities as they are now, for each hangup.

    What cannot be used is told, and what was there goes on being used.
    """
    async for _ in hangups:
        audit.look_now()
        try:
            read = await admission.read_again()
            renewed = identity.attester and sources.renewed(identity.attester.key)
            if renewed:
                identity.install(renewed)
                log.info("the renewed certificate is presented: %r", renewed)
                continue
        except (Failure, OSError, ssl.SSLError) as error:
            sentence = error if isinstance(error, Failure) else explanations.explain(error, config)
            log.error("the certificates stay as they were: %s", sentence)  # noqa: TRY400 - the operator's to mend
            continue
        if read:
            log.info("new connections use the certificates and client authorities read now")
        else:
            log.info("certificates were given at the start and cannot be read again")


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


@contextmanager
def device_errors_as_failure() -> Iterator[None]:
    """Have the errors of the TEE's device end in a sentence.

    Raises:
        Failure: the device did not answer within this block.
    """
    try:
        yield
    except EnclaveError as error:
        raise Failure(f"This machine's chip does not answer: {error}.") from None


async def _attester(
    config: Config, sources: Sources, tee: Tee | None, store: SealedStore
) -> Attester | None:
    """What attests the running service; None without a TEE."""
    if tee is None:
        return None

    state = await PrivateState.of(store)
    return await make_attester(
        config,
        tee,
        Role.API,
        now,
        instance=sources.instance(),
        store=state,
        key=sources.key(),
    )


async def _https_door(
    server: Server,
    identity: ServerIdentity,
    admission: Admission,
    after: trio.Event | None,
    operator: OperatorRoutes | None,
    readiness: Readiness,
) -> tuple[Judge, Routes]:
    """Who comes in by HTTPS, and what is answered there: KMIP, and attestation with a TEE.

    Where the server was provisioned, its operator is heard there as well.
    """
    door = KMIPOverHTTPS(server)
    kmip = {**door.routes, **AccessOverHTTPS(server, door).routes, **readiness.routes(door)}
    if identity.attester is None:
        return OptionalOfFiles(admission), kmip
    context, attestation = await identity.attested(after, server.shutdown, now)
    clients, routes = OptionalBeside(admission, context), {**attestation.routes, **kmip}
    if operator is None:
        return clients, routes
    return OperatorOrClient(operator.access, clients, now), {**routes, **operator.routes}


def _presented(identity: ServerIdentity, admission: Admission) -> Presented:
    """The certificates that the ports present now; KMIP's may come from files."""
    own, read = identity.presented, admission.reading.certificate
    found = {"kmip": read or own, "https": own or read}
    return {port: each for port, each in found.items() if each is not None}


async def _metrics_listeners(config: Config) -> list[trio.SocketListener]:
    """The sockets of the address of the metrics; none where there is none.

    Raises:
        Failure: it cannot be had, or a name leads to where other machines come in.
    """
    if not config.metrics_address:
        return []
    host, port = addresses.place(config.metrics_address)
    try:
        listeners = await open_listeners(host, port)
    except OSError as error:
        why = error.strerror or error
        raise Failure(f"metrics_address {config.metrics_address} cannot be had: {why}.") from None
    found = [str(each.socket.getsockname()[0]) for each in listeners]
    if not config.insecure_allow_metrics_anywhere and not all(map(addresses.is_own, found)):
        for each in listeners:
            each.socket.close()
        raise Failure(f"Other machines reach {', '.join(found)}, to which {host} leads.")
    return listeners


def _addresses(endpoints: Sequence[Endpoint]) -> list[str]:
    return [address for endpoint in endpoints for address in endpoint.addresses]


def kmip_endpoint(
    server: Server,
    listeners: Sequence[trio.SocketListener],
    admission: Admission,
    departures: Departures,
) -> Endpoint:
    """The endpoint at which KMIP messages come in."""

    async def session(stream: Stream, peer: Peer) -> None:
        await Connection(server, stream, peer.client, peer.address, departures).serve()

    return Endpoint(listeners, admission, session)


def http_endpoint(
    config: Config,
    listeners: Sequence[trio.SocketListener],
    context: ssl.SSLContext | Judge,
    routes: Routes,
    shutdown: Shutdown,
    after: trio.Event | None = None,
    departures: Departures | None = None,
) -> Endpoint:
    """An endpoint for HTTP requests."""
    idle = min(config.idle_seconds, HTTP_IDLE_SECONDS)
    limits = Limits(idle, config.read_seconds, config.write_seconds)
    max_connections = max(1, config.max_connections // HTTP_SHARE)

    async def session(stream: Stream, peer: Peer) -> None:
        if stream.selected_alpn_protocol() == PROTOCOL:
            return  # whoever validates has seen the certificate (RFC 8737 section 3)
        await HTTPConnection(stream, peer, routes, limits, shutdown, departures).serve()

    return Endpoint(listeners, context, session, after, max_connections)
