"""The Asynchronous Indicator, and Poll, Cancel, Process and Query Asynchronous Requests."""

from dataclasses import replace

import pytest
import trio

from kmip.enums import (
    AsynchronousIndicator,
    CancellationResult,
    ObjectType,
    Operation,
    ProcessingStage,
    QueryFunction,
    ResultReason,
    ResultStatus,
)
from kmip.payloads.asynchronous import AsynchronousCorrelationValues
from kmip.versions import SUPPORTED, V1_2, V1_4, V2_0, V2_1, V3_0
from server.requests import asynchronous
from server.sessions import jobs
from server.sessions.identification import Identification, Means
from server.state import Server
from tests.server.conftest import Clock, InProcessClient
from tests.server.operations.test_login import reason_of, showing
from tests.server.samples import aes

Op = Operation
R = ResultReason
MANDATORY = AsynchronousIndicator.MANDATORY
VALUE = {"asynchronous_correlation_value": b"12345678"}
PENDING = ResultStatus.OPERATION_PENDING


async def later(ask: InProcessClient, *items, **header) -> list[bytes]:
    """The correlation values of a message that is to be answered later."""
    response = await ask.message(*items, asynchronous_indicator=MANDATORY, **header)
    assert {item.result_status for item in response.batch_item} == {PENDING}
    assert {item.response_payload for item in response.batch_item} == {None}
    return [item.asynchronous_correlation_value or b"" for item in response.batch_item]


async def poll(ask: InProcessClient, value: bytes):
    response = await ask.message(ask.item(Op.POLL, asynchronous_correlation_value=value))
    return response.batch_item[0]


async def cancel(ask: InProcessClient, value: bytes) -> CancellationResult:
    return (await ask(Op.CANCEL, asynchronous_correlation_value=value)).cancellation_result


async def objects(ask: InProcessClient) -> tuple[str, ...]:
    return (await ask(Op.LOCATE)).unique_identifier


def a_key(ask: InProcessClient):
    return ask.item(Op.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=aes())


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
async def test_who_may_wait_need_not_for_quick_work(ask: InProcessClient, version, indicator):
    ask = ask.at(version)
    response = await ask.message(ask.item(Op.QUERY), asynchronous_indicator=indicator)
    assert [item.result_status for item in response.batch_item] == [ResultStatus.SUCCESS]


@pytest.mark.parametrize("version", [V2_0, V2_1, V3_0], ids=str)
async def test_an_answer_is_pending_until_it_is_there(ask: InProcessClient, server, version):
    ask = ask.at(version)
    (value,) = await later(ask, a_key(ask))
    pending = await poll(ask, value)
    assert (pending.result_status, pending.response_payload) == (PENDING, None)
    assert pending.asynchronous_correlation_value == value
    assert await objects(ask) == ()
    assert await asynchronous.run_next(server)
    answer = await poll(ask, value)
    assert (answer.operation, answer.result_status) == (Op.CREATE, ResultStatus.SUCCESS)
    assert await objects(ask) == (ask.payload(answer).unique_identifier,)


async def test_an_answer_is_given_in_the_version_of_the_poll(ask: InProcessClient, server):
    (value,) = await later(ask, ask.item(Op.QUERY, query_function=(QueryFunction.QUERY_OBJECTS,)))
    await asynchronous.run_next(server)
    old = ask.at(V1_2)
    assert old.payload(await poll(old, value)).object_type


async def test_slow_work_of_a_client_that_may_wait_is_done_later(ask: InProcessClient):
    optional, long = AsynchronousIndicator.OPTIONAL, asynchronous.LONG_BATCH
    ask = ask.at(V1_2)
    pair = ask.item(Op.CREATE_KEY_PAIR)
    response = await ask.message(pair, asynchronous_indicator=optional)
    assert response.batch_item[0].result_status == PENDING
    response = await ask.message(*[ask.item(Op.QUERY)] * long, asynchronous_indicator=optional)
    assert {item.result_status for item in response.batch_item} == {PENDING}


async def test_items_of_a_batch_have_an_answer_each(ask: InProcessClient, server):
    first, second = await later(ask, a_key(ask), ask.item(Op.GET))
    await asynchronous.run_next(server)
    got = ask.payload(await poll(ask, second))
    assert got.unique_identifier == ask.payload(await poll(ask, first)).unique_identifier


async def test_an_item_behind_one_that_failed_is_not_performed(ask: InProcessClient, server):
    first, second = await later(ask, ask.item(Op.GET, unique_identifier="none"), a_key(ask))
    await asynchronous.run_next(server)
    assert (await poll(ask, first)).result_reason == R.OBJECT_NOT_FOUND
    assert (await poll(ask, second)).result_status == ResultStatus.OPERATION_FAILED
    assert await objects(ask) == ()


async def test_a_canceled_request_leaves_nothing(ask: InProcessClient, server):
    first, second = await later(ask, a_key(ask), a_key(ask))
    assert await cancel(ask, first) == CancellationResult.CANCELED
    assert not await asynchronous.run_next(server)
    assert await objects(ask) == ()
    for value in (first, second):
        assert (await poll(ask, value)).result_reason == R.OPERATION_CANCELED_BY_REQUESTER
    assert await cancel(ask, second) == CancellationResult.CANCELED


async def test_what_has_ended_cannot_be_canceled(ask: InProcessClient, server):
    (made,) = await later(ask, a_key(ask))
    await asynchronous.run_next(server)
    (failed,) = await later(ask, ask.item(Op.GET, unique_identifier="none"))
    await asynchronous.run_next(server)
    assert await cancel(ask, made) == CancellationResult.COMPLETED
    assert await cancel(ask, failed) == CancellationResult.FAILED


async def test_what_has_begun_cannot_be_canceled(ask: InProcessClient, server, clock):
    (value,) = await later(ask, a_key(ask))
    assert await server.jobs.claim_next(int(clock()))
    assert await cancel(ask, value) == CancellationResult.UNABLE_TO_CANCEL


async def test_another_client_finds_nothing(ask: InProcessClient, server):
    (value,) = await later(ask, a_key(ask))
    bob = ask.named("bob")
    refused = await reason_of(bob, Op.POLL, asynchronous_correlation_value=value)
    assert refused == R.INVALID_ASYNCHRONOUS_CORRELATION_VALUE
    assert await cancel(bob, value) == CancellationResult.UNAVAILABLE
    assert (await bob(Op.QUERY_ASYNCHRONOUS_REQUESTS)).asynchronous_request == ()
    await asynchronous.run_next(server)
    refused = await reason_of(bob, Op.POLL, asynchronous_correlation_value=value)
    assert refused == R.INVALID_ASYNCHRONOUS_CORRELATION_VALUE


async def test_outstanding_requests_are_listed_until_they_are_got(ask: InProcessClient, server):
    (value,) = await later(ask, a_key(ask))
    (other,) = await later(ask, ask.item(Op.QUERY))

    async def listed(**fields):
        answer = await ask(Op.QUERY_ASYNCHRONOUS_REQUESTS, **fields)
        return {
            one.asynchronous_correlation_value: (one.operation, one.processing_stage)
            for one in answer.asynchronous_request
        }

    waiting = ProcessingStage.SUBMITTED
    assert await listed() == {value: (Op.CREATE, waiting), other: (Op.QUERY, waiting)}
    named = AsynchronousCorrelationValues(asynchronous_correlation_value=(other,))
    assert list(await listed(asynchronous_correlation_values=named)) == [other]
    await asynchronous.run_next(server)
    assert (await listed())[value] == (Op.CREATE, ProcessingStage.COMPLETED)
    await poll(ask, value)
    assert list(await listed()) == [other]


async def test_a_processed_request_is_not_pending_any_more(ask: InProcessClient, server):
    await later(ask, a_key(ask))
    (value,) = await later(ask, a_key(ask))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(asynchronous.keep_running, server)
        await ask(Op.PROCESS, asynchronous_correlation_value=value)
        assert (await poll(ask, value)).result_status == ResultStatus.SUCCESS
        nursery.cancel_scope.cancel()
    refused = await reason_of(ask, Op.PROCESS, asynchronous_correlation_value=value)
    assert refused == R.DUPLICATE_PROCESS_REQUEST


async def test_polling_is_answered_at_once_whatever_is_demanded(ask: InProcessClient):
    item = ask.item(Op.CANCEL, **VALUE)
    response = await ask.message(item, asynchronous_indicator=MANDATORY)
    assert response.batch_item[0].result_status == ResultStatus.SUCCESS
    response = await ask.message(item, ask.item(Op.QUERY), asynchronous_indicator=MANDATORY)
    assert response.batch_item[0].result_reason == R.INVALID_MESSAGE


async def test_the_server_says_that_it_can_answer_later(ask: InProcessClient):
    answer = await ask(Op.QUERY, query_function=(QueryFunction.QUERY_CAPABILITIES,))
    assert answer.capability_information[0].asynchronous_capability


# Rights


async def test_a_ticket_that_has_ended_meanwhile_does_nothing(ask: InProcessClient, server):
    ticket = (await ask(Op.LOGIN)).ticket
    limited = showing(ask, ticket)
    (value,) = await later(limited, a_key(ask))
    await ask(Op.LOGOUT, ticket=ticket)
    await asynchronous.run_next(server)
    assert (await poll(ask, value)).result_status == ResultStatus.OPERATION_FAILED
    assert await objects(ask) == ()


async def test_a_ticket_sees_what_it_has_asked_for_alone(ask: InProcessClient, server):
    limited = showing(ask, (await ask(Op.LOGIN)).ticket)
    (mine,) = await later(limited, a_key(ask))
    (other,) = await later(ask, a_key(ask))
    listed = (await limited(Op.QUERY_ASYNCHRONOUS_REQUESTS)).asynchronous_request
    assert [one.asynchronous_correlation_value for one in listed] == [mine]
    refused = await reason_of(limited, Op.POLL, asynchronous_correlation_value=other)
    assert refused == R.INVALID_ASYNCHRONOUS_CORRELATION_VALUE


async def test_a_user_that_was_removed_meanwhile_does_nothing(ask: InProcessClient, server):
    known_by = Identification(Means.USER, "alice", "the verifier that alice had")
    assert ask.client is not None
    user = replace(ask, client=replace(ask.client, how="user", identification=known_by))
    (value,) = await later(user, a_key(ask))
    await asynchronous.run_next(server)
    assert (await poll(ask, value)).result_reason == R.AUTHENTICATION_NOT_SUCCESSFUL
    assert await objects(ask) == ()


# Several servers, and restarts


async def test_another_server_on_the_store_runs_it_once(ask: InProcessClient, server: Server):
    other = Server(server.config, server.store, server.users, server.clock)
    (value,) = await later(ask, a_key(ask))
    assert await other.jobs.claim_next(int(server.clock()))
    assert not await asynchronous.run_next(server)
    assert (await poll(ask, value)).result_status == PENDING


async def test_what_waits_is_run_after_a_restart(ask: InProcessClient, server: Server):
    (value,) = await later(ask, a_key(ask))
    restarted = Server(server.config, server.store, server.users, server.clock)
    assert await asynchronous.run_next(restarted)
    assert (await poll(ask, value)).result_status == ResultStatus.SUCCESS


async def test_what_a_killed_server_had_begun_is_not_done_twice(
    ask: InProcessClient, server: Server, clock: Clock
):
    killed = Server(server.config, server.store, server.users, clock)
    (value,) = await later(ask, a_key(ask))
    await killed.jobs.claim_next(int(clock()))
    clock.now += jobs.LEASE_SECONDS
    assert await asynchronous.run_next(server)
    answer = await poll(ask, value)
    assert (answer.result_reason, answer.result_message) == (R.GENERAL_FAILURE, asynchronous.LEFT)
    assert await objects(ask) == ()


# Limits


async def test_a_client_has_so_many_requests_waiting(ask: InProcessClient):
    for _ in range(jobs.MAX_PER_CLIENT):
        await later(ask, ask.item(Op.QUERY))
    response = await ask.message(ask.item(Op.QUERY), asynchronous_indicator=MANDATORY)
    assert response.batch_item[0].result_reason == R.SERVER_LIMIT_EXCEEDED
    await later(ask.named("bob"), ask.item(Op.QUERY))


async def test_an_answer_is_kept_for_so_long(ask: InProcessClient, server, clock: Clock):
    (value,) = await later(ask, ask.item(Op.QUERY))
    await asynchronous.run_next(server)
    clock.now += jobs.ANSWER_SECONDS - 1
    await poll(ask, value)
    clock.now += 1
    refused = await reason_of(ask, Op.POLL, asynchronous_correlation_value=value)
    assert refused == R.INVALID_ASYNCHRONOUS_CORRELATION_VALUE


async def test_an_answer_that_is_too_long_is_not_kept(ask: InProcessClient, server):
    (value,) = await later(
        ask,
        ask.item(Op.QUERY, query_function=(QueryFunction.QUERY_OPERATIONS,)),
        maximum_response_size=256,
    )
    await asynchronous.run_next(server)
    assert (await poll(ask, value)).result_reason == R.RESPONSE_TOO_LARGE
