"""What cannot differ is answered alike, and only what cannot."""

from dataclasses import replace

import pytest

from kmip.enums import Operation, QueryFunction, ResultReason
from kmip.versions import SUPPORTED, V1_0, V1_4, V2_1
from server.requests.kept_answers import MAX_KEPT, MAX_REQUESTED
from server.state import Server
from tests.server.conftest import Failed, InProcessClient
from tests.server.operations.test_delegated_login import bearer, right

FUNCTIONS = (QueryFunction.QUERY_OPERATIONS, QueryFunction.QUERY_OBJECTS)


async def query(ask: InProcessClient, *functions: QueryFunction):
    return await ask(Operation.QUERY, query_function=functions or FUNCTIONS)


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_a_kept_answer_is_the_one_that_was_made(ask, server: Server, version):
    made = await query(ask.at(version))
    assert server.kept_answers
    assert await query(ask.at(version)) == made


async def test_each_version_has_its_own_answer(ask):
    newest = await query(ask.at(SUPPORTED[0]))
    oldest = await query(ask.at(V1_0))
    assert len(oldest.operation) < len(newest.operation)


async def test_each_question_has_its_own_answer(ask):
    both = await query(ask)
    objects = await query(ask, QueryFunction.QUERY_OBJECTS)
    assert both.operation
    assert not objects.operation


async def test_versions_are_discovered_among_those_asked_for(ask):
    every = await ask(Operation.DISCOVER_VERSIONS)
    one = await ask(Operation.DISCOVER_VERSIONS, protocol_version=(V1_4,))
    assert tuple(every.protocol_version) == SUPPORTED
    assert tuple(one.protocol_version) == (V1_4,)
    assert await ask(Operation.DISCOVER_VERSIONS) == every


async def test_a_kept_answer_fits_into_what_the_client_takes(ask):
    await query(ask)
    short = replace(ask, header={"maximum_response_size": 256})
    with pytest.raises(Failed) as failed:
        await query(short)
    assert failed.value.reason == ResultReason.RESPONSE_TOO_LARGE


async def test_what_is_read_from_the_store_is_not_kept(ask, server: Server):
    await query(ask.at(V2_1), QueryFunction.QUERY_DEFAULTS_INFORMATION)
    assert not server.kept_answers


async def test_what_a_ticket_does_not_cover_is_not_in_the_answer_to_its_client(ask):
    every = (await query(ask)).operation
    limited = await bearer(ask, right(Operation.QUERY))
    assert set((await query(limited)).operation) == {Operation.QUERY}
    assert (await query(ask)).operation == every


async def test_only_so_many_answers_are_kept(ask, server: Server):
    functions = tuple(QueryFunction)[:9]
    for number in range(MAX_KEPT + 8):
        chosen = [one for place, one in enumerate(functions) if number >> place & 1]
        await query(ask, *chosen)
    assert len(server.kept_answers) <= MAX_KEPT


async def test_a_long_question_is_answered_each_time(ask, server: Server):
    many = (QueryFunction.QUERY_OBJECTS,) * (MAX_REQUESTED + 1)
    assert (await query(ask, *many)).object_type
    assert not server.kept_answers


async def test_nobody_unknown_is_given_a_kept_answer(ask, server: Server):
    await query(ask)
    with pytest.raises(Failed):
        await query(replace(ask, client=None))
    assert await query(ask.named("bob")) == await query(ask)
