"""What proof costs: evidence verified, and TLS handshakes with evidence beside plain ones.

One process, one connection at a time: the client's and the server's work together. The plain client
trusts the very same certificate, so both handshakes differ in the verification of evidence alone.
The chip is simulated; its reports, quotes, certificates and collateral have the real ones' forms
and algorithms, so that verifying them costs the same.
"""

import contextlib
import ssl
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

import trio

from enclave.claims import Role
from enclave.client import Expectation, client_context, connect
from enclave.collateral import Collateral
from enclave.evidence import TEE, Evidence
from enclave.insecure import SoftwareChip, SoftwareGuest, SoftwareTee
from enclave.keys import Purpose, tls_key
from enclave.policy import naming
from enclave.ratls import Attester, server_context, use_certificate
from enclave.snp import SEV_SNP
from enclave.snp.collateral import SNPCollateral
from enclave.tdx import TDX
from enclave.verify import verify

HEADING = "| proof | per second | p50 ms | p99 ms | ratio |\n| --- | ---: | ---: | ---: | ---: |"
KINDS = {SEV_SNP: "SNP report", TDX: "TDX quote"}


def now() -> datetime:
    """The client's and the server's clock."""
    return datetime.now(UTC)


def table(seconds: float) -> list[str]:
    """The rows of the table.

    Args:
        seconds: for each of them.
    """
    chip = SoftwareChip.make(now())
    rows = [HEADING]
    for kind in KINDS:
        rows += trio.run(_of, chip, kind, seconds)
    return rows


async def _of(chip: SoftwareChip, kind: TEE, seconds: float) -> list[str]:
    """Verification and handshakes for one kind of evidence."""
    tee = SoftwareTee(SoftwareGuest(chip), kind=kind)
    collateral: dict[TEE, Collateral] = {
        SEV_SNP: SNPCollateral((chip.amd.revocation_list(chip.made),)),
        TDX: chip.intel.collateral(chip.made),
    }
    evidence = await tee.evidence(bytes(64))
    verified = verify(evidence, collateral[kind], chip.roots, now())
    expectation = Expectation(
        policy=naming(verified),
        role=Role.API,
        collateral=collateral,
        roots=chip.roots,
        allow_insecure_simulated=True,
    )
    alone = partial(_verify, evidence, collateral[kind], chip)
    (times,) = await _by_turns(seconds, alone)
    verifying = _row(f"{KINDS[kind]} verified", times, "")
    return [verifying, *await _handshakes(tee, expectation, seconds)]


async def _verify(evidence: Evidence, collateral: object, chip: SoftwareChip) -> None:
    verify(evidence, collateral, chip.roots, now())  # type: ignore[arg-type]


async def _handshakes(tee: SoftwareTee, expectation: Expectation, seconds: float) -> list[str]:
    """Attested and plain handshakes with one server, by turns."""
    attester = Attester(
        tee=tee,
        key=await tls_key(tee, Purpose.API_TLS),
        role=Role.API,
        deployment="bench",
        instance=bytes(16),
        configuration_sha256=bytes(32),
        now=now,
    )
    certificate = (await attester.certificate()).certificate
    context = server_context()
    use_certificate(context, attester.key, certificate)
    trusting = client_context()
    trusting.load_verify_locations(cadata=certificate)
    trusting.verify_mode = ssl.CERT_REQUIRED
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_ssl_over_tcp, _wait_for_end, 0, context, host="127.0.0.1")
        (listener,) = await nursery.start(serve)
        port = listener.transport_listener.socket.getsockname()[1]

        async def attested() -> None:
            connection = await connect("127.0.0.1", port, expectation, now=now)
            await trio.aclose_forcefully(connection.stream)

        async def plain() -> None:
            tcp = await trio.open_tcp_stream("127.0.0.1", port)
            stream = trio.SSLStream(tcp, trusting, https_compatible=True)
            await stream.do_handshake()
            await trio.aclose_forcefully(stream)

        ours, theirs = await _by_turns(seconds, attested, plain)
        nursery.cancel_scope.cancel()
    ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
    return [
        _row(f"RA-TLS handshake with {KINDS[tee.kind]}", ours, f"{ratio:.2f}"),
        _row("plain TLS handshake", theirs, "1"),
    ]


async def _wait_for_end(stream: trio.SSLStream[trio.SocketStream]) -> None:
    with contextlib.suppress(trio.BrokenResourceError):
        await stream.receive_some()


async def _by_turns(seconds: float, *works: Callable[[], Awaitable[None]]) -> list[list[float]]:
    """How long each call took, in seconds; the works by turns, all equally often."""
    times: list[list[float]] = [[] for _ in works]
    until = time.perf_counter() + seconds * len(works)
    while time.perf_counter() < until:
        for work, taken in zip(works, times, strict=True):
            began = time.perf_counter()
            await work()
            taken.append(time.perf_counter() - began)
    return times


def _row(name: str, times: list[float], ratio: str) -> str:
    cut = statistics.quantiles(times, n=100, method="inclusive")
    return (
        f"| {name} | {1 / statistics.mean(times):,.0f} "
        f"| {cut[49] * 1000:.2f} | {cut[98] * 1000:.2f} | {ratio} |"
    )


if __name__ == "__main__":
    print("\n".join(table(3.0)))
