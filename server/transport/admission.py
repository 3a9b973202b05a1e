"""Who may come in by a certificate: the rules in force, and those who are in by them.

The rules come from files that the operator changes while the server runs: authorities, revocation
lists, refused certificates, the server's own certificate. They are looked at every few seconds, and
read again when one has changed. A reading that fails leaves the former one in force and is told in
the log: neither a half-written file nor an emptied directory lets anybody in who was kept out.

TLS settings cannot take an authority back, so each reading makes new ones. Sessions made under the
former settings cannot be resumed under the new ones; their clients do a full handshake. Connections
that are open are judged again by the new rules, and end where these do not accept them, as they do
at the end of their certificate.

After a resumed handshake OpenSSL tells the client's certificate and not the chain that was verified
when the session was made, so the chain is remembered for as long as the settings are.

The HTTPS port takes clients by the same rules, and others without a certificate besides. Its TLS
settings are those of its own certificate, which may be renewed on another way than by files, so
they stay; authorities are added to them as they come, and one that is gone is refused by the rules.
"""

from __future__ import annotations

import logging
import ssl
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final, Protocol

import trio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from server.access.client_certificates import Chain, NotAccepted, Rules, end_of
from server.setup.failure import Failure
from server.transport.handshake import Stream, subject_of, verified_chain

log: Final = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
"""How soon a changed file is seen; looking costs a few system calls."""
REMEMBERED: Final = 20_000
"""Clients whose verified chain is remembered, some 400 bytes each. One that is forgotten is refused
where it resumes a session, and does a full handshake next."""

CHANGED: Final = "the authorities changed meanwhile; connect again"
NOT_TAKEN: Final = "what clients are admitted by has changed and is not taken"

Stamp = Sequence[object]
"""What changes when one of the files does."""


class VerifiedChains:
    """The chains that OpenSSL has verified for the sessions of one context."""

    def __init__(self) -> None:
        self._chains: OrderedDict[bytes, Chain] = OrderedDict()
        self._certificates: dict[bytes, x509.Certificate] = {}

    def of(self, stream: Stream) -> Chain | None:
        """The chain that was verified when the client's session was made; None: it showed none.

        Raises:
            NotAccepted: it is not known any more.
        """
        certificate = stream.getpeercert(True)
        if certificate is None:
            return None
        fingerprint = sha256(certificate).digest()
        if not stream.session_reused:
            self._chains[fingerprint] = self._verified(stream)
            while len(self._chains) > REMEMBERED:
                self._chains.popitem(last=False)
        chain = self._chains.get(fingerprint)
        if chain is None:
            raise NotAccepted("the session is not known any more")
        self._chains.move_to_end(fingerprint)
        return chain

    def _verified(self, stream: Stream) -> Chain:
        """What OpenSSL has verified; authorities' certificates are held once for all clients."""
        chain = verified_chain(stream)
        return (chain[0], *(self._certificates.setdefault(_der(each), each) for each in chain[1:]))


@dataclass(eq=False)
class Reading:
    """What one reading of the files gave.

    Attributes:
        context: the TLS settings.
        rules: by which clients are judged.
        stamp: of the files that were read.
        optional: the TLS settings of a port where a client need not show a certificate, with the
            same certificate of the server; None: it has another one.
        certificate: the server's that was read; None: it comes from elsewhere.
    """

    context: ssl.SSLContext
    rules: Rules
    stamp: Stamp = ()
    optional: ssl.SSLContext | None = None
    certificate: x509.Certificate | None = None
    chains: VerifiedChains = field(default_factory=VerifiedChains, repr=False)
    optional_chains: VerifiedChains = field(default_factory=VerifiedChains, repr=False)


class Judge(Protocol):
    """Who decides what clients come in at one port."""

    @property
    def context(self) -> ssl.SSLContext:
        """The TLS settings for new connections."""

    def accepted(self, stream: Stream, context: ssl.SSLContext) -> Chain | None:
        """See `Admission.accepted`."""

    def open_while_accepted(self, chain: Chain, address: str) -> AbstractContextManager[None]:
        """See `Admission.open_while_accepted`."""


@dataclass(eq=False, slots=True)
class _Open:
    """A connection that is open.

    Attributes:
        chain: its client's certificates.
        scope: ends it.
        cause: why it was ended.
    """

    chain: Chain
    scope: trio.CancelScope
    cause: str = ""


class Admission:
    """The rules by which clients come in, and the connections that are in by them.

    Args:
        read: gives the files' contents now, and is called in a thread. Raises `Failure`, OSError or
            ssl.SSLError where they cannot be used.
        stamp: of the files now, called in a thread; None: there are no files to be looked at.
        now: the clock, with a time zone.

    Raises:
        Failure, OSError, ssl.SSLError: as `read`.
    """

    def __init__(
        self,
        read: Callable[[], Reading],
        now: Callable[[], datetime],
        stamp: Callable[[], Stamp] | None = None,
    ) -> None:
        self._read = read
        self._stamp = stamp
        self._now = now
        self._reading = read()
        self._failed: Stamp | None = None
        self.followers: list[Callable[[Rules], None]] = []
        self._open: dict[_Open, None] = {}
        self._warned: set[str] = set()
        self._warn()

    @property
    def context(self) -> ssl.SSLContext:
        """The TLS settings for new connections."""
        return self._reading.context

    def judge_by(self, rules: Rules) -> None:
        """Judge clients by other rules from now on, those who are in as well.

        Args:
            rules: of the same authorities, which the TLS settings cannot change.

        Raises:
            Failure: they forget something of those before.
        """
        rules.check_follows(self._reading.rules)
        self._reading.rules = rules
        self._judge()

    def accepted(self, stream: Stream, context: ssl.SSLContext) -> Chain | None:
        """The verified chain of a client's certificate; None: it showed none.

        Args:
            stream: after its handshake.
            context: the settings with which the handshake began.

        Raises:
            NotAccepted: its certificate is not accepted, whether or not the session was resumed.
        """
        reading = self._reading
        if context is not reading.context:
            raise NotAccepted(CHANGED)
        return self.checked(reading.chains.of(stream))

    def checked(self, chain: Chain | None) -> Chain | None:
        """The same chain, where the rules accept it; None: there is none.

        Raises:
            NotAccepted: it is not accepted.
        """
        if chain is not None:
            self._reading.rules.check(chain, self._now())
        return chain

    @property
    def reading(self) -> Reading:
        """What is in force."""
        return self._reading

    @contextmanager
    def open_while_accepted(self, chain: Chain, address: str) -> Iterator[None]:
        """Have a connection end with its certificate: what runs in the block is cancelled.

        Args:
            chain: as from `accepted`.
            address: where the client connects from, for the log.
        """
        left = (end_of(chain) - self._now()).total_seconds()
        with trio.CancelScope(deadline=trio.current_time() + max(0.0, left)) as scope:
            connection = _Open(chain, scope)
            self._open[connection] = None
            try:
                yield
            finally:
                del self._open[connection]
        if scope.cancelled_caught:
            cause = connection.cause or "certificate has expired"
            log.info("the connection of %s from %s ends: %s", subject_of(chain[0]), address, cause)

    async def keep(self) -> None:
        """Look at the files, and at the time, for ever."""
        while True:
            await trio.sleep(LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Read the files again if one has changed; end what is not accepted any more."""
        if self._stamp is not None:
            await self._look_at_files(self._stamp)
        self._judge()

    async def read_again(self) -> bool:
        """Read the files now, whether or not they have changed; False where there are none.

        Raises:
            Failure, OSError, ssl.SSLError: they cannot be used; the former reading is in force.
        """
        if self._stamp is None:
            return False
        await self._take()
        self._judge()
        return True

    async def _look_at_files(self, stamp: Callable[[], Stamp]) -> None:
        found = await trio.to_thread.run_sync(stamp, abandon_on_cancel=True)
        if found in (self._reading.stamp, self._failed):
            return
        try:
            await self._take()
        except (Failure, OSError, ssl.SSLError) as error:
            self._failed = found
            log.error("%s", f"{NOT_TAKEN}: {error}")  # noqa: TRY400 - a sentence, for the operator
        else:
            log.info("what clients are admitted by has changed and is taken")

    async def _take(self) -> None:
        reading = await trio.to_thread.run_sync(self._read, abandon_on_cancel=True)
        reading.rules.check_follows(self._reading.rules)
        self._reading, self._failed = reading, None
        for follow in self.followers:
            follow(reading.rules)

    def _judge(self) -> None:
        """End the connections that are not accepted any more."""
        self._warn()
        now = self._now()
        for connection in tuple(self._open):
            try:
                self._reading.rules.check(connection.chain, now)
            except NotAccepted as error:
                connection.cause = str(error)
                connection.scope.cancel()

    def _warn(self) -> None:
        """Tell what the operator should know, each once."""
        found = set(self._reading.rules.warnings(self._now()))
        for each in sorted(found - self._warned):
            log.warning("%s", each)
        self._warned = found


class OptionalOfFiles:
    """Who may come in at a port that presents the certificate of the same files.

    Args:
        admission: the rules; each of its readings has settings for this port.
    """

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.open_while_accepted = admission.open_while_accepted

    @property
    def context(self) -> ssl.SSLContext:
        """See `Judge`."""
        context = self._admission.reading.optional
        if context is None:
            raise RuntimeError("this reading has no settings for another port")
        return context

    def accepted(self, stream: Stream, context: ssl.SSLContext) -> Chain | None:
        """See `Judge`."""
        reading = self._admission.reading
        if context is not reading.optional:
            raise NotAccepted(CHANGED)
        return self._admission.checked(reading.optional_chains.of(stream))


class OptionalBeside:
    """Who may come in at a port that presents a certificate of its own.

    Args:
        admission: the rules.
        context: the TLS settings; from now on they verify the certificates of clients.
    """

    def __init__(self, admission: Admission, context: ssl.SSLContext) -> None:
        self._admission = admission
        self._chains = VerifiedChains()
        self.context = context
        self.open_while_accepted = admission.open_while_accepted
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_mode = ssl.CERT_OPTIONAL
        self._trust(admission.reading.rules)
        admission.followers.append(self._trust)

    def accepted(self, stream: Stream, context: ssl.SSLContext) -> Chain | None:
        """See `Judge`."""
        return self._admission.checked(self._chains.of(stream))

    def _trust(self, rules: Rules) -> None:
        if rules.authorities:
            self.context.load_verify_locations(cadata=b"".join(map(_der, rules.authorities)))


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
