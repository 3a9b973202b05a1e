"""Obtain Lease."""

import pytest

from kmip.enums import Operation
from kmip.errors import WrongKeyLifecycleState
from kmip.versions import SUPPORTED, ProtocolVersion
from server.attributes import initial
from tests.server.conftest import NOW, InProcessClient
from tests.server.samples import ACTIVE, COMPROMISED, STOPPED, create, destroyed, refused


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_an_object_is_lent_for_a_time(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    stopped = await create(ask, ACTIVE)
    await ask(Operation.REVOKE, unique_identifier=stopped, **STOPPED)
    for key in (await create(ask), await create(ask, ACTIVE), stopped):
        lease = await ask(Operation.OBTAIN_LEASE, unique_identifier=key)
        assert (lease.lease_time, lease.last_change_date) == (initial.LEASE_SECONDS, NOW)


async def test_a_compromised_or_destroyed_one_is_not(ask: InProcessClient):
    key = await create(ask)
    await ask(Operation.REVOKE, unique_identifier=key, **COMPROMISED)
    for one in (key, await destroyed(ask)):
        await refused(ask, WrongKeyLifecycleState, Operation.OBTAIN_LEASE, unique_identifier=one)
