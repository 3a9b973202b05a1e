"""Deactivate."""

from kmip.attribute_values import DeactivationReason
from kmip.enums import DeactivationReasonCode, Operation, State
from kmip.errors import OperationNotSupported, WrongKeyLifecycleState
from kmip.tags import Tag
from kmip.versions import V2_1, V3_0
from tests.server.conftest import NOW, Clock, InProcessClient
from tests.server.samples import ACTIVE, attribute, create, refused, state


async def test_an_active_object_is_used_no_longer(ask: InProcessClient):
    ask = ask.at(V3_0)
    key = await create(ask, ACTIVE)
    why = DeactivationReason(deactivation_reason_code=next(iter(DeactivationReasonCode)))
    await ask(Operation.DEACTIVATE, unique_identifier=key, deactivation_reason=why)
    assert await state(ask, key) == State.DEACTIVATED
    assert await attribute(ask, key, Tag.DEACTIVATION_DATE) == NOW
    assert await attribute(ask, key, Tag.DEACTIVATION_REASON) == why
    await refused(ask, WrongKeyLifecycleState, Operation.DEACTIVATE, unique_identifier=key)


async def test_it_may_be_at_a_date_to_come(ask: InProcessClient, clock: Clock):
    ask = ask.at(V3_0)
    key = await create(ask, ACTIVE)
    await ask(Operation.DEACTIVATE, unique_identifier=key, deactivation_date=NOW + 60)
    assert await state(ask, key) == State.ACTIVE
    clock.now += 60
    assert await state(ask, key) == State.DEACTIVATED


async def test_it_came_with_3_0(ask: InProcessClient):
    ask = ask.at(V2_1)
    await refused(ask, OperationNotSupported, Operation.DEACTIVATE)
