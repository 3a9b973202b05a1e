"""The client's side: its configuration, the pin, and what is not accepted."""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from enclave.claims import KeyOrigin, Role
from enclave.client import AttestedConnection
from enclave.collateral import Collateral
from enclave.collateral_file import write_collateral
from enclave.evidence import TEE
from enclave.pinned import Pinned
from enclave.sgx import SGX
from enclave.snp import SEV_SNP
from enclave.supported import TEES
from enclave.tdx import TDX
from server.commands import attested_server
from server.commands.attested_server import Remote, read_remote
from server.setup.failure import Failure
from tests.enclave.forging import DCAP, SNP
from tests.server.unprovisioned_server import configured, expected, running, software

NOW = datetime(2030, 5, 1, tzinfo=UTC)
POLICY = '[sev-snp]\nmeasurements = ["' + "00" * 48 + '"]\n'


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a client's configuration, beside a policy."""
    (tmp_path / "policy.toml").write_text(POLICY)

    def write(text: str) -> Path:
        path = tmp_path / "client.toml"
        path.write_text(text)
        return path

    return write


GOOD = 'server_url = "https://kms.example:1234"\npolicy = "policy.toml"\n'


def test_a_configuration_names_the_server_and_the_policy(write, tmp_path: Path):
    found = read_remote(write(GOOD + 'deployment = "eu-1"\n'), None, None, None)
    assert (found.host, found.port, found.deployment) == ("kms.example", 1234, "eu-1")
    assert set(found.policy.sections) == {SEV_SNP}
    assert found.pin_file == tmp_path / "client.toml.pin"
    other = read_remote(write(GOOD), "https://[::1]", None, None)
    assert (other.host, other.port) == ("::1", attested_server.DEFAULT_PORT)
    assert other.pin_file is None, "the pin is that of the server in the file"
    without = read_remote(None, "kms.example", tmp_path / "policy.toml", None)
    assert (without.host, without.port, without.pin_file) == ("kms.example", 9998, None)


@pytest.mark.parametrize(
    "text,why",
    [
        ("", "No server is named"),
        ('server_url = "https://x"', "No policy says"),
        ("server_url = ", "is not TOML"),
        ("server_url = 5\npolicy = 'policy.toml'", "something else than a text as server_url"),
        ("server_url = 'https://x'\npolicy = ['a']", "something else than a text as policy"),
        ("server_url = 'https://x'\npolicy = 'absent'", "absent cannot be read: No such file"),
        ("server_url = 'https://x'\npolicy = 'client.toml'", "client.toml cannot be used"),
        (GOOD + "pin = 'x'", "unknown keys: pin"),
        (GOOD + "collateral = 'absent'", "absent cannot be read"),
        (GOOD + "collateral = 'policy.toml'", "collateral .* cannot be used"),
        (GOOD.replace("https", "http"), "not the address of an HTTPS server"),
        (GOOD.replace("kms.example", ""), "not the address of an HTTPS server"),
        (GOOD.replace("1234", "99999"), "not an address with a port"),
        (GOOD.replace("1234", "x"), "not an address with a port"),
        (GOOD.replace("kms.example", "[::1"), "not an address with a port"),
    ],
)
def test_a_configuration_that_is_wrong_is_told_in_a_sentence(write, text, why):
    with pytest.raises(Failure, match=why) as caught:
        read_remote(write(text), None, None, None)
    assert "\n" not in str(caught.value).strip()


@pytest.mark.parametrize("content", [b"\xff", b"[1]", b'{"moon": {}}', b'{"sev-snp": 5}', b"{"])
def test_collateral_that_cannot_be_read_is_told(write, tmp_path: Path, content):
    (tmp_path / "collateral.json").write_bytes(content)
    with pytest.raises(Failure, match=r"collateral .* cannot be used"):
        read_remote(write(GOOD), None, None, tmp_path / "collateral.json")


@pytest.mark.parametrize("version", ["2", "0", "true", '"1"', "null", "1.0"])
def test_collateral_of_another_version_is_refused(write, tmp_path: Path, version: str):
    path = tmp_path / "collateral.json"
    path.write_text(f'{{"strongroom-collateral": {version}}}')
    with pytest.raises(Failure, match="another version than 1"):
        read_remote(write(GOOD), None, None, path)


def test_collateral_is_read_for_every_tee_that_a_policy_may_name(write, tmp_path: Path):
    snp, dcap = SNP().collateral(), DCAP().collateral
    published: dict[TEE, Collateral] = {SEV_SNP: snp, TDX: dcap, SGX: dcap}
    path = tmp_path / "collateral.json"
    path.write_bytes(write_collateral(published))
    assert set(published) == set(TEES)
    assert read_remote(write(GOOD), None, None, path).collateral == published
    document = json.loads(path.read_text())
    del document["strongroom-collateral"]
    path.write_text(json.dumps(document))
    assert read_remote(write(GOOD), None, None, path).collateral == published


def test_a_configuration_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(Failure, match="cannot be read: No such file"):
        read_remote(tmp_path / "absent", None, None, None)


# The pin


def pinned(key: int) -> Pinned:
    return Pinned(
        key=bytes([key] * 32),
        operator_sha256=b"o" * 32,
        deployment="ours",
        key_origin=KeyOrigin.CHIP,
        configuration_sha256=b"c" * 32,
        insecure_settings=("insecure_software_chip",),
        store=b"state",
    )


def test_a_pin_holds_until_its_user_drops_it(write):
    one = read_remote(write(GOOD), None, None, None)

    def expected(role: Role) -> Pinned | None:
        return one.expectation(role, allow_insecure_simulated=False).pinned

    assert expected(Role.API) is None
    one.keep(Role.API, pinned(0))
    one.keep(Role.BOOTSTRAP, pinned(1))
    assert (expected(Role.API), expected(Role.BOOTSTRAP)) == (pinned(0), pinned(1))
    assert one.expectation(Role.API, allow_insecure_simulated=False).pin == bytes(32)
    one.keep(Role.API, pinned(2))
    assert (one.pinned(Role.API), one.pinned(Role.BOOTSTRAP)) == (pinned(2), pinned(1))
    one.pin_file.unlink()
    assert expected(Role.API) is None


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "5", "{", '{"moon": {"key": "00", "until": "2030-05-01"}}',
        '{"api": {"key": "zz", "until": "2030-05-01"}}', '{"api": {"key": "00", "until": "x"}}',
        '{"api": {"key": 5, "until": "2030-05-01"}}', '{"api": {}}', '{"api": 5}',
        '{"api": {"key": "00", "until": "0001-01-01T00:00:00+23:00"}}', "\udcff",
    ],
)  # fmt: skip
def test_a_pin_that_cannot_be_read_is_told_and_not_passed_over(write, text):
    path = write(GOOD)
    path.with_name("client.toml.pin").write_bytes(text.encode("utf-8", "surrogateescape"))
    one = read_remote(path, None, None, None)
    with pytest.raises(Failure, match=r"pin file .* cannot be read; remove it and verify"):
        one.expectation(Role.API, allow_insecure_simulated=False)


# Against a server


async def place_of(port: int, **changes: Any) -> Remote:
    policy = (await expected(software())).policy
    fields: dict[str, Any] = {"host": "127.0.0.1", "port": port, "policy": policy}
    return Remote(**(fields | changes))


@pytest.mark.slow
async def test_who_is_not_expected_is_refused_in_a_sentence(tmp_path: Path):
    other = (await expected(software(measurement=bytes(48)))).policy
    async with running(configured(tmp_path), software()) as one:
        port = await one.until_waiting()
        for changes, role, simulated, why in (
            ({}, Role.BOOTSTRAP, False, "not accepted: simulated"),
            ({"policy": other}, Role.BOOTSTRAP, True, "not accepted: measurement"),
            ({"deployment": "eu-1"}, Role.BOOTSTRAP, True, "belongs to deployment 'strongroom'"),
            ({}, Role.API, True, "its key is for bootstrap, not for api"),
        ):
            where = await place_of(port, **changes)
            expectation = where.expectation(role, allow_insecure_simulated=simulated)
            with pytest.raises(Failure, match=why):
                await attested_server.attested(where, expectation)


@pytest.mark.parametrize(
    "host,why",
    [
        ("127.0.0.1", "port 1 cannot be reached: .* refused"),
        ("nowhere.invalid", "cannot be reached: "),
        ("x" * 70 + ".invalid", "cannot be reached: this is no host's name"),
    ],
)
async def test_who_is_not_there_is_told(host, why):
    where = await place_of(1, host=host)
    expectation = where.expectation(Role.API, allow_insecure_simulated=True)
    with pytest.raises(Failure, match=why) as caught:
        await attested_server.attested(where, expectation)
    assert not str(caught.value).endswith(": .")


async def answering(data: bytes) -> int:
    """A port at which a connection is sent `data` and closed."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = int(listener.socket.getsockname()[1])

    async def serve() -> None:
        async with listener, await listener.accept() as stream:
            await stream.receive_some()
            await stream.send_all(data)

    trio.lowlevel.spawn_system_task(serve)
    return port


@pytest.mark.parametrize(
    "data", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x28"]
)
async def test_what_does_not_speak_tls_is_told(data):
    where = await place_of(await answering(data))
    expectation = where.expectation(Role.API, allow_insecure_simulated=True)
    with pytest.raises(Failure, match=r"cannot be reached: the connection broke") as caught:
        await attested_server.attested(where, expectation)
    assert "\n" not in str(caught.value)


@asynccontextmanager
async def answered(*parts: bytes) -> AsyncIterator[AttestedConnection]:
    """A connection whose other end answers whatever it is asked so."""
    near, far = trio.testing.memory_stream_pair()

    async def serve() -> None:
        await far.receive_some()
        for part in parts:
            await far.send_all(part)
        await far.aclose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        yield AttestedConnection(near, None)  # type: ignore[arg-type]
        nursery.cancel_scope.cancel()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: "


async def test_an_answer_is_read_however_it_is_cut():
    for parts in ([OK + b"8\r\n\r\n" + b'{"a": 1}'], [OK, b"8\r\n\r\n{", b'"a": ', b"1}"]):
        async with answered(*parts) as connection:
            answer = await attested_server.ask(connection, "GET", "/status")
        assert (answer.status, answer.json()) == (200, {"a": 1})


@pytest.mark.parametrize(
    "parts,why",
    [
        ([], "gave no proper answer|closed the connection"),
        ([b"SSH-2.0\r\n\r\n"], "no proper answer"),
        ([OK + b"9\r\n\r\n{}"], "no proper answer"),
        ([OK + b"2000000\r\n\r\n", b"x" * 1_500_000], "too long"),
    ],
    ids=["nothing", "garbage", "cut short", "too long"],
)
async def test_an_answer_that_is_none_is_told(parts, why):
    with pytest.raises((Failure, ExceptionGroup)) as caught:
        async with answered(*parts) as connection:
            await attested_server.ask(connection, "GET", "/status")
    failure = caught.value
    while isinstance(failure, ExceptionGroup):
        (failure,) = failure.exceptions
    assert isinstance(failure, Failure)
    assert re.search(why, str(failure))


async def test_an_answer_that_does_not_come_is_told(autojump_clock):
    near, _far = trio.testing.memory_stream_pair()
    with pytest.raises(Failure, match="does not answer in time"):
        await attested_server.ask(AttestedConnection(near, None), "GET", "/status")


@pytest.mark.parametrize("body", [b"", b"[]", b"x", b"\xff"])
def test_an_answer_that_is_no_object_has_no_fields(body):
    assert attested_server.Answer(200, body).json() == {}


def test_a_pin_file_is_private(write):
    one = read_remote(write(GOOD), None, None, None)
    one.keep(Role.API, pinned(0))
    assert one.pin_file.stat().st_mode & 0o777 == 0o600
    assert json.loads(one.pin_file.read_text())["api"]["key"] == "00" * 32


def test_without_a_configuration_file_nothing_is_pinned(tmp_path: Path):
    (tmp_path / "policy.toml").write_text(POLICY)
    one = read_remote(None, "https://x", tmp_path / "policy.toml", None)
    one.keep(Role.API, pinned(0))
    assert one.pinned(Role.API) is None
    assert [path.name for path in tmp_path.iterdir()] == ["policy.toml"]
