"""Two servers on one Valkey, with real processes: what one makes, the other has."""

import signal
import ssl
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import trio

from enclave.claims import Role
from enclave.client import connect
from kmip.enums import ObjectType, Operation
from server.pki import local_authority
from tests.e2e.program import Program, running
from tests.e2e.test_bootstrap import AES, PASSWORD, Machine, command, free_port
from tests.interop.conftest import PYKMIP
from tests.interop.server_process import environment
from tests.storage.redis_server import RedisServer, Servers

pytestmark = pytest.mark.slow

OPTIONS = ("--database-type", "redis-findex", "--redis-findex-label", "story")
MAKES = """
import sys
from kmip import enums
from kmip.pie.client import ProxyKmipClient

port, cert, key, ca, uid = sys.argv[1:]
version = enums.KMIPVersion.KMIP_2_0
with ProxyKmipClient("127.0.0.1", port, cert=cert, key=key, ca=ca, kmip_version=version) as client:
    if not uid:
        uid = client.create(enums.CryptographicAlgorithm.AES, 256, name="a key")
        client.activate(uid)
    print(uid, client.get(uid).value.hex())
"""


def pykmip(machine: Machine, trusted: str, uid: str = "") -> list[str]:
    """The identifier of a key, made where none is given, and its material; of this server."""
    ca, clients = machine.directory / "attested.pem", machine.directory / "clients"
    ca.write_text(trusted)
    files = (clients / "client.pem", clients / "client.key", ca)
    done = subprocess.run(
        [PYKMIP, "-c", MAKES, str(machine.kmip), *map(str, files), uid],
        cwd=machine.directory, env=environment(), capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture
def redis(servers: Servers) -> RedisServer:
    return servers.start()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Callable[[str], Machine]]:
    """Makes machines, whose KMIP clients have the same authority."""
    made: list[Machine] = []
    clients = tmp_path / "clients"
    local_authority.ensure_client(clients, "client", datetime.now(UTC))

    def make(name: str) -> Machine:
        directory = tmp_path / name
        directory.mkdir()
        (directory / "clients").symlink_to(clients)
        made.append(Machine(directory, free_port(), free_port(), "0123456789abcdef" * 2))
        return made[-1]

    yield make
    for one in made:
        if one.process is not None:
            one.process.kill()
            one.process.communicate()


def provision(machine: Machine, url: str) -> None:
    """Verify it and give it the store in Redis, as its operator does."""
    (machine.directory / "token").write_text(machine.token)
    (machine.directory / "master").write_text(PASSWORD)
    command(
        "bootstrap-start", *machine.accepted(), "--token-file", machine.directory / "token",
        *OPTIONS, "--database-url", url,
        "--redis-master-password-file", machine.directory / "master",
        "--client-ca", machine.directory / "clients" / "ca.pem", "--restart",
    )  # fmt: skip


async def certificate(machine: Machine) -> str:
    """What the machine shows at its KMIP port, once its evidence is accepted; PEM."""
    expectation = machine.remote().expectation(Role.API, allow_insecure_simulated=True)
    at_kmip = connect("127.0.0.1", machine.kmip, expectation, now=partial(datetime.now, UTC))
    async with await at_kmip as connection:
        return ssl.DER_cert_to_PEM_cert(connection.stream.getpeercert(binary_form=True))


@pytest.mark.interop
@pytest.mark.skipif(not PYKMIP.exists(), reason="PyKMIP's environment is not there: ./check")
async def test_a_key_made_through_one_server_is_used_through_the_other(
    redis: RedisServer, machine: Callable[[str], Machine]
):
    one, other = machine("one"), machine("other")
    for each in (one, other):
        assert "waits for its operator" in each.launch()
        each.measure()
        provision(each, redis.url)
    uid, material = pykmip(one, await certificate(one))
    assert pykmip(other, await certificate(other), uid) == [uid, material]
    assert one.process
    one.process.send_signal(signal.SIGKILL)
    one.process.communicate()
    assert pykmip(other, await certificate(other), uid) == [uid, material]
    assert "serves KMIP" in one.launch(), "a restart needs no operator"
    assert pykmip(one, await certificate(one), uid) == [uid, material]
    dump = redis.dump()
    for word in (uid.encode(), bytes.fromhex(material), material.encode(), b"a key", b"client"):
        assert word not in dump


@pytest.fixture
def programs(redis: RedisServer, tmp_path: Path) -> Iterator[tuple[Program, Program]]:
    """Two servers that share the key file and the client authority."""
    words = ("--store", redis.url, "--store-key-file", tmp_path / "store.key")
    with running(tmp_path / "one", *words) as one:
        shared = ("--tls-client-ca", tmp_path / "one" / "tls" / "ca.pem")
        with running(tmp_path / "other", *words, *shared) as other:
            yield one, other


async def test_a_server_that_is_killed_loses_nothing_and_the_other_goes_on(
    programs: tuple[Program, Program], redis: RedisServer
):
    one, other = programs
    made: list[str] = []

    async def make(*, task_status: trio.TaskStatus[None]) -> None:
        async with one.client() as client:
            while True:
                try:
                    got = await client(
                        Operation.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=AES
                    )
                except trio.BrokenResourceError:
                    return
                made.append(got.unique_identifier)
                if len(made) == 20:
                    task_status.started()

    async with trio.open_nursery() as nursery:
        await nursery.start(make)
        one.kill()
    context = ssl.create_default_context(cafile=other.data / "tls" / "ca.pem")
    context.load_cert_chain(one.data / "tls" / "client.pem", one.data / "tls" / "client.key")
    async with other.client(context=context) as client:
        for uid in made:
            got = await client(Operation.GET, unique_identifier=uid)
            assert len(got.object.key_block.key_material) == 32
    redis.restart()
    async with other.client(context=context) as client:
        got = await client(Operation.GET, unique_identifier=made[0])
        assert len(got.object.key_block.key_material) == 32
        located = await client(Operation.LOCATE)
        assert set(made) <= set(located.unique_identifier)
