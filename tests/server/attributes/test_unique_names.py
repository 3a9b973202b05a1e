"""Names are unique for each client, from the version that has an error for it."""

from dataclasses import replace

import pytest
import trio

from kmip.attribute_values import Name
from kmip.attributes import AttributeInstance, Attributes
from kmip.enums import CryptographicAlgorithm, ObjectType, Operation, ResultReason
from kmip.masks import CryptographicUsageMask
from kmip.tags import Tag
from kmip.versions import V1_4, V2_0, V2_1, V3_0
from tests.server.conftest import Failed, InProcessClient

USABLE = CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.SIGN
TAKEN = ResultReason.NON_UNIQUE_NAME_ATTRIBUTE


def name(text: str) -> Name:
    return Name(name_value=text)


def key(*names: str) -> dict:
    attributes = Attributes(
        [
            (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES),
            (Tag.CRYPTOGRAPHIC_LENGTH, 128),
            (Tag.CRYPTOGRAPHIC_USAGE_MASK, USABLE),
            *((Tag.NAME, name(text)) for text in names),
        ]
    )
    return {"object_type": ObjectType.SYMMETRIC_KEY, "attributes": attributes}


async def create(ask: InProcessClient, *names: str) -> str:
    return (await ask(Operation.CREATE, **key(*names))).unique_identifier


async def add(ask: InProcessClient, identifier: str, text: str) -> None:
    await ask(
        Operation.ADD_ATTRIBUTE,
        unique_identifier=identifier,
        new_attribute=AttributeInstance(Tag.NAME, name(text), None),
    )


@pytest.mark.parametrize("version", [V2_1, V3_0], ids=str)
async def test_a_name_is_given_once(ask: InProcessClient, version) -> None:
    ask = ask.at(version)
    first = await create(ask, "a")
    other = await create(ask, "b")
    for attempt in (create(ask, "a"), add(ask, other, "a"), add(ask, first, "a")):
        with pytest.raises(Failed) as caught:
            await attempt
        assert caught.value.reason == TAKEN
    await add(ask, first, "c")
    located = await ask(Operation.LOCATE, attributes=Attributes([(Tag.NAME, name("a"))]))
    assert located.unique_identifier == (first,)


@pytest.mark.parametrize("version", [V1_4, V2_0], ids=str)
async def test_earlier_versions_give_a_name_twice(ask: InProcessClient, version) -> None:
    assert await create(ask.at(version), "a") != await create(ask.at(version), "a")


async def test_what_earlier_versions_named_twice_can_still_be_changed(ask: InProcessClient) -> None:
    first = await create(ask.at(V1_4), "a")
    await create(ask.at(V1_4), "a")
    await ask(Operation.ACTIVATE, unique_identifier=first)
    await add(ask, first, "b")


async def test_other_clients_and_destroyed_objects_do_not_count(ask: InProcessClient) -> None:
    first = await create(ask, "a")
    await create(ask.named("somebody"), "a")
    await ask(Operation.DESTROY, unique_identifier=first)
    await create(ask, "a")


async def test_archived_objects_count(ask: InProcessClient) -> None:
    first = await create(ask, "a")
    await ask(Operation.ARCHIVE, unique_identifier=first)
    with pytest.raises(Failed) as caught:
        await create(ask, "a")
    assert caught.value.reason == TAKEN


async def test_both_keys_of_a_pair_may_have_the_name(ask: InProcessClient) -> None:
    common = Attributes(
        [
            (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.EC),
            (Tag.CRYPTOGRAPHIC_LENGTH, 256),
            (Tag.CRYPTOGRAPHIC_USAGE_MASK, USABLE),
            (Tag.NAME, name("a")),
        ]
    )
    await ask(Operation.CREATE_KEY_PAIR, common_attributes=common)
    with pytest.raises(Failed) as caught:
        await ask(Operation.CREATE_KEY_PAIR, common_attributes=common)
    assert caught.value.reason == TAKEN


async def test_a_rekeyed_key_hands_its_name_on(ask: InProcessClient) -> None:
    first = await create(ask, "a")
    new = (await ask(Operation.REKEY, unique_identifier=first)).unique_identifier
    located = await ask(Operation.LOCATE, attributes=Attributes([(Tag.NAME, name("a"))]))
    assert located.unique_identifier == (new,)


async def test_a_name_is_given_once_within_a_batch(ask: InProcessClient) -> None:
    answers = await ask.batch(
        ask.item(Operation.CREATE, batch_id=b"1", **key("a")),
        ask.item(Operation.CREATE, batch_id=b"2", **key("a")),
    )
    assert [one.result_reason for one in answers] == [None, TAKEN]


async def test_one_of_many_at_once_gets_the_name(ask: InProcessClient) -> None:
    made, refused = [], []

    async def attempt() -> None:
        try:
            made.append(await create(replace(ask), "a"))
        except Failed as failure:
            refused.append(failure.reason)

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(attempt)
    assert len(made) == 1
    assert refused == [TAKEN] * 7
