"""Clusters for the tests of this folder."""

import pytest

from tests.storage.redis.cluster import Cluster
from tests.storage.redis_server import Servers, in_thread


@pytest.fixture
async def cluster(servers):
    """One that a test may do anything to."""
    return await in_thread(Cluster, servers)


@pytest.fixture(scope="session")
def steady(tmp_path_factory):
    """One for tests that leave it as it is; each takes a label of its own."""
    servers = Servers(tmp_path_factory.mktemp("cluster"))
    yield Cluster(servers)
    servers.close()
