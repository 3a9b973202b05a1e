"""A start without secrets: sealed provisioning if there is some, else bootstrap mode, then service.

The bootstrap listener and the service never serve together: the service's own door for attestation
opens only when the bootstrap has ended, on the same sockets where the ports are the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import trio

from enclave.claims import Role
from enclave.ratls import server_context
from enclave.tee import Tee
from server import attestation, certificates, explanations, listener, provisioning
from server.accepting import Acceptor, Waiting, address_of, open_listeners
from server.bootstrap import Bootstrap
from server.config import Config
from server.failure import Failure
from server.operator_access import OperatorAccess, operator_access
from server.provisioning import Provisioning

log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """What the start tells as it goes on.

    Attributes:
        waiting: is told where the bootstrap listens, as `host:port`, and whether it is simulated.
        started: is told where the service listens.
    """

    waiting: Callable[[Sequence[str], bool], None]
    started: Callable[[listener.Up], None]


async def serve(config: Config, told: Told, stop: trio.Event) -> None:
    """Start without secrets and serve until `stop` is set.

    Raises:
        Failure: there is no chip, or the settings name no operator.
        OSError, enclave.errors.EnclaveError: it cannot listen, or the chip does not answer.
    """
    access = operator_access(config)
    tee = attestation.find_tee(config, listener.now())
    if tee is None:
        raise Failure("Bootstrap mode needs a chip that attests, and this machine has none.")
    host = config.https_host or config.kmip_host
    sockets = await open_listeners(host, config.bootstrap_server_port)
    try:
        start = _Start(config, told, stop, tee, access, sockets)
        if not await start.recalled():
            await start.bootstrapped()
    finally:
        for socket in sockets:
            await socket.aclose()


class _Start:
    """One start of one server."""

    def __init__(
        self,
        config: Config,
        told: Told,
        stop: trio.Event,
        tee: Tee,
        access: OperatorAccess,
        sockets: Sequence[trio.SocketListener],
    ) -> None:
        self.config = config
        self.told = told
        self.stop = stop
        self.tee = tee
        self.access = access
        self.sockets = sockets
        self.after = trio.Event()
        self.up = False

    async def recalled(self) -> bool:
        """Serve with provisioning sealed here before; False where it does not come to that."""
        given = await provisioning.recall(self.config.data, self.tee)
        if given is None:
            return False
        self.after.set()
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(self._serve, given)
        except Exception as error:
            sentence = explanations.explain(error, self.config)
            if sentence is None or self.up:
                raise
            log.warning("the sealed provisioning cannot be used: %s", sentence)
            self.after = trio.Event()
            return False
        return True

    async def bootstrapped(self) -> None:
        """Take provisioning from the operator, then serve."""
        async with trio.open_nursery() as nursery:

            async def launch(given: Provisioning) -> None:
                await nursery.start(self._serve, given)

            bootstrap = Bootstrap(self.config, self.access, launch)
            await self._listen(bootstrap)
            self.after.set()

    async def _listen(self, bootstrap: Bootstrap) -> None:
        """Serve the bootstrap until the service is up, or the server is to stop."""
        waiting = Waiting()
        maker = await attestation.attester(
            self.config,
            self.tee,
            Role.BOOTSTRAP,
            listener.now,
            operator_sha256=self.access.sha256,
        )
        context = server_context()
        self.access.admit(context)
        names = certificates.own_names(self.config.kmip_host, self.config.server_names)
        open_to_all = attestation.Attestation(maker, lambda: "waiting for its operator")
        routes = dict(bootstrap.routes) | dict(open_to_all.routes)
        async with trio.open_nursery() as nursery:
            await nursery.start(attestation.keep_presented, maker, context, names)
            nursery.start_soon(bootstrap.keep_expiring)
            nursery.start_soon(_pass_on, bootstrap.done, waiting.stop)
            nursery.start_soon(_pass_on, self.stop, waiting.stop)
            door = listener.http_door(self.config, _copies(self.sockets), context, routes, waiting)
            addresses = [address_of(socket) for socket in self.sockets]

            def listening() -> None:
                self.told.waiting(addresses, self.tee.simulated)

            await Acceptor(self.config, waiting).serve([door], listening)
            nursery.cancel_scope.cancel()

    async def _serve(
        self,
        given: Provisioning,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        def started(up: listener.Up) -> None:
            self.up = True
            task_status.started()
            self.told.started(up)

        config = self.config
        if config.https_port == config.bootstrap_server_port:
            https = _copies(self.sockets)
        else:
            https = await open_listeners(config.https_host or config.kmip_host, config.https_port)
        try:
            held = listener.Given(given, self.tee, https, self.after)
            await listener.serve(config, started=started, stop=self.stop, given=held)
        finally:
            for socket in https:
                await socket.aclose()


async def _pass_on(event: trio.Event, to: trio.Event) -> None:
    await event.wait()
    to.set()


def _copies(sockets: Sequence[trio.SocketListener]) -> list[trio.SocketListener]:
    """Listeners on the same sockets, which can be closed without closing these."""
    return [trio.SocketListener(one.socket.dup()) for one in sockets]
