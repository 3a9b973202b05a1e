"""Rotation: what has Rotate Automatic is replaced when its interval has passed, once."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
import pytest_trio
import trio

from kmip.attribute_values import CertificateSubject, Name, RevocationReason, RotateName
from kmip.attributes import AttributeInstance, Attributes
from kmip.enums import (
    CryptographicAlgorithm,
    LinkType,
    ObjectType,
    Operation,
    ResultReason,
    RevocationReasonCode,
    RotateNameType,
    State,
)
from kmip.masks import CryptographicUsageMask as Mask
from kmip.tags import Tag
from kmip.versions import V1_4
from server.access.users import Users
from server.requests import audit
from server.rotation import (
    FIRST_PAUSE,
    LEAP_PAUSE,
    LEAP_SECONDS,
    LOOK_SECONDS,
    MAX_AT_ONCE,
    REFRESH_LOOKS,
    REST_SECONDS,
    STORE_PAUSE,
    Rotation,
)
from server.setup import audit_trail
from server.setup.config import Config
from server.state import Server
from storage import KeyFile, MemoryBackend, MemorySpace, open_store
from storage.testing import FailingBackend
from tests.server.conftest import NOW, InProcessClient
from tests.server.samples import (
    ACTIVE,
    Pair,
    attribute,
    create,
    create_pair,
    opaque,
    register,
    state,
    symmetric_key,
    values,
)

INTERVAL = 100
AUTOMATIC: tuple[Pair, Pair] = ((Tag.ROTATE_AUTOMATIC, True), (Tag.ROTATE_INTERVAL, INTERVAL))
NAME = RotateName(
    rotate_name_value="payments", rotate_name_type=RotateNameType.UNINTERPRETED_TEXT_STRING
)
SUBJECT: list[Pair] = [
    (
        Tag.CERTIFICATE_SUBJECT,
        CertificateSubject(certificate_subject_distinguished_name="CN=mine"),
    )
]
MOMENT = 3 * LOOK_SECONDS
"""After which what was due has been found."""


@dataclass
class Time:
    """The clock: it goes as trio's does, and may leap."""

    ahead: float = NOW

    def __call__(self) -> float:
        return self.ahead + trio.current_time()


@dataclass
class Trail:
    """Audit lines; `renewed` is set with the first of a certificate that was renewed."""

    lines: list[dict]
    renewed: trio.Event

    def write(self, lines) -> None:
        new = [json.loads(line) for line in lines]
        self.lines += new
        if any((one["operation"], one["status"]) == ("ReCertify", "Success") for one in new):
            self.renewed.set()

    def close(self) -> None:
        pass


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def trail():
    kept = Trail([], trio.Event())
    audit.send_to(kept)
    yield kept
    audit.send_to(audit_trail.Nowhere())


@pytest_trio.trio_fixture
async def rotating(autojump_clock, server: Server, nursery) -> Server:
    """A server that rotates."""
    nursery.start_soon(Rotation(server).keep)
    return server


@pytest.fixture
def ask(rotating: Server) -> InProcessClient:
    return InProcessClient(rotating, None).named("alice")


async def linked(ask: InProcessClient, key: str, kind: LinkType) -> list[str]:
    """The objects that one has links of this kind to."""
    links = await values(ask, key, Tag.LINK)
    return [one.linked_object_identifier for one in links if one.link_type == kind]


async def replacements(ask: InProcessClient, key: str) -> list[str]:
    """What has taken a key's place, then what has taken that one's, and so on."""
    found: list[str] = []
    while following := await linked(ask, key, LinkType.REPLACEMENT_OBJECT_LINK):
        (key,) = following
        found.append(key)
    return found


async def count(ask: InProcessClient) -> int:
    located: int = (await ask(Operation.LOCATE)).located_items
    return located


# When


async def test_a_key_is_replaced_when_its_interval_has_passed_and_not_before(autojump_clock, ask):
    key = await create(ask, ACTIVE, *AUTOMATIC)
    await trio.sleep(INTERVAL - MOMENT)
    assert await replacements(ask, key) == []
    await trio.sleep(2 * MOMENT)
    (new,) = await replacements(ask, key)
    assert await state(ask, new) == State.ACTIVE
    made = await attribute(ask, new, Tag.INITIAL_DATE)
    assert 0 <= made - await attribute(ask, key, Tag.INITIAL_DATE) - INTERVAL <= MOMENT


async def test_the_replacement_is_replaced_in_its_turn_and_nothing_else_is(autojump_clock, ask):
    key = await create(ask, ACTIVE, *AUTOMATIC)
    await trio.sleep(3 * INTERVAL + 3 * MOMENT)
    chain = await replacements(ask, key)
    assert len(chain) == 3
    assert await count(ask) == 4
    generations = [await attribute(ask, one, Tag.ROTATE_GENERATION) for one in (key, *chain)]
    assert generations == [0, 1, 2, 3]
    latest = [await attribute(ask, one, Tag.ROTATE_LATEST) for one in (key, *chain)]
    assert latest == [False, False, False, True]


@pytest.mark.parametrize(
    "pairs",
    [
        [(Tag.ROTATE_INTERVAL, INTERVAL)],
        [(Tag.ROTATE_AUTOMATIC, False), (Tag.ROTATE_INTERVAL, INTERVAL)],
        [(Tag.ROTATE_AUTOMATIC, True)],
    ],
    ids=["no Automatic", "Automatic false", "no Interval"],
)
async def test_nothing_is_replaced_without_both_attributes(autojump_clock, ask, pairs):
    await create(ask, ACTIVE, *pairs)
    await trio.sleep(2 * INTERVAL)
    assert await count(ask) == 1


async def test_a_key_to_which_the_attributes_were_added_later_is_replaced(autojump_clock, ask):
    key = await create(ask, ACTIVE)
    await trio.sleep(INTERVAL)
    for one in AUTOMATIC:
        added = AttributeInstance(*one)
        await ask(Operation.ADD_ATTRIBUTE, unique_identifier=key, new_attribute=added)
    await trio.sleep(MOMENT)
    assert len(await replacements(ask, key)) == 1


async def test_a_key_that_its_owner_has_replaced_is_not_replaced_again(autojump_clock, ask):
    key = await create(ask, ACTIVE, *AUTOMATIC)
    await trio.sleep(INTERVAL / 2)
    new = (await ask(Operation.REKEY, unique_identifier=key)).unique_identifier
    await trio.sleep(INTERVAL / 2 + MOMENT)
    assert await replacements(ask, key) == [new]
    await trio.sleep(INTERVAL / 2)
    assert len(await replacements(ask, key)) == 2


async def test_an_old_key_replaced_once_more_leaves_one_latest(autojump_clock, ask):
    key = await create(ask, ACTIVE, *AUTOMATIC)
    await trio.sleep(INTERVAL + MOMENT)
    (first,) = await replacements(ask, key)
    second = (await ask(Operation.REKEY, unique_identifier=key)).unique_identifier
    found = await ask(Operation.LOCATE, attributes=Attributes([(Tag.ROTATE_LATEST, True)]))
    assert found.unique_identifier == (second,)
    await trio.sleep(INTERVAL + MOMENT)
    assert await replacements(ask, first) == []
    assert len(await replacements(ask, second)) == 1


async def revoke(ask: InProcessClient, key: str, code: RevocationReasonCode) -> None:
    reason = RevocationReason(revocation_reason_code=code)
    await ask(Operation.REVOKE, unique_identifier=key, revocation_reason=reason)


@pytest.mark.parametrize(
    "how", ["deactivated", "compromised", "destroyed", "archived", "out of date"]
)
async def test_what_has_ended_is_not_made_anew(autojump_clock, ask, how):
    end = [(Tag.DEACTIVATION_DATE, NOW + 50)] if how == "out of date" else []
    key = await create(ask, ACTIVE, *AUTOMATIC, *end)
    if how in ("deactivated", "destroyed"):
        await revoke(ask, key, RevocationReasonCode.CESSATION_OF_OPERATION)
    if how == "compromised":
        await revoke(ask, key, RevocationReasonCode.KEY_COMPROMISE)
    if how == "destroyed":
        await ask(Operation.DESTROY, unique_identifier=key)
    if how == "archived":
        await ask(Operation.ARCHIVE, unique_identifier=key)
    await trio.sleep(2 * INTERVAL)
    assert (await ask(Operation.LOCATE, storage_status_mask=7)).located_items == 1


# What


async def test_the_replacement_has_what_the_key_had(autojump_clock, ask):
    name = Name(name_value="mine")
    pairs = [(Tag.NAME, name), (Tag.ROTATE_NAME, NAME), (Tag.OBJECT_GROUP, "g")]
    key = await create(ask, ACTIVE, *AUTOMATIC, *pairs, length=128, mask=Mask.ENCRYPT)
    await trio.sleep(INTERVAL + MOMENT)
    (new,) = await replacements(ask, key)
    got = await ask(Operation.GET_ATTRIBUTES, unique_identifier=new)
    for tag, value in (*AUTOMATIC, *pairs, (Tag.CRYPTOGRAPHIC_LENGTH, 128)):
        assert got.attributes.get(tag) == value
    assert got.attributes.get(Tag.CRYPTOGRAPHIC_USAGE_MASK) == Mask.ENCRYPT
    assert await values(ask, key, Tag.NAME) == ()
    assert await linked(ask, new, LinkType.REPLACED_OBJECT_LINK) == [key]
    materials = [
        (await ask(Operation.GET, unique_identifier=one)).object.key_block.key_material
        for one in (key, new)
    ]
    assert materials[0] != materials[1]


async def test_the_rotate_offset_says_when_the_replacement_is_active(autojump_clock, ask):
    key = await create(
        ask, ACTIVE, *AUTOMATIC, (Tag.ROTATE_OFFSET, 30), (Tag.DEACTIVATION_DATE, NOW + 5000)
    )
    await trio.sleep(INTERVAL + MOMENT)
    (new,) = await replacements(ask, key)
    made, active = [
        await attribute(ask, new, tag) for tag in (Tag.INITIAL_DATE, Tag.ACTIVATION_DATE)
    ]
    assert active - made == 30
    assert await attribute(ask, new, Tag.DEACTIVATION_DATE) - active == 5010


async def test_names_given_twice_by_an_older_client_do_not_keep_a_key_from_it(autojump_clock, ask):
    old, name = ask.at(V1_4), (Tag.NAME, Name(name_value="twice"))
    await create(old, name)
    key = await create(old, ACTIVE, name)
    for one in AUTOMATIC:
        added = AttributeInstance(*one)
        await ask(Operation.ADD_ATTRIBUTE, unique_identifier=key, new_attribute=added)
    await trio.sleep(INTERVAL + MOMENT)
    assert len(await replacements(ask, key)) == 1


@pytest.mark.parametrize("whose", ["both", "private", "public"])
async def test_both_keys_of_a_pair_are_replaced_together(autojump_clock, ask, whose):
    private, public = await create_pair(ask, ACTIVE, *(AUTOMATIC if whose == "both" else ()))
    named = {"private": private, "public": public}.get(whose)
    for one in AUTOMATIC if named else ():
        added = AttributeInstance(*one)
        await ask(Operation.ADD_ATTRIBUTE, unique_identifier=named, new_attribute=added)
    await trio.sleep(INTERVAL + MOMENT)
    (new_private,), (new_public,) = [await replacements(ask, one) for one in (private, public)]
    assert await count(ask) == 4
    assert await linked(ask, new_private, LinkType.PUBLIC_KEY_LINK) == [new_public]
    assert await linked(ask, new_public, LinkType.PRIVATE_KEY_LINK) == [new_private]
    assert await attribute(ask, new_private, Tag.ROTATE_LATEST) is True


async def test_a_certificate_is_renewed(autojump_clock, ask, trail):
    ask.server.config = replace(ask.server.config, issuer="own:")
    _, public = await create_pair(ask, ACTIVE)
    made = await ask(
        Operation.CERTIFY, unique_identifier=public, attributes=Attributes([*SUBJECT, *AUTOMATIC])
    )
    await trail.renewed.wait()
    found = await replacements(ask, made.unique_identifier)
    assert await attribute(ask, found[0], Tag.OBJECT_TYPE) == ObjectType.CERTIFICATE
    assert await linked(ask, public, LinkType.CERTIFICATE_LINK) == [
        (await replacements(ask, made.unique_identifier))[-1]
    ]


# By name


async def test_who_knows_a_key_by_its_rotate_name_finds_the_latest(autojump_clock, ask):
    key = await create(ask, ACTIVE, *AUTOMATIC, (Tag.ROTATE_NAME, NAME))
    latest = Attributes([(Tag.ROTATE_NAME, NAME), (Tag.ROTATE_LATEST, True)])
    assert (await ask(Operation.LOCATE, attributes=latest)).unique_identifier == (key,)
    await trio.sleep(2 * INTERVAL + 2 * MOMENT)
    first, second = await replacements(ask, key)
    assert (await ask(Operation.LOCATE, attributes=latest)).unique_identifier == (second,)
    named = Attributes([(Tag.ROTATE_NAME, NAME)])
    whole = await ask(Operation.LOCATE, attributes=named)
    assert whole.unique_identifier == (second, first, key)
    items = await ask.batch(
        ask.item(Operation.LOCATE, batch_id=b"1", attributes=named, maximum_items=1),
        ask.item(Operation.GET, batch_id=b"2"),
    )
    assert ask.payload(items[1]).unique_identifier == second


async def test_a_rotate_name_given_later_begins_a_set(autojump_clock, ask):
    key = await create(ask)
    assert await attribute(ask, key, Tag.ROTATE_LATEST) is None
    named = AttributeInstance(Tag.ROTATE_NAME, NAME)
    await ask(Operation.ADD_ATTRIBUTE, unique_identifier=key, new_attribute=named)
    assert await attribute(ask, key, Tag.ROTATE_LATEST) is True
    assert await attribute(ask, key, Tag.ROTATE_GENERATION) == 0


# What cannot be rotated


async def reason_of(ask, operation: Operation, **fields) -> ResultReason | None:
    (item,) = await ask.batch(ask.item(operation, **fields))
    return item.result_reason


async def test_what_the_server_cannot_rotate_is_refused_for_it(autojump_clock, ask):
    key = await register(ask, opaque())
    added = AttributeInstance(Tag.ROTATE_AUTOMATIC, value=True)
    refused = await reason_of(
        ask, Operation.ADD_ATTRIBUTE, unique_identifier=key, new_attribute=added
    )
    assert refused == ResultReason.INVALID_FIELD


async def test_an_interval_of_nothing_is_refused(autojump_clock, ask):
    key = await create(ask)
    added = AttributeInstance(Tag.ROTATE_INTERVAL, 0)
    refused = await reason_of(
        ask, Operation.ADD_ATTRIBUTE, unique_identifier=key, new_attribute=added
    )
    assert refused == ResultReason.INVALID_FIELD


async def unmakeable(ask: InProcessClient) -> str:
    """A key that falls due and cannot be made anew: the server makes none of this algorithm."""
    key = symmetric_key(bytes(16), cryptographic_algorithm=CryptographicAlgorithm.SKIPJACK)
    return await register(ask, key, ACTIVE, *AUTOMATIC)


async def test_a_key_that_cannot_be_replaced_does_not_keep_others_from_it(
    autojump_clock, ask, trail
):
    mine = [await create(ask, ACTIVE, *AUTOMATIC)]
    for _ in range(MAX_AT_ONCE + 1):
        await unmakeable(ask)
    mine.append(await create(ask, ACTIVE, *AUTOMATIC))
    theirs = await create(ask.named("bob"), ACTIVE, *AUTOMATIC)
    await trio.sleep(INTERVAL + 2 * MOMENT)
    assert [len(await replacements(ask, key)) for key in mine] == [1, 1]
    assert len(await replacements(ask.named("bob"), theirs)) == 1


async def test_a_failure_is_told_and_tried_again_after_longer_and_longer_pauses(
    autojump_clock, ask, trail, caplog
):
    key = await unmakeable(ask)
    trail.lines.clear()
    await trio.sleep(INTERVAL + MOMENT)
    tries = [len(trail.lines)]
    for _ in range(3):
        await trio.sleep(FIRST_PAUSE + REST_SECONDS + MOMENT)
        tries.append(len(trail.lines))
    assert tries == [1, 2, 2, 3]
    line = trail.lines[-1]
    assert (line["client"], line["how"], line["object"]) == ("alice", "rotation", key)
    assert (line["operation"], line["status"]) == ("ReKey", "OperationFailed")
    assert f"{key} could not be rotated" in caplog.text


async def test_what_was_mended_is_replaced(autojump_clock, ask, trail):
    ask.server.config = replace(ask.server.config, issuer="own:")
    _, public = await create_pair(ask, ACTIVE)
    made = await ask(
        Operation.CERTIFY, unique_identifier=public, attributes=Attributes([*SUBJECT, *AUTOMATIC])
    )
    ask.server.config = replace(ask.server.config, issuer="none:")
    await trio.sleep(INTERVAL + MOMENT)
    assert await replacements(ask, made.unique_identifier) == []
    ask.server.config = replace(ask.server.config, issuer="own:")
    await trail.renewed.wait()
    assert await replacements(ask, made.unique_identifier)


async def test_a_rotation_is_in_the_audit_log_under_its_owners_name(autojump_clock, ask, trail):
    key = await create(ask, ACTIVE, *AUTOMATIC)
    trail.lines.clear()
    await trio.sleep(INTERVAL + MOMENT)
    (line,) = trail.lines
    (new,) = await replacements(ask, key)
    assert (line["client"], line["how"], line["object"]) == ("alice", "rotation", new)
    assert (line["operation"], line["status"]) == ("ReKey", "Success")


async def test_many_keys_of_one_owner_do_not_hold_up_another(autojump_clock, ask):
    for _ in range(5 * MAX_AT_ONCE):
        await create(ask, ACTIVE, *AUTOMATIC)
    bob = ask.named("bob")
    key = await create(bob, ACTIVE, *AUTOMATIC)
    await trio.sleep(INTERVAL + MOMENT)
    assert len(await replacements(bob, key)) == 1
    assert await count(ask) < 10 * MAX_AT_ONCE
    await trio.sleep(10 * LOOK_SECONDS)
    assert await count(ask) == 10 * MAX_AT_ONCE


# The clock


async def test_a_clock_that_leaps_ahead_and_is_set_back_rotates_nothing(autojump_clock, ask, clock):
    key = await create(ask, ACTIVE, *AUTOMATIC)
    await trio.sleep(MOMENT)
    clock.ahead += 1000 * INTERVAL
    await trio.sleep(LEAP_PAUSE / 2)
    clock.ahead -= 1000 * INTERVAL
    await trio.sleep(LEAP_PAUSE)
    assert await replacements(ask, key) == []


async def test_a_clock_that_stays_ahead_is_followed(autojump_clock, ask, clock):
    key = await create(ask, ACTIVE, *AUTOMATIC)
    await trio.sleep(MOMENT)
    clock.ahead += LEAP_SECONDS + INTERVAL
    await trio.sleep(LEAP_PAUSE + MOMENT)
    assert len(await replacements(ask, key)) == 1


async def test_a_clock_that_is_set_back_puts_the_rotation_off(autojump_clock, ask, clock):
    key = await create(ask, ACTIVE, *AUTOMATIC)
    clock.ahead -= INTERVAL
    await trio.sleep(INTERVAL + MOMENT)
    assert await replacements(ask, key) == []
    await trio.sleep(INTERVAL)
    assert len(await replacements(ask, key)) == 1


# Restarts, and several servers


@dataclass
class Shared:
    """A store that several servers open."""

    config: Config
    clock: Time
    space: MemorySpace

    def backend(self) -> FailingBackend:
        return FailingBackend(MemoryBackend(self.space, shared=True))

    def server(self, store) -> Server:
        users = Users(self.config.users_file)
        return Server(config=self.config, store=store, users=users, clock=self.clock)


@pytest.fixture
def shared(config: Config, clock: Time) -> Shared:
    return Shared(config, clock, MemorySpace())


async def test_what_fell_due_while_no_server_ran_is_replaced_once(autojump_clock, shared):
    key = KeyFile(bytes(32))
    async with open_store(shared.backend(), key, create=True) as store:
        due = await create(
            InProcessClient(shared.server(store), None).named("alice"), ACTIVE, *AUTOMATIC
        )
    await trio.sleep(10 * INTERVAL)
    for _ in range(2):
        async with open_store(shared.backend(), key) as store, trio.open_nursery() as nursery:
            server = shared.server(store)
            nursery.start_soon(Rotation(server).keep)
            await trio.sleep(MOMENT)
            ask = InProcessClient(server, None).named("alice")
            assert len(await replacements(ask, due)) == 1
            nursery.cancel_scope.cancel()


@pytest_trio.trio_fixture
async def two(
    autojump_clock, shared: Shared
) -> AsyncIterator[tuple[InProcessClient, FailingBackend]]:
    """Two servers that rotate, a client of the first, and the first one's back end."""
    key, first = KeyFile(bytes(32)), shared.backend()
    async with (
        open_store(first, key, create=True) as store,
        open_store(shared.backend(), key) as other,
        trio.open_nursery() as nursery,
    ):
        servers = [shared.server(one) for one in (store, other)]
        for server in servers:
            nursery.start_soon(Rotation(server).keep)
        yield InProcessClient(servers[0], None).named("alice"), first
        nursery.cancel_scope.cancel()


async def test_two_servers_do_not_replace_the_same_key_twice(autojump_clock, two):
    ask, _ = two
    keys = [await create(ask, ACTIVE, *AUTOMATIC) for _ in range(2 * MAX_AT_ONCE)]
    await trio.sleep(2 * INTERVAL + 5 * MOMENT)
    for key in keys:
        assert len(await replacements(ask, key)) == 2
    assert await count(ask) == 3 * len(keys)


async def test_the_other_server_rotates_while_one_cannot_reach_the_store(autojump_clock, two):
    ask, backend = two
    key = await create(ask, ACTIVE, *AUTOMATIC)
    await trio.sleep(INTERVAL - MOMENT)
    backend.fail_next = 1 << 30
    await trio.sleep(REFRESH_LOOKS * LOOK_SECONDS + MOMENT)
    backend.fail_next = 0
    await trio.sleep(STORE_PAUSE + MOMENT)
    assert len(await replacements(ask, key)) == 1


async def test_nothing_is_asked_of_the_store_while_nothing_is_due(autojump_clock, two):
    ask, backend = two
    await create(ask, ACTIVE)
    backend.calls.clear()
    await trio.sleep((REFRESH_LOOKS - 1) * LOOK_SECONDS)
    assert len(backend.calls) <= 1
