"""Bytes in, bytes out: versions, encodings and garbage."""

import logging
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip.attribute_values import Name
from kmip.attributes import Attributes
from kmip.encodings.codec import CODECS, Codec
from kmip.enums import (
    AsynchronousIndicator,
    BatchErrorContinuationOption,
    ItemType,
    ObjectType,
    Operation,
    QueryFunction,
    ResultReason,
    ResultStatus,
)
from kmip.items import Item, structure
from kmip.messages import (
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseMessage,
    version_of,
)
from kmip.objects import OpaqueObject
from kmip.payloads.query import QueryRequest
from kmip.structures import from_item, to_item
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_0, V1_4, V2_1, V3_0, ProtocolVersion
from server.access.client import Client
from server.requests.answer import answer, nearest
from server.state import Server
from tests.server.conftest import InProcessClient

ALICE = Client("alice")


every_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
TTLV, JSON, XML = CODECS["TTLV"], CODECS["JSON"], CODECS["XML"]


def request(version: ProtocolVersion, *payload: Item, codec: Codec = TTLV) -> bytes:
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
    return codec.encode(structure(Tag.REQUEST_MESSAGE, header, item))


def response(data: bytes, codec: Codec = TTLV) -> ResponseMessage:
    item = codec.decode(data)
    return from_item(item, ResponseMessage, version_of(item))


@pytest.mark.parametrize(
    "requested,spoken",
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
def test_the_nearest_version_is_one_that_the_client_reads(requested, spoken):
    assert nearest(requested) == spoken


@pytest.mark.parametrize("requested", [ProtocolVersion(1, 9), ProtocolVersion(2, 7)], ids=str)
async def test_an_unsupported_version_is_refused_in_a_readable_one(server: Server, requested):
    got = response(await answer(server, request(requested), ALICE))
    assert got.response_header.protocol_version == nearest(requested)
    reasons = {1: ResultReason.INVALID_MESSAGE, 2: ResultReason.UNSUPPORTED_PROTOCOL_VERSION}
    assert got.batch_item[0].result_reason == reasons[requested.major]


async def test_the_internal_dialect_cannot_be_asked_for(server: Server):
    got = response(await answer(server, request(ProtocolVersion(0, 1)), ALICE))
    assert got.batch_item[0].result_status == ResultStatus.OPERATION_FAILED


async def test_without_a_client_nothing_is_answered(server: Server):
    got = response(await answer(server, request(V1_4), None))
    assert got.batch_item[0].result_reason == ResultReason.AUTHENTICATION_NOT_SUCCESSFUL


async def test_a_message_that_cannot_be_decoded_leaves_a_line(server: Server, caplog):
    caplog.set_level(logging.INFO)
    await answer(server, bytes.fromhex("4200780100000008") + bytes(8), ALICE)
    assert "a message of 16 bytes was refused" in caplog.text


async def test_an_operation_no_version_has_fails_alone(ask: InProcessClient):
    ask = ask.at(V1_4)
    unknown = ask.item(Operation.QUERY)
    unknown.operation = 0x7FFFFFFF
    (item,) = await ask.batch(unknown)
    assert item.result_reason == ResultReason.OPERATION_NOT_SUPPORTED
    assert item.operation == 0x7FFFFFFF


async def test_a_client_correlation_value_comes_back(ask: InProcessClient):
    got = await ask.message(ask.item(Operation.QUERY), client_correlation_value="mine")
    assert got.response_header.client_correlation_value == "mine"


class Broken:
    """A store that fails as no store of ours does."""

    is_shared = False

    async def refresh(self, reading: object) -> None:
        raise RuntimeError("the secret is hunter2")


async def test_a_fault_of_ours_shows_no_internals(ask: InProcessClient, server: Server, caplog):
    server.store = Broken()  # type: ignore[assignment]
    (item,) = await ask.batch(ask.item(Operation.QUERY))
    assert item.result_reason == ResultReason.GENERAL_FAILURE
    assert item.result_message == "internal error"
    assert "RuntimeError" in caplog.text


def spoken(ask: InProcessClient, *items: RequestBatchItem, **header: Any) -> Item:
    """A request message as items."""
    message = RequestMessage(
        request_header=RequestHeader(
            protocol_version=ask.version, batch_count=len(items), **header
        ),
        batch_item=items,
    )
    return to_item(message, Tag.REQUEST_MESSAGE, ask.version)


async def answered(ask: InProcessClient, item: Item, codec: Codec) -> Item:
    """What a message is answered in an encoding, as items."""
    return codec.decode(await answer(ask.server, codec.encode(item), ask.client, codec))


def opaque(data: bytes) -> OpaqueObject:
    """An object that the server takes as it is."""
    return OpaqueObject(opaque_data_type=0x80000001, opaque_data_value=data)


async def registered(ask: InProcessClient, name: str, secret: bytes) -> str:
    """A new object that is called `name`."""
    attributes = Attributes([(Tag.NAME, Name(name_value=name))])
    value = opaque(secret)
    made = await ask(
        Operation.REGISTER,
        object_type=ObjectType.OPAQUE_OBJECT,
        attributes=attributes,
        object=value,
    )
    identifier: str = made.unique_identifier
    return identifier


@every_codec
@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_a_request_means_the_same_in_every_encoding(ask: InProcessClient, version, codec):
    key = await registered(ask, "a <name> & \u00e4nother", bytes(range(256)))
    ask = ask.at(version)
    requested = spoken(
        ask,
        ask.item(Operation.GET, batch_id=b"1", unique_identifier=key),
        ask.item(Operation.GET_ATTRIBUTES, batch_id=b"2", unique_identifier=key),
        ask.item(Operation.GET, batch_id=b"3", unique_identifier="nothing"),
        ask.item(Operation.QUERY, batch_id=b"4", query_function=tuple(QueryFunction)[:4]),
        ask.item(Operation.LOCATE, batch_id=b"5"),
        batch_error_continuation_option=BatchErrorContinuationOption.CONTINUE,
    )
    found = await answered(ask, requested, codec)
    assert found == await answered(ask, requested, TTLV)
    got = from_item(found, ResponseMessage, version).batch_item
    failed = ResultStatus.OPERATION_FAILED
    assert [item.result_status == failed for item in got] == [False, False, True, False, False]


@every_codec
async def test_what_one_encoding_registers_another_gets(ask: InProcessClient, codec):
    value = opaque(bytes(range(256)))
    item = ask.item(Operation.REGISTER, object_type=ObjectType.OPAQUE_OBJECT, object=value)
    found = await answered(ask, spoken(ask, item), codec)
    (made,) = from_item(found, ResponseMessage, ask.version).batch_item
    key = ask.payload(made).unique_identifier
    assert (await ask(Operation.GET, unique_identifier=key)).object == value


@every_codec
async def test_a_message_that_does_not_decode_is_refused_in_its_encoding(server: Server, codec):
    got = response(await answer(server, b"no message", ALICE, codec), codec)
    assert got.response_header.protocol_version == V1_0
    assert [item.result_reason for item in got.batch_item] == [ResultReason.INVALID_MESSAGE]


@pytest.mark.parametrize("other", [JSON, XML], ids=["JSON", "XML"])
async def test_an_encoding_is_not_guessed(server: Server, other):
    for codec, message in ((TTLV, request(V1_4, codec=other)), (other, request(V1_4))):
        got = response(await answer(server, message, ALICE, codec), codec)
        assert got.batch_item[0].result_reason == ResultReason.INVALID_MESSAGE


@every_codec
async def test_a_client_takes_a_response_as_long_as_it_says_and_no_longer(
    ask: InProcessClient, codec
):
    """The length that counts is that of the answer as TTLV, however it is written."""
    key = await registered(ask, "long", bytes(2000))
    get = ask.item(Operation.GET, unique_identifier=key)

    async def response_within(limit: int) -> bytes:
        message = codec.encode(spoken(ask, get, maximum_response_size=limit))
        return await answer(ask.server, message, ask.client, codec)

    length = len(TTLV.encode(codec.decode(await response_within(1 << 20))))
    assert 2000 < length < 2500
    enough = length + 256  # what it will be is estimated beforehand
    assert response(await response_within(enough), codec).batch_item[0].result_reason is None
    got = response(await response_within(length - 1), codec)
    assert got.batch_item[0].result_reason == ResultReason.RESPONSE_TOO_LARGE


@every_codec
async def test_the_server_sends_no_more_than_its_setting_says(ask: InProcessClient, codec):
    key = await registered(ask, "long", bytes(2000))
    message = codec.encode(spoken(ask, ask.item(Operation.GET, unique_identifier=key)))
    ask.server.config = replace(ask.server.config, max_message_bytes=2048)
    data = await answer(ask.server, message, ask.client, codec)
    assert len(data) <= 2048
    got = response(data, codec)
    assert got.batch_item[0].result_reason == ResultReason.RESPONSE_TOO_LARGE


async def test_a_name_that_an_encoding_cannot_hold_does_not_lose_the_answer(ask: InProcessClient):
    key = await registered(ask, "a bell \7", b"")
    message = spoken(ask, ask.item(Operation.GET_ATTRIBUTES, unique_identifier=key))
    for codec, name in ((TTLV, "a bell \7"), (JSON, "a bell \7"), (XML, "a bell \ufffd")):
        item = await answered(ask, message, codec)
        got = from_item(item, ResponseMessage, ask.version)
        assert got.batch_item[0].result_reason is None
        assert name.encode() in TTLV.encode(item)


@every_codec
async def test_a_fault_of_ours_is_told_in_the_encoding_of_the_message(server: Server, codec):
    server.store = Broken()  # type: ignore[assignment]
    got = response(await answer(server, request(V1_4, codec=codec), ALICE, codec), codec)
    assert got.batch_item[0].result_message == "internal error"


def valid(codec: Codec) -> list[bytes]:
    """Messages that are damaged."""
    payload = to_item(QueryRequest(), Tag.REQUEST_MESSAGE, V1_4)
    return [*(request(version, codec=codec) for version in SUPPORTED), codec.encode(payload)]


VALID = {codec.media_type: valid(codec) for codec in CODECS.values()}


@st.composite
def damaged(draw: st.DrawFn, codec: Codec) -> bytes:
    data = bytearray(draw(st.sampled_from(VALID[codec.media_type])))
    for _ in range(draw(st.integers(1, 8))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


@every_codec
@given(data=st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_bytes_get_a_proper_answer(server: Server, codec: Codec, data: st.DataObject):
    message = data.draw(st.binary(max_size=200) | damaged(codec))
    got = response(await answer(server, message, ALICE, codec), codec)
    assert len(got.batch_item) >= 1
    assert "internal error" not in [item.result_message for item in got.batch_item]


@every_codec
@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_a_message_that_does_not_decode_is_refused_in_the_version_it_states(
    server: Server, codec, version: ProtocolVersion
):
    """What is wrong stands behind its header."""
    message = request(version, codec=codec)
    middle = len(message) * 3 // 4
    broken = message[:middle] + bytes([message[middle] ^ 0xFF]) * (len(message) - middle)
    got = response(await answer(server, broken, ALICE, codec), codec)
    assert got.response_header.protocol_version == version
    assert got.batch_item[0].result_status == ResultStatus.OPERATION_FAILED


async def test_a_version_that_is_not_spoken_is_not_answered_in(server: Server):
    broken = request(ProtocolVersion(1, 9))[:-8] + bytes([0xFF]) * 8
    got = response(await answer(server, broken, ALICE))
    assert got.response_header.protocol_version == V1_4


@pytest.mark.parametrize("version", [V1_4, V2_1, V3_0], ids=str)
async def test_a_refused_message_has_its_client_correlation_value_too(
    ask: InProcessClient, version: ProtocolVersion
):
    refused: dict[str, Any] = {"client_correlation_value": "mine", "batch_count": 3}
    if version >= V3_0:  # which has no Batch Count
        refused |= {"asynchronous_indicator": AsynchronousIndicator.MANDATORY}
    ask = ask.at(version)
    poll = ask.item(Operation.POLL, asynchronous_correlation_value=b"one")
    got = await ask.message(ask.item(Operation.QUERY), poll, **refused)
    assert got.batch_item[0].result_status == ResultStatus.OPERATION_FAILED
    assert got.response_header.client_correlation_value == "mine"
