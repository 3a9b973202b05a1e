import pytest

from storage import MemoryBackend, MemorySpace, SQLiteBackend


@pytest.fixture(params=["memory", "sqlite"])
def make(request, tmp_path):
    """Gives unopened back ends over one and the same place."""
    if request.param == "memory":
        space = MemorySpace()
        return lambda: MemoryBackend(space)
    return lambda: SQLiteBackend(tmp_path / "store")
