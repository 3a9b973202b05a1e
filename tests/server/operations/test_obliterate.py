"""Obliterate."""

from kmip.enums import Operation
from kmip.errors import ItemNotFound, ObjectNotFound
from kmip.versions import V3_0
from server.state import Server
from tests.server.conftest import InProcessClient
from tests.server.samples import create, destroyed, refused


async def test_nothing_is_left(ask: InProcessClient, server: Server):
    ask = ask.at(V3_0)
    for key in (await create(ask), await destroyed(ask)):
        await ask(Operation.OBLITERATE, unique_identifier=key)
        await refused(ask, ObjectNotFound, Operation.GET, unique_identifier=key)
        await refused(ask, ObjectNotFound, Operation.OBLITERATE, unique_identifier=key)
    await refused(ask, ItemNotFound, Operation.OBLITERATE)
    assert server.store.count == 0
