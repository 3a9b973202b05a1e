import pytest
import trio.testing

from storage import MemoryBackend, MemorySpace
from storage.backend import BlobName, Commit, Kind
from storage.memory import _PAGE as PAGE
from storage.testing import check_backend


async def test_exclusive():
    space = MemorySpace()
    await check_backend(lambda: MemoryBackend(space))


async def test_shared():
    space = MemorySpace()
    await check_backend(lambda: MemoryBackend(space, shared=True))


@pytest.mark.parametrize("count", [0, 1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE, 3 * PAGE + 1])
async def test_a_scan_gives_each_record_once_and_no_empty_page_at_its_end(count):
    backend = MemoryBackend(MemorySpace())
    await backend.open()
    blobs = {n.to_bytes(16): b"%d" % n for n in range(count)}
    await backend.commit(Commit(0, None, b"head", b"", 1, blobs, {}, b"header"))
    pages, cursor = [], b""
    while cursor is not None:
        page, cursor = await backend.scan(cursor)
        pages.append(page)
    assert [pair for page in pages for pair in page] == sorted(blobs.items())
    assert len(pages) == max(1, -(-count // PAGE))
    await backend.aclose()


async def test_every_call_gives_others_their_turn():
    backend = MemoryBackend(MemorySpace())
    with trio.testing.assert_checkpoints():
        await backend.open()
    commit = Commit(0, None, b"head", b"", 1, {}, {}, b"header")
    for call in (
        lambda: backend.commit(commit),
        backend.load,
        lambda: backend.tail(0),
        lambda: backend.get(Kind.META, [BlobName(b"handle", b"tag")]),
        lambda: backend.scan(b""),
        backend.confirm,
    ):
        with trio.testing.assert_checkpoints():
            await call()
    await backend.aclose()
