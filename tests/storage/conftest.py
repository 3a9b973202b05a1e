import itertools

import pytest

from storage import MemoryBackend, MemorySpace, SQLiteBackend
from storage.redis import RedisBackend
from tests.storage.redis_server import Servers

_LABELS = map("test-{}".format, itertools.count())


@pytest.fixture(scope="session")
def valkey(tmp_path_factory):
    """A real Valkey, for tests that leave it as it is; each takes a label of its own."""
    servers = Servers(tmp_path_factory.mktemp("valkey"))
    yield servers.start()
    servers.close()


@pytest.fixture
def label():
    """A label that no other test has."""
    return next(_LABELS)


@pytest.fixture
def servers(tmp_path):
    """Starts Valkeys that the test may do anything to."""
    servers = Servers(tmp_path)
    yield servers
    servers.close()


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
