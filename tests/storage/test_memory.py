import trio.testing

from storage import MemoryBackend, MemorySpace
from storage.backend import Commit, Kind
from storage.testing import check_backend


async def test_exclusive():
    space = MemorySpace()
    await check_backend(lambda: MemoryBackend(space))


async def test_shared():
    space = MemorySpace()
    await check_backend(lambda: MemoryBackend(space, shared=True))


async def test_every_call_gives_others_their_turn():
    backend = MemoryBackend(MemorySpace())
    with trio.testing.assert_checkpoints():
        await backend.open()
    commit = Commit(0, None, b"head", b"", 1, {}, {}, b"header")
    for call in (
        lambda: backend.commit(commit),
        backend.load,
        lambda: backend.tail(0),
        lambda: backend.get(Kind.META, [b"handle"]),
        lambda: backend.scan(b""),
    ):
        with trio.testing.assert_checkpoints():
            await call()
    await backend.aclose()
