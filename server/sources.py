"""Where a server takes what it needs: from its own disk, or from what an operator has given it.

A server with a disk of its own reads its store's secret, its certificate, its clients' authority,
its users and its number from files that the settings name. One that was provisioned takes them from
the operator and nothing from its disk, which belongs to the host. `server.service` asks a `Sources`
for each and does not know which of the two it has.

What an operator gives is secret. `OperatorSources` lets go of it in `finish`, when the service has
taken what it needs, so that nothing that outlives the start refers to it, but for what may be
handed over to another server (`server.peers`), where the settings name a port for that.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import trio
from cryptography import x509

from enclave.keys import OwnKey
from enclave.ratls import ServerKey
from enclave.tee import Tee
from server.access import kept_rules
from server.access.kept_rules import KeptRules
from server.access.users import Users
from server.attestation import attester
from server.attestation.identity import ServerIdentity
from server.peers import kept_policy
from server.pki import local_authority, server_certificate
from server.setup import files, open_store, provisioning
from server.setup.config import Config
from server.setup.failure import Failure
from server.setup.provisioning import Provisioning
from server.setup.sealed_head import SealedHead
from server.transport import tls
from server.transport.admission import Admission, Reading
from server.transport.listening import open_listeners
from storage import SealedStore

log: Final = logging.getLogger(__name__)

DEFAULT_HTTPS_PORT: Final = 9998

CERTIFICATE: Final = "The certificate for the server's own key"
RENEWED_FILE: Final = "certificate.pem"
"""In the data directory: a renewed certificate, which is nobody's secret."""
MAX_CHAIN_BYTES: Final = 65_536
"""Of the file, which is the host's; a certificate has about a thousand."""

NO_USERS: Final = Path(os.devnull) / "none"
"""A provisioned server takes no users from its disk, which is the host's."""


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class HTTPSListeners(NamedTuple):
    """The sockets of HTTPS, at which a server attests itself too.

    Attributes:
        listeners: open sockets; none where there is no port to be had and none is needed.
        free: is set when nobody else accepts connections at them; None: nobody does.
    """

    listeners: Sequence[trio.SocketListener]
    free: trio.Event | None = None


class Sources(Protocol):
    """Where one start of a server takes what it needs from.

    Each method is called once, in any order, except that `finish` is the last.
    """

    def tee(self) -> Tee | None:
        """The machine's TEE; None where there is none.

        Raises:
            Failure: the simulated one cannot be used.
        """
        ...

    def https_listeners(self) -> AbstractAsyncContextManager[HTTPSListeners]:
        """The sockets for HTTPS, open for the length of an `async with` block.

        Raises:
            Failure: the address cannot be had.
        """
        ...

    def store(self) -> AbstractAsyncContextManager[SealedStore]:
        """The store, open for the length of an `async with` block.

        Raises:
            Failure: there is nothing to open it with, or it has newer provisioning than this.
            storage.StorageError: as `storage.open_store`.
        """
        ...

    def users(self) -> Users:
        """The users and devices with passwords that are not objects in the store."""
        ...

    def instance(self) -> bytes:
        """The number of this server, 16 bytes.

        Raises:
            Failure: it cannot be read or kept.
        """
        ...

    def key(self) -> OwnKey | None:
        """The key that the service is to attest itself with; None: it has the chip's."""
        ...

    def identity(self, own: ServerKey | None = None) -> tls.Identity | None:
        """The certificate to present, with its key; None: the server makes its own.

        Args:
            own: the server's own key; None: it has none.

        Raises:
            Failure: it does not open, or is for another key than the server's.
        """
        ...

    def renewed(self, own: ServerKey) -> tls.Identity | None:
        """The certificate that was renewed since; None where there is none to be looked for.

        Raises:
            Failure: it cannot be used.
        """
        ...

    async def admission(self, identity: ServerIdentity) -> Admission:
        """Who may come in at KMIP, with the server's certificate and the clients' authorities.

        Args:
            identity: the certificates that attest this server.

        Raises:
            Failure: there is no authority, or it or the certificate cannot be used.
            OSError, ssl.SSLError: a file cannot be read, or does not fit the others.
            enclave.errors.EnclaveError: the TEE gives no evidence.
        """
        ...

    def to_hand_over(self) -> Provisioning | None:
        """What another server may be given; None: nothing is."""
        ...

    async def finish(self, store: SealedStore) -> SealedHead | None:
        """Keep what another start needs, and let go of every secret.

        Args:
            store: the store, open.

        Returns:
            What keeps the state of the store sealed as it moves; None where nothing is sealed.

        Raises:
            Failure, storage.StorageError, enclave.errors.EnclaveError: it cannot be kept.
        """
        ...


class DiskSources:
    """The settings, and the files that they name.

    Args:
        config: the settings.
    """

    def __init__(self, config: Config) -> None:
        self.config = config

    def tee(self) -> Tee | None:
        """See `Sources`."""
        return attester.find_tee(self.config, datetime.now(UTC))

    @asynccontextmanager
    async def https_listeners(self) -> AsyncIterator[HTTPSListeners]:
        """See `Sources`; none where nobody asked for the port and another program has it."""
        config = self.config
        try:
            listeners = await open_https_listeners(config, config.https_port)
        except Failure as failure:
            if config.use_certbot or config.https_port != DEFAULT_HTTPS_PORT:
                raise
            log.warning("no HTTPS, and no attestation, see https_port: %s", failure)
            listeners = []
        async with closing(listeners):
            yield HTTPSListeners(listeners)

    def store(self) -> AbstractAsyncContextManager[SealedStore]:
        """See `Sources`."""
        return open_store.opened(self.config, follows=True)

    def users(self) -> Users:
        """See `Sources`."""
        return Users(self.config.users_file)

    def instance(self) -> bytes:
        """See `Sources`."""
        return attester.instance(self.config.data)

    def key(self) -> OwnKey | None:
        """See `Sources`."""
        return None

    def identity(self, own: ServerKey | None = None) -> tls.Identity | None:
        """See `Sources`; the certificate of the files is KMIP's alone."""
        return None

    def renewed(self, own: ServerKey) -> tls.Identity | None:
        """See `Sources`; KMIP's is read again with the clients' authorities."""
        return None

    async def admission(self, identity: ServerIdentity) -> Admission:
        """See `Sources`."""
        config = self.config
        return Admission(lambda: _read(config, now()), now, lambda: tls.stamp_of_files(config))

    def to_hand_over(self) -> None:
        """See `Sources`; a disk is handed to nobody."""

    async def finish(self, store: SealedStore) -> None:
        """See `Sources`; files stay where they are."""


class OperatorSources:
    """What an operator has given, or what was sealed of it for a restart.

    Args:
        config: the settings.
        provisioning: store, secrets, identity, clients.
        tee: the TEE that the operator has verified.
        instance: this server's number, as the operator saw it in the claims.
        bootstrap: the sockets of the bootstrap, which stay open for attestation where its port is
            the same; None: there was no bootstrap.
        key: the service's key, where the bootstrap has made it already.
    """

    def __init__(
        self,
        config: Config,
        provisioning: Provisioning,
        tee: Tee,
        instance: bytes,
        bootstrap: HTTPSListeners | None = None,
        key: OwnKey | None = None,
    ) -> None:
        self.config = config
        self._provisioning: Provisioning | None = provisioning
        self._tee = tee
        self._instance = instance
        self._bootstrap = bootstrap
        self._key = key
        self._first: server_certificate.Chain | None = None
        self._kept = KeptRules()

    @property
    def provisioning(self) -> Provisioning:
        """What was given; not to be had after `finish`."""
        if self._provisioning is None:
            raise RuntimeError("what the operator gave is not kept once the service is up")
        return self._provisioning

    def tee(self) -> Tee | None:
        """See `Sources`."""
        return self._tee

    @asynccontextmanager
    async def https_listeners(self) -> AsyncIterator[HTTPSListeners]:
        """See `Sources`."""
        config, bootstrap = self.config, self._bootstrap
        if bootstrap is not None and config.https_port == config.bootstrap_server_port:
            listeners = duplicates(bootstrap.listeners)
        else:
            listeners = await open_https_listeners(config, config.https_port)
        async with closing(listeners):
            yield HTTPSListeners(listeners, None if bootstrap is None else bootstrap.free)

    @asynccontextmanager
    async def store(self) -> AsyncIterator[SealedStore]:
        """See `Sources`."""
        opening_store = open_store.opened(
            self.config, opening=provisioning.opening(self.provisioning), follows=True
        )
        async with opening_store as store:
            await provisioning.check_number(store, self.provisioning)
            kept = await kept_rules.read(store)
            self._kept = kept.joined(KeptRules.decode(self.provisioning.certificate_rules))
            yield store

    def users(self) -> Users:
        """See `Sources`."""
        return Users(NO_USERS)

    def instance(self) -> bytes:
        """See `Sources`."""
        return self._instance

    def key(self) -> OwnKey | None:
        """See `Sources`."""
        return self._key

    def identity(self, own: ServerKey | None = None) -> tls.Identity | None:
        """See `Sources`; a certificate that has expired is presented all the same, and told.

        Whoever renews it has until then nothing better, and clients refuse it by themselves.
        """
        if self.provisioning.certificate and own is not None:
            return self._certified(self.provisioning.certificate.encode(), own)
        pkcs12, password = self.provisioning.pkcs12, self.provisioning.pkcs12_password
        return None if pkcs12 is None else tls.open_pkcs12(pkcs12, password)

    def _certified(self, pem: bytes, own: ServerKey) -> tls.Identity:
        """The certificate for the server's own key, or the renewed one where there is one."""
        first = server_certificate.read_chain(pem, CERTIFICATE)
        server_certificate.check_key(first, own, CERTIFICATE)
        self._first = first
        try:
            renewed = self.renewed(own)
        except Failure as failure:
            log.warning("the first certificate is presented: %s", failure)
            renewed = None
        presented = renewed or tls.Identity(own, first[0], first[1:])
        try:
            server_certificate.check_time((presented.certificate,), now(), CERTIFICATE)
        except Failure as failure:
            log.warning("%s", failure)
        return presented

    def renewed(self, own: ServerKey) -> tls.Identity | None:
        """See `Sources`; from the host's disk, so it counts only if it follows the first one."""
        path = self.config.data / RENEWED_FILE
        if self._first is None or not files.is_there(path):
            return None
        what = f"The certificate {path}"
        chain = server_certificate.read_chain(files.read(path, what, MAX_CHAIN_BYTES), what)
        names = certificate_names(self.config)
        server_certificate.check(chain, own, names, now(), what)
        server_certificate.check_follows(chain, self._first, what)
        return tls.Identity(own, chain[0], chain[1:])

    async def admission(self, identity: ServerIdentity) -> Admission:
        """See `Sources`; what was kept of the clients' certificates holds, and what was given."""
        context = tls.empty_context(self.config)
        authorities: list[x509.Certificate] = []
        client_ca = self.provisioning.client_ca
        if client_ca:
            pem = client_ca.encode()
            authorities = tls.trust_clients(context, pem, tls.CLIENT_AUTHORITY, now())
        elif not self.config.insecure_allow_no_client_certificate:
            raise Failure("No authority for client certificates has been given.")
        await identity.present(context)
        rules = self._kept.rules(authorities)
        rules.revoked.check_signed(authorities)
        return Admission(lambda: Reading(context, rules), now)

    def to_hand_over(self) -> Provisioning | None:
        """See `Sources`; nothing where this server has no port for its peers."""
        return self.provisioning if self.config.peer_address else None

    async def finish(self, store: SealedStore) -> SealedHead | None:
        """See `Sources`.

        From now on the store has what may change while the server runs: a restart must not bring
        back what was given first.
        """
        if self.provisioning.certificate_rules:
            await kept_rules.write(store, self._kept)
        if self.provisioning.policy:
            await kept_policy.write(store, self.provisioning.policy)
        self._provisioning = replace(self.provisioning, certificate_rules=b"", policy="")
        head = await provisioning.keep(
            self.config.data,
            self._tee,
            store,
            self.provisioning,
            configuration=attester.configuration_sha256(self.config),
        )
        self._provisioning = None
        return head


def certificate_names(config: Config) -> tuple[str, ...]:
    """The names that a certificate for the server's own key is requested for and must have.

    Those that the settings list; where they list none, those by which this machine is reached.
    """
    listed = tuple(dict.fromkeys(config.server_names))
    return listed or local_authority.own_names(config.kmip_host)


def renew_server(config: Config, now: datetime) -> None:
    """Make the server's own certificate where it is to make it, or it is about to expire.

    Raises:
        Failure: it cannot be made.
    """
    if config.makes_own_certificate:
        names = local_authority.own_names(config.kmip_host, config.server_names)
        local_authority.ensure_server(config.tls_directory, names, now)


def check_certificates(config: Config, now: datetime) -> None:
    """Refuse files of certificates that cannot be used.

    Raises:
        Failure: one is missing, unreadable or expired.
    """
    own = local_authority.Pair(config.certificate_file, config.private_key_file)
    local_authority.check_usable(own, config.client_ca_file, now)


def _read(config: Config, now: datetime) -> Reading:
    renew_server(config, now)
    check_certificates(config, now)
    return tls.reading_of_files(config, now)


async def open_https_listeners(config: Config, port: int) -> list[trio.SocketListener]:
    """Sockets that listen for HTTPS, to be closed by the caller.

    Raises:
        Failure: the address cannot be had.
    """
    host = config.https_host or config.kmip_host
    try:
        return await open_listeners(host, port)
    except OSError as error:
        raise Failure(f"{host} port {port} cannot be had: {error.strerror}.") from None


def duplicates(listeners: Sequence[trio.SocketListener]) -> list[trio.SocketListener]:
    """Listeners on the same sockets, which can be closed without closing these."""
    return [trio.SocketListener(each.socket.dup()) for each in listeners]


@asynccontextmanager
async def closing(listeners: Sequence[trio.SocketListener]) -> AsyncIterator[None]:
    """Close all of them at the end of an `async with` block, also of one that is cancelled."""
    async with AsyncExitStack() as stack:
        for each in listeners:
            stack.push_async_callback(each.aclose)
        yield
