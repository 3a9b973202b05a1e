"""Locate: what fits into a response, and what it leaves to the items that follow."""

import pytest

from kmip.attribute_values import Name
from kmip.attributes import Attributes
from kmip.enums import (
    BatchErrorContinuationOption,
    NameType,
    ObjectType,
    Operation,
    SplitKeyMethod,
)
from kmip.errors import ItemNotFound, ResponseTooLarge
from kmip.masks import CryptographicUsageMask as Mask
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_3, V3_0, ProtocolVersion
from server.setup.config import Config
from tests.server.conftest import InProcessClient
from tests.server.samples import aes, create, refused

LOCATE, CONTINUE = Operation.LOCATE, BatchErrorContinuationOption.CONTINUE
KEYS = Attributes([(Tag.OBJECT_TYPE, ObjectType.SYMMETRIC_KEY)])


def named(name: str) -> Attributes:
    return Attributes([(Tag.NAME, Name(name_value=name))])


class TestWithLittleRoom:
    """2.1 section 6.1.28: a server may limit what it gives, and Located Items tells how many."""

    @pytest.fixture
    def config(self, config: Config) -> Config:
        return Config(data=config.data, audit="none", max_message_bytes=4096)

    @pytest.mark.parametrize("version", SUPPORTED, ids=str)
    @pytest.mark.parametrize("maximum", [None, 99])
    async def test_the_newest_that_fit_are_given(
        self, ask: InProcessClient, version: ProtocolVersion, maximum: int | None
    ):
        ask = ask.at(version)
        made = [await create(ask) for _ in range(100)]
        found = await ask(LOCATE, attributes=KEYS, maximum_items=maximum)
        fitting = found.unique_identifier
        assert 70 < len(fitting) < 90
        assert list(fitting) == made[::-1][: len(fitting)]
        if version >= V1_3:
            assert found.located_items == 100
            rest = await ask(LOCATE, attributes=KEYS, offset_items=len(fitting))
            assert (*fitting, *rest.unique_identifier) == tuple(made[::-1])

    async def test_a_client_with_a_limit_of_its_own_is_told(self, ask: InProcessClient):
        for _ in range(20):
            await create(ask)
        ask.header["maximum_response_size"] = 512
        await refused(ask, ResponseTooLarge, LOCATE, attributes=KEYS)


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
@pytest.mark.parametrize("sought", ["nothing", "many"])
async def test_none_or_several_empty_the_id_placeholder(
    ask: InProcessClient, version: ProtocolVersion, sought: str
):
    ask = ask.at(version)
    await create(ask)
    key = await create(ask, (Tag.NAME, Name(name_value="first")))
    located, other, destroyed = await ask.batch(
        ask.item(LOCATE, attributes=named("first"), batch_id=b"1"),
        ask.item(LOCATE, attributes=KEYS if sought == "many" else named("no"), batch_id=b"2"),
        ask.item(Operation.DESTROY, batch_id=b"3"),
    )
    assert ask.payload(located).unique_identifier == (key,)
    assert len(ask.payload(other).unique_identifier) == (2 if sought == "many" else 0)
    assert destroyed.result_reason == ItemNotFound("").reason(version)


async def test_one_of_several_that_was_asked_for_is_the_id_placeholder(ask: InProcessClient):
    await create(ask)
    newest = await create(ask)
    items = await ask.batch(
        ask.item(LOCATE, attributes=KEYS, maximum_items=1), ask.item(Operation.GET)
    )
    assert ask.payload(items[1]).unique_identifier == newest


@pytest.mark.parametrize(
    "operation,fields",
    [
        (Operation.CHECK, {"cryptographic_usage_mask": Mask.SIGN}),
        (Operation.CREATE, {"object_type": ObjectType.CERTIFICATE, "attributes": aes()}),
        (Operation.CREATE_SPLIT_KEY, {"split_key_parts": 3}),
        (Operation.EXPORT, {"unique_identifier": "none"}),
        (Operation.REKEY, {"unique_identifier": "none"}),
        (Operation.RECOVER, {"unique_identifier": "none"}),
    ],
    ids=lambda value: value.name if isinstance(value, Operation) else "",
)
async def test_what_fails_to_give_an_object_leaves_none(ask: InProcessClient, operation, fields):
    """2.1 section 6.1.7 of Check; what others should have made is not an earlier object either."""
    await create(ask, (Tag.NAME, Name(name_value="first")), mask=Mask.ENCRYPT)
    if operation == Operation.CREATE_SPLIT_KEY:
        fields = {**fields, **split()}
    items = await ask.batch(
        ask.item(LOCATE, attributes=named("first")),
        ask.item(operation, **fields),
        ask.item(Operation.GET),
        option=CONTINUE,
    )
    assert ask.payload(items[0]).unique_identifier
    assert items[1].result_reason is not None
    assert items[2].result_reason == ItemNotFound("").reason(ask.version)


def split() -> dict[str, object]:
    """Too few parts for the threshold."""
    return {
        "object_type": ObjectType.SPLIT_KEY,
        "split_key_threshold": 9,
        "split_key_method": SplitKeyMethod.XOR,
        "attributes": aes(),
    }


@pytest.mark.parametrize("operation", [Operation.EXPORT, Operation.RECOVER])
async def test_what_gives_an_object_sets_the_placeholder(
    ask: InProcessClient, operation: Operation
):
    """2.1 sections 6 and 6.1.18."""
    key, _ = await create(ask), await create(ask)
    items = await ask.batch(
        ask.item(operation, unique_identifier=key), ask.item(Operation.GET_ATTRIBUTES)
    )
    assert ask.payload(items[1]).unique_identifier == key


@pytest.mark.parametrize("kind", NameType)
async def test_a_name_of_whatever_type_is_found_in_a_version_without_types(
    ask: InProcessClient, kind: NameType
):
    """3.0 shows a Name as its text alone, so that is all that its clients can ask for."""
    name = Name(name_value="https://a.example/key", name_type=kind)
    key = await create(ask, (Tag.NAME, name))
    wanted = Attributes([(Tag.NAME, Name(name_value="https://a.example/key"))])
    assert (await ask.at(V3_0)(Operation.LOCATE, attributes=wanted)).unique_identifier == (key,)
    found = (await ask(Operation.LOCATE, attributes=wanted)).unique_identifier
    assert found == ((key,) if kind == NameType.UNINTERPRETED_TEXT_STRING else ())
