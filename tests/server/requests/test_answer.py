"""Bytes in, bytes out: versions and garbage."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip.encodings import ttlv
from kmip.enums import ItemType, Operation, ResultReason, ResultStatus
from kmip.items import Item, structure
from kmip.messages import ResponseMessage, version_of
from kmip.payloads.query import QueryRequest
from kmip.structures import from_item, to_item
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_0, V1_4, V2_1, V3_0, ProtocolVersion
from server.access.client import Client
from server.requests.answer import answer, nearest
from server.state import Server
from tests.server.conftest import Asking

ALICE = Client("alice")


def request(version: ProtocolVersion, *payload: Item) -> bytes:
    header = structure(
        Tag.REQUEST_HEADER,
        structure(
            Tag.PROTOCOL_VERSION,
            Item(Tag.PROTOCOL_VERSION_MAJOR, ItemType.INTEGER, version.major),
            Item(Tag.PROTOCOL_VERSION_MINOR, ItemType.INTEGER, version.minor),
        ),
        Item(Tag.BATCH_COUNT, ItemType.INTEGER, 1),
    )
    item = structure(
        Tag.BATCH_ITEM,
        Item(Tag.OPERATION, ItemType.ENUMERATION, int(Operation.QUERY)),
        structure(Tag.REQUEST_PAYLOAD, *payload),
    )
    return ttlv.encode(structure(Tag.REQUEST_MESSAGE, header, item))


def response(data: bytes) -> ResponseMessage:
    item = ttlv.decode(data)
    return from_item(item, ResponseMessage, version_of(item))


@pytest.mark.parametrize(
    "asked,spoken",
    [
        (V1_0, V1_0),
        (ProtocolVersion(1, 9), V1_4),
        (ProtocolVersion(2, 7), V2_1),
        (ProtocolVersion(9, 9), V3_0),
        (ProtocolVersion(0, 9), V1_0),
        (ProtocolVersion(-1, 0), V1_0),
    ],
    ids=str,
)
def test_the_nearest_version_is_one_that_the_client_reads(asked, spoken):
    assert nearest(asked) == spoken


@pytest.mark.parametrize("asked", [ProtocolVersion(1, 9), ProtocolVersion(2, 7)], ids=str)
async def test_an_unsupported_version_is_refused_in_a_readable_one(server: Server, asked):
    got = response(await answer(server, request(asked), ALICE))
    assert got.response_header.protocol_version == nearest(asked)
    reasons = {1: ResultReason.INVALID_MESSAGE, 2: ResultReason.UNSUPPORTED_PROTOCOL_VERSION}
    assert got.batch_item[0].result_reason == reasons[asked.major]


async def test_the_internal_dialect_cannot_be_asked_for(server: Server):
    got = response(await answer(server, request(ProtocolVersion(0, 1)), ALICE))
    assert got.batch_item[0].result_status == ResultStatus.OPERATION_FAILED


async def test_without_a_client_nothing_is_answered(server: Server):
    got = response(await answer(server, request(V1_4), None))
    assert got.batch_item[0].result_reason == ResultReason.AUTHENTICATION_NOT_SUCCESSFUL


async def test_an_operation_no_version_has_fails_alone(ask: Asking):
    ask = ask.at(V1_4)
    unknown = ask.item(Operation.QUERY)
    unknown.operation = 0x7FFFFFFF
    (item,) = await ask.batch(unknown)
    assert item.result_reason == ResultReason.OPERATION_NOT_SUPPORTED
    assert item.operation == 0x7FFFFFFF


async def test_a_client_correlation_value_comes_back(ask: Asking):
    got = await ask.message(ask.item(Operation.QUERY), client_correlation_value="mine")
    assert got.response_header.client_correlation_value == "mine"


class Broken:
    """A store that fails as no store of ours does."""

    async def refresh(self) -> None:
        raise RuntimeError("the secret is hunter2")


async def test_a_fault_of_ours_shows_no_internals(ask: Asking, server: Server, caplog):
    server.store = Broken()  # type: ignore[assignment]
    (item,) = await ask.batch(ask.item(Operation.QUERY))
    assert item.result_reason == ResultReason.GENERAL_FAILURE
    assert item.result_message == "internal error"
    assert "RuntimeError" in caplog.text


VALID = [request(version) for version in SUPPORTED] + [
    ttlv.encode(to_item(QueryRequest(), Tag.REQUEST_MESSAGE, V1_4))
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 8))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


@given(data=st.binary(max_size=200) | damaged())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_bytes_get_a_proper_answer(server: Server, data: bytes):
    got = response(await answer(server, data, ALICE))
    assert len(got.batch_item) >= 1
