"""Keys are given while the store takes no change, and are Fresh no more (2.1 section 4.24)."""

from collections.abc import AsyncIterator

import pytest
import pytest_trio

from kmip.attribute_values import UsageLimits
from kmip.attributes import Attributes
from kmip.enums import (
    BatchErrorContinuationOption,
    ObjectGroupMember,
    Operation,
    ResultStatus,
    UsageLimitsUnit,
)
from kmip.tags import Tag
from kmip.versions import SUPPORTED, ProtocolVersion
from server.objects import served
from server.state import Server
from storage import KeyFile, MemoryBackend, StorageFull, open_store
from storage.testing import FailingBackend
from tests.server.access.test_policy import wrapped_by
from tests.server.conftest import Failed, InProcessClient
from tests.server.samples import ACTIVE, attribute, create, material

GET = Operation.GET
FULL = "no room to keep a change"


class Full(FailingBackend):
    """A back end without room, while it is full."""

    full = False

    async def commit(self, commit):
        if self.full:
            raise StorageFull("the disk is full")
        return await super().commit(commit)


@pytest_trio.trio_fixture
async def disk(server: Server) -> AsyncIterator[Full]:
    disk = Full(MemoryBackend())
    async with open_store(disk, KeyFile(bytes(32)), create=True) as server.store:
        yield disk


async def located(ask: InProcessClient, **fields) -> set[str]:
    found = await ask(Operation.LOCATE, **fields)
    assert found.located_items in (len(found.unique_identifier), None)
    return set(found.unique_identifier)


async def fresh(ask: InProcessClient) -> set[str]:
    return await located(ask, object_group_member=ObjectGroupMember.GROUP_MEMBER_FRESH)


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_a_key_is_given_on_a_full_disk(
    ask: InProcessClient, disk: Full, caplog, version: ProtocolVersion
):
    key = await create(ask)
    disk.full = True
    expected = await material(ask.at(version), key)
    assert await material(ask.at(version), key) == expected
    assert "are not marked as served yet: the disk is full" in caplog.text


async def test_what_was_given_is_fresh_no_more_though_it_is_not_written(
    ask: InProcessClient, disk: Full
):
    key, other = await create(ask), await create(ask)
    disk.full = True
    await ask(GET, unique_identifier=key)
    assert await attribute(ask, key, Tag.FRESH) is False
    assert await attribute(ask, other, Tag.FRESH) is True
    assert await fresh(ask) == {other}
    assert await located(ask, attributes=Attributes([(Tag.FRESH, True)])) == {other}
    assert await located(ask) == {key, other}


@pytest.mark.parametrize("by", ["another key", "the key itself", "a change of it"])
async def test_it_is_written_with_the_next_change(
    ask: InProcessClient, disk: Full, server: Server, by: str
):
    key = await create(ask)
    disk.full = True
    await ask(GET, unique_identifier=key)
    disk.full = False
    if by == "another key":
        await create(ask)
    elif by == "the key itself":
        await ask(GET, unique_identifier=key)
    else:
        await ask(Operation.ACTIVATE, unique_identifier=key)
    assert len(server.served) == 0
    restarted = Server(server.config, server.store, server.users, server.clock)
    assert await attribute(InProcessClient(restarted, ask.client), key, Tag.FRESH) is False


async def test_many_are_written_some_at_a_time(ask: InProcessClient, disk: Full, server: Server):
    keys = [await create(ask) for _ in range(served.WRITTEN_AT_ONCE + 1)]
    disk.full = True
    for key in keys:
        await ask(GET, unique_identifier=key)
    disk.full = False
    await create(ask)
    assert len(server.served) == 1
    await create(ask)
    assert len(server.served) == 0


async def test_a_key_that_has_gone_meanwhile_is_forgotten(
    ask: InProcessClient, disk: Full, server: Server
):
    key = await create(ask)
    disk.full = True
    await ask(GET, unique_identifier=key)
    disk.full = False
    server.served.add("nobody")
    await ask(Operation.DESTROY, unique_identifier=key)
    assert len(server.served) == 0


async def test_a_use_that_is_counted_needs_room(ask: InProcessClient, disk: Full):
    """Usage Limits (2.1 section 4.59) would otherwise be without end."""
    limits = UsageLimits(
        usage_limits_total=10, usage_limits_unit=UsageLimitsUnit.OBJECT, usage_limits_count=10
    )
    wrapper = await create(ask, ACTIVE, (Tag.USAGE_LIMITS, limits))
    key = await create(ask)
    disk.full = True
    with pytest.raises(Failed, match=FULL):
        await ask(GET, unique_identifier=key, **wrapped_by(wrapper))
    await ask(GET, unique_identifier=key)


async def test_a_batch_that_changes_something_needs_room_for_all_of_it(
    ask: InProcessClient, disk: Full
):
    key, other = await create(ask), await create(ask)
    disk.full = True
    got = ask.item(GET, unique_identifier=key)
    changed = ask.item(Operation.ACTIVATE, unique_identifier=key)
    for items in ((got, changed), (changed, got)):
        answers = await ask.batch(*items, option=BatchErrorContinuationOption.UNDO)
        assert [one.result_status for one in answers] == [
            ResultStatus.OPERATION_UNDONE,
            ResultStatus.OPERATION_FAILED,
        ]
    assert await fresh(ask) == {key, other}
    both = await ask.batch(
        got, ask.item(GET, unique_identifier=other), option=BatchErrorContinuationOption.UNDO
    )
    assert {one.result_status for one in both} == {ResultStatus.SUCCESS}
    assert await fresh(ask) == set()


async def test_no_more_are_given_than_can_be_noted(
    ask: InProcessClient, disk: Full, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(served, "MAX_SERVED", 1)
    keys = [await create(ask) for _ in range(2)]
    disk.full = True
    await ask(GET, unique_identifier=keys[0])
    with pytest.raises(Failed, match=FULL):
        await ask(GET, unique_identifier=keys[1])
    await ask(GET, unique_identifier=keys[0])
