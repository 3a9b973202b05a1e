"""Locate against a plain model: the same objects, in the same order, whatever the filter.

Objects get attributes drawn for every row of the attribute table, as they are at rest, and a filter
is taken from what was drawn: whole values, structures with fields left out, some bits of masks,
dates as they are or as bounds. The model compares every object with the filter one by one.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kmip import lifecycle
from kmip.attribute_encoding import exists
from kmip.attribute_table import ATTRIBUTES
from kmip.attribute_values import Link
from kmip.attributes import AttributeInstance, Attributes, VendorAttributeName, is_single
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import (
    BatchErrorContinuationOption,
    ItemType,
    LinkType,
    ObjectGroupMember,
    ObjectType,
    Operation,
    ResultReason,
    State,
)
from kmip.errors import InvalidField
from kmip.items import Item, structure
from kmip.masks import CryptographicUsageMask
from kmip.masks import StorageStatusMask as Status
from kmip.messages import RequestBatchItem
from kmip.structures import Structure
from kmip.tags import Tag
from kmip.versions import INTERNAL, SUPPORTED, V1_1, V1_4, V2_1, V3_0
from kmip.vocabulary import Mask
from server.attributes.references import LINKS
from server.objects.index_terms import DATES, MOST_CHOSEN, query_of
from server.objects.managed_object import ManagedObject
from server.objects.opened import Opened
from server.objects.transaction import Transaction
from server.state import Server
from storage import KeyFile, MemoryBackend, SealedStore, open_store
from tests.kmip.strategies import attribute_value, customs
from tests.server.conftest import NOW, Failed, InProcessClient
from tests.server.samples import create, create_pair

KEYS = sorted(set(ATTRIBUTES) - {Tag.STATE, Tag.UNIQUE_IDENTIFIER})
EVERYWHERE = Status.ON_LINE_STORAGE | Status.ARCHIVAL_STORAGE | Status.DESTROYED_STORAGE
OWNERS = ("alice", "alice", "alice", "bob")
QUICK = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
FEW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=4)


OFFSETS = st.sampled_from([0, 0, 0, 1, 2, 3])
LIMITS = st.sampled_from([None, None, 0, 1, 2, 3])


# The model


def meets(
    managed_object: ManagedObject, now: int, wanted: Attributes, owner: str, status: Status | None
) -> bool:
    """Whether a Locate of `owner` is to find the object."""
    have = managed_object.attributes.copy()
    have.set(Tag.STATE, lifecycle.state_of(managed_object.attributes, now))
    return (
        managed_object.owner == owner
        and bool(status_of(managed_object) & (Status.ON_LINE_STORAGE if status is None else status))
        and all(
            in_range(have.all(key), wanted.all(key))
            if key in DATES
            else all(any(fits(one, value) for one in have.all(key)) for value in wanted.all(key))
            for key in wanted.values
        )
    )


def status_of(managed_object: ManagedObject) -> Status:
    if Tag.DESTROY_DATE in managed_object.attributes:
        return Status.DESTROYED_STORAGE
    return Status.ARCHIVAL_STORAGE if managed_object.archived else Status.ON_LINE_STORAGE


def in_range(have: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return any(min(wanted) <= one <= max(wanted) for one in have)


def fits(have: Any, wanted: Any) -> bool:
    """Whether one value of an object meets one value of a filter."""
    if isinstance(wanted, Mask):
        return have & wanted == wanted
    if isinstance(wanted, Structure):
        return all(
            getattr(wanted, field.name) in (None, ())
            or getattr(wanted, field.name) == getattr(have, field.name)
            for field in fields(wanted)
        )
    return bool(have == wanted)


# What is drawn


@dataclass
class Drawn:
    """Objects, oldest first, and attribute values that some of them have."""

    objects: list[ManagedObject]
    pool: list[tuple[Any, Any]]


def keys() -> st.SearchStrategy[Any]:
    return st.sampled_from(KEYS) | customs


def is_small(value: Any) -> bool:
    """Whether several fields of a value find it exactly, see `server.objects.index_terms`."""
    if not isinstance(value, Structure):
        return True
    fields_set = [field for field in fields(value) if getattr(value, field.name) not in (None, ())]
    return len(fields_set) <= MOST_CHOSEN


@st.composite
def drawn(draw: st.DrawFn, key: Any = None) -> Drawn:
    chosen = draw(st.lists(keys(), min_size=1, max_size=4, unique=True)) if key is None else [key]
    pool = []
    for one in chosen:
        values = attribute_value(one, INTERNAL)
        if not is_single(one):
            values = values.filter(is_small)
        pool += [(one, value) for value in draw(st.lists(values, min_size=1, max_size=3))]
    count = draw(st.integers(2, 6))
    return Drawn([draw(managed_object(str(number), pool)) for number in range(count)], pool)


@st.composite
def managed_object(draw: st.DrawFn, identifier: str, pool: list[tuple[Any, Any]]) -> ManagedObject:
    attributes = Attributes([(Tag.UNIQUE_IDENTIFIER, identifier)])
    for key, value in draw(st.lists(st.sampled_from(pool), max_size=4)):
        if is_single(key):
            attributes.set(key, value)
        elif attributes.find(key, value) is None:
            attributes.add(key, value)
    return ManagedObject(
        identifier=identifier,
        owner=draw(st.sampled_from(OWNERS)),
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=attributes,
        archived=draw(st.booleans()),
    )


@st.composite
def filters(draw: st.DrawFn, drawn: Drawn) -> Attributes:
    """A filter of parts of the values drawn."""
    wanted = Attributes()
    for key, value in draw(st.lists(st.sampled_from(drawn.pool), max_size=3)):
        part = draw(parts(value))
        if part is not None and len(wanted.all(key)) < (2 if key in DATES else 3):
            wanted.add(key, part)
    if draw(st.integers(0, 3)) == 0:
        wanted.add(Tag.STATE, draw(st.sampled_from(State)))
    return wanted


def parts(value: Any) -> st.SearchStrategy[Any]:
    """The value, or as much of it as a filter may give."""
    if isinstance(value, Mask):
        bits = [1 << bit for bit in range(32) if value >> bit & 1]
        some = st.lists(st.sampled_from(bits), min_size=1) if bits else st.nothing()
        return some.map(lambda chosen: type(value)(sum(set(chosen)))) if bits else st.none()
    if isinstance(value, Structure):
        optional = [
            field.name
            for field in fields(value)
            if field.default is None and getattr(value, field.name) is not None
        ]
        left_out = st.lists(st.sampled_from(optional), unique=True) if optional else st.just([])
        return left_out.map(lambda names: says_something(replace(value, **dict.fromkeys(names))))
    return st.just(value)


def says_something(value: Any) -> Any:
    """The value; None where all of its fields are left out."""
    empty = all(getattr(value, field.name) in (None, ()) for field in fields(value))
    return None if empty else value


# The comparison


@asynccontextmanager
async def store_of(objects: list[ManagedObject], now: int) -> AsyncIterator[SealedStore]:
    async with open_store(MemoryBackend(), KeyFile(bytes(32)), create=True) as store:
        for one in objects:
            transaction = Transaction(store, Opened(1 << 20), now)
            transaction.add(one)
            await transaction.commit()
        yield store


def expected(
    objects: list[ManagedObject], now: int, wanted: Attributes, owner: str, status: Status | None
):
    return [one.identifier for one in reversed(objects) if meets(one, now, wanted, owner, status)]


@given(data=st.data())
@QUICK
async def test_the_index_finds_what_the_model_finds(data: st.DataObject):
    made = data.draw(drawn())
    now = data.draw(st.sampled_from([NOW, NOW + 10]))
    async with store_of(made.objects, NOW) as store:
        for _ in range(5):
            wanted = data.draw(filters(made))
            status = data.draw(st.none() | st.integers(1, 7).map(Status))
            offset = data.draw(OFFSETS)
            limit = data.draw(LIMITS)
            found = await Transaction(store, Opened(1 << 20), now).locate(
                wanted, "alice", status=status, offset=offset, limit=limit
            )
            every = expected(made.objects, now, wanted, "alice", status)
            end = None if limit is None else offset + limit
            assert found.identifiers == every[offset:end]
            assert found.total == len(every)


@given(data=st.data())
@QUICK
async def test_a_transaction_finds_its_own_changes(data: st.DataObject):
    made = data.draw(drawn())
    old = made.objects
    async with store_of(old, NOW) as store:
        objects = {one.identifier: one for one in old}
        transaction = Transaction(store, Opened(1 << 20), NOW)
        for identifier in data.draw(
            st.lists(st.sampled_from(sorted(objects)), min_size=1, unique=True)
        ):
            before = await transaction.find(identifier)
            assert before is not None
            after = data.draw(st.none() | managed_object(identifier, made.pool))
            if after is None:
                transaction.remove(before)
                del objects[identifier]
            else:
                changed = replace(before, attributes=after.attributes, archived=after.archived)
                transaction.put(changed)
                objects[identifier] = changed
        for number in range(data.draw(st.integers(0, 3))):
            new = data.draw(managed_object(f"new {number}", made.pool))
            transaction.add(new)
            objects[new.identifier] = new
        for committed in (False, True):
            for _ in range(3):
                wanted = data.draw(filters(made))
                offset = data.draw(OFFSETS)
                limit = data.draw(LIMITS)
                found = await transaction.locate(
                    wanted, "alice", status=EVERYWHERE, offset=offset, limit=limit
                )
                every = expected(list(objects.values()), NOW, wanted, "alice", EVERYWHERE)
                end = None if limit is None else offset + limit
                assert (found.identifiers, found.total) == (every[offset:end], len(every))
            if not committed:
                await transaction.commit()


# States, which the dates and the time alone tell

TIMES = st.integers(NOW, NOW + 8)
DATES_OF_LIFE = (
    Tag.ACTIVATION_DATE,
    Tag.DEACTIVATION_DATE,
    Tag.COMPROMISE_DATE,
    Tag.DESTROY_DATE,
)


@st.composite
def dated(draw: st.DrawFn, identifier: str) -> ManagedObject:
    """An object with some of the dates that tell a state, most of them those of a living one."""
    chosen = draw(
        st.lists(st.sampled_from([*DATES_OF_LIFE[:2] * 4, *DATES_OF_LIFE]), max_size=3, unique=True)
    )
    dates = [(tag, draw(TIMES)) for tag in chosen]
    attributes = Attributes([(Tag.UNIQUE_IDENTIFIER, identifier), *dates])
    owner = draw(st.sampled_from(OWNERS))
    return ManagedObject(identifier, owner, ObjectType.SYMMETRIC_KEY, attributes)


async def check_states(
    objects: dict[str, ManagedObject], transaction: Transaction, data: st.DataObject
):
    """A Locate finds by each State what the model finds, from offset on and up to limit."""
    for state in State:
        offset, limit = data.draw(OFFSETS), data.draw(LIMITS)
        by_state = Attributes([(Tag.STATE, state)])
        found = await transaction.locate(
            by_state, "alice", status=EVERYWHERE, offset=offset, limit=limit
        )
        every = expected(list(objects.values()), transaction.now, by_state, "alice", EVERYWHERE)
        end = None if limit is None else offset + limit
        assert (found.identifiers, found.total) == (every[offset:end], len(every))


@given(data=st.data())
@QUICK
async def test_a_state_is_found_at_any_time_whenever_its_object_was_written(data: st.DataObject):
    """Time goes on and back between the questions, and some of the objects are written anew."""
    objects = {one: data.draw(dated(one)) for one in map(str, range(data.draw(st.integers(2, 8))))}
    async with store_of(list(objects.values()), NOW) as store:
        for _ in range(4):
            now = data.draw(TIMES)
            await check_states(objects, Transaction(store, Opened(1 << 20), now), data)
            writing = Transaction(store, Opened(1 << 20), now)
            for identifier in data.draw(st.lists(st.sampled_from(sorted(objects)), unique=True)):
                before = await writing.find(identifier)
                assert before is not None
                changed = replace(before, attributes=data.draw(dated(identifier)).attributes)
                writing.put(changed)
                objects[identifier] = changed
            await check_states(objects, writing, data)
            await writing.commit()


async def test_a_question_by_state_writes_nothing(ask: InProcessClient, clock):
    for _ in range(3):
        await create(ask, (Tag.ACTIVATION_DATE, NOW + 60))
    before = ask.server.store.anchor
    clock.now += 60
    assert len(await find(ask, (Tag.STATE, State.ACTIVE))) == 3
    assert ask.server.store.anchor == before


async def test_a_clock_that_is_set_back_finds_the_states_of_then(ask: InProcessClient, clock):
    one = await create(ask, (Tag.ACTIVATION_DATE, NOW + 60))
    clock.now += 60
    assert await find(ask, (Tag.STATE, State.ACTIVE)) == (one,)
    clock.now -= 1
    assert await find(ask, (Tag.STATE, State.ACTIVE)) == ()
    assert await find(ask, (Tag.STATE, State.PRE_ACTIVE)) == (one,)


def refers(key: Tag, value: Any) -> bool:
    """Whether a link stands for what an earlier item of a batch has made: none is kept so."""
    target = value.linked_object_identifier if isinstance(value, Link) else value
    return key in LINKS and isinstance(target, int)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
@given(data=st.data())
@FEW
async def test_every_attribute_is_a_filter_in_every_version(server: Server, key: Tag, data):
    """A client finds by it the objects that have it, and those alone."""
    version = data.draw(st.sampled_from([one for one in SUPPORTED if exists(key, one)]))
    value = data.draw(attribute_value(key, version))
    part = data.draw(parts(value))
    assume(part is not None)
    assume(not refers(key, value))
    server.store = None  # type: ignore[assignment]
    with_it = Attributes([(key, value)])
    objects = [
        ManagedObject(name, owner, ObjectType.SYMMETRIC_KEY, attributes)
        for name, owner, attributes in (
            ("old", "alice", with_it),
            ("without", "alice", Attributes()),
            ("another's", "bob", with_it),
            ("new", "alice", with_it),
        )
    ]
    async with store_of(objects, NOW) as server.store:
        ask = InProcessClient(server, None, version).named("alice")
        located = await ask(
            Operation.LOCATE,
            attributes=Attributes([(key, part)]),
            storage_status_mask=EVERYWHERE,
        )
    assert located.unique_identifier == ("new", "old")


# Single questions


async def find(ask: InProcessClient, *pairs: tuple[Any, Any], **fields: Any) -> tuple[str, ...]:
    got = await ask(Operation.LOCATE, attributes=Attributes(pairs), **fields)
    found: tuple[str, ...] = got.unique_identifier
    return found


async def test_an_object_changed_in_a_batch_keeps_its_age(ask: InProcessClient):
    old, new = await create(ask), await create(ask)
    described = AttributeInstance(Tag.DESCRIPTION, "old")
    _, located = await ask.batch(
        ask.item(Operation.ADD_ATTRIBUTE, unique_identifier=old, new_attribute=described),
        ask.item(Operation.LOCATE),
        option=BatchErrorContinuationOption.UNDO,
    )
    assert ask.payload(located).unique_identifier == (new, old)


async def test_several_fields_are_those_of_one_value(ask: InProcessClient):
    private, public = await create_pair(ask)
    parent = Link(link_type=LinkType.PARENT_LINK, linked_object_identifier="parent")
    one = await create(ask, (Tag.LINK, parent), (Tag.LINK, replace(parent, **TO_CHILD)))
    assert await find(ask, (Tag.LINK, parent)) == (one,)
    crossed = replace(parent, linked_object_identifier="child")
    assert await find(ask, (Tag.LINK, crossed)) == ()
    half = Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier=public)
    assert await find(ask, (Tag.LINK, half)) == (private,)


TO_CHILD: dict[str, Any] = {"link_type": LinkType.CHILD_LINK, "linked_object_identifier": "child"}


async def test_an_empty_filter_finds_all_of_the_clients_objects(ask: InProcessClient):
    mine = [await create(ask) for _ in range(3)]
    await create(ask.named("bob"))
    assert await find(ask) == tuple(reversed(mine))


@pytest.mark.parametrize("version", [V2_1, V3_0], ids=str)
async def test_a_filter_of_an_unknown_tag_is_an_error(ask: InProcessClient, version):
    ask = ask.at(version)
    await create(ask)
    item: RequestBatchItem = ask.item(Operation.LOCATE)
    unknown = structure(Tag.ATTRIBUTES, Item(0x54BEEF, ItemType.INTEGER, 1))
    item.request_payload = structure(Tag.REQUEST_PAYLOAD, unknown)
    (answer,) = await ask.batch(item)
    with pytest.raises(Failed):
        ask.payload(answer)


async def test_a_filter_of_an_unknown_name_is_an_error(ask: InProcessClient):
    ask = ask.at(V1_4)
    await create(ask)
    item: RequestBatchItem = ask.item(Operation.LOCATE)
    name = Item(Tag.ATTRIBUTE_NAME, ItemType.TEXT_STRING, "Flavour")
    value = Item(Tag.ATTRIBUTE_VALUE, ItemType.TEXT_STRING, "mint")
    unknown = structure(Tag.ATTRIBUTE, name, value)
    item.request_payload = structure(Tag.REQUEST_PAYLOAD, unknown)
    (answer,) = await ask.batch(item)
    with pytest.raises(Failed):
        ask.payload(answer)


async def test_a_custom_attribute_that_nobody_has_finds_nothing(ask: InProcessClient):
    await create(ask)
    value = Item(Tag.ATTRIBUTE_VALUE, ItemType.TEXT_STRING, "mint")
    assert await find(ask, (VendorAttributeName("x", "flavour"), value)) == ()


async def test_a_custom_attribute_is_found_by_name_type_and_value(ask: InProcessClient):
    flavour = VendorAttributeName("x", "flavour")
    mint = Item(Tag.ATTRIBUTE_VALUE, ItemType.TEXT_STRING, "mint")
    one = await create(ask, (flavour, mint))
    await create(ask, (flavour, Item(Tag.ATTRIBUTE_VALUE, ItemType.BYTE_STRING, b"mint")))
    await create(ask, (VendorAttributeName("x", "taste"), mint))
    assert await find(ask, (flavour, mint)) == (one,)


def test_a_filter_that_says_nothing_is_refused():
    for pair in (
        (Tag.CRYPTOGRAPHIC_PARAMETERS, CryptographicParameters()),
        (Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask(0)),
    ):
        with pytest.raises(InvalidField):
            query_of(Attributes([pair]), "alice", NOW)


async def test_three_dates_are_refused(ask: InProcessClient):
    with pytest.raises(Failed) as failure:
        await find(ask, *[(Tag.INITIAL_DATE, NOW + day) for day in range(3)])
    assert failure.value.reason == ResultReason.INVALID_FIELD


@pytest.mark.parametrize("field", ["maximum_items", "offset_items"])
async def test_negative_numbers_are_refused(ask: InProcessClient, field: str):
    with pytest.raises(Failed) as failure:
        await find(ask, **{field: -1})
    assert failure.value.reason == ResultReason.INVALID_FIELD


async def test_a_fresh_group_member_is_one_never_given_out(ask: InProcessClient):
    ask = ask.at(V1_1)
    group = (Tag.OBJECT_GROUP, "pool")
    first, second = await create(ask, group), await create(ask, group)
    await ask(Operation.GET, unique_identifier=second)
    fresh = ObjectGroupMember.GROUP_MEMBER_FRESH
    default = ObjectGroupMember.GROUP_MEMBER_DEFAULT
    assert await find(ask, group, object_group_member=fresh) == (first,)
    assert await find(ask, group, object_group_member=default) == (second,)


async def test_the_default_group_member_is_the_newest_that_is_active(ask: InProcessClient):
    group, default = (Tag.OBJECT_GROUP, "pool"), ObjectGroupMember.GROUP_MEMBER_DEFAULT
    assert await find(ask, group, object_group_member=default) == ()
    await create(ask, group)
    newest = await create(ask, group)
    assert await find(ask, group, object_group_member=default) == (newest,)
    await create(ask, group, (Tag.ACTIVATION_DATE, NOW))
    active = await create(ask, group, (Tag.ACTIVATION_DATE, NOW))
    await create(ask, group)
    await create(ask, (Tag.OBJECT_GROUP, "other"), (Tag.ACTIVATION_DATE, NOW))
    assert await find(ask, group, object_group_member=default) == (active,)
    located = ask.item(
        Operation.LOCATE, attributes=Attributes([group]), object_group_member=default
    )
    _, got = await ask.batch(located, ask.item(Operation.GET))
    assert ask.payload(got).unique_identifier == active


async def test_the_object_class_mask_chooses_users_objects_or_the_systems(ask: InProcessClient):
    ask = ask.at(V3_0)
    one = await create(ask)
    assert await find(ask, object_class_mask=1) == (one,)
    assert await find(ask, object_class_mask=3) == (one,)
    assert await find(ask, object_class_mask=2) == ()
    assert await find(ask, object_class_mask=4) == ()


async def test_a_single_find_is_the_placeholder_of_what_follows(ask: InProcessClient):
    one = await create(ask, (Tag.OBJECT_GROUP, "a"))
    await create(ask, (Tag.OBJECT_GROUP, "b"))
    wanted = Attributes([(Tag.OBJECT_GROUP, "a")])
    located = ask.item(Operation.LOCATE, attributes=wanted)
    _, got = await ask.batch(located, ask.item(Operation.GET))
    assert ask.payload(got).unique_identifier == one
    _, got = await ask.batch(ask.item(Operation.LOCATE), ask.item(Operation.GET))
    assert got.result_reason == ResultReason.ITEM_NOT_FOUND


async def test_a_date_that_comes_changes_the_state_found(ask: InProcessClient, clock):
    one = await create(ask, (Tag.ACTIVATION_DATE, NOW + 60))
    assert await find(ask, (Tag.STATE, State.ACTIVE)) == ()
    clock.now += 60
    assert await find(ask, (Tag.STATE, State.ACTIVE)) == (one,)
    assert await find(ask, (Tag.STATE, State.PRE_ACTIVE)) == ()
