import pytest

from storage import MemoryBackend, MemorySpace, SQLiteBackend
from storage.redis import RedisBackend


@pytest.fixture(params=["memory", "sqlite", "redis"])
def make(request, tmp_path):
    """Gives unopened back ends over one and the same place."""
    if request.param == "memory":
        space = MemorySpace()
        return lambda: MemoryBackend(space)
    if request.param == "sqlite":
        return lambda: SQLiteBackend(tmp_path / "store")
    valkey, label = request.getfixturevalue("valkey"), request.getfixturevalue("label")
    return lambda: RedisBackend(valkey.place, label)
