"""A whole server without sockets: an in-memory store, a clock that the test sets, and clients."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_trio

from kmip.encodings import ttlv
from kmip.enums import BatchErrorContinuationOption, Operation, ResultReason, ResultStatus
from kmip.messages import (
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseMessage,
)
from kmip.payloads import PAYLOADS
from kmip.structures import from_item, to_item
from kmip.tags import Tag
from kmip.versions import V2_1, ProtocolVersion
from server import operations
from server.access.client import Client
from server.access.users import Users
from server.requests.answer import answer
from server.setup.config import Config
from server.state import Server
from storage import KeyFile, MemoryBackend, open_store

operations.load()

NOW = 1_700_000_000


class Failed(Exception):
    """An item was answered by a failure."""

    def __init__(self, item: ResponseBatchItem) -> None:
        super().__init__(f"{item.result_reason!r}: {item.result_message}")
        self.item = item

    @property
    def reason(self) -> ResultReason | None:
        return self.item.result_reason


@dataclass
class Clock:
    """The time, as the test sets it."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


def with_ids(items: tuple[RequestBatchItem, ...]) -> tuple[RequestBatchItem, ...]:
    """Items of one message, each with an identifier where there are several of them."""
    if len(items) < 2:
        return items
    return tuple(
        item
        if item.unique_batch_item_id is not None
        else replace(item, unique_batch_item_id=b"item %d" % place)
        for place, item in enumerate(items)
    )


@dataclass
class InProcessClient:
    """A client without a socket: it sends its messages to one server, in one version.

    Attributes:
        server: takes the messages.
        client: whose messages they are.
        version: of the requests.
        header: more fields of the request header.
    """

    server: Server
    client: Client | None
    version: ProtocolVersion = V2_1
    header: dict[str, Any] = field(default_factory=dict)

    async def message(self, *items: RequestBatchItem, **header: Any) -> ResponseMessage:
        """The whole response to a message of these items."""
        fields = {"batch_count": len(items)} | self.header | header
        items = with_ids(items)
        request = RequestMessage(
            request_header=RequestHeader(protocol_version=self.version, **fields),
            batch_item=items,
        )
        data = ttlv.encode(to_item(request, Tag.REQUEST_MESSAGE, self.version))
        response = ttlv.decode(await answer(self.server, data, self.client))
        return from_item(response, ResponseMessage, self.version)

    def item(self, operation: Operation, *, batch_id: Any = None, **fields: Any) -> Any:
        """A batch item of an operation, its payload made of `fields`.

        Args:
            operation: of the item.
            batch_id: bytes. Their type is not stated, since `**fields` of another would not fit.
            **fields: of the payload.
        """
        payload = PAYLOADS[operation].request(**fields)
        return RequestBatchItem(
            operation=operation,
            unique_batch_item_id=batch_id,
            request_payload=to_item(payload, Tag.REQUEST_PAYLOAD, self.version),
        )

    def payload(self, item: ResponseBatchItem) -> Any:
        """The response payload of a batch item; raises Failed."""
        if item.result_status != ResultStatus.SUCCESS:
            raise Failed(item)
        assert isinstance(item.operation, Operation)
        assert item.response_payload is not None
        return from_item(item.response_payload, PAYLOADS[item.operation].response, self.version)

    async def __call__(self, operation: Operation, **fields: Any) -> Any:
        """The response payload of one operation; raises Failed."""
        response = await self.message(self.item(operation, **fields))
        (item,) = response.batch_item
        return self.payload(item)

    async def batch(
        self, *items: RequestBatchItem, option: BatchErrorContinuationOption | None = None
    ) -> tuple[ResponseBatchItem, ...]:
        """The answers to several items in one message."""
        response = await self.message(*items, batch_error_continuation_option=option)
        return response.batch_item

    def at(self, version: ProtocolVersion) -> "InProcessClient":
        """The same client in another version."""
        return InProcessClient(self.server, self.client, version, self.header)

    def named(self, name: str) -> "InProcessClient":
        """Another client of the same server."""
        return InProcessClient(self.server, Client(name), self.version, self.header)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(data=tmp_path, audit="none")


@pytest_trio.trio_fixture
async def server(config: Config, clock: Clock) -> AsyncIterator[Server]:
    async with open_store(MemoryBackend(), KeyFile(bytes(32)), create=True) as store:
        yield Server(config=config, store=store, users=Users(config.users_file), clock=clock)


@pytest.fixture
def ask(server: Server) -> InProcessClient:
    return InProcessClient(server, Client("alice"))
