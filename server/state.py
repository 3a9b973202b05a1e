"""What all requests of one server share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Final

import trio

from server.access.api_tokens import APITokens
from server.access.attested_clients import AttestedClients
from server.access.client_certificates import Rules
from server.access.ended_tickets import EndedTickets
from server.access.jwt_issuers import JWTIssuers
from server.access.kept_tokens import KeptTokens
from server.access.replaced_certificates import ReplacedCertificates
from server.access.users import Users
from server.metrics.requests import RequestCounts
from server.objects.opened import Opened
from server.objects.served import Served
from server.objects.transaction import Transaction
from server.objects.uses import Uses
from server.sessions.address_guesses import AddressGuesses
from server.sessions.client_turns import ClientTurns
from server.sessions.guesses import Guesses
from server.sessions.jobs import Jobs
from server.sessions.refusals import Refusals
from server.sessions.streams import Streams
from server.sessions.thread_shares import ThreadShares
from server.sessions.tickets import Tickets
from server.setup.config import Config
from server.setup.shutdown import Shutdown
from storage import SealedStore

STREAM_EXTRA: Final = 128 * 1024
"""Bytes that a stream keeps beside a message: a tag, a signature, additional data."""


@dataclass(slots=True)
class Server:
    """What all requests share.

    Attributes:
        config: the settings.
        store: the sealed store.
        users: who may identify themselves by a password.
        clock: gives the time, seconds since 1970.
        opened: opened objects.
        served: objects that were given to clients and could not be written.
        uses: of objects, which are counted and not written yet.
        streams: cryptographic operations in parts.
        tickets: that clients have logged in for.
        jobs: messages that are answered later.
        guesses: of passwords, which are limited.
        address_guesses: counts wrong credentials by address, of clients without a certificate.
        refusals: limits the lines that tell of clients that are not let in.
        follow_rules: takes what the operator has said of certificates at another server; None:
            they say nothing.
        certificate_rules: gives the rules by which clients' certificates are judged now; None:
            there are none.
        attested_clients: who comes in by evidence of a TEE.
        ended_tickets: clients whose tickets an operator has ended.
        api_tokens: whose tokens are taken at the HTTPS port.
        jwt_issuers: whose JWTs are taken there.
        replaced_certificates: that clients have replaced, and that let nobody in.
        threads: limits how many slow calls run at once.
        thread_shares: how many of them one client has, half of all.
        turns: of the clients, and what their messages hold.
        shutdown: says when to stop, and what is to end then.
        request_counts: what has been asked, for whoever scrapes.
        kept_answers: payloads of answers that cannot differ, see `server.requests.kept_answers`.
    """

    config: Config
    store: SealedStore
    users: Users
    clock: Callable[[], float]
    opened: Opened = field(init=False)
    served: Served = field(default_factory=Served)
    uses: Uses = field(default_factory=Uses)
    streams: Streams = field(init=False)
    tickets: Tickets = field(init=False)
    jobs: Jobs = field(init=False)
    guesses: Guesses = field(init=False)
    address_guesses: AddressGuesses = field(default_factory=AddressGuesses)
    refusals: Refusals = field(default_factory=Refusals)
    certificate_rules: Callable[[], Rules] | None = None
    follow_rules: Callable[[], Awaitable[None]] | None = None
    jwt_issuers: JWTIssuers = field(default_factory=JWTIssuers)
    attested_clients: AttestedClients = field(default_factory=AttestedClients)
    ended_tickets: EndedTickets = field(init=False)
    api_tokens: APITokens = field(init=False)
    replaced_certificates: ReplacedCertificates = field(init=False)
    threads: trio.CapacityLimiter = field(init=False)
    thread_shares: ThreadShares = field(init=False)
    turns: ClientTurns = field(init=False)
    shutdown: Shutdown = field(default_factory=Shutdown)
    request_counts: RequestCounts = field(default_factory=RequestCounts)
    kept_answers: dict[Hashable, bytes] = field(default_factory=dict)

    def begin(self) -> Transaction:
        """A transaction of the server's own."""
        return Transaction(self.store, self.opened, int(self.clock()), self.served)

    def __post_init__(self) -> None:
        self.users.look_into(self.store)
        self.tickets = Tickets(self.store)
        self.jobs = Jobs(self.store)
        self.replaced_certificates = ReplacedCertificates(self.store)
        self.guesses = Guesses(self.store, lambda: self.clock())
        self.ended_tickets = EndedTickets(
            None if self.config.use_bootstrap_server else self.config.ended_tickets_file
        )
        self.api_tokens = APITokens(
            None if self.config.use_bootstrap_server else self.config.api_tokens_file,
            KeptTokens(self.store),
        )
        self.streams = Streams(self.config.max_whole_bytes + STREAM_EXTRA)
        self.opened = Opened(self.config.object_cache_bytes)
        self.threads = trio.CapacityLimiter(self.config.worker_threads)
        self.thread_shares = ThreadShares(max(1, self.config.worker_threads // 2), self.threads)
        self.turns = ClientTurns(self.config.max_message_bytes)
