"""`strongroom collateral fetch`: get what the vendor publishes about a server's chip, and keep it.

Which documents they are follows from evidence: that of a server (`--server`), of a file that holds
an answer of `GET /quote` (`--evidence`), or of this machine. The evidence is not verified, since
that takes the documents. They are: each is signed by the vendor, current, and for that chip, or
nothing is written. The file is replaced in one step.

AMD's service answers one address about once in ten seconds, and says so by a status; then it is
asked again.
"""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import trio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from enclave.client import presented_by
from enclave.collateral import Collateral, Document
from enclave.collateral_file import write_collateral
from enclave.configfs import REPORT_DATA_BYTES
from enclave.errors import EnclaveError, InvalidEvidence
from enclave.evidence import Evidence
from enclave.evidence_formats import read_tagged
from enclave.fetch import check_collateral, fetch_collateral
from enclave.insecure.tee import roots_in
from enclave.quote_request import HTTPAsk
from enclave.roots import Roots, vendor_roots
from enclave.supported import TEES
from enclave.verify import verify
from server.attestation import attester
from server.commands import Command, attested_server, config, say
from server.setup import files
from server.setup.failure import Failure
from server.transport.https_client import Fetch, Fetcher, FetchFailed, client_context

ALL_SECONDS: Final = 180.0
"""For all documents together: at most five, with the pauses that AMD's service asks for."""
ATTEMPTS: Final = 4
PAUSE_SECONDS: Final = 10.0
MAX_PAUSE_SECONDS: Final = 30.0
_AGAIN: Final = frozenset({429, 503})
"""Statuses by which a service asks for patience."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """Gets documents from the vendor's service, or from a cache (`enclave.collateral.Fetch`).

    Attributes:
        fetch: makes one request.
    """

    fetch: Fetch

    async def __call__(self, url: str) -> Document:
        """The document at a URL.

        Raises:
            Failure: there is none.
        """
        for attempt in range(ATTEMPTS):
            try:
                reply = await self.fetch("GET", url)
            except FetchFailed as error:
                raise Failure(f"{_short(url)} cannot be fetched: {error}.") from None
            if reply.status == 200:
                return Document(reply.body, reply.headers)
            if reply.status not in _AGAIN or attempt == ATTEMPTS - 1:
                break
            await trio.sleep(_pause(reply.headers.get("retry-after", "")))
        raise Failure(f"{_short(url)} cannot be fetched: the service answers {reply.status}.")


def _pause(after: str) -> float:
    """How long to wait, in seconds, as the service asks or as is usual."""
    return min(float(after), MAX_PAUSE_SECONDS) if after.isdecimal() else PAUSE_SECONDS


def _short(url: str) -> str:
    """A URL without what identifies the chip."""
    return url.partition("?")[0][:100]


async def fetched(
    evidence: Evidence, fetch: Fetch, cache: str | None, roots: Roots, now: datetime
) -> Collateral:
    """The collateral for some evidence, checked.

    Args:
        evidence: says for which chip; unverified.
        fetch: makes requests.
        cache: the address of a cache or mirror; None: the vendor's service.
        roots: the trust anchors.
        now: the clock, with a time zone.

    Raises:
        Failure: it cannot be had, or is not what the vendor signed, current, and for that chip.
    """
    try:
        with trio.fail_after(ALL_SECONDS):
            collateral = await fetch_collateral(evidence, Vendor(fetch), cache)
        check_collateral(evidence, collateral, roots, now)
    except trio.TooSlowError:
        raise Failure("The collateral cannot be fetched in time.") from None
    except EnclaveError as error:
        raise Failure(f"What was fetched is no collateral for {evidence.tee}: {error}.") from None
    return collateral


async def _evidence(arguments: argparse.Namespace) -> Evidence:
    """The evidence that says for which chip.

    Raises:
        Failure: there is none, or it cannot be read.
    """
    try:
        if arguments.evidence is not None:
            return read_tagged(files.read(arguments.evidence, "The evidence", pipes=True)).evidence
        if arguments.server is not None:
            return await _of_server(arguments.server)
        tee = attester.find_tee(config(arguments), datetime.now(UTC))
        if tee is None:
            raise Failure(
                "This machine has no chip that attests: name a server by --server, or a file with "
                "its answer to /quote by --evidence."
            )
        return await tee.evidence(secrets.token_bytes(REPORT_DATA_BYTES))
    except EnclaveError as error:
        raise Failure(f"The evidence cannot be used: {error}.") from None


async def _of_server(url: str) -> Evidence:
    host, port = attested_server.place(url)
    try:
        return await presented_by(host, port, HTTPAsk(host))
    except (OSError, UnicodeError, trio.BrokenResourceError, trio.TooSlowError) as error:
        why = attested_server.why(error)
        raise Failure(f"{host} port {port} cannot be reached: {why}.") from None


def _roots(evidence: Evidence, *, allow_insecure_simulated: bool) -> Roots:
    if allow_insecure_simulated:
        with suppress(InvalidEvidence):  # a real chip's evidence brings no root along
            return roots_in(evidence)
    return vendor_roots()


def _verifies(evidence: Evidence, collateral: Collateral, roots: Roots) -> str:
    """What comes of verifying the evidence with it, for people."""
    try:
        verified = verify(evidence, collateral, roots, datetime.now(UTC))
    except EnclaveError as error:
        return f"note         the evidence does not verify with it: {error}"
    return f"good until   {verified.valid_until:%Y-%m-%d %H:%M:%S} UTC"


def _pem(certificates: Iterable[bytes]) -> bytes:
    read = map(x509.load_der_x509_certificate, certificates)
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in read)


async def _fetch(arguments: argparse.Namespace) -> None:
    evidence = await _evidence(arguments)
    roots = _roots(evidence, allow_insecure_simulated=arguments.allow_insecure_simulated)
    fetcher = Fetcher(client_context(arguments.cache_ca))
    collateral = await fetched(evidence, fetcher, arguments.cache, roots, datetime.now(UTC))
    if arguments.endorsements_out is not None:
        endorsements = TEES[evidence.tee].endorsements(evidence, collateral)
        if not endorsements:
            raise Failure(f"There is no certificate for the chip of this {evidence.tee} evidence.")
        files.replace(arguments.endorsements_out, _pem(endorsements))
        say(f"endorsements {arguments.endorsements_out}")
    files.replace(arguments.out, write_collateral({evidence.tee: collateral}))
    say(f"collateral   {arguments.out}, for {evidence.tee}")
    say(_verifies(evidence, collateral, roots))


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["fetch"])
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where it goes")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--server", metavar="URL", help="whose chip; else this machine's")
    source.add_argument(
        "--evidence",
        type=Path,
        metavar="FILE",
        help="an answer of GET /quote, in its place",
    )
    parser.add_argument(
        "--cache", metavar="URL", help="a cache (PCCS) or mirror in place of the vendor's service"
    )
    parser.add_argument(
        "--cache-ca", type=Path, metavar="FILE", help="who vouches for it, PEM; else the system's"
    )
    parser.add_argument(
        "--endorsements-out",
        type=Path,
        metavar="FILE",
        help="also write the certificate of the chip's key, for the setting endorsements",
    )
    parser.add_argument(
        "--allow-insecure-simulated",
        action="store_true",
        help="take the roots of a simulated TEE from its evidence, which proves nothing",
    )


def _run(arguments: argparse.Namespace) -> None:
    trio.run(_fetch, arguments)


COMMAND = Command(
    "collateral",
    "get what the vendor publishes about a server's chip, for verifiers",
    _run,
    _arguments,
    frozenset({"data", "insecure_software_chip", "vmpl"}),
)
