"""Activate."""

import pytest

from kmip.enums import Operation, State
from kmip.errors import ItemNotFound, WrongKeyLifecycleState
from kmip.tags import Tag
from kmip.versions import SUPPORTED, ProtocolVersion
from tests.server.conftest import NOW, Clock, InProcessClient
from tests.server.samples import ACTIVE, attribute, create, destroyed, refused, state


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_a_pre_active_object_becomes_active(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    key = await create(ask)
    assert await state(ask, key) == State.PRE_ACTIVE
    made = await ask(Operation.ACTIVATE, unique_identifier=key)
    assert made.unique_identifier == key
    assert await state(ask, key) == State.ACTIVE
    assert await attribute(ask, key, Tag.ACTIVATION_DATE) == NOW


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_others_do_not(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    for key in (await create(ask, ACTIVE), await destroyed(ask)):
        await refused(ask, WrongKeyLifecycleState, Operation.ACTIVATE, unique_identifier=key)
    await refused(ask, ItemNotFound, Operation.ACTIVATE)


async def test_it_comes_before_a_date_that_is_set(ask: InProcessClient, clock: Clock):
    key = await create(ask, (Tag.ACTIVATION_DATE, NOW + 100))
    clock.now += 10
    await ask(Operation.ACTIVATE, unique_identifier=key)
    assert await attribute(ask, key, Tag.ACTIVATION_DATE) == NOW + 10
    assert await attribute(ask, key, Tag.LAST_CHANGE_DATE) == NOW + 10
