"""Another client's object: for every operation it is as if it did not exist."""

from dataclasses import fields, replace
from typing import Any

import pytest

from kmip.attributes import AttributeInstance, Attributes, InstanceReference, VendorAttributeName
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import (
    AdjustmentType,
    BlockCipherMode,
    CryptographicAlgorithm,
    DerivationMethod,
    HashingAlgorithm,
    ItemType,
    ObjectType,
    Operation,
    ResultReason,
    SplitKeyMethod,
    WrappingMethod,
)
from kmip.errors import ObjectNotFound, PermissionDenied
from kmip.items import Item
from kmip.key_block import EncryptionKeyInformation, KeyWrappingSpecification
from kmip.masks import CryptographicUsageMask as Mask
from kmip.masks import StorageStatusMask
from kmip.payloads.derivation import DerivationParameters
from kmip.tags import Tag
from kmip.versions import V2_1, V3_0
from server import operations, registry
from server.access import policy
from server.access.client import Client
from server.access.policy import LONGEST, PERMITTED, Relation, permit
from server.objects.managed_object import ManagedObject
from tests.server.conftest import Failed, InProcessClient
from tests.server.samples import (
    ACTIVE,
    ANY_USE,
    STOPPED,
    aes,
    attribute,
    create,
    create_pair,
    material,
    register,
    symmetric_key,
)

operations.load()

IDENTIFIER_FIELDS = ("unique_identifier", "private_key_unique_identifier")
SELF_NAMED = frozenset({Operation.IMPORT})
"""Operations whose Unique Identifier is that of an object to be made."""

NUMBER = VendorAttributeName("x", "number")


def number(value: int) -> Item:
    return Item(Tag.ATTRIBUTE_VALUE, ItemType.INTEGER, value)


HASH = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
HMAC = CryptographicParameters(cryptographic_algorithm=CryptographicAlgorithm.HMAC_SHA256)
NEW = AttributeInstance(NUMBER, number(2))
DATA = {"data": b"data"}

FIELDS: dict[Operation, dict[str, Any]] = {
    Operation.ADD_ATTRIBUTE: {"new_attribute": NEW},
    Operation.MODIFY_ATTRIBUTE: {
        "new_attribute": NEW,
        "current_attribute": AttributeInstance(NUMBER, number(1)),
    },
    Operation.DELETE_ATTRIBUTE: {"attribute_reference": InstanceReference(NUMBER)},
    Operation.SET_ATTRIBUTE: {"new_attribute": NEW},
    Operation.ADJUST_ATTRIBUTE: {
        "attribute_names": (NUMBER,),
        "adjustment_type": AdjustmentType.INCREMENT,
    },
    Operation.GET_USAGE_ALLOCATION: {"usage_limits_count": 1},
    Operation.REVOKE: STOPPED,
    Operation.DERIVE_KEY: {
        "object_type": ObjectType.SYMMETRIC_KEY,
        "derivation_method": DerivationMethod.HASH,
        "derivation_parameters": DerivationParameters(cryptographic_parameters=HASH),
        "attributes": aes(),
    },
    Operation.CREATE_SPLIT_KEY: {
        "object_type": ObjectType.SPLIT_KEY,
        "split_key_parts": 2,
        "split_key_threshold": 2,
        "split_key_method": SplitKeyMethod.XOR,
    },
    Operation.JOIN_SPLIT_KEY: {"object_type": ObjectType.SYMMETRIC_KEY},
    Operation.ENCRYPT: DATA,
    Operation.DECRYPT: DATA | {"iv_counter_nonce": bytes(16)},
    Operation.SIGN: DATA,
    Operation.SIGNATURE_VERIFY: DATA | {"signature_data": b"signature"},
    Operation.MAC: DATA | {"cryptographic_parameters": HMAC},
    Operation.MAC_VERIFY: DATA | {"mac_data": b"mac", "cryptographic_parameters": HMAC},
    **{
        operation: {}
        for operation in (
            *(Operation.REKEY, Operation.REKEY_KEY_PAIR, Operation.CERTIFY, Operation.RECERTIFY),
            *(Operation.CHECK, Operation.GET, Operation.EXPORT, Operation.GET_ATTRIBUTES),
            *(Operation.GET_ATTRIBUTE_LIST, Operation.OBTAIN_LEASE, Operation.ACTIVATE),
            *(Operation.DEACTIVATE, Operation.DESTROY, Operation.OBLITERATE, Operation.ARCHIVE),
            *(Operation.RECOVER, Operation.VALIDATE),
        )
    },
}
"""What a request needs beside the Unique Identifier, for each operation that takes one."""


def names_objects(operation: Operation) -> bool:
    request = registry.ROUTES[operation].request
    names = {field.name for field in fields(request)}
    return not names.isdisjoint(IDENTIFIER_FIELDS) and operation not in SELF_NAMED


OPERATIONS = sorted(filter(names_objects, registry.ROUTES))


def test_no_operation_is_left_out():
    assert set(FIELDS) == set(OPERATIONS)


async def answer(ask: InProcessClient, operation: Operation, identifier: str) -> tuple[Any, str]:
    """The reason and the message of an operation on the object; (None, ""): it succeeded."""
    route = registry.ROUTES[operation]
    ask = ask.at(V2_1 if route.span.covers(V2_1) else V3_0)
    names = {field.name: str(field.type) for field in fields(route.request)}
    (identifier_field,) = names.keys() & set(IDENTIFIER_FIELDS)
    value = (identifier,) if "tuple" in names[identifier_field] else identifier
    (item,) = await ask.batch(ask.item(operation, **FIELDS[operation], **{identifier_field: value}))
    return item.result_reason, (item.result_message or "").replace(identifier, "it")


MISSING = {
    ResultReason.ITEM_NOT_FOUND,
    ResultReason.OBJECT_NOT_FOUND,
}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
async def test_anothers_object_is_as_if_it_were_not_there(
    ask: InProcessClient, operation: Operation
):
    key = await create(ask, ACTIVE, (NUMBER, number(1)))
    before = await ask(Operation.GET_ATTRIBUTES, unique_identifier=key)
    reason, message = await answer(ask.named("bob"), operation, key)
    assert reason in MISSING
    assert (reason, message) == await answer(ask.named("bob"), operation, "nothing")
    after = await ask(Operation.GET_ATTRIBUTES, unique_identifier=key)
    assert after.attributes == before.attributes


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
async def test_the_owners_object_is_there(ask: InProcessClient, operation: Operation):
    key = await create(ask, ACTIVE, (NUMBER, number(1)))
    reason, _ = await answer(ask, operation, key)
    assert reason not in MISSING


async def test_anothers_objects_are_never_located(ask: InProcessClient):
    key = await create(ask, (Tag.OBJECT_GROUP, "all"))
    everywhere = StorageStatusMask(7)
    for filters in (
        Attributes(),
        Attributes([(Tag.UNIQUE_IDENTIFIER, key)]),
        Attributes([(Tag.OBJECT_GROUP, "all")]),
    ):
        got = await ask.named("bob")(
            Operation.LOCATE, attributes=filters, storage_status_mask=everywhere
        )
        assert got.unique_identifier == ()
        assert not got.located_items


WRAP = CryptographicParameters(block_cipher_mode=BlockCipherMode.NISTKEYWRAP)


def wrapped_by(key: str) -> dict[str, Any]:
    return {
        "key_wrapping_specification": KeyWrappingSpecification(
            wrapping_method=WrappingMethod.ENCRYPT,
            encryption_key_information=EncryptionKeyInformation(
                unique_identifier=key, cryptographic_parameters=WRAP
            ),
        )
    }


@pytest.mark.parametrize("operation", [Operation.GET, Operation.EXPORT])
async def test_anothers_key_does_not_wrap(ask: InProcessClient, operation: Operation):
    theirs = await create(ask, ACTIVE)
    bob = ask.named("bob")
    mine = await create(bob, ACTIVE)
    for key in (theirs, "nothing"):
        with pytest.raises(Failed) as failure:
            await bob(operation, unique_identifier=mine, **wrapped_by(key))
        assert failure.value.reason == ResultReason.WRAPPING_OBJECT_NOT_FOUND
    await bob(operation, unique_identifier=mine, **wrapped_by(mine))


async def test_anothers_key_is_no_second_base_of_a_derivation(ask: InProcessClient):
    bob = ask.named("bob")
    theirs, mine = await create(ask, ACTIVE), await create(bob, ACTIVE)
    with pytest.raises(Failed) as failure:
        await bob(
            Operation.DERIVE_KEY, unique_identifier=(mine, theirs), **FIELDS[Operation.DERIVE_KEY]
        )
    assert failure.value.reason == ResultReason.OBJECT_NOT_FOUND


async def test_a_link_is_no_way_to_anothers_public_key(ask: InProcessClient):
    _, theirs = await create_pair(ask)
    bob = ask.named("bob")
    private, _ = await create_pair(bob)
    link = await attribute(bob, private, Tag.LINK)
    await bob(
        Operation.MODIFY_ATTRIBUTE,
        unique_identifier=private,
        current_attribute=AttributeInstance(Tag.LINK, link),
        new_attribute=AttributeInstance(Tag.LINK, replace(link, linked_object_identifier=theirs)),
    )
    with pytest.raises(Failed) as failure:
        await bob(Operation.REKEY_KEY_PAIR, private_key_unique_identifier=private)
    assert failure.value.reason == ResultReason.OBJECT_NOT_FOUND


async def test_anothers_identifier_is_not_imported_over(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    before = await material(ask, key)
    for existing in (True, False):
        with pytest.raises(Failed) as failure:
            await ask.named("bob")(
                Operation.IMPORT,
                unique_identifier=key,
                object_type=ObjectType.SYMMETRIC_KEY,
                attributes=aes(),
                object=symmetric_key(bytes(32)),
                replace_existing=existing,
            )
        assert failure.value.reason == ResultReason.OBJECT_NOT_FOUND
    assert await material(ask, key) == before


async def test_the_placeholder_of_one_message_is_no_way_to_anothers(ask: InProcessClient):
    await create(ask)
    bob = ask.named("bob")
    _, got = await bob.batch(bob.item(Operation.LOCATE), bob.item(Operation.GET))
    assert got.result_reason == ResultReason.ITEM_NOT_FOUND


def managed_object(owner: str) -> ManagedObject:
    return ManagedObject("x" * 1000, owner, ObjectType.OPAQUE_OBJECT, Attributes())


def test_a_relation_may_permit_a_part(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(PERMITTED, Relation.ANYONE, frozenset({Operation.ENCRYPT}))
    permit(Client("bob"), Operation.ENCRYPT, managed_object("alice"))
    with pytest.raises(PermissionDenied):
        permit(Client("bob"), Operation.GET, managed_object("alice"))


def test_a_long_identifier_is_not_repeated_whole():
    error = policy.not_found(Operation.GET, "x" * 1000)
    assert isinstance(error, ObjectNotFound)
    assert len(str(error)) < LONGEST + 50


def test_names_are_compared_whole():
    for name in ("Alice", "alice ", "alic", "alice2", ""):
        with pytest.raises(ObjectNotFound):
            permit(Client(name), Operation.GET, managed_object("alice"))
    permit(Client("alice"), Operation.GET, managed_object("alice"))


async def test_a_key_registered_under_the_same_name_is_another(ask: InProcessClient):
    mine = await register(ask, symmetric_key(b"a" * 32), (Tag.OBJECT_GROUP, "same"), mask=ANY_USE)
    bob = ask.named("bob")
    theirs = await register(
        bob, symmetric_key(b"b" * 32), (Tag.OBJECT_GROUP, "same"), mask=Mask.ENCRYPT
    )
    same = Attributes([(Tag.OBJECT_GROUP, "same")])
    assert (await ask(Operation.LOCATE, attributes=same)).unique_identifier == (mine,)
    assert (await bob(Operation.LOCATE, attributes=same)).unique_identifier == (theirs,)
