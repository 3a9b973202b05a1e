"""Batch items and messages are counted by what the specification names, and by nothing else."""

from kmip.encodings import ttlv
from kmip.enums import BatchErrorContinuationOption as Option
from kmip.enums import Operation as Op
from kmip.enums import ResultReason, ResultStatus
from kmip.messages import RequestBatchItem
from server.metrics.openmetrics import text_of
from server.metrics.requests import BOUNDS, RequestCounts
from server.requests.answer import answer
from server.state import Server
from tests.server.conftest import InProcessClient
from tests.server.metrics.scraped import Samples, scraped
from tests.server.samples import create

DONE, FAILED = ResultStatus.SUCCESS, ResultStatus.OPERATION_FAILED


def counted(counts: RequestCounts) -> Samples:
    return scraped(text_of(counts.families()))


def test_a_bucket_holds_what_took_at_most_its_bound() -> None:
    counts = RequestCounts()
    for seconds in (0.0, 0.0001, 0.00011, 10.0, 10.5):
        counts.count(Op.GET, DONE, None, seconds)
    found = counted(counts)
    buckets = found["strongroom_request_duration_seconds_bucket"]
    expected = {"0.0001": 2, "0.00025": 3, "2.5": 3, "10.0": 4, "+Inf": 5}
    for bound, items in expected.items():
        assert buckets["Get", "Success", bound] == items
    assert found["strongroom_request_duration_seconds_count"]["Get", "Success"] == 5
    assert found["strongroom_request_duration_seconds_sum"]["Get", "Success"] == 20.50021
    assert len(buckets) == len(BOUNDS) + 1


def test_operations_that_no_version_has_are_counted_together() -> None:
    counts = RequestCounts()
    for number in range(200):
        counts.count(0x80000000 + number, FAILED, ResultReason.OPERATION_NOT_SUPPORTED, 0.0)
        counts.count(Op(0x80000000 + number), FAILED, ResultReason.OPERATION_NOT_SUPPORTED, 0.0)
    counts.count(None, FAILED, ResultReason.OPERATION_NOT_SUPPORTED, 0.0)
    requests = counted(counts)["strongroom_requests_total"]
    assert requests == {("unknown", "OperationFailed", "OperationNotSupported"): 401}


async def test_what_is_scraped_is_what_was_answered(ask: InProcessClient) -> None:
    key = await create(ask)
    for _ in range(5):
        await ask(Op.GET, unique_identifier=key)
    get, missing = ask.item(Op.GET, unique_identifier=key), ask.item(Op.GET, unique_identifier="x")
    for option in (Option.STOP, Option.CONTINUE, Option.UNDO):
        await ask.batch(get, missing, get, option=option)
    found = counted(ask.server.request_counts)
    assert found["strongroom_messages_total"] == {(): 9}
    assert found["strongroom_requests_total"] == {
        ("Create", "Success", ""): 1,
        ("Get", "Success", ""): 5 + 1 + 2,
        ("Get", "OperationUndone", ""): 1,
        ("Get", "OperationFailed", "ObjectNotFound"): 3,
    }
    durations = found["strongroom_request_duration_seconds_count"]
    assert durations["Get", "Success"] == 8
    assert durations["Get", "OperationFailed"] == 3


async def test_messages_that_nobody_understands_are_counted_by_their_reason(server: Server) -> None:
    for message in (b"", b"garbage", ttlv.encode(ttlv.decode(b"\x42\0\x78\1\0\0\0\0"))):
        await answer(server, message, None)
    found = counted(server.request_counts)
    assert found["strongroom_messages_total"] == {(): 3}
    assert found["strongroom_messages_refused_total"] == {("InvalidMessage",): 3}
    assert "strongroom_requests_total" not in found


async def test_items_of_a_sender_who_is_not_let_in_are_counted_without_a_time(
    server: Server,
) -> None:
    ask = InProcessClient(server, None)
    await ask.batch(*[ask.item(Op.QUERY)] * 2)
    found = counted(server.request_counts)
    (reason,) = {reason for _, _, reason in found["strongroom_requests_total"]}
    assert found["strongroom_requests_total"] == {("Query", "OperationFailed", reason): 2}
    assert found["strongroom_request_duration_seconds_count"]["Query", "OperationFailed"] == 0


async def test_nothing_that_a_client_names_is_scraped(server: Server) -> None:
    hostile = 'eve"} 1\nstrongroom_requests_total{operation="Get'
    ask = InProcessClient(server, None).named(hostile)
    key = await create(ask)
    for name in (key, hostile):
        await ask.batch(ask.item(Op.GET, unique_identifier=name))
    for number in range(20):
        await ask.batch(RequestBatchItem(operation=0x80000100 + number, request_payload=None))
    text = text_of(server.request_counts.families())
    assert b"eve" not in text
    assert key.encode() not in text
    assert {operation for operation, _, _ in scraped(text)["strongroom_requests_total"]} == {
        *("Create", "Get", "unknown")
    }
