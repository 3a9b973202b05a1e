"""What goes from a server to its clients: this one sends nothing of its own accord."""

import pytest

from kmip.enums import EndpointRole, Operation, QueryFunction, ResultReason
from kmip.messages import RequestBatchItem
from kmip.versions import V1_4, V2_1, V3_0
from tests.server.conftest import InProcessClient
from tests.server.operations.test_login import reason_of

Op = Operation


async def test_the_server_stays_the_server(ask: InProcessClient):
    answer = await ask(Op.SET_ENDPOINT_ROLE, endpoint_role=EndpointRole.SERVER)
    assert answer.endpoint_role == EndpointRole.SERVER
    refused = await reason_of(ask, Op.SET_ENDPOINT_ROLE, endpoint_role=EndpointRole.CLIENT)
    assert refused == ResultReason.FEATURE_NOT_SUPPORTED


@pytest.mark.parametrize("version", [V1_4, V2_1, V3_0], ids=str)
@pytest.mark.parametrize("operation", [Op.NOTIFY, Op.PUT])
async def test_what_is_not_performed_is_refused_and_not_claimed(
    ask: InProcessClient, version, operation
):
    ask = ask.at(version)
    (item,) = (await ask.message(RequestBatchItem(operation=operation))).batch_item
    assert item.result_reason == ResultReason.OPERATION_NOT_SUPPORTED
    answer = await ask(Op.QUERY, query_function=(QueryFunction.QUERY_OPERATIONS,))
    assert operation not in answer.operation
