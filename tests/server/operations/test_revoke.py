"""Revoke."""

import pytest

from kmip.attribute_values import RevocationReason
from kmip.enums import Operation, RevocationReasonCode, State
from kmip.errors import InvalidField, WrongKeyLifecycleState
from kmip.tags import Tag
from kmip.versions import SUPPORTED, ProtocolVersion
from tests.server.conftest import NOW, Clock, InProcessClient
from tests.server.samples import (
    ACTIVE,
    COMPROMISED,
    STOPPED,
    attribute,
    create,
    destroyed,
    reason,
    refused,
    state,
)


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
@pytest.mark.parametrize("code", list(RevocationReasonCode), ids=lambda code: code.name)
async def test_the_reason_says_what_becomes_of_an_active_object(
    ask: InProcessClient, version: ProtocolVersion, code: RevocationReasonCode
):
    ask = ask.at(version)
    key = await create(ask, ACTIVE)
    await ask(Operation.REVOKE, unique_identifier=key, **reason(code))
    is_compromise = "COMPROMISE" in code.name
    expected = State.COMPROMISED if is_compromise else State.DEACTIVATED
    assert await state(ask, key) == expected
    date = Tag.COMPROMISE_DATE if is_compromise else Tag.DEACTIVATION_DATE
    assert await attribute(ask, key, date) == NOW


async def test_a_compromise_may_have_been_earlier(ask: InProcessClient, clock: Clock):
    one, other = await create(ask), await create(ask)
    clock.now += 50
    await ask(Operation.REVOKE, unique_identifier=one, **COMPROMISED)
    fields = COMPROMISED | {"compromise_occurrence_date": NOW + 20}
    await ask(Operation.REVOKE, unique_identifier=other, **fields)
    assert await attribute(ask, one, Tag.COMPROMISE_OCCURRENCE_DATE) == NOW
    assert await attribute(ask, other, Tag.COMPROMISE_OCCURRENCE_DATE) == NOW + 20
    assert await attribute(ask, one, Tag.COMPROMISE_DATE) == NOW + 50


async def test_the_message_is_kept(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    why = RevocationReason(
        revocation_reason_code=RevocationReasonCode.SUPERSEDED, revocation_message="newer"
    )
    await ask(Operation.REVOKE, unique_identifier=key, revocation_reason=why)
    assert await attribute(ask, key, Tag.REVOCATION_REASON) == why


async def test_what_is_not_active_is_not_deactivated_but_may_be_compromised(ask: InProcessClient):
    for key in (await create(ask), await destroyed(ask)):
        await refused(
            ask, WrongKeyLifecycleState, Operation.REVOKE, unique_identifier=key, **STOPPED
        )
        await ask(Operation.REVOKE, unique_identifier=key, **COMPROMISED)
    assert await state(ask, key) == State.DESTROYED_COMPROMISED


async def test_only_a_compromise_has_an_occurrence_date(ask: InProcessClient):
    """2.1 section 6.1.44: SHALL NOT be specified for other reasons."""
    key = await create(ask, ACTIVE)
    fields = STOPPED | {"compromise_occurrence_date": NOW - 20}
    await refused(ask, InvalidField, Operation.REVOKE, unique_identifier=key, **fields)
    assert await state(ask, key) == State.ACTIVE
