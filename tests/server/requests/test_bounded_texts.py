"""Texts of a client's in errors: cut, printable, and never in the way of what was completed."""

import pytest

from kmip.encodings import ttlv
from kmip.enums import (
    BatchErrorContinuationOption,
    ObjectType,
    Operation,
    ResultReason,
    ResultStatus,
)
from kmip.errors import MAX_TEXT, InvalidMessage, ItemNotFound
from kmip.messages import RequestHeader, RequestMessage
from kmip.structures import to_item
from kmip.tags import Tag
from server.requests.answer import answer
from tests.server.conftest import InProcessClient
from tests.server.samples import create

CONTINUE = BatchErrorContinuationOption.CONTINUE


@pytest.mark.parametrize("character", ["x", "\0", "\1", "\u20ac", "\U0001f511", "\n", "\x7f"])
@pytest.mark.parametrize("error", [ItemNotFound, InvalidMessage])
def test_an_errors_text_is_short_and_printable_whatever_it_quotes(error, character):
    text = str(error(f"there is no {character * 100_000}"))
    assert len(text) <= MAX_TEXT
    assert text.isascii()
    assert text.isprintable()
    assert text.startswith("there is no ")


async def test_what_was_completed_is_told_whatever_fails_after_it(ask: InProcessClient):
    """A response is counted before what it reports is made durable, failures with it."""
    made = await create(ask)
    for limit in range(300, 900, 20):
        before = ask.server.store.count
        items = [
            ask.item(Operation.ACTIVATE, unique_identifier=made, batch_id=b"1"),
            ask.item(Operation.CREATE, object_type=ObjectType.SYMMETRIC_KEY, batch_id=b"2"),
            *(
                ask.item(Operation.GET, unique_identifier="x" * 1000, batch_id=b"%d" % number)
                for number in (3, 4)
            ),
        ]
        request = RequestMessage(
            request_header=RequestHeader(
                protocol_version=ask.version,
                maximum_response_size=limit,
                batch_error_continuation_option=CONTINUE,
                batch_count=len(items),
            ),
            batch_item=tuple(items),
        )
        data = ttlv.encode(to_item(request, Tag.REQUEST_MESSAGE, ask.version))
        response = await answer(ask.server, data, ask.client)
        whole = response.count(b"\x42\x00\x0f") == len(items)
        made_now = ask.server.store.count - before
        assert whole or not made_now
        assert len(response) <= limit or not made_now


async def test_many_long_failures_leave_a_batch_answered_item_by_item(ask: InProcessClient):
    long = "x" * 1000
    items = [ask.item(Operation.GET, unique_identifier=long, batch_id=b"%d" % i) for i in range(50)]
    response = await ask.message(
        *items, maximum_response_size=5000, batch_error_continuation_option=CONTINUE
    )
    assert len(response.batch_item) == 50
    assert {one.result_status for one in response.batch_item} == {ResultStatus.OPERATION_FAILED}
    assert response.batch_item[0].result_reason == ResultReason.OBJECT_NOT_FOUND
    assert response.batch_item[0].result_message
