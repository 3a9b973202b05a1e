from storage import MemoryBackend, MemorySpace
from storage.testing import check_backend


async def test_exclusive():
    space = MemorySpace()
    await check_backend(lambda: MemoryBackend(space))


async def test_shared():
    space = MemorySpace()
    await check_backend(lambda: MemoryBackend(space, shared=True))
