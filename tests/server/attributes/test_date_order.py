"""Dates keep their order, whatever sets them.

A Process Start Date "SHALL NOT precede the Activation Date" (2.1 section 4.40; 1.4 section 3.25). A
Protect Stop Date "SHALL NOT be later than the Deactivation Date" (4.41; 3.26).
"""

from dataclasses import replace
from typing import Any

import pytest

from kmip.attribute_values import Name
from kmip.attributes import AttributeInstance, Attributes
from kmip.enums import (
    AdjustmentType,
    CryptographicAlgorithm,
    ItemType,
    NameType,
    ObjectType,
    Operation,
)
from kmip.errors import (
    InvalidField,
    KMIPError,
    OffsetWithDates,
    OffsetWithoutActivation,
    WrongKeyLifecycleState,
)
from kmip.items import Item
from kmip.key_block import KeyValue
from kmip.objects import Template
from kmip.payloads.factory_defaults import DefaultsInformation, ObjectDefaults
from kmip.tags import Tag
from kmip.versions import V1_4, V2_1, V3_0, ProtocolVersion
from tests.server.conftest import NOW, Clock, InProcessClient
from tests.server.samples import (
    ACTIVE,
    COMPROMISED,
    STOPPED,
    Pair,
    aes,
    attribute,
    attributes,
    create,
    create_pair,
    refused,
    symmetric_key,
)

ACTIVATION, START = Tag.ACTIVATION_DATE, Tag.PROCESS_START_DATE
STOP, DEACTIVATION = Tag.PROTECT_STOP_DATE, Tag.DEACTIVATION_DATE
PAIRS = ((ACTIVATION, START), (STOP, DEACTIVATION), (ACTIVATION, DEACTIVATION))
RAW = bytes(range(32))

versions = pytest.mark.parametrize("version", [V1_4, V2_1], ids=str)
pairs = pytest.mark.parametrize("first,second", PAIRS, ids=lambda tag: tag.title)


def making(ask: InProcessClient, *dates: Pair) -> dict[Operation, dict[str, Any]]:
    """What makes an object with these dates, by each operation."""
    key = symmetric_key(RAW)
    kind = {"object_type": ObjectType.SYMMETRIC_KEY}
    algorithm = (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.RSA)
    pair = attributes(algorithm, (Tag.CRYPTOGRAPHIC_LENGTH, 2048), *dates)
    return {
        Operation.CREATE: kind | {"attributes": aes(*dates)},
        Operation.CREATE_KEY_PAIR: {"common_attributes": pair},
        Operation.REGISTER: kind | {"attributes": aes(*dates), "object": key},
        Operation.IMPORT: kind
        | {"attributes": aes(*dates), "object": key, "unique_identifier": "imported"},
    }


MAKING = tuple(making(InProcessClient(None, None)))  # type: ignore[arg-type]  # no server is asked


@versions
@pairs
@pytest.mark.parametrize("operation", MAKING, ids=lambda operation: operation.title)
async def test_no_object_is_made_with_dates_out_of_order(
    ask: InProcessClient, version: ProtocolVersion, first: Tag, second: Tag, operation: Operation
):
    ask = ask.at(version)
    fields = making(ask, (first, NOW + 200), (second, NOW + 199))[operation]
    await refused(ask, InvalidField, operation, **fields)
    await ask(operation, **making(ask, (first, NOW + 200), (second, NOW + 200))[operation])


@pairs
async def test_dates_in_a_key_value_are_no_way_around(
    ask: InProcessClient, first: Tag, second: Tag
):
    key = symmetric_key(RAW)
    value = KeyValue(key_material=RAW, attributes=Attributes([(second, NOW + 50)]))
    block = replace(key.key_block, key_value=value)
    await refused(
        ask,
        InvalidField,
        Operation.REGISTER,
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=aes((first, NOW + 100)),
        object=replace(key, key_block=block),
    )


async def test_a_template_lends_no_date_that_comes_too_late(ask: InProcessClient):
    ask = ask.at(V1_4)
    name = Name(name_value="late", name_type=NameType.UNINTERPRETED_TEXT_STRING)
    lent = Attributes([(Tag.NAME, name), (STOP, NOW + 100)])
    await ask(
        Operation.REGISTER,
        object_type=ObjectType.TEMPLATE,
        attributes=Attributes(),
        object=Template(attributes=lent),
    )
    requested = aes((DEACTIVATION, NOW + 50))
    requested.templates = (name,)
    fields = {"object_type": ObjectType.SYMMETRIC_KEY, "attributes": requested}
    await refused(ask, InvalidField, Operation.CREATE, **fields)


async def test_defaults_are_in_order(ask: InProcessClient):
    wrong = Attributes([(STOP, NOW + 100), (DEACTIVATION, NOW + 50)])
    defaults = ObjectDefaults(object_type=ObjectType.SYMMETRIC_KEY, attributes=wrong)
    information = DefaultsInformation(object_defaults=(defaults,))
    await refused(ask, InvalidField, Operation.SET_DEFAULTS, defaults_information=information)


async def test_defaults_are_no_way_around(ask: InProcessClient):
    late = Attributes([(STOP, NOW + 100)])
    defaults = ObjectDefaults(object_type=ObjectType.SYMMETRIC_KEY, attributes=late)
    information = DefaultsInformation(object_defaults=(defaults,))
    await ask(Operation.SET_DEFAULTS, defaults_information=information)
    fields = {"object_type": ObjectType.SYMMETRIC_KEY, "attributes": aes((DEACTIVATION, NOW + 50))}
    await refused(ask, InvalidField, Operation.CREATE, **fields)


def change(key: str, tag: Tag, date: int) -> dict[str, Any]:
    return {"unique_identifier": key, "new_attribute": AttributeInstance(tag, date)}


@versions
@pairs
@pytest.mark.parametrize("which", [0, 1], ids=["the first", "the second"])
async def test_no_date_is_added_out_of_order(
    ask: InProcessClient, version: ProtocolVersion, first: Tag, second: Tag, which: int
):
    ask = ask.at(version)
    there, added = ((second, first), (first, second))[which]
    wrong = NOW + (99 if which else 101)
    key = await create(ask, (there, NOW + 100))
    await refused(ask, InvalidField, Operation.ADD_ATTRIBUTE, **change(key, added, wrong))
    if version >= V2_1:
        await refused(ask, InvalidField, Operation.SET_ATTRIBUTE, **change(key, added, wrong))
    assert await attribute(ask, key, added) is None
    await ask(Operation.ADD_ATTRIBUTE, **change(key, added, NOW + 100))


@versions
@pairs
@pytest.mark.parametrize("which", [0, 1], ids=["the first", "the second"])
async def test_no_date_is_moved_out_of_order(
    ask: InProcessClient, version: ProtocolVersion, first: Tag, second: Tag, which: int
):
    ask = ask.at(version)
    key = await create(ask, (first, NOW + 100), (second, NOW + 110))
    moved = (first, second)[which]
    wrong = NOW + (99 if which else 111)
    await refused(ask, InvalidField, Operation.MODIFY_ATTRIBUTE, **change(key, moved, wrong))
    if version >= V2_1:
        await refused(ask, InvalidField, Operation.SET_ATTRIBUTE, **change(key, moved, wrong))
        how = AdjustmentType.DECREMENT if which else AdjustmentType.INCREMENT
        await refused(
            ask,
            InvalidField,
            Operation.ADJUST_ATTRIBUTE,
            unique_identifier=key,
            attribute_names=(moved,),
            adjustment_type=how,
            adjustment_value=Item(Tag.ADJUSTMENT_VALUE, ItemType.INTEGER, 11),
        )
    await ask(Operation.MODIFY_ATTRIBUTE, **change(key, moved, NOW + 105))


@versions
@pytest.mark.parametrize("tag", [START, DEACTIVATION], ids=lambda tag: tag.title)
async def test_nothing_is_activated_after_a_date_that_it_comes_before(
    ask: InProcessClient, version: ProtocolVersion, tag: Tag, clock: Clock
):
    ask = ask.at(version)
    key = await create(ask, (tag, NOW + 10))
    clock.now += 11
    await refused(ask, WrongKeyLifecycleState, Operation.ACTIVATE, unique_identifier=key)
    await ask(Operation.ADD_ATTRIBUTE, **change(key, ACTIVATION, NOW + 10))


@versions
async def test_who_stops_a_key_early_stops_its_protecting(
    ask: InProcessClient, version: ProtocolVersion, clock: Clock
):
    ask = ask.at(version)
    dates = (ACTIVE, (STOP, NOW + 100), (DEACTIVATION, NOW + 200))
    key = await create(ask, *dates)
    clock.now += 50
    await ask(Operation.REVOKE, unique_identifier=key, **STOPPED)
    assert await attribute(ask, key, DEACTIVATION) == NOW + 50
    assert await attribute(ask, key, STOP) == NOW + 50
    other = await create(ask, *dates)
    await ask(Operation.REVOKE, unique_identifier=other, **COMPROMISED)
    assert await attribute(ask, other, STOP) == NOW + 100


async def test_who_deactivates_names_a_date_in_order(ask: InProcessClient, clock: Clock):
    ask = ask.at(V3_0)
    key = await create(ask, ACTIVE, (STOP, NOW + 100), (DEACTIVATION, NOW + 200))
    for date in (NOW - 11, NOW - 10**6):
        await refused(
            ask,
            InvalidField,
            Operation.DEACTIVATE,
            unique_identifier=key,
            deactivation_date=date,
        )
    await ask(Operation.DEACTIVATE, unique_identifier=key, deactivation_date=NOW + 70)
    assert await attribute(ask, key, DEACTIVATION) == NOW + 70
    assert await attribute(ask, key, STOP) == NOW + 70


@versions
async def test_replacements_have_their_dates_in_order(
    ask: InProcessClient, version: ProtocolVersion
):
    ask = ask.at(version)
    old = await create(ask, ACTIVE, (DEACTIVATION, NOW + 100))
    late = Attributes([(STOP, NOW + 101)])
    fields = {"unique_identifier": old, "attributes": late}
    await refused(ask, InvalidField, Operation.REKEY, **fields)
    private, _ = await create_pair(ask, ACTIVE, (DEACTIVATION, NOW + 100))
    early = Attributes([(ACTIVATION, NOW + 101)])
    fields = {"private_key_unique_identifier": private, "common_attributes": early}
    await refused(ask, InvalidField, Operation.REKEY_KEY_PAIR, **fields)


@versions
@pytest.mark.parametrize(
    "dates,requested,kind",
    [
        ([(DEACTIVATION, NOW + 100)], [], OffsetWithoutActivation),
        ([(START, NOW + 100)], [], OffsetWithoutActivation),
        ([ACTIVE], [(DEACTIVATION, NOW + 100)], OffsetWithDates),
    ],
    ids=["no activation", "no activation before processing", "a date beside it"],
)
async def test_an_offset_moves_dates_from_an_activation(
    ask: InProcessClient,
    version: ProtocolVersion,
    dates: list[Pair],
    requested: list[Pair],
    kind: type[KMIPError],
):
    """1.4 sections 11.5 and 11.6."""
    ask = ask.at(version)
    old = await create(ask, *dates)
    fields = {"unique_identifier": old, "offset": 10, "attributes": Attributes(requested)}
    await refused(ask, kind, Operation.REKEY, **fields)
