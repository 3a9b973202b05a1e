"""Ping and Interop, which change nothing."""

from kmip.enums import InteropFunction, Operation
from kmip.payloads.interop import InteropResponse
from kmip.payloads.ping import PingResponse
from server.state import Server
from tests.server.conftest import InProcessClient
from tests.server.samples import create


async def test_the_server_is_there(ask: InProcessClient):
    assert await ask(Operation.PING) == PingResponse()


async def test_an_interoperability_test_begins_and_ends(ask: InProcessClient, server: Server):
    await create(ask)
    for function in InteropFunction:
        made = await ask(
            Operation.INTEROP, interop_function=function, interop_identifier="BL-M-1-21"
        )
        assert made == InteropResponse()
    assert server.store.count == 1
