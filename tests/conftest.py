"""What all tests share: properties try the same examples every time, however slow the machine.

`pytest --hypothesis-profile search` looks for new ones.
"""

import itertools

import pytest
from hypothesis import settings

from tests.storage.redis_server import Servers

settings.register_profile("strongroom", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile("strongroom")

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
