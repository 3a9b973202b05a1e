"""Get Usage Allocation."""

import pytest

from kmip.attribute_values import UsageLimits
from kmip.attributes import AttributeInstance, Attributes, InstanceReference
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import BlockCipherMode, Operation, UsageLimitsUnit
from kmip.errors import (
    InvalidField,
    NoUsageLimits,
    UsageLimitExceeded,
    WrongKeyLifecycleState,
)
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_4, V2_1, ProtocolVersion
from tests.server.conftest import Failed, InProcessClient
from tests.server.samples import ACTIVE, attribute, create, limits, refused, register, symmetric_key

OPERATION = Operation.GET_USAGE_ALLOCATION


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_what_is_given_out_is_left_no_more(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    key = await create(ask, ACTIVE, limits(UsageLimitsUnit.BYTE, 100))
    await ask(OPERATION, unique_identifier=key, usage_limits_count=70)
    left = await attribute(ask, key, Tag.USAGE_LIMITS)
    assert (left.usage_limits_count, left.usage_limits_total) == (30, 100)
    await refused(ask, UsageLimitExceeded, OPERATION, unique_identifier=key, usage_limits_count=31)
    await ask(OPERATION, unique_identifier=key, usage_limits_count=30)


async def test_from_then_on_the_limits_stand(ask: InProcessClient):
    key = await create(ask, ACTIVE, limits(UsageLimitsUnit.BYTE, 100))
    more = AttributeInstance(*limits(UsageLimitsUnit.BYTE, 1000))
    set_ = {"unique_identifier": key, "new_attribute": more}
    await ask(Operation.SET_ATTRIBUTE, **set_)
    await ask(OPERATION, unique_identifier=key, usage_limits_count=70)
    with pytest.raises(Failed):
        await ask(Operation.SET_ATTRIBUTE, **set_)


async def test_only_an_active_object_with_limits_gives(ask: InProcessClient):
    count = {"usage_limits_count": 1}
    without = await create(ask, ACTIVE)
    for version in (V1_4, V2_1):  # 1.4 section 11.19; 2.1 section 6.1.23.1
        other = ask.at(version)
        await refused(other, NoUsageLimits, OPERATION, unique_identifier=without, **count)
    early = await create(ask, limits(UsageLimitsUnit.BYTE, 100))
    await refused(ask, WrongKeyLifecycleState, OPERATION, unique_identifier=early, **count)


@pytest.mark.parametrize("count", [0, -1, -(1 << 62)])
async def test_nothing_and_less_cannot_be_asked_for(ask: InProcessClient, count: int):
    ask = ask.at(V1_4)
    key = await create(ask, ACTIVE, limits(UsageLimitsUnit.BYTE, 100))
    await refused(ask, InvalidField, OPERATION, unique_identifier=key, usage_limits_count=count)


async def test_what_the_server_has_used_itself_stands_too(ask: InProcessClient):
    """Otherwise whoever has used up a key would set its limits anew."""
    key = await create(ask, ACTIVE, limits(UsageLimitsUnit.OBJECT, 1))
    ecb = CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB)
    used = {"unique_identifier": key, "cryptographic_parameters": ecb, "data": bytes(16)}
    await ask(Operation.ENCRYPT, **used)
    more = AttributeInstance(*limits(UsageLimitsUnit.OBJECT, 9))
    for operation, change in (
        (Operation.SET_ATTRIBUTE, {"new_attribute": more}),
        (Operation.MODIFY_ATTRIBUTE, {"new_attribute": more}),
        (Operation.DELETE_ATTRIBUTE, {"attribute_reference": InstanceReference(Tag.USAGE_LIMITS)}),
    ):
        with pytest.raises(Failed):
            await ask(operation, unique_identifier=key, **change)
    await refused(ask, UsageLimitExceeded, Operation.ENCRYPT, **used)


def usage_limits_of(total: int, count: int | None) -> Attributes:
    """Usage Limits with a Count, which is not the client's to say."""
    value = UsageLimits(
        usage_limits_total=total, usage_limits_count=count, usage_limits_unit=UsageLimitsUnit.BYTE
    )
    return Attributes([(Tag.USAGE_LIMITS, value)])


@pytest.mark.parametrize("version", [V1_4, V2_1], ids=str)
@pytest.mark.parametrize("count", [None, 5, 900])
async def test_the_count_begins_as_the_total(ask: InProcessClient, version: ProtocolVersion, count):
    """1.4 section 3.21; 2.1 section 4.59: the server ignores the client's Count."""
    ask = ask.at(version)
    requested = usage_limits_of(200, count).get(Tag.USAGE_LIMITS)
    created = await create(ask, (Tag.USAGE_LIMITS, requested))
    registered = await register(ask, symmetric_key(bytes(16)), (Tag.USAGE_LIMITS, requested))
    added = await create(ask)
    new = AttributeInstance(Tag.USAGE_LIMITS, requested)
    await ask(Operation.ADD_ATTRIBUTE, unique_identifier=added, new_attribute=new)
    modified = await create(ask, limits(UsageLimitsUnit.BYTE, 10))
    await ask(Operation.MODIFY_ATTRIBUTE, unique_identifier=modified, new_attribute=new)
    for key in (created, registered, added, modified):
        found = await attribute(ask, key, Tag.USAGE_LIMITS)
        assert (found.usage_limits_total, found.usage_limits_count) == (200, 200)


async def test_keys_are_found_that_may_protect_as_much_or_more(ask: InProcessClient):
    """2.1 section 6.1.28: Count and Total equal to or larger than asked for."""
    key = await create(ask, ACTIVE, limits(UsageLimitsUnit.BYTE, 777))
    await create(ask, limits(UsageLimitsUnit.OBJECT, 1000))
    await create(ask)
    await ask(OPERATION, unique_identifier=key, usage_limits_count=77)

    async def found(total: int, count: int | None = None) -> tuple[str, ...]:
        located = await ask(Operation.LOCATE, attributes=usage_limits_of(total, count))
        return tuple(located.unique_identifier)

    assert await found(777) == await found(600, 700) == (key,)
    assert await found(778) == await found(600, 701) == ()
