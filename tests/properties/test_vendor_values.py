"""Enumeration values of a vendor, wherever a request may have one: a client's error, never ours."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip.encodings import ttlv
from kmip.enums import ItemType, Operation
from kmip.items import Item
from kmip.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip.structures import to_item
from kmip.tags import Tag
from kmip.versions import SUPPORTED
from server import operations
from server.access.client import Client
from server.access.users import Users
from server.registry import ROUTES
from server.requests.answer import answer
from server.setup.config import Config
from server.state import Server
from storage import KeyFile, MemoryBackend, open_store
from tests.kmip.strategies import structures
from tests.server.conftest import Clock, InProcessClient
from tests.server.samples import create

operations.load()

EXPENSIVE = {Operation.CREATE_KEY_PAIR, Operation.REKEY_KEY_PAIR}
"""They may take seconds for what is drawn."""


def changed(item: Item, identifier: str, draw: st.DrawFn) -> Item:
    """The item with some enumerations of a vendor's, and identifiers of an object that is there."""
    if item.type == ItemType.ENUMERATION:
        vendors = draw(st.booleans())
        return (
            item._replace(value=draw(st.sampled_from((0x80000001, 0x8FFFFFFF))))
            if vendors
            else item
        )
    if item.tag == Tag.UNIQUE_IDENTIFIER and item.type != ItemType.STRUCTURE:
        return Item(item.tag, ItemType.TEXT_STRING, identifier)
    if item.type == ItemType.STRUCTURE:
        return item._replace(value=tuple(changed(one, identifier, draw) for one in item.children))
    return item


@pytest.mark.parametrize(
    "operation", sorted(set(ROUTES) - EXPENSIVE), ids=lambda operation: operation.name
)
@given(data=st.data())
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_vendor_values_are_answered_properly(
    operation: Operation, config: Config, clock: Clock, data: st.DataObject
):
    async with open_store(MemoryBackend(), KeyFile(bytes(32)), create=True) as store:
        users = Users(config.data / "users.json")
        server = Server(config=config, store=store, users=users, clock=clock)
        message = await request_of(operation, InProcessClient(server, Client("alice")), data)
        assert b"internal error" not in await answer(server, message, Client("alice"))


async def request_of(operation: Operation, ask: InProcessClient, data: st.DataObject) -> bytes:
    """Any request for an operation, with vendor values and an object that is there."""
    route = ROUTES[operation]
    version = data.draw(st.sampled_from([one for one in SUPPORTED if route.is_for(one)]))
    identifier = await create(ask)
    payload = data.draw(structures(route.request, version))
    item = to_item(payload, Tag.REQUEST_PAYLOAD, version)
    item = data.draw(st.composite(lambda draw: changed(item, identifier, draw))())
    request = RequestMessage(
        request_header=RequestHeader(protocol_version=version, batch_count=1),
        batch_item=(RequestBatchItem(operation=operation, request_payload=item),),
    )
    return ttlv.encode(to_item(request, Tag.REQUEST_MESSAGE, version))
