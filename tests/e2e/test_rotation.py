"""The keys of a shared store are rotated while two server processes serve from it."""

import shutil
from pathlib import Path

import pytest
import trio

from kmip.enums import ObjectType, Operation
from server.setup import open_store
from server.setup.config import Config
from tests.e2e.program import Program, Remote, running
from tests.e2e.test_bootstrap import AES, command
from tests.storage.redis_server import Servers

pytestmark = pytest.mark.slow


async def made(client: Remote) -> str:
    """The identifier of a new key."""
    created = await client(Operation.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=AES)
    return str(created.unique_identifier)


async def use_all_the_time(program: Program, ended: trio.Event) -> list[str]:
    """Keys that a client has made at a server and got back, until it is told to end."""
    identifiers: list[str] = []
    async with program.client() as client:
        while not ended.is_set() or len(identifiers) < 5:
            identifiers.append(await made(client))
            await client(Operation.GET, unique_identifier=identifiers[-1])
    return identifiers


async def test_clients_of_two_servers_notice_nothing_of_a_rotation(
    tmp_path: Path, servers: Servers
) -> None:
    redis = servers.start()
    store = ("--store", redis.url, "--redis-findex-label", "rotation")
    words = (*store, "--https-port", "0")
    config = Config(data=tmp_path / "one", store=redis.url, redis_findex_label="rotation")
    new = tmp_path / "new.key"
    new.write_bytes(b"n" * 32)
    with running(tmp_path / "one", *words) as one:
        (tmp_path / "two").mkdir()
        shutil.copy(tmp_path / "one" / "store.key", tmp_path / "two")
        with running(tmp_path / "two", *words) as two:
            while (await open_store.status(config)).followers < 2:
                pass  # each asks to follow once it is up
            found: dict[Program, list[str]] = {}
            ended = trio.Event()

            async def use(program: Program) -> None:
                found[program] = await use_all_the_time(program, ended)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(use, one)
                nursery.start_soon(use, two)
                rotate = ("store", "rotate", *store, "--data", config.data, "--new-key-file", new)
                done = await trio.to_thread.run_sync(command, *rotate)
                ended.set()
            assert "opens with the new secret alone" in done.stdout
            async with one.client() as client:
                for identifier in found[two]:
                    await client(Operation.GET, unique_identifier=identifier)
            two.kill()
            two.process.wait()
            with running(tmp_path / "two", *words, "--store-key-file", new) as again:
                async with again.client() as client:
                    for identifier in found[one]:
                        await client(Operation.GET, unique_identifier=identifier)
    refused = command("store", "status", *store, "--data", config.data, check=False)
    assert refused.returncode == 1
    assert "does not open with the key file" in refused.stderr
