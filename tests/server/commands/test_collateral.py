"""`strongroom collateral fetch`: from services over real TLS, and as a person types it."""

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import pytest
import trio

from enclave.collateral_file import read_collateral
from enclave.evidence import TEE, Evidence
from enclave.evidence_formats import TaggedEvidence, write_tagged
from enclave.insecure.tee import SoftwareTee
from enclave.policy import appraise, read_policy, write_policy
from enclave.roots import vendor_roots
from enclave.sgx import SGX
from enclave.sgx.collateral import DCAPCollateral
from enclave.snp import SEV_SNP
from enclave.snp.abi import Product, parse_report
from enclave.snp.key_distribution import vcek_url
from enclave.snp.policy import SNPPolicy
from enclave.tdx import TDX
from enclave.tee import Tee
from enclave.verify import verify
from server.__main__ import main
from server.attestation import attester
from server.commands.collateral import ALL_SECONDS, ATTEMPTS, fetched
from server.commands.measure import measure
from server.setup.config import Config
from server.setup.failure import Failure
from server.transport import tls
from server.transport.https_client import Fetcher, Reply, client_context
from tests.enclave.forging import DCAP, NOW, REPORT_DATA, SNP
from tests.enclave.shared_vectors import VECTORS, manifest, needs_vectors
from tests.server.acme.fake_directory import localhost, utc_now
from tests.server.unprovisioned_server import (
    chip,
    configured,
    expected,
    put_chip,
    running,
    software,
)


@dataclass
class Service:
    """A vendor's service, or a cache of it, that gives what it is told to.

    Attributes:
        documents: by path: status, headers, body.
        requested: the paths that were asked for.
    """

    documents: dict[str, Reply] = field(default_factory=dict)
    requested: list[str] = field(default_factory=list)

    def reply(self, path: str) -> Reply:
        self.requested.append(path)
        return self.documents.get(path, Reply(404))

    async def fetch(
        self, method: str, url: str, body: bytes = b"", content_type: str = ""
    ) -> Reply:
        assert method == "GET"
        await trio.lowlevel.checkpoint()
        return self.reply("/" + url.split("/", 3)[3])

    async def serve(self, context: ssl.SSLContext, tcp: trio.SocketStream) -> None:
        stream = trio.SSLStream(tcp, context, server_side=True, https_compatible=True)
        with suppress(trio.BrokenResourceError):
            request = b""
            while b"\r\n\r\n" not in request:
                request += await stream.receive_some()
            reply = self.reply(request.split()[1].decode())
            head = [f"HTTP/1.1 {reply.status} x", f"Content-Length: {len(reply.body)}"]
            head += [f"{name}: {value}" for name, value in reply.headers.items()]
            await stream.send_all("\r\n".join([*head, "", ""]).encode() + reply.body)
            await stream.aclose()


@dataclass
class Place:
    """Where a service is, and who vouches for it."""

    url: str
    authority: Path

    @property
    def fetcher(self) -> Fetcher:
        return Fetcher(client_context(self.authority))


@pytest.fixture(scope="module")
def vouched(tmp_path_factory: pytest.TempPathFactory) -> tuple[tls.Identity, Path]:
    identity, authority = localhost(utc_now())
    file = tmp_path_factory.mktemp("authority") / "ca.pem"
    file.write_bytes(authority)
    return identity, file


@asynccontextmanager
async def serving(service: Service, vouched: tuple[tls.Identity, Path]) -> AsyncIterator[Place]:
    identity, authority = vouched
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.use_identity(context, identity)
    async with trio.open_nursery() as nursery:
        serve = partial(service.serve, context)
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        yield Place(f"https://localhost:{port}", authority)
        nursery.cancel_scope.cancel()


def pccs(tee: TEE, fmspc: bytes, collateral: DCAPCollateral, ca: str = "platform") -> Service:
    """A cache of Intel's documents for one platform, with lists in hexadecimal."""

    def document(member: str, inner: bytes, signature: bytes) -> bytes:
        return b'{"%s":%s,"signature":"%s"}' % (member.encode(), inner, signature.hex().encode())

    def reply(body: bytes, header: str = "", chain: bytes = b"") -> Reply:
        return Reply(200, {header: quote(chain)} if header else {}, body)

    info = document("tcbInfo", collateral.tcb_info, collateral.tcb_info_signature)
    identity = document("enclaveIdentity", collateral.qe_identity, collateral.qe_identity_signature)
    own, lists = f"/{tee}/certification/v4", "/sgx/certification/v4"
    return Service(
        {
            f"{own}/tcb?fmspc={fmspc.hex()}": reply(
                info, "TCB-Info-Issuer-Chain", collateral.tcb_info_issuer_chain
            ),
            f"{own}/qe/identity": reply(
                identity,
                "SGX-Enclave-Identity-Issuer-Chain",
                collateral.qe_identity_issuer_chain,
            ),
            f"{lists}/pckcrl?ca={ca}&encoding=der": reply(
                collateral.pck_crl, "SGX-PCK-CRL-Issuer-Chain", collateral.pck_crl_issuer_chain
            ),
            f"{lists}/rootcacrl": reply(collateral.root_ca_crl.hex().encode()),
        }
    )


@pytest.mark.parametrize("forged", [DCAP(), DCAP(tee=SGX, version=3)], ids=["tdx", "sgx"])
async def test_intels_documents_come_from_a_cache(forged: DCAP, vouched):
    collateral = forged.collateral
    async with serving(pccs(forged.tee, forged.fmspc, collateral), vouched) as place:
        got = await fetched(forged.evidence, place.fetcher, place.url, forged.roots, NOW)
    assert got == collateral
    assert verify(forged.evidence, got, forged.roots, NOW).report_data == REPORT_DATA


async def test_amds_list_and_certificate_come_from_a_mirror(vouched):
    forged = SNP()
    leaf, listing = forged.leaf, forged.collateral().revocation_lists[0]
    evidence = replace(forged.evidence, certificates=())
    path = vcek_url(parse_report(forged.report), forged.product, "/kds")
    service = Service(
        {"/kds/vcek/v1/Genoa/crl": Reply(200, {}, listing), path: Reply(200, {}, leaf)}
    )
    async with serving(service, vouched) as place:
        got = await fetched(evidence, place.fetcher, f"{place.url}/kds/", forged.roots, NOW)
    assert verify(evidence, got, forged.roots, NOW).revocation_checked


REAL = [
    entry
    for entry in manifest("tdx")
    for verification in entry["verifications"][:1]
    if verification["pyca_check"].get("status") == "UpToDate"
]


@needs_vectors
@pytest.mark.parametrize("entry", REAL, ids=[entry["name"] for entry in REAL])
async def test_documents_that_intel_signed_are_taken(entry: dict[str, Any], vouched):
    verification = entry["verifications"][0]
    read = lambda name: (VECTORS / "tdx" / name).read_bytes()  # noqa: E731
    evidence = Evidence(TDX, read(entry["quote"]))
    collateral = DCAPCollateral.from_json(read(verification["collateral"]))
    at = datetime.fromtimestamp(verification["at"], UTC)
    service = pccs(TDX, bytes.fromhex(entry["fmspc"]), collateral, entry["pck_ca"])
    async with serving(service, vouched) as place:
        got = await fetched(evidence, place.fetcher, place.url, vendor_roots(), at)
        assert got == collateral
        with pytest.raises(Failure, match="no collateral for tdx"):
            await fetched(evidence, place.fetcher, place.url, vendor_roots(), utc_now())


async def test_a_service_whose_certificate_nobody_vouches_for_is_not_asked(vouched):
    service = Service()
    async with serving(service, vouched) as place:
        with pytest.raises(Failure, match="its certificate is not accepted"):
            await fetched(DCAP().evidence, Fetcher(client_context()), place.url, DCAP().roots, NOW)
    assert service.requested == []


async def test_a_service_that_asks_for_patience_is_asked_again(autojump_clock):
    """AMD's answers one address about once in ten seconds."""
    forged = SNP()
    busy = [Reply(429), Reply(429, {"retry-after": "7"}), Reply(503, {"retry-after": "x"})]
    good = Reply(200, {}, forged.collateral().revocation_lists[0])

    class Busy(Service):
        def reply(self, path: str) -> Reply:
            self.requested.append(path)
            return busy.pop(0) if busy else good

    service, start = Busy(), trio.current_time()
    assert await fetched(forged.evidence, service.fetch, None, forged.roots, NOW)
    assert len(service.requested) == ATTEMPTS
    assert trio.current_time() - start == pytest.approx(10 + 7 + 10)


class Slow(Service):
    async def fetch(
        self, method: str, url: str, body: bytes = b"", content_type: str = ""
    ) -> Reply:
        await trio.sleep(ALL_SECONDS)
        return Reply(200)


@pytest.mark.parametrize(
    "service, why",
    [
        (Service(), "cannot be fetched: the service answers 404"),
        (Service({"/vcek/v1/Genoa/crl": Reply(429, {"retry-after": "86400"})}), "answers 429"),
        (Service({"/vcek/v1/Genoa/crl": Reply(200, {}, b"<html>")}), "no collateral for sev-snp"),
        (Slow(), "cannot be fetched in time"),
    ],
)
async def test_what_cannot_be_had_ends_in_a_sentence(service: Service, why: str, autojump_clock):
    forged = SNP()
    with pytest.raises(Failure, match=why):
        await fetched(forged.evidence, service.fetch, None, forged.roots, NOW)


@dataclass(frozen=True)
class Recorded:
    """A machine that answers with a quote that a real one made."""

    quote: Evidence

    simulated = False

    async def evidence(self, report_data: bytes) -> Evidence:
        return self.quote


@needs_vectors
async def test_a_policy_for_a_td_is_made_by_its_collateral(tmp_path: Path):
    entry = REAL[0]
    verification = entry["verifications"][0]
    quote = Evidence(TDX, (VECTORS / "tdx" / entry["quote"]).read_bytes())
    collateral = DCAPCollateral.from_json(
        (VECTORS / "tdx" / verification["collateral"]).read_bytes()
    )
    at = datetime.fromtimestamp(verification["at"], UTC)
    out = tmp_path / "policy.toml"
    await measure(cast(Tee, Recorded(quote)), at, out, {TDX: collateral})
    policy = read_policy(out.read_text())
    verified = verify(quote, collateral, vendor_roots(), at)
    assert appraise(verified, policy, at).verified is verified


# As a person types it


@dataclass(frozen=True)
class WithoutTable(SoftwareTee):
    """A host that has no certificate of its chip; its simulated roots do come along."""

    async def evidence(self, report_data: bytes) -> Evidence:
        whole = await super().evidence(report_data)
        return replace(whole, certificates=whole.certificates[1:])


def kds() -> Service:
    """What AMD would give for the simulated chip."""
    report = parse_report(software().guest.report(bytes(64)))
    path = vcek_url(report, Product.GENOA, "")
    listing = chip().amd.revocation_list(chip().made)
    return Service(
        {"/vcek/v1/Genoa/crl": Reply(200, {}, listing), path: Reply(200, {}, chip().vcek())}
    )


async def types(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    capsys.readouterr()
    status = await trio.to_thread.run_sync(main, [str(word) for word in words])
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.mark.slow
async def test_a_server_whose_host_has_no_certificates_is_verified(
    tmp_path: Path, vouched, capsys: pytest.CaptureFixture[str]
):
    """From the operator's desk: fetch for the server's chip, then verify by it, with revocation."""
    tee = WithoutTable(software().guest)
    policy = (await expected(software())).policy
    section = policy.sections[SEV_SNP]
    assert isinstance(section, SNPPolicy)
    strict = replace(
        policy, sections={SEV_SNP: replace(section, allow_missing_revocation_list=False)}
    )
    (tmp_path / "policy.toml").write_text(write_policy(strict))
    out, endorsements = tmp_path / "collateral.json", tmp_path / "vcek.pem"
    async with running(configured(tmp_path / "data"), tee) as one, serving(kds(), vouched) as place:
        server = f"https://127.0.0.1:{await one.until_waiting()}"
        verifies = (
            "verify", "--server", server, "--policy", tmp_path / "policy.toml",
            "--role", "bootstrap", "--allow-insecure-simulated",
        )  # fmt: skip
        status, _, said = await types(capsys, *verifies)
        assert (status, "0 SEV-VCEK certificates came with the report" in said) == (1, True)
        fetches = (
            "collateral", "fetch", "--out", out, "--server", server, "--cache", place.url,
            "--cache-ca", place.authority, "--endorsements-out", endorsements,
        )  # fmt: skip
        status, _, said = await types(capsys, *fetches)
        assert (status, "no collateral for sev-snp" in said) == (1, True), "another vendor's root"
        assert not out.exists()
        status, said, _ = await types(capsys, *fetches, "--allow-insecure-simulated")
        assert (status, "good until" in said) == (0, True)
        status, said, _ = await types(capsys, *verifies, "--collateral", out)
        assert (status, "revocation was not checked" in said) == (0, False)
    assert json.loads(out.read_bytes())["strongroom-collateral"] == 1
    known = attester.circumstances(Config(data=tmp_path, endorsements=endorsements))
    assert len(known.endorsements) == 1


@pytest.mark.slow
async def test_evidence_may_come_from_a_file_or_from_this_machine(
    tmp_path: Path, vouched, capsys: pytest.CaptureFixture[str]
):
    evidence = await software().evidence(bytes(64))
    kept = tmp_path / "quote.cbor"
    kept.write_bytes(write_tagged(TaggedEvidence(evidence, b"")))
    put_chip(tmp_path / "data")
    out = tmp_path / "collateral.json"
    async with serving(kds(), vouched) as place:
        words = (
            "collateral", "fetch", "--out", out, "--allow-insecure-simulated",
            "--cache", place.url, "--cache-ca", place.authority, "--data", tmp_path / "data",
        )  # fmt: skip
        sources: Mapping[str, tuple[object, ...]] = {
            "a file": ("--evidence", kept),
            "this machine": ("--insecure-software-chip",),
        }
        for source in sources.values():
            out.unlink(missing_ok=True)
            status, said, _ = await types(capsys, *words, *source)
            assert (status, f"collateral   {out}, for sev-snp\n" in said) == (0, True)
            assert set(read_collateral(out.read_bytes())) == {SEV_SNP}
        out.write_text("what was there")
        kept.write_bytes(b"no evidence")
        status, _, said = await types(capsys, *words, "--evidence", kept)
        assert (status, "The evidence cannot be used" in said) == (1, True)
        assert out.read_text() == "what was there"
        status, _, said = await types(capsys, *words)
        assert (status, "--server" in said) == (1, True)
