"""Re-key."""

import pytest

from kmip.attribute_values import Name
from kmip.attributes import Attributes
from kmip.enums import LinkType, Operation, State, UsageLimitsUnit
from kmip.errors import (
    AttributeReadOnly,
    InvalidField,
    InvalidObjectType,
    WrongKeyLifecycleState,
)
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_4, V2_1, ProtocolVersion
from tests.server.conftest import NOW, Clock, InProcessClient
from tests.server.samples import (
    ACTIVE,
    attribute,
    create,
    create_pair,
    destroyed,
    limits,
    material,
    refused,
    state,
    values,
)

REKEY = Operation.REKEY
NAME = Name(name_value="mine")


async def links(ask: InProcessClient, key: str) -> dict[LinkType, str]:
    found = await values(ask, key, Tag.LINK)
    return {link.link_type: link.linked_object_identifier for link in found}


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_a_new_key_takes_the_place_of_the_old(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    old = await create(ask, ACTIVE, (Tag.NAME, NAME), (Tag.OBJECT_GROUP, "g"), length=128)
    new = (await ask(REKEY, unique_identifier=old)).unique_identifier
    assert new != old
    before, after = await material(ask, old), await material(ask, new)
    assert len(after) == len(before) == 16
    assert after != before
    assert await values(ask, new, Tag.NAME) == (NAME,)
    assert await values(ask, old, Tag.NAME) == ()
    assert await attribute(ask, new, Tag.OBJECT_GROUP) == "g"
    assert await links(ask, old) == {LinkType.REPLACEMENT_OBJECT_LINK: new}
    assert await links(ask, new) == {LinkType.REPLACED_OBJECT_LINK: old}


async def test_an_offset_moves_all_dates(ask: InProcessClient, clock: Clock):
    dates = {
        Tag.ACTIVATION_DATE: NOW - 100,
        Tag.PROTECT_STOP_DATE: NOW + 100,
        Tag.DEACTIVATION_DATE: NOW + 200,
    }
    old = await create(ask, *dates.items())
    clock.now += 10
    new = (await ask(REKEY, unique_identifier=old, offset=50)).unique_identifier
    moved = {tag: await attribute(ask, new, tag) for tag in dates}
    assert moved == {
        Tag.ACTIVATION_DATE: NOW + 60,
        Tag.PROTECT_STOP_DATE: NOW + 260,
        Tag.DEACTIVATION_DATE: NOW + 360,
    }
    assert await state(ask, new) == State.PRE_ACTIVE
    assert await attribute(ask, new, Tag.INITIAL_DATE) == NOW + 10


async def test_an_offset_of_nothing_is_from_now_on(ask: InProcessClient):
    old = await create(ask)
    new = (await ask(REKEY, unique_identifier=old, offset=0)).unique_identifier
    assert await attribute(ask, new, Tag.ACTIVATION_DATE) == NOW
    assert await attribute(ask, new, Tag.DEACTIVATION_DATE) is None


async def test_an_offset_and_dates_do_not_go_together(ask: InProcessClient):
    old = await create(ask, ACTIVE)
    requested = Attributes([(Tag.ACTIVATION_DATE, NOW)])
    await refused(ask, InvalidField, REKEY, unique_identifier=old, offset=1, attributes=requested)


async def test_what_is_asked_for_comes_before_what_was(ask: InProcessClient):
    old = await create(ask, (Tag.DESCRIPTION, "old"), (Tag.OBJECT_GROUP, "a"), length=128)
    requested = Attributes(
        [(Tag.DESCRIPTION, "new"), (Tag.OBJECT_GROUP, "a"), (Tag.OBJECT_GROUP, "b")]
    )
    new = (await ask(REKEY, unique_identifier=old, attributes=requested)).unique_identifier
    assert await values(ask, new, Tag.DESCRIPTION) == ("new",)
    assert await values(ask, new, Tag.OBJECT_GROUP) == ("a", "b")
    own = Attributes([(Tag.STATE, State.ACTIVE)])
    await refused(ask, AttributeReadOnly, REKEY, unique_identifier=new, attributes=own)


async def test_usage_limits_begin_anew(ask: InProcessClient):
    old = await create(ask, ACTIVE, limits(UsageLimitsUnit.BYTE, 100))
    await ask(Operation.GET_USAGE_ALLOCATION, unique_identifier=old, usage_limits_count=60)
    new = (await ask(REKEY, unique_identifier=old)).unique_identifier
    assert (await attribute(ask, new, Tag.USAGE_LIMITS)).usage_limits_count == 100


async def test_only_symmetric_keys_that_are_there(ask: InProcessClient):
    private, _ = await create_pair(ask)
    await refused(ask, InvalidObjectType, REKEY, unique_identifier=private)
    await refused(ask, WrongKeyLifecycleState, REKEY, unique_identifier=await destroyed(ask))


@pytest.mark.parametrize("version", [V1_4, V2_1], ids=str)
@pytest.mark.parametrize("left_out", [None, Tag.PROCESS_START_DATE, Tag.DEACTIVATION_DATE])
async def test_without_an_offset_the_dates_are_the_old_ones(
    ask: InProcessClient, version: ProtocolVersion, left_out: Tag | None
):
    """1.4 section 4.4; 2.1 section 6.1.46."""
    ask = ask.at(version)
    dates = {
        Tag.ACTIVATION_DATE: NOW - 100,
        Tag.PROCESS_START_DATE: NOW - 50,
        Tag.PROTECT_STOP_DATE: NOW + 100,
        Tag.DEACTIVATION_DATE: NOW + 200,
    }
    requested = {tag: date for tag, date in dates.items() if tag != left_out}
    old = await create(ask, *requested.items())
    new = (await ask(REKEY, unique_identifier=old)).unique_identifier
    found = {tag: await attribute(ask, new, tag) for tag in dates}
    assert found == {tag: requested.get(tag) for tag in dates}


async def test_the_latest_of_a_set_is_told_with_its_generation(ask: InProcessClient, clock: Clock):
    """2.1 sections 4.49, 4.50 and 4.52."""
    first = await create(ask)
    clock.now += 5
    second = (await ask(REKEY, unique_identifier=first)).unique_identifier
    clock.now += 5
    third = (await ask(REKEY, unique_identifier=second)).unique_identifier
    tags = (Tag.ROTATE_GENERATION, Tag.ROTATE_LATEST, Tag.ROTATE_DATE)
    rotations = [[await attribute(ask, key, tag) for tag in tags] for key in (first, second, third)]
    assert rotations == [[None, False, NOW + 5], [1, False, NOW + 10], [2, True, NOW + 10]]


async def test_the_next_item_works_with_the_new_key(ask: InProcessClient):
    old = await create(ask)
    made, got = await ask.batch(ask.item(REKEY, unique_identifier=old), ask.item(Operation.GET))
    assert ask.payload(got).unique_identifier == ask.payload(made).unique_identifier
