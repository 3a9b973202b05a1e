"""Set and Get Constraints: what may be made, by whom it is said, and for whom."""

from kmip.attributes import Attributes
from kmip.enums import (
    BatchErrorContinuationOption,
    CryptographicAlgorithm,
    KeyFormatType,
    ObjectType,
    Operation,
    ResultReason,
    ResultStatus,
    SecretDataType,
)
from kmip.key_block import KeyBlock, KeyValue
from kmip.masks import CryptographicUsageMask as Mask
from kmip.objects import SecretData
from kmip.payloads.factory_defaults import Constraint, Constraints, ObjectGroups, ObjectTypes
from kmip.tags import Tag
from kmip.versions import V1_4
from server.attributes import rules_store
from tests.server.conftest import InProcessClient
from tests.server.operations.test_login import reason_of

Op = Operation
R = ResultReason
AES, HMAC = CryptographicAlgorithm.AES, CryptographicAlgorithm.HMAC_SHA256
SYMMETRIC = ObjectType.SYMMETRIC_KEY


def constraint(*pairs, types=(SYMMETRIC,), groups=None) -> Constraint:
    return Constraint(
        object_types=ObjectTypes(object_type=types) if types else None,
        object_groups=ObjectGroups(object_group=groups) if groups else None,
        attributes=Attributes(pairs),
    )


def aes(length, **where) -> Constraint:
    pairs = ((Tag.CRYPTOGRAPHIC_ALGORITHM, AES), (Tag.CRYPTOGRAPHIC_LENGTH, length))
    return constraint(*pairs, **where)


async def constrain(ask: InProcessClient, *constraints: Constraint) -> None:
    await ask(Op.SET_CONSTRAINTS, constraints=Constraints(constraint=constraints))


def wanted(length, algorithm=AES, group=None, mask=None):
    attributes = Attributes(
        [(Tag.CRYPTOGRAPHIC_ALGORITHM, algorithm), (Tag.CRYPTOGRAPHIC_LENGTH, length)]
    )
    attributes.set(Tag.OBJECT_GROUP, group)
    attributes.set(Tag.CRYPTOGRAPHIC_USAGE_MASK, mask)
    return {"object_type": SYMMETRIC, "attributes": attributes}


async def allows(ask: InProcessClient, *args, **fields) -> bool:
    (item,) = await ask.batch(ask.item(Op.CREATE, **wanted(*args, **fields)))
    if item.result_status == ResultStatus.SUCCESS:
        return True
    assert item.result_reason == R.CONSTRAINT_VIOLATION
    return False


async def test_what_was_set_is_told_and_lifted(ask: InProcessClient):
    await constrain(ask, aes(256, groups=("g",)), aes(192))
    constraints = (await ask(Op.GET_CONSTRAINTS)).constraints.constraint
    assert [one.attributes.get(Tag.CRYPTOGRAPHIC_LENGTH) for one in constraints] == [256, 192]
    assert constraints[0].object_groups.object_group == ("g",)
    assert constraints[1].object_groups is None
    await ask(Op.SET_CONSTRAINTS)
    assert (await ask(Op.GET_CONSTRAINTS)).constraints.constraint == ()
    assert await allows(ask, 128)


async def test_a_constraint_of_a_group_comes_in_place_of_the_general_one(ask: InProcessClient):
    await constrain(ask, aes(256, groups=("g",)), aes(192))
    assert await allows(ask, 192)
    assert await allows(ask, 256, group="g")
    assert await allows(ask, 192, group="other")
    assert not await allows(ask, 192, group="g")
    assert not await allows(ask, 256)
    assert not await allows(ask, 256, group="other")


async def test_constraints_on_the_same_attributes_are_alternatives(ask: InProcessClient):
    await constrain(ask, aes(192), aes(256))
    assert [await allows(ask, length) for length in (128, 192, 256)] == [False, True, True]


async def test_constraints_on_different_attributes_hold_each(ask: InProcessClient):
    mask = constraint((Tag.CRYPTOGRAPHIC_USAGE_MASK, Mask.ENCRYPT | Mask.DECRYPT))
    await constrain(ask, aes(256), mask)
    assert await allows(ask, 256, mask=Mask.ENCRYPT)
    assert not await allows(ask, 192, mask=Mask.ENCRYPT)
    assert not await allows(ask, 256, mask=Mask.ENCRYPT | Mask.WRAP_KEY)
    assert await allows(ask, 256)  # by the mask that the server supplies


async def test_constraints_pertain_to_their_types_of_objects(ask: InProcessClient):
    await constrain(ask, constraint((Tag.CRYPTOGRAPHIC_LENGTH, 512), types=()))
    assert not await allows(ask, 256)
    await constrain(
        ask, constraint((Tag.CRYPTOGRAPHIC_LENGTH, 512), types=(ObjectType.PUBLIC_KEY,))
    )
    assert await allows(ask, 256)


async def test_what_is_registered_satisfies_them_too(ask: InProcessClient):
    length = constraint((Tag.CRYPTOGRAPHIC_LENGTH, 256), types=(ObjectType.SECRET_DATA,))
    await constrain(ask, length)
    for size, reason in ((256, None), (128, R.CONSTRAINT_VIOLATION)):
        secret = SecretData(
            secret_data_type=SecretDataType.PASSWORD,
            key_block=KeyBlock(
                key_format_type=KeyFormatType.OPAQUE,
                key_value=KeyValue(key_material=bytes(size // 8)),
            ),
        )
        attributes = Attributes([(Tag.CRYPTOGRAPHIC_LENGTH, size)])
        fields = {
            "object_type": ObjectType.SECRET_DATA,
            "object": secret,
            "attributes": attributes,
        }
        (item,) = await ask.batch(ask.item(Op.REGISTER, **fields))
        assert item.result_reason == reason


async def test_nothing_is_made_against_them(ask: InProcessClient):
    await constrain(ask, aes(256))
    assert not await allows(ask, 128)
    assert (await ask(Op.LOCATE)).located_items == 0


async def test_a_client_constrains_only_itself(ask: InProcessClient):
    await constrain(ask.named("bob"), aes(256))
    assert await allows(ask, 128)
    assert (await ask(Op.GET_CONSTRAINTS)).constraints.constraint == ()


async def test_an_administrator_constrains_everybody(ask: InProcessClient):
    await constrain(ask.named("administrator"), aes(256), aes(192))
    await constrain(ask, aes(128), aes(192))
    assert [await allows(ask, length) for length in (128, 192, 256)] == [False, True, False]
    assert len((await ask(Op.GET_CONSTRAINTS)).constraints.constraint) == 4
    await ask(Op.SET_CONSTRAINTS)
    assert await allows(ask, 256)
    assert not await allows(ask, 128)


async def test_they_hold_for_clients_of_every_version(ask: InProcessClient):
    await constrain(ask, aes(256))
    assert (
        await reason_of(ask.at(V1_4), Op.CREATE, **wanted(128, mask=Mask.ENCRYPT))
        == R.PERMISSION_DENIED
    )


async def test_setting_them_is_undone_with_its_batch(ask: InProcessClient):
    wanted_constraints = Constraints(constraint=(aes(256),))
    items = await ask.batch(
        ask.item(Op.SET_CONSTRAINTS, constraints=wanted_constraints),
        ask.item(Op.CREATE, **wanted(128)),
        option=BatchErrorContinuationOption.UNDO,
    )
    assert [item.result_status for item in items] == [
        ResultStatus.OPERATION_UNDONE,
        ResultStatus.OPERATION_FAILED,
    ]
    assert await allows(ask, 128)


async def test_their_number_is_limited(ask: InProcessClient, monkeypatch):
    monkeypatch.setattr(rules_store, "MAX_RULES", 2)
    await constrain(ask, aes(128), aes(192))
    many = Constraints(constraint=(aes(128), aes(192), aes(256)))
    refused = await reason_of(ask, Op.SET_CONSTRAINTS, constraints=many)
    assert refused == R.SERVER_LIMIT_EXCEEDED


async def test_constraints_are_not_as_long_as_a_message(ask: InProcessClient):
    """They are read for every object that is made."""
    long = constraint((Tag.OBJECT_GROUP, "g" * rules_store.MAX_BYTES))
    refused = await reason_of(ask, Op.SET_CONSTRAINTS, constraints=Constraints(constraint=(long,)))
    assert refused == R.SERVER_LIMIT_EXCEEDED
    assert await allows(ask, 256)
