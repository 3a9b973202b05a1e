"""Grants: who may give and take them, what they let others do, and what nobody is told."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from kmip.attribute_values import Link, Name
from kmip.attributes import AttributeInstance, Attributes
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import (
    BatchErrorContinuationOption,
    BlockCipherMode,
    CryptographicAlgorithm,
    LinkType,
    ObjectType,
    Operation,
    ResultReason,
)
from kmip.masks import StorageStatusMask
from kmip.tags import Tag
from kmip.versions import V2_0, V3_0
from server.access import granted
from server.access.client import Client
from server.access.policy import EVERYTHING, GRANTABLE, KEPT_FROM_GRANTEES
from server.objects.grants import (
    EVERYONE,
    MAX_GRANTEES,
    MAX_GROUP_GRANTS,
    MAX_NAME,
    Grantee,
    GranteeKind,
    group_grants_of,
)
from server.objects.managed_object import managed_object_of
from server.requests import audit
from server.requests.access_rights import AccessRights, Failed, Target
from server.setup import audit_trail
from tests.server.access.test_policy import MISSING, NUMBER, OPERATIONS, answer, number, wrapped_by
from tests.server.conftest import InProcessClient
from tests.server.operations.test_create_user import admin, as_user, make_user
from tests.server.operations.test_delegated_login import bearer, right
from tests.server.operations.test_login import reason_of
from tests.server.samples import (
    ACTIVE,
    aes,
    attribute,
    create,
    create_pair,
    register,
    values,
)

__all__ = ["admin"]

Op = Operation
R = ResultReason
BOB = Grantee(GranteeKind.CLIENT, "bob")
EVERYWHERE = StorageStatusMask(7)


def rights(ask: InProcessClient) -> AccessRights:
    """The access rights as this client asks for them."""
    assert ask.client is not None
    return AccessRights(ask.server, ask.client)


async def grant(
    ask: InProcessClient, identifier: str, *operations: Operation, to: Grantee = BOB
) -> None:
    """Grant operations on an object of the client's."""
    await rights(ask).grant(Target(identifier), to, frozenset(operations))


async def grant_group(
    ask: InProcessClient, group: str, *operations: Operation, to: Grantee = BOB
) -> None:
    """Grant operations on a group of the client's objects."""
    await rights(ask).grant(Target(group=group), to, frozenset(operations))


async def revoke(
    ask: InProcessClient, identifier: str, *operations: Operation, to: Grantee = BOB
) -> None:
    """Take operations on an object of the client's back."""
    await rights(ask).revoke(Target(identifier), to, frozenset(operations))


async def located(ask: InProcessClient, *pairs: Any, **more: Any) -> tuple[str, ...]:
    """What the client locates, and that it is told of no more."""
    found = await ask(Op.LOCATE, attributes=Attributes(pairs), **more)
    if not more:
        assert len(found.unique_identifier) == (found.located_items or 0)
    return tuple(map(str, found.unique_identifier))


async def owned(ask: InProcessClient, offset: int = 0) -> list[str]:
    """The client's list of its own objects."""
    return await rights(ask).owned(lambda one, _: one.identifier, offset)


async def obtained(ask: InProcessClient, offset: int = 0) -> dict[str, frozenset[Operation]]:
    """The client's list of what it has been granted."""
    return dict(await rights(ask).obtained(lambda one, ops: (one.identifier, ops), offset))


async def failing(call: Any) -> ResultReason:
    """Why a request for access rights fails."""
    with pytest.raises(Failed) as failure:
        await call
    return failure.value.reason


# What a grant lets others do


@pytest.mark.parametrize("operation", sorted(set(OPERATIONS) & GRANTABLE), ids=lambda one: one.name)
async def test_a_grantee_may_do_what_is_named_and_nothing_else(
    ask: InProcessClient, operation: Operation
):
    key, bob = await create(ask, ACTIVE, (NUMBER, number(1))), ask.named("bob")
    await grant(ask, key, operation)
    for other in OPERATIONS:
        if other != operation:
            reason, _ = await answer(bob, other, key)
            assert reason == R.PERMISSION_DENIED, other
    reason, _ = await answer(bob, operation, key)
    assert reason not in MISSING | {R.PERMISSION_DENIED}
    carol, _ = await answer(ask.named("carol"), operation, key)
    assert carol in MISSING


@pytest.mark.parametrize("operation", sorted(EVERYTHING - GRANTABLE), ids=lambda one: one.name)
async def test_what_gives_an_object_away_is_not_granted(ask: InProcessClient, operation: Operation):
    key = await create(ask)
    assert await failing(grant(ask, key, Op.GET, operation)) == R.PERMISSION_DENIED
    assert await rights(ask).on_object(key) == []


async def test_grants_add_up_and_are_taken_back_one_by_one(ask: InProcessClient):
    key, bob = await create(ask, ACTIVE), ask.named("bob")
    await grant(ask, key, Op.GET)
    await grant(ask, key, Op.GET_ATTRIBUTES, to=EVERYONE)
    await grant(ask, key, Op.ACTIVATE)
    await bob(Op.GET, unique_identifier=key)
    await bob(Op.GET_ATTRIBUTES, unique_identifier=key)
    await revoke(ask, key, Op.GET, Op.DESTROY)
    assert await reason_of(bob, Op.GET, unique_identifier=key) == R.PERMISSION_DENIED
    await bob(Op.GET_ATTRIBUTES, unique_identifier=key)
    await revoke(ask, key, Op.GET_ATTRIBUTES, to=EVERYONE)
    await revoke(ask, key, Op.ACTIVATE)
    await revoke(ask, key, Op.ACTIVATE)
    assert await reason_of(bob, Op.GET, unique_identifier=key) == R.OBJECT_NOT_FOUND
    assert await located(bob) == ()


async def test_a_grant_to_everyone_is_to_every_client_that_is_known(ask: InProcessClient):
    key = await create(ask)
    await grant(ask, key, Op.GET, to=EVERYONE)
    for name in ("bob", "administrator", "name:*", "*"):
        await ask.named(name)(Op.GET, unique_identifier=key)
    nobody = InProcessClient(ask.server, None)
    assert await reason_of(nobody, Op.GET, unique_identifier=key) == R.AUTHENTICATION_NOT_SUCCESSFUL


async def test_an_administrator_has_no_right_to_objects(ask: InProcessClient):
    key = await create(ask)
    await grant(ask, key, Op.GET)
    admin = ask.named("administrator")
    assert await reason_of(admin, Op.GET, unique_identifier=key) == R.OBJECT_NOT_FOUND
    assert await failing(rights(admin).on_object(key)) == R.OBJECT_NOT_FOUND


async def test_what_is_wrapped_needs_a_grant_on_the_wrapping_key_too(ask: InProcessClient):
    key, wrapping, bob = await create(ask, ACTIVE), await create(ask, ACTIVE), ask.named("bob")
    await grant(ask, key, Op.GET)
    assert (
        await reason_of(bob, Op.GET, unique_identifier=key, **wrapped_by(wrapping))
        == R.WRAPPING_OBJECT_NOT_FOUND
    )
    await grant(ask, wrapping, Op.ENCRYPT)
    assert (
        await reason_of(bob, Op.GET, unique_identifier=key, **wrapped_by(wrapping))
        == R.PERMISSION_DENIED
    )
    await grant(ask, wrapping, Op.GET)
    await bob(Op.GET, unique_identifier=key, **wrapped_by(wrapping))


async def test_what_is_kept_wrapped_is_used_with_a_grant_on_both_keys(ask: InProcessClient):
    wrapping, inner, bob = await create(ask, ACTIVE), await create(ask, ACTIVE), ask.named("bob")
    got = await ask(Op.GET, unique_identifier=inner, **wrapped_by(wrapping))
    key = await register(ask, got.object, ACTIVE)
    cbc = {
        "data": bytes(16),
        "cryptographic_parameters": CryptographicParameters(
            block_cipher_mode=BlockCipherMode.CBC, random_iv=True
        ),
    }
    await ask(Op.ENCRYPT, unique_identifier=key, **cbc)
    await grant(ask, key, Op.ENCRYPT)
    assert (
        await reason_of(bob, Op.ENCRYPT, unique_identifier=key, **cbc)
        == R.WRAPPING_OBJECT_NOT_FOUND
    )
    await grant(ask, wrapping, Op.ENCRYPT)
    await bob(Op.ENCRYPT, unique_identifier=key, **cbc)


async def test_a_stream_ends_with_the_grant_that_it_was_begun_by(ask: InProcessClient):
    key, bob = await create(ask, ACTIVE), ask.named("bob")
    await grant(ask, key, Op.MAC)
    hmac = CryptographicParameters(cryptographic_algorithm=CryptographicAlgorithm.HMAC_SHA256)
    begun = await bob(
        Op.MAC, unique_identifier=key, data=b"a", init_indicator=True, cryptographic_parameters=hmac
    )
    part = {"unique_identifier": key, "data": b"b", "correlation_value": begun.correlation_value}
    await bob(Op.MAC, **part)
    await revoke(ask, key, Op.MAC)
    assert await reason_of(bob, Op.MAC, **part, final_indicator=True) == R.OBJECT_NOT_FOUND


# Whose a replacement is


async def test_a_replacement_is_the_owners_and_grants_the_same(ask: InProcessClient):
    bob, carol = ask.named("bob"), ask.named("carol")
    old = await create(ask, ACTIVE, (Tag.NAME, Name(name_value="n")), (Tag.OBJECT_GROUP, "g"))
    await grant(ask, old, Op.REKEY)
    await grant(ask, old, Op.GET, to=Grantee(GranteeKind.CLIENT, "carol"))
    new = str((await bob(Op.REKEY, unique_identifier=old)).unique_identifier)
    assert await values(ask, new, Tag.NAME) == (Name(name_value="n"),)
    assert await rights(ask).on_object(new) == await rights(ask).on_object(old)
    assert await reason_of(bob, Op.GET, unique_identifier=new) == R.PERMISSION_DENIED
    await carol(Op.GET, unique_identifier=new)
    newer = str((await ask(Op.REKEY, unique_identifier=new)).unique_identifier)
    await carol(Op.GET, unique_identifier=newer)


async def test_a_grantee_replaces_the_latest_alone(ask: InProcessClient):
    """What took the place of an object would be changed too."""
    bob, old = ask.named("bob"), await create(ask, ACTIVE)
    new = str((await ask(Op.REKEY, unique_identifier=old)).unique_identifier)
    await grant(ask, old, Op.REKEY)
    assert await reason_of(bob, Op.REKEY, unique_identifier=old) == R.PERMISSION_DENIED
    assert await attribute(ask, new, Tag.ROTATE_LATEST) is True
    await ask(Op.REKEY, unique_identifier=old)


async def test_who_replaces_anothers_key_chooses_nothing_about_it(ask: InProcessClient):
    bob = ask.named("bob")
    old = await create(ask, ACTIVE, (Tag.SENSITIVE, True))
    await grant(ask, old, Op.REKEY, Op.GET)
    for chosen in ((Tag.SENSITIVE, False), (Tag.OBJECT_GROUP, "bobs"), (Tag.COMMENT, "x")):
        fields = {"unique_identifier": old, "attributes": Attributes([chosen])}
        assert await reason_of(bob, Op.REKEY, **fields) == R.PERMISSION_DENIED
    new = (await bob(Op.REKEY, unique_identifier=old)).unique_identifier
    assert await attribute(ask, new, Tag.SENSITIVE) is True
    assert await reason_of(bob, Op.GET, unique_identifier=new) == R.SENSITIVE


async def test_a_pair_is_replaced_by_whom_both_halves_are_granted(ask: InProcessClient):
    private, public = await create_pair(ask)
    bob = ask.named("bob")
    await grant(ask, private, Op.REKEY_KEY_PAIR)
    fields = {"private_key_unique_identifier": private}
    assert await reason_of(bob, Op.REKEY_KEY_PAIR, **fields) == R.OBJECT_NOT_FOUND
    await grant(ask, public, Op.REKEY_KEY_PAIR)
    made = await bob(Op.REKEY_KEY_PAIR, **fields)
    for identifier in (made.private_key_unique_identifier, made.public_key_unique_identifier):
        assert [each.grantee for each in await rights(ask).on_object(identifier)] == [BOB]


async def test_an_undone_replacement_leaves_nothing(ask: InProcessClient):
    bob = ask.named("bob")
    key = await create(ask, ACTIVE)
    await grant(ask, key, Op.REKEY)
    await bob.batch(
        bob.item(Op.REKEY, unique_identifier=key),
        bob.item(Op.GET, unique_identifier="nothing"),
        option=BatchErrorContinuationOption.UNDO,
    )
    assert await located(bob) == await located(ask) == (key,)


# What a grantee does not change


async def test_a_grantee_does_not_widen_its_rights_by_attributes(ask: InProcessClient):
    key, bob = await create(ask, ACTIVE), ask.named("bob")
    every = {op for op in GRANTABLE if op.name.endswith("ATTRIBUTE")}
    await grant(ask, key, *every)
    await grant_group(ask, "mine", Op.GET)
    added = AttributeInstance(Tag.OBJECT_GROUP, "mine")
    for operation in (Op.ADD_ATTRIBUTE, Op.SET_ATTRIBUTE):
        fields = {"unique_identifier": key, "new_attribute": added}
        assert await reason_of(bob, operation, **fields) == R.PERMISSION_DENIED
    later = bob.at(V3_0)
    linked = AttributeInstance(Tag.GROUP_LINK, key)
    fields = {"unique_identifier": key, "new_attribute": linked}
    assert await reason_of(later, Op.ADD_ATTRIBUTE, **fields) == R.PERMISSION_DENIED
    assert await reason_of(bob, Op.GET, unique_identifier=key) == R.PERMISSION_DENIED
    comment = AttributeInstance(Tag.COMMENT, "seen")
    await bob(Op.ADD_ATTRIBUTE, unique_identifier=key, new_attribute=comment)
    assert await attribute(ask, key, Tag.COMMENT) == "seen"
    assert set(KEPT_FROM_GRANTEES) == {Tag.OBJECT_GROUP, Tag.GROUP_LINK, Tag.CREDENTIAL_LINK}


@pytest.mark.parametrize("version", [V2_0, V3_0], ids=str)
async def test_a_name_tells_a_grantee_nothing_of_the_owners_others(ask: InProcessClient, version):
    await create(ask, (Tag.NAME, Name(name_value="taken")))
    key, bob = await create(ask), ask.named("bob").at(version)
    await grant(ask, key, Op.ADD_ATTRIBUTE)
    said = set()
    for name in ("taken", "free"):
        added = AttributeInstance(Tag.NAME, Name(name_value=name))
        (item,) = await bob.batch(
            bob.item(Op.ADD_ATTRIBUTE, unique_identifier=key, new_attribute=added)
        )
        said.add((item.result_reason, item.result_message))
    assert len(said) == 1
    assert {reason for reason, _ in said} == {R.PERMISSION_DENIED}


async def test_what_a_grantee_derives_is_its_own(ask: InProcessClient):
    key, bob = await create(ask, ACTIVE), ask.named("bob")
    await grant(ask, key, Op.DERIVE_KEY)
    reason, _ = await answer(bob, Op.DERIVE_KEY, key)
    assert reason is None
    mine = [one for one in await located(bob) if one != key]
    assert len(mine) == 1
    assert await reason_of(ask, Op.GET, unique_identifier=mine[0]) == R.OBJECT_NOT_FOUND


async def test_a_link_that_a_grantee_changes_is_no_way_beyond_its_grants(ask: InProcessClient):
    private, public = await create_pair(ask)
    other = await create(ask, ACTIVE)
    bob = ask.named("bob")
    await grant(ask, private, Op.ADD_ATTRIBUTE, Op.GET)
    link = Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier=other)
    added = AttributeInstance(Tag.LINK, link)
    await bob(Op.ADD_ATTRIBUTE, unique_identifier=private, new_attribute=added)
    for identifier in (other, public):
        assert await reason_of(bob, Op.GET, unique_identifier=identifier) == R.OBJECT_NOT_FOUND


# Groups of objects


async def test_a_grant_on_a_group_is_on_what_is_in_it_now_and_later(ask: InProcessClient):
    bob = ask.named("bob")
    before = await create(ask, (Tag.OBJECT_GROUP, "g"))
    other = await create(ask, (Tag.OBJECT_GROUP, "h"))
    await grant_group(ask, "g", Op.GET)
    after = await create(ask, (Tag.OBJECT_GROUP, "h"), (Tag.OBJECT_GROUP, "g"))
    linked = await create(ask.at(V3_0), (Tag.GROUP_LINK, "g"))
    theirs = await create(ask.named("carol"), (Tag.OBJECT_GROUP, "g"))
    for identifier in (before, after, linked):
        await bob(Op.GET, unique_identifier=identifier)
    for identifier in (other, theirs):
        assert await reason_of(bob, Op.GET, unique_identifier=identifier) == R.OBJECT_NOT_FOUND
    assert await located(bob) == (linked, after, before)
    removed = AttributeInstance(Tag.OBJECT_GROUP, "g")
    await ask(Op.DELETE_ATTRIBUTE, unique_identifier=before, current_attribute=removed)
    assert await reason_of(bob, Op.GET, unique_identifier=before) == R.OBJECT_NOT_FOUND
    await rights(ask).revoke(Target(group="g"), BOB, frozenset({Op.GET}))
    assert await reason_of(bob, Op.GET, unique_identifier=after) == R.OBJECT_NOT_FOUND
    assert await located(bob) == ()


async def test_a_group_of_the_same_name_is_another_owners(ask: InProcessClient):
    bob, carol = ask.named("bob"), ask.named("carol")
    alices = await create(ask, (Tag.OBJECT_GROUP, "g"))
    carols = await create(carol, (Tag.OBJECT_GROUP, "g"))
    await grant_group(ask, "g", Op.GET)
    await grant_group(carol, "g", Op.ENCRYPT)
    await bob(Op.GET, unique_identifier=alices)
    assert await reason_of(bob, Op.GET, unique_identifier=carols) == R.PERMISSION_DENIED
    assert set(await located(bob)) == {alices, carols}


# 3.0's users and groups


async def test_a_member_of_a_group_has_what_is_granted_to_it(ask: InProcessClient, admin: Any):
    group = str((await admin(Op.CREATE_GROUP, attributes=Attributes())).unique_identifier)
    user = await make_user(admin, "fred")
    fred = as_user(admin, "fred", "correct horse")
    key = await create(ask, ACTIVE)
    await grant(ask, key, Op.GET, to=Grantee(GranteeKind.GROUP, group))
    assert await reason_of(fred, Op.GET, unique_identifier=key) == R.OBJECT_NOT_FOUND
    joined = AttributeInstance(Tag.GROUP_LINK, group)
    await admin(Op.ADD_ATTRIBUTE, unique_identifier=user, new_attribute=joined)
    await fred(Op.GET, unique_identifier=key)
    assert await located(fred) == (key,)
    await admin(Op.DESTROY, unique_identifier=group)
    assert await reason_of(fred, Op.GET, unique_identifier=key) == R.OBJECT_NOT_FOUND
    assert await located(fred) == ()
    assert await reason_of(admin, Op.GET, unique_identifier=key) == R.OBJECT_NOT_FOUND


async def test_nobody_makes_themselves_a_member(ask: InProcessClient, admin: Any):
    """By an object that looks like a User or a Group, or a certificate of such a name."""
    group = str((await admin(Op.CREATE_GROUP, attributes=Attributes())).unique_identifier)
    key = await create(ask, ACTIVE)
    await grant(ask, key, Op.GET, to=Grantee(GranteeKind.GROUP, group))
    mallory = ask.named("mallory").at(V3_0)
    mine = await create(mallory, (Tag.GROUP_LINK, group))
    for name in ("mallory", group, f"name:user:{mine}", f"user:{mine}", f"user:{group}", "user:"):
        pretender = mallory.named(name)
        assert await reason_of(pretender, Op.GET, unique_identifier=key) == R.OBJECT_NOT_FOUND
    ask.server.config = replace(ask.server.config, administrators=())
    user = await make_user_of_none(admin)
    fred = ask.named(f"user:{user}")
    assert await reason_of(fred, Op.GET, unique_identifier=key) == R.OBJECT_NOT_FOUND


async def make_user_of_none(admin: InProcessClient) -> str:
    """A User that an administrator made who is none any more."""
    config = admin.server.config
    admin.server.config = replace(config, administrators=("administrator",))
    user = await make_user(admin, "late")
    admin.server.config = config
    return user


async def test_a_grant_to_a_user_is_to_that_user(ask: InProcessClient, admin: Any):
    user = await make_user(admin, "fred")
    key = await create(ask)
    await grant(ask, key, Op.GET, to=Grantee(GranteeKind.CLIENT, f"user:{user}"))
    await as_user(admin, "fred", "correct horse")(Op.GET, unique_identifier=key)
    assert await reason_of(ask.named("fred"), Op.GET, unique_identifier=key) == R.OBJECT_NOT_FOUND


# Locate


async def test_own_objects_are_found_before_others(ask: InProcessClient):
    bob = ask.named("bob")
    mine = [await create(bob, (Tag.OBJECT_GROUP, "g")) for _ in range(2)]
    granted_one = await create(ask, (Tag.OBJECT_GROUP, "g"))
    grouped = await create(ask, (Tag.OBJECT_GROUP, "g"))
    both = await create(ask, (Tag.OBJECT_GROUP, "g"))
    for key in (granted_one, both):
        await grant(ask, key, Op.ENCRYPT)
    await grant_group(ask, "g", Op.GET)
    every = (*reversed(mine), both, granted_one, grouped)
    assert await located(bob) == every
    for offset in range(6):
        for most in range(6):
            found = await bob(Op.LOCATE, offset_items=offset, maximum_items=most)
            assert found.unique_identifier == every[offset : offset + most]
            assert found.located_items == len(every)
    assert await located(bob, (Tag.OBJECT_GROUP, "h")) == ()
    await grant(ask, both, Op.CHECK, to=EVERYONE)
    await grant_group(ask, "g", Op.CHECK, to=EVERYONE)
    assert await located(ask) == (both, grouped, granted_one), "each once, though granted to all"
    assert await obtained(ask) == {}


async def test_a_setting_leaves_what_is_granted_out(ask: InProcessClient):
    ask.server.config = replace(ask.server.config, locate_granted=False)
    key, bob = await create(ask), ask.named("bob")
    await grant(ask, key, Op.GET)
    assert await located(bob) == ()
    await bob(Op.GET, unique_identifier=key)
    assert list(await obtained(bob)) == [key]


async def test_what_a_batch_has_made_is_found_beside_what_is_granted(ask: InProcessClient):
    key, bob = await create(ask, ACTIVE), ask.named("bob")
    await grant(ask, key, Op.REKEY)
    *_, found = await bob.batch(
        bob.item(Op.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=aes()),
        bob.item(Op.REKEY, unique_identifier=key),
        bob.item(Op.LOCATE),
        option=BatchErrorContinuationOption.UNDO,
    )
    assert len(bob.payload(found).unique_identifier) == 3


# Who may grant


async def test_only_the_owner_grants_and_takes_back(ask: InProcessClient):
    key, bob, carol = await create(ask), ask.named("bob"), ask.named("carol")
    await grant(ask, key, *GRANTABLE)
    dave = Grantee(GranteeKind.CLIENT, "dave")
    for call in (grant, revoke):
        assert await failing(call(bob, key, Op.GET, to=dave)) == R.PERMISSION_DENIED
        assert await failing(call(carol, key, Op.GET)) == R.OBJECT_NOT_FOUND
        assert await failing(call(carol, "nothing", Op.GET)) == R.OBJECT_NOT_FOUND
    assert await failing(rights(bob).on_object(key)) == R.PERMISSION_DENIED
    assert await failing(rights(carol).on_object(key)) == R.OBJECT_NOT_FOUND
    await rights(bob).grant(Target(group="g"), Grantee(GranteeKind.CLIENT, "carol"), GRANTABLE)
    assert await reason_of(carol, Op.GET, unique_identifier=key) == R.OBJECT_NOT_FOUND


async def test_a_refusal_says_of_anothers_object_what_it_says_of_none(ask: InProcessClient):
    key, carol = await create(ask), ask.named("carol")
    said = set()
    for identifier in (key, "nothing"):
        for call in (rights(carol).on_object(identifier), grant(carol, identifier, Op.GET)):
            with pytest.raises(Failed) as failure:
                await call
            said.add((failure.value.reason, str(failure.value).replace(identifier, "it")))
    assert len(said) == 1


async def test_a_ticket_of_narrowed_rights_grants_nothing_and_reaches_what_is_granted(
    ask: InProcessClient,
):
    key, other, bob = await create(ask, ACTIVE), await create(ask, ACTIVE), ask.named("bob")
    for one in (key, other):
        await grant(ask, one, Op.GET, Op.ENCRYPT)
    limited = await bearer(bob, right(Op.GET, Op.DESTROY, objects=[key]))
    await limited(Op.GET, unique_identifier=key)
    assert await reason_of(limited, Op.GET, unique_identifier=other) == R.NOT_AUTHORISED
    assert await reason_of(limited, Op.DESTROY, unique_identifier=key) == R.PERMISSION_DENIED
    await revoke(ask, key, Op.GET, Op.ENCRYPT)
    assert await reason_of(limited, Op.GET, unique_identifier=key) == R.NOT_AUTHORISED
    narrowed = Client("alice", "ticket", permission=object())  # type: ignore[arg-type]
    access = AccessRights(ask.server, narrowed)
    for call in (
        access.owned(nothing),
        access.obtained(nothing),
        access.on_object(key),
        access.on_groups(),
    ):
        assert await failing(call) == R.PERMISSION_DENIED
    assert await failing(access.grant(Target(key), BOB, frozenset({Op.GET}))) == R.PERMISSION_DENIED


@pytest.mark.parametrize(
    "target, grantee, operations",
    [
        (Target(), BOB, {Op.GET}),
        (Target("", "g"), BOB, {Op.GET}),
        (Target(group=""), BOB, {Op.GET}),
        (Target(group="g" * (MAX_NAME + 1)), BOB, {Op.GET}),
        (Target(group="g"), BOB, set()),
        (Target(group="g"), Grantee(GranteeKind.CLIENT, "alice"), {Op.GET}),
        (Target(group="g"), Grantee(GranteeKind.CLIENT, ""), {Op.GET}),
        (Target(group="g"), Grantee(GranteeKind.GROUP, "x" * (MAX_NAME + 1)), {Op.GET}),
    ],
)
async def test_a_grant_that_means_nothing_is_refused(
    ask: InProcessClient, target, grantee, operations
):
    assert await failing(rights(ask).grant(target, grantee, frozenset(operations))) == (
        R.INVALID_FIELD
    )


# Limits


async def test_an_objects_grantees_are_bounded_and_fewer_are_always_possible(
    ask: InProcessClient, monkeypatch: pytest.MonkeyPatch
):
    key = await create(ask)
    monkeypatch.setattr("server.requests.access_rights.MAX_GRANTEES", 3)
    everybody = [Grantee(GranteeKind.CLIENT, f"client {number}") for number in range(3)]
    for one in everybody:
        await grant(ask, key, Op.GET, to=one)
    assert await failing(grant(ask, key, Op.GET)) == R.SERVER_LIMIT_EXCEEDED
    await grant(ask, key, Op.ENCRYPT, to=everybody[0])
    monkeypatch.setattr("server.requests.access_rights.MAX_GRANTEES", 1)
    await revoke(ask, key, Op.GET, to=everybody[1])
    assert len(await rights(ask).on_object(key)) == 2


async def test_grants_are_bounded_in_bytes(ask: InProcessClient, monkeypatch: pytest.MonkeyPatch):
    key = await create(ask)
    monkeypatch.setattr("server.requests.access_rights.MAX_BYTES", 200)
    monkeypatch.setattr("server.requests.access_rights.MAX_GROUP_BYTES", 200)
    long = Grantee(GranteeKind.CLIENT, "\U0001f511" * 100)
    assert await failing(grant(ask, key, Op.GET, to=long)) == R.SERVER_LIMIT_EXCEEDED
    assert await failing(grant_group(ask, "g", Op.GET, to=long)) == R.SERVER_LIMIT_EXCEEDED
    await grant(ask, key, Op.GET)


async def test_an_owners_grants_on_groups_are_bounded(
    ask: InProcessClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("server.requests.access_rights.MAX_GROUP_GRANTS", 2)
    for group in ("g", "h"):
        await grant_group(ask, group, Op.GET)
    assert await failing(grant_group(ask, "i", Op.GET)) == R.SERVER_LIMIT_EXCEEDED
    listed = await rights(ask).on_groups()
    assert [(each.group, each.grantee, each.operations) for each in listed] == [
        ("g", BOB, {Op.GET}),
        ("h", BOB, {Op.GET}),
    ]
    assert MAX_GRANTEES <= MAX_GROUP_GRANTS


# Lists


def nothing(*_: Any) -> None:
    """Lists nothing of an object."""


async def test_a_list_ends_where_its_names_are_long(
    ask: InProcessClient, monkeypatch: pytest.MonkeyPatch
):
    keys = [await create(ask) for _ in range(4)]
    monkeypatch.setattr("server.requests.access_rights.MAX_LISTED_BYTES", 60)
    assert await owned(ask) == [keys[3], keys[2]]
    assert await owned(ask, 2) == [keys[1], keys[0]]


async def test_lists_say_what_is_owned_obtained_and_granted(ask: InProcessClient):
    bob = ask.named("bob")
    key = await create(ask, ACTIVE, (Tag.OBJECT_GROUP, "g"))
    gone = await create(ask)
    await ask(Op.DESTROY, unique_identifier=gone)
    await grant(ask, key, Op.GET)
    await grant(ask, gone, Op.GET_ATTRIBUTES)
    await grant_group(ask, "g", Op.ENCRYPT)
    await grant_group(ask, "g", Op.CHECK, to=EVERYONE)
    assert await owned(ask) == [gone, key]
    assert await owned(ask, 1) == [key]
    assert await owned(bob) == []
    assert await obtained(ask) == {}
    assert await obtained(bob) == {
        key: {Op.GET, Op.ENCRYPT, Op.CHECK},
        gone: {Op.GET_ATTRIBUTES},
    }
    listed = [
        (each.grantee, each.operations, each.group) for each in await rights(ask).on_object(key)
    ]
    assert listed == [
        (BOB, {Op.GET}, None),
        (BOB, {Op.ENCRYPT}, "g"),
        (EVERYONE, {Op.CHECK}, "g"),
    ]


# At rest, and in the records of what was done


async def test_grants_are_kept_with_the_object_and_beside_it(ask: InProcessClient):
    key = await create(ask)
    group = Grantee(GranteeKind.GROUP, "a group")
    for grantee in (BOB, group, EVERYONE):
        await grant(ask, key, Op.GET, Op.OBLITERATE, to=grantee)
        await grant_group(ask, "g", Op.DEACTIVATE, to=grantee)
    found = await ask.server.begin().find(key)
    assert found is not None
    again = managed_object_of(found.meta(), found.version)
    some, few = frozenset({Op.GET, Op.OBLITERATE}), frozenset({Op.DEACTIVATE})
    assert again.grants == dict.fromkeys((BOB, group, EVERYONE), some)
    theirs = await ask.server.begin().group_grants("alice")
    read = group_grants_of(theirs.encode(), theirs.version)
    assert read == theirs
    assert read.by_group == {"g": dict.fromkeys((BOB, group, EVERYONE), few)}


async def test_other_changes_of_an_object_keep_its_grants(ask: InProcessClient):
    key = await create(ask)
    await grant(ask, key, Op.GET_ATTRIBUTES)
    await ask(Op.ACTIVATE, unique_identifier=key)
    await ask(Op.ARCHIVE, unique_identifier=key)
    await ask.named("bob")(Op.GET_ATTRIBUTES, unique_identifier=key)
    assert [each.grantee for each in await rights(ask).on_object(key)] == [BOB]


async def test_who_grants_what_is_recorded(ask: InProcessClient):
    lines: list[str] = []

    class Kept:
        def write(self, more: Iterable[str]) -> None:
            lines.extend(more)

        def close(self) -> None:
            pass

    key = await create(ask)
    audit.send_to(Kept())
    try:
        await grant(ask, key, Op.GET)
        await failing(grant(ask.named("carol"), key, Op.GET))
        await revoke(ask, key, Op.GET)
        await grant_group(ask, "g", Op.GET)
    finally:
        audit.send_to(audit_trail.Nowhere())
    said = [json.loads(line) for line in lines]
    assert [
        (each["client"], each["operation"], each["object"], each["status"]) for each in said
    ] == [
        ("alice", "Grant", key, "Success"),
        ("carol", "Grant", key, "OperationFailed"),
        ("alice", "Revoke Grant", key, "Success"),
        ("alice", "Grant", "group g", "Success"),
    ]


async def test_memberships_that_are_looked_at_are_bounded(ask: InProcessClient, admin: Any):
    groups = [
        str((await admin(Op.CREATE_GROUP, attributes=Attributes())).unique_identifier)
        for _ in range(3)
    ]
    user = await make_user(admin, "fred")
    for group in groups:
        joined = AttributeInstance(Tag.GROUP_LINK, group)
        await admin(Op.ADD_ATTRIBUTE, unique_identifier=user, new_attribute=joined)
    objects = ask.server.begin()
    found = await granted.grantees_of(objects, ("administrator",), Client(f"user:{user}"))
    assert found[2:] == tuple(Grantee(GranteeKind.GROUP, group) for group in groups)
