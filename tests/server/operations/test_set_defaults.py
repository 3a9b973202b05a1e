"""Set Defaults and Query's Defaults Information: what objects get that their client leaves out."""

import pytest

from kmip.attributes import Attributes
from kmip.enums import (
    CryptographicAlgorithm,
    ObjectType,
    Operation,
    QueryFunction,
    ResultReason,
)
from kmip.masks import CryptographicUsageMask as Mask
from kmip.payloads.factory_defaults import (
    DefaultsInformation,
    ObjectDefaults,
    ObjectGroups,
    ObjectTypes,
)
from kmip.tags import Tag
from kmip.versions import V2_0
from tests.server.conftest import InProcessClient
from tests.server.operations.test_login import reason_of
from tests.server.samples import attribute

Op = Operation
R = ResultReason
AES = CryptographicAlgorithm.AES
SYMMETRIC = ObjectType.SYMMETRIC_KEY
LENGTH = Tag.CRYPTOGRAPHIC_LENGTH


def defaults(*pairs, kind=SYMMETRIC, groups=None) -> ObjectDefaults:
    return ObjectDefaults(
        object_type=kind,
        attributes=Attributes(pairs),
        object_groups=ObjectGroups(object_group=groups) if groups else None,
    )


def aes(length, **where) -> ObjectDefaults:
    return defaults((Tag.CRYPTOGRAPHIC_ALGORITHM, AES), (LENGTH, length), **where)


async def set_(ask: InProcessClient, *object_defaults: ObjectDefaults) -> None:
    await ask(
        Op.SET_DEFAULTS, defaults_information=DefaultsInformation(object_defaults=object_defaults)
    )


async def made(ask: InProcessClient, *pairs) -> Attributes:
    """The attributes of a key made with these."""
    fields = {"object_type": SYMMETRIC, "attributes": Attributes(pairs)}
    identifier = (await ask(Op.CREATE, **fields)).unique_identifier
    attributes: Attributes = (await ask(Op.GET_ATTRIBUTES, unique_identifier=identifier)).attributes
    return attributes


async def defaults_of(ask: InProcessClient, **fields):
    functions = (QueryFunction.QUERY_DEFAULTS_INFORMATION,)
    answer = await ask(Op.QUERY, query_function=functions, **fields)
    information = answer.defaults_information
    return information.object_defaults if information else ()


async def test_a_key_gets_what_its_client_leaves_out(ask: InProcessClient):
    await set_(ask, aes(192), defaults((Tag.CRYPTOGRAPHIC_USAGE_MASK, Mask.ENCRYPT)))
    full = await made(ask)
    assert full.get(LENGTH) == 192
    assert full.get(Tag.CRYPTOGRAPHIC_USAGE_MASK) == Mask.ENCRYPT
    assert (await made(ask, (LENGTH, 128))).get(LENGTH) == 128


async def test_without_them_the_server_has_its_own(ask: InProcessClient):
    async def made() -> int:
        fields = {"object_type": SYMMETRIC, "attributes": Attributes()}
        created = await ask(Op.CREATE, **fields)
        length: int = await attribute(ask, created.unique_identifier, Tag.CRYPTOGRAPHIC_LENGTH)
        return length

    assert await made() == 256
    await set_(ask, aes(192))
    assert await made() == 192
    await ask(Op.SET_DEFAULTS)
    assert await made() == 256


async def test_both_keys_of_a_pair_have_their_own(ask: InProcessClient):
    rsa = (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.EC)
    await set_(
        ask,
        defaults(rsa, (Tag.CRYPTOGRAPHIC_USAGE_MASK, Mask.SIGN), kind=ObjectType.PRIVATE_KEY),
        defaults(rsa, (Tag.CRYPTOGRAPHIC_USAGE_MASK, Mask.VERIFY), kind=ObjectType.PUBLIC_KEY),
    )
    common = Attributes([(LENGTH, 256)])
    pair = await ask(Op.CREATE_KEY_PAIR, common_attributes=common)
    for identifier, mask in (
        (pair.private_key_unique_identifier, Mask.SIGN),
        (pair.public_key_unique_identifier, Mask.VERIFY),
    ):
        full = await ask(Op.GET_ATTRIBUTES, unique_identifier=identifier)
        assert full.attributes.get(Tag.CRYPTOGRAPHIC_USAGE_MASK) == mask


async def test_those_of_a_group_and_the_clients_own_come_first(ask: InProcessClient):
    await set_(ask.named("administrator"), aes(128))
    assert (await made(ask)).get(LENGTH) == 128
    await set_(ask, aes(192), aes(256, groups=("g",)))
    assert (await made(ask)).get(LENGTH) == 192
    assert (await made(ask, (Tag.OBJECT_GROUP, "g"))).get(LENGTH) == 256
    assert (await made(ask.named("bob"))).get(LENGTH) == 128


async def test_query_tells_them(ask: InProcessClient):
    await set_(ask.named("administrator"), aes(128))
    await set_(ask, aes(256, groups=("g",)))
    lengths = [one.attributes.get(LENGTH) for one in await defaults_of(ask)]
    assert lengths == [256, 128]
    assert [one.attributes.get(LENGTH) for one in await defaults_of(ask.named("bob"))] == [128]
    found = await defaults_of(ask, object_groups=ObjectGroups(object_group=("h",)))
    assert [one.attributes.get(LENGTH) for one in found] == [128]
    assert len(await defaults_of(ask.at(V2_0))) == 2


@pytest.mark.parametrize(
    "object_defaults, reason",
    [
        (ObjectDefaults(attributes=Attributes([(LENGTH, 1)])), R.INVALID_FIELD),
        (aes(256, kind=ObjectType.CERTIFICATE), R.INVALID_FIELD),
        (defaults((Tag.INITIAL_DATE, 0)), R.ATTRIBUTE_READ_ONLY),
        (defaults((Tag.CERTIFICATE_LENGTH, 1)), R.INVALID_ATTRIBUTE),
        (
            ObjectDefaults(
                object_types=ObjectTypes(object_type=(SYMMETRIC, ObjectType.OPAQUE_OBJECT)),
                attributes=Attributes(),
            ),
            R.INVALID_FIELD,
        ),
    ],
)
async def test_defaults_that_could_not_be_set_are_refused(
    ask: InProcessClient, object_defaults, reason
):
    information = DefaultsInformation(object_defaults=(object_defaults,))
    refused = await reason_of(ask, Op.SET_DEFAULTS, defaults_information=information)
    assert refused == reason
    assert await defaults_of(ask) == ()
