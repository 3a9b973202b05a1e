"""What common requests cost, as numbers of calls: the same on every machine, unlike times.

A number that is passed is no fault by itself. Look at what the change added to each request; if it
is worth that, give the new number here, and say in docs/performance.md what it brought.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

import pytest

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.encodings import ttlv
from kmip.enums import (
    BlockCipherMode,
    ObjectType,
    Operation,
    PaddingMethod,
    QueryFunction,
)
from kmip.messages import RequestHeader, RequestMessage
from kmip.structures import to_item
from kmip.tags import Tag
from server.requests.answer import answer
from tests.server.conftest import InProcessClient, with_ids
from tests.server.samples import ACTIVE, aes, create

FAILED = bytes.fromhex("42007f 05 00000004 00000001")
"""A Result Status of Operation Failed, in TTLV."""
PACKAGES = ("kmip", "server", "storage")

CEILINGS = {
    "Query": 172,
    "Discover Versions": 173,
    "Get": 307,
    "Get Attributes": 444,
    "Create": 2113,
    "Locate": 1038,
    "Encrypt": 409,
    "ten Gets": 2160,
}
"""Calls that functions of the project make or are: what was counted, and a twentieth more."""


async def calls(work: Callable[[], Awaitable[object]]) -> int:
    """How many functions of the project are called in this thread, and call something built in."""
    count = 0

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        if event in {"call", "c_call"}:
            module = frame.f_globals.get("__name__") or ""
            count += module.partition(".")[0] in PACKAGES

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        await work()
    finally:
        sys.setprofile(before)
    return count


def message(ask: InProcessClient, *items: Any) -> bytes:
    header = RequestHeader(protocol_version=ask.version, batch_count=len(items))
    request = RequestMessage(request_header=header, batch_item=with_ids(items))
    return ttlv.encode(to_item(request, Tag.REQUEST_MESSAGE, ask.version))


async def request(ask: InProcessClient, what: str) -> bytes:
    """A message of this kind, about a key that there is."""
    key = await create(ask, ACTIVE, (Tag.OBJECT_GROUP, "some"))
    get = ask.item(Operation.GET, unique_identifier=key)
    cbc = CryptographicParameters(
        block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5
    )
    match what:
        case "Query":
            functions = (QueryFunction.QUERY_OPERATIONS, QueryFunction.QUERY_OBJECTS)
            return message(ask, ask.item(Operation.QUERY, query_function=functions))
        case "Discover Versions":
            return message(ask, ask.item(Operation.DISCOVER_VERSIONS))
        case "Get":
            return message(ask, get)
        case "Get Attributes":
            return message(ask, ask.item(Operation.GET_ATTRIBUTES, unique_identifier=key))
        case "Create":
            return message(
                ask,
                ask.item(Operation.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=aes()),
            )
        case "Locate":
            wanted = aes((Tag.OBJECT_GROUP, "some"))
            return message(ask, ask.item(Operation.LOCATE, attributes=wanted))
        case "Encrypt":
            fields = {"cryptographic_parameters": cbc, "iv_counter_nonce": bytes(16)}
            item = ask.item(Operation.ENCRYPT, unique_identifier=key, data=b"some data", **fields)
            return message(ask, item)
        case _:
            return message(ask, *[get] * 10)


@pytest.mark.parametrize("what", CEILINGS)
async def test_a_request_makes_no_more_calls_than_it_did(ask, what):
    data = await request(ask, what)
    for _ in range(3):  # what is compiled, read or kept once is there now
        response = await answer(ask.server, data, ask.client)
    assert FAILED not in response
    count = await calls(lambda: answer(ask.server, data, ask.client))
    assert count <= CEILINGS[what], f"{what} makes {count} calls, {CEILINGS[what]} at most before"
