"""verify, measure and bootstrap-start as a person types them, against a server in this process."""

import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from enclave.claims import KeyOrigin, Role
from enclave.pinned import Pinned
from enclave.policy import read_policy, write_policy
from enclave.tdx import TDX
from server.__main__ import main
from server.access.operator_credential import key_sha256
from server.access.refused_certificates import entry_of
from server.commands import attested_server
from server.commands.attested_server import read_remote
from server.commands.measure import measure
from server.commands.verdict import verdict
from server.pki import local_authority
from server.setup.failure import Failure
from tests.server.access.authorities import Issuer
from tests.server.commands.tls_pairs import listening, made
from tests.server.unprovisioned_server import (
    PASSWORD,
    TOKEN,
    certificate,
    configured,
    expected,
    issue,
    p12,
    pem,
    put_chip,
    running,
    software,
)

pytestmark = pytest.mark.slow


@dataclass
class Desk:
    """An operator's working directory and terminal."""

    directory: Path
    capsys: pytest.CaptureFixture[str]

    async def write(self, port: int, tee: Any = None, more: str = "") -> None:
        """The configuration, for a server at this port."""
        policy = (await expected(tee or software())).policy
        (self.directory / "policy.toml").write_text(write_policy(policy))
        text = f'server_url = "https://127.0.0.1:{port}"\npolicy = "policy.toml"\n'
        (self.directory / "client.toml").write_text(text + more)

    @property
    def conf(self) -> Path:
        return self.directory / "client.toml"

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.directory / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    async def types(self, *words: object) -> tuple[int, str, str]:
        """Exit status, standard output, standard error."""
        self.capsys.readouterr()
        # A command brings its own event loop, so it gets its own thread.
        status = await trio.to_thread.run_sync(main, [str(word) for word in words])
        said = self.capsys.readouterr()
        return status, said.out, said.err

    async def verifies(self, *words: object) -> tuple[int, str, str]:
        return await self.types("verify", "--conf", self.conf, "--allow-insecure-simulated", *words)

    async def starts(self, *words: object, token: str = TOKEN) -> tuple[int, str, str]:
        local_authority.ensure_client(self.directory / "clients", "client", datetime.now(UTC))
        return await self.types(
            "bootstrap-start", "--conf", self.conf, "--allow-insecure-simulated",
            "--token-file", self.file("token", token + "\n"),
            "--client-ca", self.directory / "clients" / "ca.pem", *words,
        )  # fmt: skip

    def pins(self) -> dict[str, Any]:
        path = self.directory / "client.toml.pin"
        return json.loads(path.read_text()) if path.exists() else {}

    def pinned(self, role: Role) -> Pinned:
        found = read_remote(self.conf, None, None, None).pinned(role)
        assert found is not None
        return found

    def repin(self, role: Role, pin: Pinned) -> None:
        read_remote(self.conf, None, None, None).keep(role, pin)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    (tmp_path / "desk").mkdir()
    return Desk(tmp_path / "desk", capsys)


Sentence = Callable[[str], None]


def is_one_sentence(said: str) -> bool:
    return said.startswith("strongroom: ") and said.count("\n") == 1 and said.endswith(".\n")


# verify


async def test_verify_shows_a_verdict_and_pins(desk: Desk, tmp_path: Path, monkeypatch):
    async with running(configured(tmp_path / "data"), software()) as one:
        await desk.write(await one.until_waiting())
        status, said, _ = await desk.verifies("--role", "bootstrap")
        assert status == 0
        for line in (
            "SIMULATED: no chip stands behind it, and nothing is proved",
            "  chip         sev-snp, Genoa with boot_loader 9, tee 0, snp 23, microcode 72",
            f"  measurement  {software().guest.measurement.hex()}",
            "  claims       bootstrap of strongroom, sealing insecure-software-chip",
            f"  server       {one.start.instance.hex()}",
            f"  operator     sha256 {one.start.access.sha256.hex()}",
            "  note         simulated: no chip stands behind this evidence",
        ):
            assert f"{line}\n" in said
        assert desk.pins()["bootstrap"]["key"] in said
        monkeypatch.setenv(attested_server.VARIABLE, str(desk.conf))
        words = ("verify", "--role", "bootstrap", "--allow-insecure-simulated")
        assert (await desk.types(*words))[0] == 0


async def test_verify_refuses_another_key_until_it_is_told_to_accept_it(desk: Desk, tmp_path: Path):
    async with running(configured(tmp_path / "data"), software()) as one:
        await desk.write(await one.until_waiting())
        await desk.verifies("--role", "bootstrap")
        another = replace(desk.pinned(Role.BOOTSTRAP), key=bytes(32))
        desk.repin(Role.BOOTSTRAP, another)
        status, _, said = await desk.verifies("--role", "bootstrap")
        assert (status, is_one_sentence(said)) == (1, True)
        assert "its key is not the pinned one" in said
        assert desk.pins()["bootstrap"]["key"] == "00" * 32
        status, _, said = await desk.starts()
        assert (status, "its key is not the pinned one" in said) == (1, True)
        assert list(one.start.access._failed_logins._failures) == [], "nothing was sent"

        status, said, _ = await desk.verifies("--role", "bootstrap", "--new-key")
        assert (status, f"another one than before: sha256 {'00' * 32}" in said) == (0, True)
        status, said, _ = await desk.verifies("--role", "bootstrap")
        assert (status, "another one" in said) == (0, False)


@pytest.mark.parametrize(
    "change,why",
    [
        ({"operator_sha256": b"m" * 32}, "its operator changed"),
        ({"deployment": "another"}, "its deployment changed"),
        ({"key_origin": KeyOrigin.BROUGHT}, "its key origin changed"),
        ({"configuration_sha256": bytes(32)}, "its settings changed"),
        ({"insecure_settings": ("insecure_x",)}, "its insecure settings changed"),
        ({"store": b"another"}, "its store is older than when it was verified, or another one"),
    ],
)
async def test_verify_refuses_any_change_until_it_is_told_to_accept_it(
    desk: Desk, tmp_path: Path, change, why
):
    async with running(configured(tmp_path / "data"), software()) as one:
        await desk.write(await one.until_waiting())
        assert (await desk.verifies("--role", "bootstrap"))[0] == 0
        desk.repin(Role.BOOTSTRAP, replace(desk.pinned(Role.BOOTSTRAP), **change))
        for options in ((), ("--new-key",)):
            status, _, said = await desk.verifies("--role", "bootstrap", *options)
            assert (status, is_one_sentence(said), why in said) == (1, True, True), said
        status, _, said = await desk.starts()
        assert (status, why in said) == (1, True)
        assert (await desk.verifies("--role", "bootstrap", "--accept-changes"))[0] == 0
        assert (await desk.verifies("--role", "bootstrap"))[0] == 0


async def test_verify_tells_in_a_sentence_why_not(desk: Desk, tmp_path: Path):
    async with running(configured(tmp_path / "data"), software()) as one:
        port = await one.until_waiting()
        await desk.write(port)
        for words, why in (
            (("--role", "api"), "its key is for bootstrap, not for api"),
            (("--policy", tmp_path / "absent"), "absent cannot be read"),
            (("--server", "https://127.0.0.1:1"), "cannot be reached"),
            (("--collateral", desk.file("x", "{")), "it is no JSON object"),
            (("--conf", tmp_path / "absent"), "absent cannot be read"),
        ):
            status, _, said = await desk.verifies(*words)
            assert (status, is_one_sentence(said), why in said) == (1, True, True), said
        status, _, said = await desk.types("verify", "--conf", desk.conf, "--role", "bootstrap")
        assert (status, "simulated" in said) == (1, True), (
            "simulated evidence is refused by default"
        )
        await desk.write(port, software(measurement=bytes(48)))
        status, _, said = await desk.verifies("--role", "bootstrap")
        assert (status, "measurement" in said) == (1, True)
        assert desk.pins() == {}


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


async def test_verify_writes_the_certificate_that_clients_are_to_trust(desk: Desk, tmp_path: Path):
    async with running(configured(tmp_path / "data"), software()) as one:
        await desk.write(await one.until_waiting())
        out = desk.directory / "server.pem"
        status, said, _ = await desk.verifies("--role", "bootstrap", "--certificate-out", out)
        assert (status, f"certificate  {out}, presented until" in said) == (0, True)
        assert len(x509.load_pem_x509_certificates(out.read_bytes())) == 1

        await desk.starts("--key-file", desk.file("key", bytes(range(32))))
        up = await one.until_up()
        await desk.write(port_of(up.https[0]))
        kmip = port_of(up.kmip[0])
        status, _, error = await desk.verifies("--certificate-out", out, "--kmip-port", kmip)
        assert status == 0, error
        certificates = x509.load_pem_x509_certificates(out.read_bytes())
        keys = {key_sha256(each).hex() for each in certificates}
        assert (len(certificates), keys) == (1, {desk.pins()["api"]["key"]})

        # A client that knows only authorities trusts these, and the names in them.
        trusting = ssl.create_default_context(cafile=out)
        for port in (kmip, port_of(up.https[0])):
            tcp = await trio.open_tcp_stream("127.0.0.1", port)
            stream = trio.SSLStream(tcp, trusting, server_hostname="localhost")
            await stream.do_handshake()
            await trio.aclose_forcefully(stream)


async def test_verify_writes_no_certificate_of_another_port(desk: Desk, tmp_path: Path):
    out = desk.directory / "server.pem"
    async with running(configured(tmp_path / "data"), software()) as one:
        await desk.write(await one.until_waiting())
        await desk.starts("--key-file", desk.file("key", bytes(range(32))))
        up = await one.until_up()
        await desk.write(port_of(up.https[0]))
        async with listening(made("another"), nothing) as port:
            words = ("--certificate-out", out, "--kmip-port", port)
            status, _, said = await desk.verifies(*words)
        assert (status, is_one_sentence(said)) == (1, True)
        assert "another key than the evidence names" in said
        assert not out.exists()


async def nothing(stream: Any) -> None:
    """A session that says nothing."""


async def test_try_uses_a_server_that_only_its_evidence_vouches_for(desk: Desk, tmp_path: Path):
    async with running(configured(tmp_path / "data"), software()) as one:
        await desk.write(await one.until_waiting())
        clients = tmp_path / "clients"
        local_authority.ensure_client(clients / "tls", "client", datetime.now(UTC))
        assert (await desk.starts(
            "--key-file", desk.file("key", bytes(range(32))),
            "--client-ca", clients / "tls" / "ca.pem",
        ))[0] == 0  # fmt: skip
        up = await one.until_up()
        await desk.write(port_of(up.https[0]))
        words = ("try", "--data", clients, "--kmip-port", port_of(up.kmip[0]))
        status, _, said = await desk.types(*words)
        assert (status, "self-signed" in said) == (1, True)
        status, said, error = await desk.types(
            *words, "--conf", desk.conf, "--allow-insecure-simulated"
        )
        assert status == 0, error
        assert "claims       api of strongroom" in said
        assert said.endswith("Destroy  done\n")
        status, _, said = await desk.types(*words, "--conf", desk.conf)
        assert (status, "simulated" in said) == (1, True)
        async with listening(made("another"), nothing) as port:
            status, _, said = await desk.types(
                *words[:-1], port, "--conf", desk.conf, "--allow-insecure-simulated"
            )
        assert (status, "another key than the evidence names" in said) == (1, True)


async def test_a_host_s_name_for_the_deployment_writes_no_lines(desk: Desk, tmp_path: Path):
    name = "x\n  note  all is well\x1b[2J"
    async with running(configured(tmp_path / "data", deployment=name), software()) as one:
        await desk.write(await one.until_waiting())
        said = (await desk.verifies("--role", "bootstrap"))[1]
    assert "bootstrap of x\\n  note  all is well\\u001b[2J, sealing" in said
    assert "\x1b" not in said


async def test_the_verdict_on_a_td_tells_its_tcb_status(tmp_path: Path):
    config = configured(tmp_path)
    async with running(config, software(TDX)) as one, one.waiting() as connection:
        said = verdict("x", connection.attested)
    assert "  chip         tdx, UpToDate of 20" in said
    assert "sealing none" in said


async def test_the_verdict_tells_an_alarm_first_of_the_store(tmp_path: Path):
    async with running(configured(tmp_path), software()) as one, one.waiting() as connection:
        attested = connection.attested
    assert attested.claims is not None
    assert "ALARM" not in verdict("x", attested)
    claims = replace(attested.claims, alarm="rolled back")
    alarmed = replace(attested, presented=replace(attested.presented, claims=claims))
    assert "  ALARM        its store is ROLLED BACK: it takes no changes any more" in verdict(
        "x", alarmed
    )


# measure


async def test_measure_writes_a_policy_that_accepts_this_machine(desk: Desk, tmp_path: Path):
    put_chip(tmp_path / "data")
    out = tmp_path / "policy.toml"
    words = ("measure", "--data", tmp_path / "data", "--insecure-software-chip")
    status, said, _ = await desk.types(*words, "--out", out)
    assert status == 0
    assert f"measurement  {software().guest.measurement.hex()}\n" in said
    assert "SIMULATED, proves nothing" in said
    assert read_policy(out.read_text()) == (await expected(software())).policy
    assert (await desk.types(*words))[0] == 0


async def test_measure_without_a_chip_says_so(desk: Desk, tmp_path: Path):
    status, _, said = await desk.types("measure", "--data", tmp_path)
    assert (status, is_one_sentence(said), "no chip" in said) == (1, True, True)


async def test_measure_shows_the_registers_of_a_td(capsys, tmp_path: Path):
    tee = software(TDX)
    await measure(tee, datetime.now(UTC), None)
    said = capsys.readouterr().out
    assert f"mrtd         {tee.guest.measurement.hex()}\n" in said
    assert said.count("rtmr") == 4
    with pytest.raises(Failure, match="by hand"):
        await measure(tee, datetime.now(UTC), tmp_path / "policy.toml")
    assert not (tmp_path / "policy.toml").exists()


# bootstrap-start


async def test_bootstrap_start_gives_everything_and_starts(desk: Desk, tmp_path: Path):
    key, leaf = certificate(name="kms.example")
    async with running(configured(tmp_path / "data"), software()) as one:
        await desk.write(await one.until_waiting())
        status, said, error = await desk.starts(
            "--database-url", tmp_path / "theirs.db",
            "--database-password-file", desk.file("password", PASSWORD),
            "--api-policy", desk.directory / "policy.toml",
            "--https-p12-file", desk.file("api.p12", p12(key, leaf, "hunter2")),
            "--https-p12-password-file", desk.file("p12-password", "hunter2"), "--restart",
        )  # fmt: skip
        assert status == 0, error
        up = await one.until_up()
        # Users verify it by its answer: a certificate that was given carries no evidence.
        await desk.write(int(up.https[0].rpartition(":")[2]))
        refused, _, why = await desk.verifies()
        assert (refused, "given" in why) == (1, True), "the operator has that key, and others may"
        verified, verdict, _ = await desk.verifies("--allow-given-key")
        assert (verified, "claims       api of strongroom" in verdict) == (0, True)
        assert desk.pins()["api"]["key"] == key_sha256(leaf).hex()
    steps = [line.split()[0] for line in said.splitlines() if line.startswith("/")]
    assert steps == ["/sqlite", "/client-ca", "/policy", "/pkcs12", "/pkcs12-password", "/start"]
    assert (tmp_path / "theirs.db").exists()
    assert (tmp_path / "data" / "provisioning.sealed").exists()
    for secret in (PASSWORD, TOKEN, "hunter2"):
        assert secret not in said + error


async def test_an_authority_certifies_the_server_s_key_between_two_invocations(
    desk: Desk, tmp_path: Path
):
    authority = certificate(name="authority")
    config = configured(tmp_path / "data", server_names=("localhost", "127.0.0.1"))
    csr, chain = desk.directory / "server.csr", desk.directory / "server.pem"
    async with running(config, software()) as one:
        await desk.write(await one.until_waiting())
        status, said, error = await desk.starts("--csr-out", csr)
        assert status == 0, error
        assert f"/csr              {csr}: for your authority; nothing was started\n" in said
        assert not [line for line in said.splitlines() if line.startswith("/start")]
        request = x509.load_pem_x509_csr(csr.read_bytes())
        chain.write_bytes(issue(request, *authority) + pem(authority[1]))
        status, said, error = await desk.starts(
            "--key-file", desk.file("key", bytes(range(32))), "--certificate", chain
        )
        assert status == 0, error
        assert "/certificate      Certificate until " in said
        up = await one.until_up()
        await desk.write(port_of(up.https[0]))
        # The key was born inside: nobody has to allow anything, and clients trust the authority.
        status, said, error = await desk.verifies()
        assert status == 0, error
        assert "key origin   made from the chip's key" in said
        trusting = ssl.create_default_context(cafile=desk.file("ca.pem", pem(authority[1])))
        tcp = await trio.open_tcp_stream("127.0.0.1", port_of(up.https[0]))
        stream = trio.SSLStream(tcp, trusting, server_hostname="localhost")
        await stream.do_handshake()
        await trio.aclose_forcefully(stream)


async def test_a_signing_request_that_the_server_refuses_is_told(desk: Desk, tmp_path: Path):
    config = configured(tmp_path / "data", use_certbot=True, certbot_hostname="kms.example")
    async with running(config, software()) as one:
        await desk.write(await one.until_waiting())
        status, _, said = await desk.starts("--csr-out", desk.directory / "server.csr")
        assert (status, is_one_sentence(said)) == (1, True)
        assert "The server refuses /csr: this server gets its certificate from a directory" in said
        assert not (desk.directory / "server.csr").exists()


async def test_bootstrap_start_by_certificate(desk: Desk, tmp_path: Path):
    key, mine = certificate(name="operator")
    other_key, other = certificate(name="other")

    def both(key: Any, one: Any) -> bytes:
        return pem(one) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    operator = desk.file("operator.pem", both(key, mine))
    config = configured(
        tmp_path / "data",
        bootstrap_operator_certificate=operator,
        bootstrap_operator_token_sha256="",
    )
    local_authority.ensure_client(desk.directory / "clients", "client", datetime.now(UTC))

    async def starts(pair: Path) -> tuple[int, str, str]:
        return await desk.types(
            "bootstrap-start", "--conf", desk.conf, "--allow-insecure-simulated",
            "--operator-certificate", pair, "--key-file", desk.file("key", bytes(32)),
            "--client-ca", desk.directory / "clients" / "ca.pem",
        )  # fmt: skip

    async with running(config, software()) as one:
        await desk.write(await one.until_waiting())
        status, _, said = await starts(desk.file("other.pem", both(other_key, other)))
        assert (status, is_one_sentence(said)) == (1, True)
        status, said, _ = await starts(operator)
        assert status == 0
        assert f"operator     sha256 {key_sha256(mine).hex()}" in said
        await one.until_up()


async def test_bootstrap_start_sends_nothing_to_another_operator_s_server(
    desk: Desk, tmp_path: Path
):
    async with running(configured(tmp_path / "data"), software()) as one:
        await desk.write(await one.until_waiting())
        status, _, said = await desk.starts(token="f" * 32)
        assert (status, "it belongs to another operator" in said) == (1, True)
        assert list(one.start.access._failed_logins._failures) == []


@pytest.mark.parametrize(
    "words,why",
    [
        (("--key-file", "absent"), "absent cannot be read"),
        (("--https-p12-file", "absent"), "absent cannot be read"),
        (("--database-password-file", "absent"), "absent cannot be read"),
        (("--operator-certificate", "client.toml"), "certificate is not PEM|cannot be used"),
        (("--operator-certificate", "absent"), "absent cannot be read"),
    ],
)
async def test_bootstrap_start_looks_at_its_files_before_it_connects(
    desk: Desk, monkeypatch, words, why
):
    await desk.write(1)
    monkeypatch.chdir(desk.directory)
    status, _, said = await desk.starts(*words)
    assert (status, is_one_sentence(said)) == (1, True)
    assert any(each in said for each in why.split("|")), said


@pytest.mark.parametrize(
    "token,why", [("short", "22 to 1024"), ("x" * 30 + "é", "ASCII"), ("a\n" * 30, "ASCII")]
)
async def test_bootstrap_start_refuses_a_token_that_is_none(desk: Desk, token, why):
    await desk.write(1)
    status, _, said = await desk.starts(token=token)
    assert (status, is_one_sentence(said), why in said) == (1, True, True)


async def test_bootstrap_start_needs_an_operator(desk: Desk):
    await desk.write(1)
    status, _, said = await desk.types("bootstrap-start", "--conf", desk.conf)
    assert (status, "who is the operator?" in said) == (1, True)


async def test_what_the_server_refuses_is_told_and_can_be_mended(desk: Desk, tmp_path: Path):
    async with running(configured(tmp_path / "data"), software()) as one:
        await desk.write(await one.until_waiting())
        for words, why in (
            (("--database-password-file", desk.file("p", "x" * 2000)), "/sqlite: "),
            ((), "/start: give the store's password or key file first"),
            (("--key-file", desk.file("short", "x")), "/key-file: "),
            (("--https-p12-file", desk.file("bad", "x")), "/start: "),
            (("--database-type", "redis-findex"), "/redis-findex: url is missing"),
        ):
            status, _, said = await desk.starts(*words)
            assert (status, is_one_sentence(said)) == (1, True), said
            assert f"The server refuses {why}" in said
        assert (await desk.starts("--key-file", desk.file("key", bytes(32))))[0] == 1, "bad PKCS#12"


# The operator of a server that runs


async def test_an_operator_refuses_certificates_ends_tickets_and_renews_lists(
    desk: Desk, tmp_path: Path
):
    authority = Issuer.root("authority")
    alice = authority.client("alice")
    lists = desk.file("lists.pem", authority.revocations([alice]).public_bytes(Encoding.PEM))
    refused = desk.file("refused", "serial:9  # lost\n")
    async with running(configured(tmp_path / "data"), software()) as one:
        await desk.write(await one.until_waiting())
        status, said, error = await desk.types(
            "bootstrap-start", "--conf", desk.conf, "--allow-insecure-simulated",
            "--token-file", desk.file("token", TOKEN + "\n"),
            "--client-ca", desk.file("ca.pem", authority.pem),
            "--key-file", desk.file("key", bytes(range(32))),
            "--revocation-lists", lists, "--refused-certificates", refused,
        )  # fmt: skip
        assert (status, error) == (0, "")
        assert "/revocation-lists Revocation lists received\n" in said
        up = await one.until_up()
        await desk.write(int(up.https[0].rpartition(":")[2]))
        operator = (
            "--conf",
            desk.conf,
            "--allow-insecure-simulated",
            "--token-file",
            desk.file("token", TOKEN),
        )

        status, said, _ = await desk.types("revocation-lists", "list", *operator)
        assert (status, "CN=authority: 1 revoked" in said) == (0, True)
        status, said, _ = await desk.types("revocation-lists", "give", lists, *operator)
        assert (status, said) == (0, "Revocation lists received\n")
        certificate_file = desk.file("alice.pem", alice.pem)
        status, said, _ = await desk.types("refuse-certificate", "add", certificate_file, *operator)
        assert (status, "is refused from now on" in said) == (0, True)
        status, said, _ = await desk.types("refuse-certificate", "list", *operator)
        assert said == f"serial:9  # lost\n{entry_of(alice.certificate)}  # CN=alice\n"
        status, said, _ = await desk.types("refuse-certificate", "remove", "serial:9", *operator)
        assert (status, said) == (0, "serial:9 is not refused any more.\n")
        status, _, said = await desk.types("refuse-certificate", "remove", "serial:9", *operator)
        assert (status, is_one_sentence(said), "is not refused" in said) == (1, True, True)
        status, said, _ = await desk.types("tickets", "end", "alice", *operator)
        assert (status, said) == (0, "The tickets that alice has been given up to now are over.\n")
        word = ("--password-file", desk.file("word", "correct horse"))
        status, said, _ = await desk.types("user", "add", "7", "--device", *word, *operator)
        assert (status, said) == (0, "The device 7 may identify by a password.\n")
        status, _, said = await desk.types("user", "add", "7", "--device", *word, *operator)
        assert (status, is_one_sentence(said), "exists" in said) == (1, True, True)
        status, said, _ = await desk.types("user", "list", "--device", *operator)
        assert (status, said) == (0, "7\n")
        status, said, _ = await desk.types("user", "remove", "7", "--device", *operator)
        assert (status, said) == (0, "The device 7 may not identify any more.\n")
        assert (await desk.types("user", "list", "--device", *operator))[1] == ""
        status, said, _ = await desk.types("token", "add", "app", "--read-only", *operator)
        assert (status, said.startswith("strongroom-")) == (0, True)
        status, _, said = await desk.types("token", "add", "app", *operator)
        assert (status, is_one_sentence(said), "exists" in said) == (1, True, True)
        status, said, _ = await desk.types("token", "list", *operator)
        assert (status, said.startswith("app  until "), "read only" in said) == (0, True, True)
        status, said, _ = await desk.types("token", "remove", "app", *operator)
        assert (status, said) == (0, "The token app is not taken any more.\n")
        assert (await desk.types("token", "list", *operator))[1] == ""
        other = (*operator[:-1], desk.file("other", "o" * 64))
        status, _, said = await desk.types("tickets", "end", "alice", *other)
        assert (status, "it belongs to another operator" in said) == (1, True)
    assert not (tmp_path / "data" / "users.json").exists()
    assert not (tmp_path / "data" / "tickets.json").exists(), "nothing of it is on the host's disk"
    assert not (tmp_path / "data" / "tokens.json").exists()
    assert not (tmp_path / "data" / "refused-certificates").exists()
