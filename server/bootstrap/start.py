"""A start without secrets: sealed provisioning if there is some, else bootstrap mode, then service.

The bootstrap listener and the service never serve together: the service's own door for attestation
opens only when the bootstrap has ended, on the same sockets where the ports are the same. Where
they are not, the bootstrap's port is closed then.

What was given is secret, and held by nobody once the service is up: it is handed on, and let go.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import trio

from enclave.claims import Role, SkProvider
from enclave.ratls import server_context
from enclave.tee import Tee
from server import service
from server.attestation import attester
from server.attestation import routes as attestation
from server.bootstrap.operator import OperatorAccess, operator_access
from server.bootstrap.routes import Bootstrap
from server.pki import local_authority
from server.setup import explanations, provisioning
from server.setup.config import Config
from server.setup.failure import Failure
from server.setup.provisioning import Provisioning
from server.setup.shutdown import Shutdown
from server.transport.acceptor import Acceptor, address_of
from storage import Missing, Tampered, WrongSecret

log: Final = logging.getLogger(__name__)

FAULTS: Final = (Failure, Missing, Tampered, WrongSecret)
"""What the operator can mend by provisioning anew. Whatever else ends a start from sealed
provisioning (a port or a store in use) ends the program, and whoever keeps it running tries again.
"""


@dataclass(frozen=True, slots=True)
class Told:
    """What the start tells as it goes on.

    Attributes:
        waiting: is told where the bootstrap listens, as `host:port`, and whether it is simulated.
        started: is told where the service listens.
    """

    waiting: Callable[[Sequence[str], bool], None]
    started: Callable[[service.Up], None]


async def serve(config: Config, told: Told, stop: trio.Event) -> None:
    """Start without secrets and serve until `stop` is set.

    Raises:
        Failure: there is no chip or it does not answer, the settings name no operator, or the port
            cannot be had.
        OSError, storage.StorageError: the service cannot start from sealed provisioning.
    """
    access = operator_access(config)
    tee = attester.find_tee(config, service.now())
    if tee is None:
        raise Failure("Bootstrap mode needs a chip that attests, and this machine has none.")
    start = Start(config, told, stop, tee, access)
    if not await start.recalled():
        await start.bootstrapped()


@dataclass(slots=True)
class Start:
    """One start of one server.

    Attributes:
        config: the settings.
        told: is told how it goes.
        stop: ends it.
        tee: the chip.
        access: says who is the operator.
        instance: the server's number, another at each start.
        up: whether the service has been up.
    """

    config: Config
    told: Told
    stop: trio.Event
    tee: Tee
    access: OperatorAccess
    instance: bytes = field(default_factory=attester.new_instance)
    up: bool = False

    async def recalled(self) -> bool:
        """Serve with provisioning sealed here before; False where the operator is needed."""
        given = await provisioning.recall(self.config.data, self.tee)
        if given is None:
            return False
        free = trio.Event()
        free.set()
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(self._serve, given, None, free)
                given = None
        except Exception as error:
            if self.up or given is None or not _is_fault(error):
                raise
            described = provisioning.described(self.config, given)
            sentence = explanations.explain(error, described)
            log.warning("the sealed provisioning cannot be used: %s", sentence)
            return False
        return True

    async def bootstrapped(self) -> None:
        """Take provisioning from the operator, then serve.

        Raises:
            Failure: the port cannot be had, or the chip does not answer.
        """
        sockets = await service.https_sockets(self.config, self.config.bootstrap_server_port)
        free = trio.Event()
        async with trio.open_nursery() as nursery:

            async def launch(given: Provisioning) -> None:
                await nursery.start(self._serve, given, sockets, free)

            bootstrap = Bootstrap(self.config, self.access, launch, self._seals)
            try:
                await self._listen(bootstrap, sockets)
            finally:
                for socket in sockets:
                    await socket.aclose()
            free.set()

    @property
    def _seals(self) -> bool:
        return self.tee.sk is not SkProvider.NONE

    async def _listen(self, bootstrap: Bootstrap, sockets: Sequence[trio.SocketListener]) -> None:
        """Serve the bootstrap until the service is up, or the server is to stop."""
        shutdown = Shutdown()
        context = server_context()
        self.access.admit(context)
        names = local_authority.own_names(self.config.kmip_host, self.config.server_names)
        async with trio.open_nursery() as nursery:
            with service.chip_trouble_told():
                maker = await attester.attester(
                    self.config,
                    self.tee,
                    Role.BOOTSTRAP,
                    service.now,
                    instance=self.instance,
                    operator_sha256=self.access.sha256,
                )
                await nursery.start(attester.keep_presented, maker, context, names)
            open_to_all = attestation.Attestation(maker, lambda: "waiting for its operator")
            routes = dict(bootstrap.routes) | dict(open_to_all.routes)
            nursery.start_soon(bootstrap.keep_expiring)
            nursery.start_soon(_pass_on, bootstrap.done, shutdown.stop)
            nursery.start_soon(_pass_on, self.stop, shutdown.stop)
            door = service.http_door(self.config, _copies(sockets), context, routes, shutdown)
            addresses = [address_of(socket) for socket in sockets]

            def listening() -> None:
                self.told.waiting(addresses, self.tee.simulated)

            await Acceptor(self.config, shutdown).serve([door], listening)
            nursery.cancel_scope.cancel()

    async def _serve(
        self,
        given: Provisioning,
        sockets: Sequence[trio.SocketListener] | None,
        free: trio.Event,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """The service.

        Args:
            given: what it starts with.
            sockets: those of the bootstrap, which the service goes on with; None: there was none.
            free: is set when nobody else accepts at them.
            task_status: started when it is up.
        """

        def started(up: service.Up) -> None:
            self.up = True
            task_status.started()
            self.told.started(up)

        config = self.config
        if sockets is None or config.https_port != config.bootstrap_server_port:
            https = await service.https_sockets(config, config.https_port)
        else:
            https = _copies(sockets)
        held = [service.Given(given, self.tee, https, free, self.instance)]
        del given
        try:
            await service.serve(config, started=started, stop=self.stop, given=held.pop())
        finally:
            for socket in https:
                await socket.aclose()


def _is_fault(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_is_fault(one) for one in error.exceptions)
    return isinstance(error, FAULTS)


async def _pass_on(event: trio.Event, to: trio.Event) -> None:
    await event.wait()
    to.set()


def _copies(sockets: Sequence[trio.SocketListener]) -> list[trio.SocketListener]:
    """Listeners on the same sockets, which can be closed without closing these."""
    return [trio.SocketListener(one.socket.dup()) for one in sockets]
