"""A start without secrets: sealed provisioning if there is some, else bootstrap mode, then service.

The bootstrap listener and the service never serve together: the service's own endpoint for
attestation opens only when the bootstrap has ended, on the same sockets where the ports are the
same. Where they are not, the bootstrap's port is closed then.

Where the settings name servers to take the provisioning from (`handover_from`), these are asked
while the bootstrap waits. Whoever is first counts, the operator or another server; an operator who
has begun to give something is not overtaken.

Provisioning is secret, and nothing here refers to it once the service is up: `OperatorSources` has
it alone, and lets go of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import trio

from enclave.claims import Role, SkProvider
from enclave.keys import OwnKey
from enclave.ratls import server_context
from enclave.tee import Tee
from server import service
from server.attestation import attester
from server.attestation.routes import Attestation
from server.bootstrap.operator import OperatorAccess, operator_access
from server.bootstrap.routes import Bootstrap
from server.bootstrap.taking import FIRST_PAUSE, Taking
from server.peers.expectations import Expectations, Vendors, vendors_of
from server.peers.port import make_party
from server.pki import local_authority
from server.setup import explanations, provisioning
from server.setup.config import Config
from server.setup.failure import Failure
from server.setup.provisioning import Provisioning
from server.setup.shutdown import Shutdown
from server.sources import (
    HTTPSListeners,
    OperatorSources,
    closing,
    duplicates,
    open_https_listeners,
)
from server.transport.acceptor import Acceptor
from storage import Missing, Tampered, WrongSecret

log: Final = logging.getLogger(__name__)

FAULTS: Final = (Failure, Missing, Tampered, WrongSecret)
"""What the operator can mend by provisioning anew. Whatever else ends a start from sealed
provisioning (a port or a store in use) ends the program, and whoever keeps it running tries again.
"""


@dataclass(frozen=True, slots=True)
class Callbacks:
    """What is called as the start goes on.

    Attributes:
        waiting: callback(where the bootstrap listens, as `host:port`; whether it is simulated).
        started: callback(where the service listens).
    """

    waiting: Callable[[Sequence[str], bool], None]
    started: Callable[[service.Up], None]


async def serve(
    config: Config,
    callbacks: Callbacks,
    stop: trio.Event,
    hangups: trio.MemoryReceiveChannel[None] | None = None,
) -> None:
    """Start without secrets and serve until `stop` is set; `hangups` as in `service.serve`.

    Raises:
        Failure: there is no chip or it does not answer, the settings name no operator, or the port
            cannot be had.
        OSError, storage.StorageError: the service cannot start from sealed provisioning.
    """
    access = operator_access(config)
    tee = attester.find_tee(config, service.now())
    if tee is None:
        raise Failure("Bootstrap mode needs a chip that attests, and this machine has none.")
    start = Start(config, callbacks, stop, tee, access, hangups=hangups)
    if not await start.recalled():
        await start.bootstrapped()


@dataclass(slots=True)
class Start:
    """One start of one server.

    Attributes:
        config: the settings.
        callbacks: are called as it goes on.
        stop: ends it.
        tee: the chip.
        access: says who is the operator.
        instance: the server's number, another at each start.
        key: the service's key, once it is known.
        up: whether the service has been up.
        hangups: has the service read again what can be renewed.
        vendors: gives what peers' evidence is verified by; None: as the settings name it.
        first_pause: seconds, after a round of givers that handed nothing over.
    """

    config: Config
    callbacks: Callbacks
    stop: trio.Event
    tee: Tee
    access: OperatorAccess
    instance: bytes = field(default_factory=attester.new_instance)
    key: OwnKey | None = field(default=None, repr=False)
    up: bool = False
    hangups: trio.MemoryReceiveChannel[None] | None = None
    vendors: Callable[[], Vendors] | None = None
    first_pause: float = FIRST_PAUSE

    async def recalled(self) -> bool:
        """Serve with provisioning sealed here before; False where the operator is needed."""
        sealed = await provisioning.recall(
            self.config.data,
            self.tee,
            configuration=attester.configuration_sha256(self.config),
            minimum_tcb=self.config.minimum_tcb,
        )
        if sealed is None:
            return False
        described = provisioning.described(self.config, sealed)
        sources = self._sources(sealed)
        del sealed  # it is secret, and this outlives the start
        try:
            await self._serve(sources)
        except Exception as error:
            if self.up or not _is_fault(error):
                raise
            sentence = explanations.explain(error, described)
            log.warning("the sealed provisioning cannot be used: %s", sentence)
            return False
        return True

    async def bootstrapped(self) -> None:
        """Take provisioning from the operator, then serve.

        Raises:
            Failure: the port cannot be had, or the chip does not answer.
        """
        listeners = await open_https_listeners(self.config, self.config.bootstrap_server_port)
        free = trio.Event()
        async with trio.open_nursery() as nursery:

            async def launch(provisioning: Provisioning) -> None:
                sources = self._sources(provisioning, HTTPSListeners(listeners, free))
                await nursery.start(self._serve, sources)

            bootstrap = Bootstrap(self.config, self.access, launch, self._service_key, self._seals)
            async with closing(listeners):
                await self._listen(bootstrap, listeners)
            free.set()

    @property
    def _seals(self) -> bool:
        return self.tee.sk is not SkProvider.NONE

    async def _service_key(self) -> OwnKey:
        """The key with which the service will attest itself: one for the whole of this start."""
        if self.key is None:
            self.key = await attester.server_key(self.config, self.tee, Role.API)
        return self.key

    def _sources(
        self, provisioning: Provisioning, bootstrap: HTTPSListeners | None = None
    ) -> OperatorSources:
        return OperatorSources(
            self.config, provisioning, self.tee, self.instance, bootstrap, self.key
        )

    async def _listen(self, bootstrap: Bootstrap, listeners: Sequence[trio.SocketListener]) -> None:
        """Serve the bootstrap until the service is up, or the server is to stop."""
        shutdown = Shutdown()
        context = server_context()
        self.access.admit(context)
        names = local_authority.own_names(self.config.kmip_host, self.config.server_names)
        async with trio.open_nursery() as nursery:
            with service.device_errors_as_failure():
                own = await attester.make_attester(
                    self.config,
                    self.tee,
                    Role.BOOTSTRAP,
                    service.now,
                    instance=self.instance,
                )
                await nursery.start(attester.keep_presented, own, context, names)
            attestation = Attestation(own, lambda: "waiting for its operator")
            routes = dict(bootstrap.routes) | dict(attestation.routes)
            nursery.start_soon(bootstrap.keep_expiring)
            if self.config.handover_from:
                await self._start_taking(bootstrap, nursery)
            nursery.start_soon(_pass_on, bootstrap.done, shutdown.stop)
            nursery.start_soon(_pass_on, self.stop, shutdown.stop)
            endpoint = service.http_endpoint(
                self.config, duplicates(listeners), context, routes, shutdown
            )

            def listening() -> None:
                self.callbacks.waiting(endpoint.addresses, self.tee.simulated)

            await Acceptor(self.config, shutdown).serve([endpoint], listening)
            nursery.cancel_scope.cancel()

    async def _start_taking(self, bootstrap: Bootstrap, nursery: trio.Nursery) -> None:
        """Have another server asked for what this one needs, beside waiting for the operator."""
        vendors = self.vendors or partial(vendors_of, self.config)
        expectations = Expectations(self.config, self.tee, service.now, vendors)
        with service.device_errors_as_failure():
            party = await make_party(
                self.config, self.tee, Role.TAKER, self.instance, service.now, nursery
            )
        taking = Taking(self.config, party, expectations, bootstrap, self.first_pause)
        nursery.start_soon(taking.run)

    async def _serve(
        self,
        sources: OperatorSources,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """The service; `task_status` is started when it is up."""

        def started(up: service.Up) -> None:
            self.up = True
            task_status.started()
            self.callbacks.started(up)

        await service.serve(
            self.config,
            sources,
            started=started,
            stop=self.stop,
            hangups=self.hangups,
            operator=self.access,
            vendors=self.vendors,
        )


def _is_fault(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_is_fault(one) for one in error.exceptions)
    return isinstance(error, FAULTS)


async def _pass_on(event: trio.Event, to: trio.Event) -> None:
    await event.wait()
    to.set()
