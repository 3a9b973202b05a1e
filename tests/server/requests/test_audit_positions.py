"""What the store knows of the audit files of its servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_trio
import trio

from server.requests import audit, audit_positions
from server.requests.audit_positions import SECONDS, AuditPositions
from server.setup import audit_trail
from server.setup.audit_chain import Position
from storage import KeyFile, MemoryBackend, open_store

NOW = 1_700_000_000


@pytest_trio.trio_fixture
async def store():
    async with open_store(MemoryBackend(), KeyFile(bytes(32)), create=True) as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "audit.log"
    audit.send_to(audit_trail.trail(str(place)))
    yield place
    audit.send_to(audit_trail.Nowhere())


async def test_the_secret_is_made_once_for_all_servers(store):
    first = await AuditPositions(store).secret()
    assert len(first) == 32
    assert await AuditPositions(store).secret() == first


async def test_the_position_of_a_chain_is_replaced(store):
    kept = AuditPositions(store)
    for each in (Position("a1"), Position("a1", 3, "77"), Position("b2", 1, "88")):
        await kept.keep(each, NOW)
    assert await kept.all() == {"a1": Position("a1", 3, "77"), "b2": Position("b2", 1, "88")}


async def test_of_too_many_chains_the_oldest_is_forgotten(store, monkeypatch):
    monkeypatch.setattr(audit_positions, "MAX_CHAINS", 3)
    for now, chain in enumerate(["b", "a", "c", "a", "d"]):
        await AuditPositions(store).keep(Position(chain, now + 1), NOW + now)
    assert set(await AuditPositions(store).all()) == {"a", "c", "d"}


async def test_without_a_file_there_is_no_chain(store):
    assert await audit_positions.begin(store, lambda: NOW, is_sealed=False) is None
    assert not await AuditPositions(store).all()


async def test_a_chain_is_known_before_its_first_line_and_at_its_end(store, file):
    chain = await audit_positions.begin(store, lambda: NOW, is_sealed=False)
    assert chain is not None
    (begun,) = (await AuditPositions(store).all()).values()
    assert begun.number == 0
    audit.write(['{"a": 1}', '{"a": 2}'])
    await chain.finish()
    (ended,) = (await AuditPositions(store).all()).values()
    assert (ended.chain, ended.number) == (begun.chain, 2)
    assert ended.mac in file.read_text().splitlines()[-1]


async def test_a_chain_that_goes_on_is_written_again_after_a_while(store, file, autojump_clock):
    chain = await audit_positions.begin(store, lambda: NOW, is_sealed=False)
    assert chain is not None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(chain.keep)
        audit.write(['{"a": 1}'])
        assert audit.file().wait(60)
        await trio.sleep(SECONDS + 1)
        (found,) = (await AuditPositions(store).all()).values()
        assert found.number == 1
        anchor = store.anchor
        await trio.sleep(3 * SECONDS)
        assert store.anchor == anchor
        nursery.cancel_scope.cancel()
