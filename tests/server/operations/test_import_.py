"""Import."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from kmip.attribute_values import Digest, UsageLimits
from kmip.attributes import Attributes
from kmip.encodings import ttlv
from kmip.enums import (
    HashingAlgorithm,
    KeyFormatType,
    KeyWrapType,
    ObjectType,
    Operation,
    State,
    UsageLimitsUnit,
)
from kmip.errors import (
    InvalidField,
    KMIPError,
    ObjectAlreadyExists,
    ObjectArchived,
    ObjectDestroyed,
    ProtectionStorageUnavailable,
)
from kmip.key_block import KeyValue, TransparentSymmetricKey
from kmip.masks import ProtectionStorageMask
from kmip.objects import SymmetricKey
from kmip.structures import to_item
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_4, V2_1, ProtocolVersion
from server.operations.import_ import LONGEST
from tests.server.conftest import NOW, InProcessClient
from tests.server.samples import (
    ACTIVE,
    Pair,
    aes,
    attribute,
    certificate,
    create,
    destroyed,
    material,
    opaque,
    refused,
    state,
    symmetric_key,
    values,
)

RAW = bytes(range(32))


def fields_of(identifier: str, *pairs, **fields):
    return {
        "unique_identifier": identifier,
        "object_type": ObjectType.SYMMETRIC_KEY,
        "attributes": aes(*pairs),
        "object": symmetric_key(RAW),
    } | fields


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one >= V1_4], ids=str)
async def test_an_object_comes_under_its_own_identifier(
    ask: InProcessClient, version: ProtocolVersion
):
    ask = ask.at(version)
    made = await ask(Operation.IMPORT, **fields_of("vault/7 ä"))
    assert made.unique_identifier == "vault/7 ä"
    assert await material(ask, "vault/7 ä") == RAW
    assert await attribute(ask, "vault/7 ä", Tag.UNIQUE_IDENTIFIER) == "vault/7 ä"


async def test_an_exported_object_is_imported_as_it_was(ask: InProcessClient):
    key = await create(ask, ACTIVE, (Tag.SENSITIVE, False), (Tag.DESCRIPTION, "mine"))
    out = await ask(Operation.EXPORT, unique_identifier=key)
    await ask(
        Operation.IMPORT,
        unique_identifier=key,
        object_type=out.object_type,
        attributes=out.attributes,
        object=out.object,
        replace_existing=True,
    )
    again = await ask(Operation.EXPORT, unique_identifier=key)
    assert again.object == out.object
    skipped = {Tag.LAST_CHANGE_DATE, Tag.FRESH}
    for tag in set(out.attributes.values) - skipped:
        assert again.attributes.all(tag) == out.attributes.all(tag)


async def test_what_is_there_is_replaced_only_when_asked_for(ask: InProcessClient):
    key = await create(ask)
    await refused(ask, ObjectAlreadyExists, Operation.IMPORT, **fields_of(key))
    await ask(Operation.IMPORT, **fields_of(key), replace_existing=True)
    assert await material(ask, key) == RAW


async def test_what_is_destroyed_may_come_back_by_import(ask: InProcessClient):
    key = await destroyed(ask)
    await ask(Operation.IMPORT, **fields_of(key))
    assert await material(ask, key) == RAW


async def test_identifiers_have_a_length(ask: InProcessClient):
    for identifier in ("", "x" * (LONGEST + 1), "ä" * (LONGEST // 2 + 1)):
        await refused(ask, InvalidField, Operation.IMPORT, **fields_of(identifier))
    await ask(Operation.IMPORT, **fields_of("x" * LONGEST))


async def test_the_type_is_told_by_the_object(ask: InProcessClient):
    ask = ask.at(V1_4)
    fields = fields_of("one", object=opaque(), attributes=Attributes()) | {"object_type": None}
    await ask(Operation.IMPORT, **fields)
    assert await attribute(ask, "one", Tag.OBJECT_TYPE) == ObjectType.OPAQUE_OBJECT


versions = pytest.mark.parametrize("version", [V1_4, V2_1], ids=str)

SHORT = bytes(range(100, 132))


def digest(data: bytes, **fields: Any) -> tuple[Tag, Digest]:
    value = hashlib.sha256(data).digest()
    supplied: dict[str, Any] = {
        "hashing_algorithm": HashingAlgorithm.SHA_256,
        "digest_value": value,
        "key_format_type": KeyFormatType.RAW,
    }
    return Tag.DIGEST, Digest(**supplied | fields)


def left(count: int) -> Pair:
    """Usage Limits of 100 bytes, of which so many are left."""
    return Tag.USAGE_LIMITS, UsageLimits(
        usage_limits_total=100, usage_limits_unit=UsageLimitsUnit.BYTE, usage_limits_count=count
    )


@versions
@pytest.mark.parametrize(
    "pairs",
    [
        [(Tag.LEASE_TIME, 60)],
        [(Tag.INITIAL_DATE, NOW - 1000), (Tag.LAST_CHANGE_DATE, NOW - 900)],
        [(Tag.ORIGINAL_CREATION_DATE, NOW - 10**6)],
        [(Tag.FRESH, False)],
        [(Tag.SENSITIVE, True), (Tag.ALWAYS_SENSITIVE, True)],
        [(Tag.SENSITIVE, True), (Tag.ALWAYS_SENSITIVE, False)],
        [(Tag.EXTRACTABLE, False), (Tag.NEVER_EXTRACTABLE, True)],
        [(Tag.EXTRACTABLE, False), (Tag.NEVER_EXTRACTABLE, False)],
        [digest(RAW)],
        [left(7)],
        [(Tag.STATE, State.ACTIVE)],
        [(Tag.STATE, State.DEACTIVATED)],
        [(Tag.STATE, State.COMPROMISED)],
    ],
    ids=lambda pairs: " and ".join(f"{tag.title}" for tag, _ in pairs),
)
async def test_what_is_supplied_is_kept(
    ask: InProcessClient, version: ProtocolVersion, pairs: list[Pair]
):
    """2.1 section 6.1.25: "all attributes MUST be set to the supplied values"."""
    ask = ask.at(version)
    await ask(Operation.IMPORT, **fields_of("one", *pairs))
    for tag, value in pairs:
        assert await attribute(ask, "one", tag) == value


async def test_a_short_identifier_is_kept(ask: InProcessClient):
    await ask(Operation.IMPORT, **fields_of("one", (Tag.SHORT_UNIQUE_IDENTIFIER, SHORT)))
    assert await attribute(ask, "one", Tag.SHORT_UNIQUE_IDENTIFIER) == SHORT
    again = fields_of("one", (Tag.SHORT_UNIQUE_IDENTIFIER, SHORT))
    await ask(Operation.IMPORT, **again, replace_existing=True)
    other = fields_of("two", (Tag.SHORT_UNIQUE_IDENTIFIER, SHORT))
    await refused(ask, ObjectAlreadyExists, Operation.IMPORT, **other)
    await ask.named("bob")(Operation.IMPORT, **other)


@pytest.mark.parametrize(
    "pairs,kind",
    [
        ([(Tag.SHORT_UNIQUE_IDENTIFIER, SHORT[1:])], InvalidField),
        ([digest(b"something else")], InvalidField),
        ([digest(RAW), digest(RAW, digest_value=bytes(32))], InvalidField),
        ([digest(RAW, key_format_type=KeyFormatType.PKCS_8)], InvalidField),
        ([digest(RAW, hashing_algorithm=HashingAlgorithm.SHA_512)], InvalidField),
        ([digest(RAW, digest_value=bytes([one])) for one in range(40)], InvalidField),
        ([(Tag.SENSITIVE, False), (Tag.ALWAYS_SENSITIVE, True)], InvalidField),
        ([(Tag.ALWAYS_SENSITIVE, True)], InvalidField),
        ([(Tag.EXTRACTABLE, True), (Tag.NEVER_EXTRACTABLE, True)], InvalidField),
        ([left(101)], InvalidField),
        (
            [(Tag.PROTECTION_STORAGE_MASK, ProtectionStorageMask.HARDWARE)],
            ProtectionStorageUnavailable,
        ),
        ([(Tag.STATE, State.ACTIVE), (Tag.ACTIVATION_DATE, NOW + 1)], InvalidField),
        ([(Tag.STATE, State.DEACTIVATED), (Tag.DEACTIVATION_DATE, NOW + 1)], InvalidField),
    ],
    ids=range(13),
)
async def test_what_the_server_vouches_for_is_true_or_refused(
    ask: InProcessClient, pairs: list[Pair], kind: type[KMIPError]
):
    await refused(ask, kind, Operation.IMPORT, **fields_of("one", *pairs))


async def test_digests_of_other_hashes_and_formats_are_kept_where_they_hold(ask: InProcessClient):
    value = hashlib.sha512(RAW).digest()
    material = to_item(TransparentSymmetricKey(key=RAW), Tag.KEY_MATERIAL, V2_1)
    others = [
        digest(RAW, hashing_algorithm=HashingAlgorithm.SHA_512, digest_value=value),
        digest(ttlv.encode(material), key_format_type=KeyFormatType.TRANSPARENT_SYMMETRIC_KEY),
    ]
    await ask(Operation.IMPORT, **fields_of("one", *others))
    found = await values(ask, "one", Tag.DIGEST)
    assert list(found) == [one for _, one in [digest(RAW), *others]]


async def test_a_digest_of_1_0_has_no_format(ask: InProcessClient):
    await ask(Operation.IMPORT, **fields_of("one", digest(RAW, key_format_type=None)))
    assert await values(ask, "one", Tag.DIGEST) == (digest(RAW)[1],)


async def test_what_is_not_here_has_the_digest_that_is_supplied(ask: InProcessClient):
    """2.1 section 4.21: "possibly obtained via out-of-band mechanisms"."""
    elsewhere = SymmetricKey(key_block=replace(symmetric_key(RAW).key_block, key_value=None))
    fields = fields_of("one", digest(b"whatever it is"), (Tag.KEY_VALUE_PRESENT, True))
    await ask(Operation.IMPORT, **fields | {"object": elsewhere})
    assert await values(ask, "one", Tag.DIGEST) == (digest(b"whatever it is")[1],)
    assert await attribute(ask, "one", Tag.KEY_VALUE_PRESENT) is False


@pytest.mark.parametrize(
    "supplied,dates,expected",
    [
        (State.PRE_ACTIVE, {Tag.ACTIVATION_DATE: NOW - 1}, State.ACTIVE),
        (State.ACTIVE, {Tag.DEACTIVATION_DATE: NOW - 5}, State.DEACTIVATED),
        (State.ACTIVE, {Tag.COMPROMISE_DATE: NOW - 5}, State.COMPROMISED),
        (State.ACTIVE, {Tag.PROCESS_START_DATE: NOW - 5}, State.ACTIVE),
        (None, {Tag.ACTIVATION_DATE: NOW - 1}, State.ACTIVE),
    ],
    ids=["activated meanwhile", "ended meanwhile", "compromised", "by another date", "not told"],
)
async def test_time_goes_on_after_a_state_was_noted(
    ask: InProcessClient, supplied: State | None, dates: dict[Tag, int], expected: State
):
    pairs: list[Pair] = list(dates.items())
    if supplied is not None:
        pairs.append((Tag.STATE, supplied))
    await ask(Operation.IMPORT, **fields_of("one", *pairs))
    assert await state(ask, "one") == expected
    for tag, date in dates.items():
        assert await attribute(ask, "one", tag) == date


@pytest.mark.parametrize(
    "pairs",
    [
        [(Tag.STATE, State.DESTROYED)],
        [(Tag.STATE, State.DESTROYED_COMPROMISED)],
        [(Tag.DESTROY_DATE, NOW - 5)],
    ],
    ids=["state", "compromised as well", "date"],
)
@pytest.mark.parametrize("within", [False, True], ids=["beside it", "in the Key Value"])
async def test_what_is_destroyed_comes_without_its_material(
    ask: InProcessClient, pairs: list[Pair], within: bool
):
    fields = fields_of("one", *([] if within else pairs))
    if within:
        value = KeyValue(key_material=RAW, attributes=Attributes(pairs))
        fields["object"] = SymmetricKey(
            key_block=replace(symmetric_key(RAW).key_block, key_value=value)
        )
    await ask(Operation.IMPORT, **fields)
    assert (await state(ask, "one")).name.startswith("DESTROYED")
    await refused(ask, ObjectDestroyed, Operation.GET, unique_identifier="one")
    assert await values(ask, "one", Tag.DIGEST) == (digest(RAW)[1],)


async def test_what_is_archived_is_recovered_before_it_is_used(ask: InProcessClient):
    await ask(Operation.IMPORT, **fields_of("one", (Tag.ARCHIVE_DATE, NOW - 5)))
    await refused(ask, ObjectArchived, Operation.GET, unique_identifier="one")
    await ask(Operation.RECOVER, unique_identifier="one")
    assert await material(ask, "one") == RAW


async def test_a_certificate_says_whose_it_is(ask: InProcessClient):
    content = certificate()
    await ask(
        Operation.IMPORT,
        unique_identifier="one",
        object_type=ObjectType.CERTIFICATE,
        attributes=Attributes([(Tag.CERTIFICATE_SUBJECT_CN, "mallory")]),
        object=content,
    )
    assert await values(ask, "one", Tag.CERTIFICATE_SUBJECT_CN) == ("alice",)


async def test_what_is_not_wrapped_needs_no_unwrapping(ask: InProcessClient):
    await ask(Operation.IMPORT, **fields_of("one"), key_wrap_type=KeyWrapType.NOT_WRAPPED)
    fields = fields_of("two", object=opaque(), object_type=ObjectType.OPAQUE_OBJECT)
    fields["attributes"] = Attributes()
    await ask(Operation.IMPORT, **fields, key_wrap_type=KeyWrapType.NOT_WRAPPED)
    assert await attribute(ask, "two", Tag.INITIAL_DATE) == NOW
