"""Get Usage Allocation."""

import pytest

from kmip.attributes import AttributeInstance, InstanceReference
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import BlockCipherMode, Operation, UsageLimitsUnit
from kmip.errors import (
    InvalidField,
    UsageLimitExceeded,
    WrongKeyLifecycleState,
)
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_4, ProtocolVersion
from tests.server.conftest import Failed, InProcessClient
from tests.server.samples import ACTIVE, attribute, create, limits, refused

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
    await refused(ask, InvalidField, OPERATION, unique_identifier=without, **count)
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
