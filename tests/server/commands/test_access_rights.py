"""access-rights as a person types it, against a server that is attested first."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio

from enclave.claims import Role
from enclave.client import client_context
from kmip.enums import Operation
from kmip.tags import Tag
from kmip.versions import V2_1
from server.__main__ import main
from server.pki import local_authority
from tests.e2e.program import Remote
from tests.server.commands.test_commands_remote import Desk, desk, is_one_sentence, port_of
from tests.server.operations.test_login import reason_of
from tests.server.samples import ACTIVE, create
from tests.server.unprovisioned_server import configured, running, software

__all__ = ["desk"]

pytestmark = pytest.mark.slow

Op = Operation


@dataclass
class Office:
    """A provisioned server, and two users of it at one desk."""

    desk: Desk
    kmip: int

    async def types(self, *words: object, client: str = "client") -> tuple[int, str, str]:
        action, *rest = words
        return await self.desk.types(
            *("access-rights", "--data", self.desk.directory / "clients", action),
            *("--conf", self.desk.conf, "--allow-insecure-simulated", "--client", client),
            *rest,
        )

    @asynccontextmanager
    async def kmip_client(self, name: str = "client") -> AsyncIterator[Remote]:
        pair = local_authority.pair(self.desk.directory / "clients" / "tls", name)
        context = client_context()
        context.load_cert_chain(pair.certificate, pair.key)
        tcp = await trio.open_tcp_stream("127.0.0.1", self.kmip)
        stream = trio.SSLStream(tcp, context, server_hostname="localhost")
        try:
            await stream.do_handshake()
            yield Remote(None, None, V2_1, stream=stream)
        finally:
            await trio.aclose_forcefully(stream)


@asynccontextmanager
async def office(desk: Desk, data: Path) -> AsyncIterator[Office]:
    async with running(configured(data), software()) as one:
        await desk.write(await one.until_waiting())
        clients = desk.directory / "clients" / "tls"
        for name in ("client", "bob"):
            local_authority.ensure_client(clients, name, datetime.now(UTC))
        status, _, said = await desk.starts(
            "--key-file", desk.file("key", bytes(range(32))), "--client-ca", clients / "ca.pem"
        )
        assert status == 0, said
        up = await one.until_up()
        await desk.write(port_of(up.https[0]))
        yield Office(desk, port_of(up.kmip[0]))


async def test_an_object_is_shared_by_commands_on_an_attested_server(desk: Desk, tmp_path: Path):
    async with (
        office(desk, tmp_path / "data") as at,
        at.kmip_client() as ask,
        at.kmip_client("bob") as bob,
    ):
        key = await create(ask, ACTIVE, (Tag.OBJECT_GROUP, "g"), length=128)
        assert (await at.types("owned"))[:2] == (0, f"[Active] {key}  SymmetricKey 128\n")
        assert (await at.types("obtained", client="bob"))[:2] == (0, "")
        status, said, error = await at.types("grant", "bob", "-i", key, "get", "get_attributes")
        assert status == 0, error
        assert said == f"bob may get, get_attributes on {key}.\n"
        await bob(Op.GET, unique_identifier=key)
        status, said, _ = await at.types("list", key)
        assert (status, said) == (0, "bob: Get, GetAttributes\n")
        status, said, _ = await at.types("obtained", client="bob")
        assert (status, said) == (0, f"[Active] [client] {key}: Get, GetAttributes\n")
        await at.types("grant", "*", "--object-group", "g", "check")
        assert (await at.types("list"))[1] == "*: Check  in the group g\n"
        assert (await at.types("revoke", "bob", "-i", key, "get", "getattributes"))[0] == 0
        assert (await at.types("list", key))[1] == "*: Check  in the group g\n"
        assert await reason_of(bob, Op.GET, unique_identifier=key) is not None

        for words in (("list", key), ("grant", "dave", "-i", key, "get")):
            status, _, said = await at.types(*words, client="bob")
            assert (status, is_one_sentence(said)) == (1, True), said
            assert "Access denied: only the owner grants" in said
        status, _, said = await at.types("list", "a/b\n")
        assert (status, is_one_sentence(said)) == (1, True), said
        assert "there is no object" in said


async def test_nothing_is_asked_of_a_server_that_is_not_what_it_should_be(
    desk: Desk, tmp_path: Path
):
    async with office(desk, tmp_path / "data") as at:
        status, _, said = await desk.types(
            *("access-rights", "--data", desk.directory / "clients", "owned", "--conf", desk.conf)
        )
        assert (status, "simulated" in said) == (1, True)
        assert (await desk.verifies())[0] == 0
        desk.repin(Role.API, replace(desk.pinned(Role.API), key=bytes(32)))
        status, _, said = await at.types("owned")
        assert (status, "its key is not the pinned one" in said) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("grant",),
        ("grant", "bob"),
        ("grant", "bob", "get"),
        ("grant", "bob", "-i", "x"),
        ("grant", "bob", "-i", "x", "--object-group", "g", "get"),
        ("fly",),
    ],
)
def test_what_is_not_said_is_asked_for(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["access-rights", *words])
    assert ended.value.code == 2
    assert "usage: strongroom access-rights" in capsys.readouterr().err
