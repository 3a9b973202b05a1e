"""Poll, Cancel, Process, Query Asynchronous Requests, and the Asynchronous Indicator: every request
is answered at once."""

import pytest

from kmip.enums import (
    AsynchronousIndicator,
    CancellationResult,
    Operation,
    ResultReason,
    ResultStatus,
)
from kmip.versions import SUPPORTED, V1_4, V2_0, V2_1, V3_0
from tests.server.conftest import InProcessClient
from tests.server.operations.test_login import reason_of

Op = Operation
R = ResultReason
VALUE = {"asynchronous_correlation_value": b"12345678"}


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_there_is_nothing_to_poll(ask: InProcessClient, version):
    expected = R.ITEM_NOT_FOUND if version <= V1_4 else R.INVALID_ASYNCHRONOUS_CORRELATION_VALUE
    assert await reason_of(ask.at(version), Op.POLL, **VALUE) == expected


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_there_is_nothing_to_cancel(ask: InProcessClient, version):
    answer = await ask.at(version)(Op.CANCEL, **VALUE)
    assert answer.cancellation_result == CancellationResult.UNAVAILABLE
    assert answer.asynchronous_correlation_value == b"12345678"


@pytest.mark.parametrize("version", [V2_1, V3_0], ids=str)
async def test_there_is_nothing_outstanding(ask: InProcessClient, version):
    ask = ask.at(version)
    assert (await ask(Op.QUERY_ASYNCHRONOUS_REQUESTS)).asynchronous_request == ()
    refused = await reason_of(ask, Op.PROCESS, **VALUE)
    assert refused == R.INVALID_ASYNCHRONOUS_CORRELATION_VALUE


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
@pytest.mark.parametrize(
    "indicator", [AsynchronousIndicator.OPTIONAL, AsynchronousIndicator.PROHIBITED]
)
async def test_who_may_wait_need_not(ask: InProcessClient, version, indicator):
    ask = ask.at(version)
    response = await ask.message(ask.item(Op.QUERY), asynchronous_indicator=indicator)
    assert [item.result_status for item in response.batch_item] == [ResultStatus.SUCCESS]


@pytest.mark.parametrize("version", [V2_0, V2_1, V3_0], ids=str)
async def test_who_must_wait_is_refused(ask: InProcessClient, version):
    ask = ask.at(version)
    indicator = AsynchronousIndicator.MANDATORY
    response = await ask.message(ask.item(Op.QUERY), asynchronous_indicator=indicator)
    assert [item.result_reason for item in response.batch_item] == [R.FEATURE_NOT_SUPPORTED]
