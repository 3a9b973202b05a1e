"""What a scrape of the metrics shows, gathered when somebody scrapes.

Most of it is kept anyway by whoever it belongs to; see docs/metrics.md for what each family means.
No label has a value that a client chose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509

from server.metrics.openmetrics import Family, Sample, Type, counter, gauge
from server.setup.line_writer import dropped_lines
from server.setup.release import VERSION
from server.state import Server
from server.transport.acceptor import Acceptor

Presented = Mapping[str, x509.Certificate]
"""The server's certificates by the port that presents them, `kmip` or `https`."""


@dataclass
class Exposition:
    """The metric families of one server.

    Attributes:
        server: what all requests share.
        acceptor: counts connections.
        presented: gives the certificates that are presented now.
        evident_since: gives when the evidence that is presented was made; None: none is.
        started: seconds since 1970.
    """

    server: Server
    acceptor: Acceptor
    presented: Callable[[], Presented]
    evident_since: Callable[[], datetime | None]
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.server.clock()

    def families(self) -> Iterator[Family]:
        """All families, those without a sample now included."""
        yield Family(
            "strongroom_build",
            Type.INFO,
            "The version of the program.",
            (Sample(1, {"version": VERSION}, "_info"),),
        )
        yield gauge(
            "strongroom_start_time_seconds",
            "When the server started, seconds since 1970.",
            Sample(self.started),
            unit="seconds",
        )
        yield from self.server.request_counts.families()
        yield from self._connections()
        yield from self._queues()
        yield from self._store()
        yield from self._identity()
        yield counter(
            "strongroom_log_lines_dropped",
            "Lines of the log and the audit log that nobody took in time.",
            Sample(dropped_lines()),
        )

    def _connections(self) -> Iterator[Family]:
        acceptor = self.acceptor
        yield gauge(
            "strongroom_connections",
            "Connections that are open, those in their handshake included.",
            Sample(acceptor.limits.total),
        )
        yield gauge(
            "strongroom_connections_limit",
            "Connections that may be open at once.",
            Sample(acceptor.limits.max_connections),
        )
        yield counter(
            "strongroom_connections_accepted",
            "Connections that came, refused ones included.",
            Sample(acceptor.accepted),
        )
        yield counter(
            "strongroom_connections_refused",
            "Connections that were refused, or ended for others, by the cause.",
            *(Sample(count, {"cause": str(cause)}) for cause, count in acceptor.refused.items()),
        )

    def _queues(self) -> Iterator[Family]:
        server = self.server
        yield gauge(
            "strongroom_turns_waiting",
            "Messages that wait for their client's turn, or for room to be decoded.",
            Sample(server.turns.waiting),
        )
        yield gauge(
            "strongroom_threads_waiting",
            "Slow calls that wait for a thread.",
            Sample(server.thread_shares.waiting),
        )
        yield gauge(
            "strongroom_threads_busy",
            "Threads that compute.",
            Sample(int(server.threads.borrowed_tokens)),
        )
        yield gauge(
            "strongroom_threads_limit",
            "Threads that may compute at once.",
            Sample(int(server.threads.total_tokens)),
        )

    def _store(self) -> Iterator[Family]:
        store, opened = self.server.store, self.server.opened
        yield counter(
            "strongroom_store_commits",
            "Commits of this server that were made durable.",
            Sample(store.commits),
        )
        yield counter(
            "strongroom_store_conflicts",
            "Commits of this server that others had overtaken.",
            Sample(store.conflicts),
        )
        yield gauge(
            "strongroom_store_commit_number",
            "The number of the last commit of any server that is known here.",
            Sample(store.anchor.number),
        )
        yield gauge("strongroom_store_records", "Records in the store.", Sample(store.count))
        yield gauge(
            "strongroom_store_stopped",
            "1 where the store takes no changes, since it is not as it was written; else 0.",
            Sample(int(store.finding is not None)),
        )
        yield counter(
            "strongroom_object_cache_lookups",
            "Looks for an opened object in memory, by whether it was there.",
            Sample(opened.hits, {"result": "hit"}),
            Sample(opened.misses, {"result": "miss"}),
        )
        yield gauge(
            "strongroom_object_cache_bytes",
            "Memory of the opened objects, estimated.",
            Sample(opened.memory),
            unit="bytes",
        )

    def _identity(self) -> Iterator[Family]:
        since, now = self.evident_since(), self.server.clock()
        yield gauge(
            "strongroom_evidence_age_seconds",
            "Age of the evidence in the certificate that is presented.",
            *(() if since is None else (Sample(now - since.timestamp()),)),
            unit="seconds",
        )
        yield gauge(
            "strongroom_certificate_end_seconds",
            "When the certificate that is presented at a port ends, seconds since 1970.",
            *(
                Sample(int(each.not_valid_after_utc.timestamp()), {"port": port})
                for port, each in self.presented().items()
            ),
            unit="seconds",
        )
