"""Keys that come wrapped: linked to their wrapping keys, described by their material, and used."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from kmip.enums import (
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    UniqueIdentifier,
    WrappingMethod,
)
from kmip.errors import (
    CryptographicFailure,
    IncompatibleCryptographicUsageMask,
    InvalidField,
    ItemNotFound,
    KMIPError,
    NotAuthorised,
    ObjectNotFound,
    WrappingObjectArchived,
    WrappingObjectDestroyed,
    WrappingObjectNotFound,
    WrongKeyLifecycleState,
)
from kmip.key_block import KeyBlock
from kmip.masks import CryptographicUsageMask as Mask
from kmip.objects import PrivateKey, SecretData, SymmetricKey
from kmip.tags import Tag
from kmip.versions import V1_4, V2_1, ProtocolVersion
from server.keys.key_use import MAX_WRAPPINGS
from tests.server.conftest import InProcessClient
from tests.server.keys.test_key_use import ENCRYPTING, MACING, SIGNING, KeyUse
from tests.server.keys.test_wrapping import PLAIN, RAW, TTLV, block, kek, specified
from tests.server.operations.test_delegated_login import bearer, right
from tests.server.samples import (
    ACTIVE,
    ANY_USE,
    COMPROMISED,
    STOPPED,
    attribute,
    attributes,
    create,
    create_pair,
    material,
    refused,
    register,
    secret,
    symmetric_key,
    values,
)

GET = Operation.GET
versions = pytest.mark.parametrize("version", [V1_4, V2_1], ids=str)
ways_in = pytest.mark.parametrize("way_in", [Operation.REGISTER, Operation.IMPORT], ids=str)


async def wrapped(ask: InProcessClient, key: str, wrapper: str, **fields: Any) -> KeyBlock:
    """A key's block as it leaves wrapped."""
    return await block(ask, key, **specified(wrapper, encoding_option=PLAIN, **fields))


async def come(
    ask: InProcessClient, way_in: Operation, content: Any, *pairs: Any, mask: Mask = ANY_USE
) -> str:
    """An object that a client brings, registered or imported."""
    if way_in == Operation.REGISTER:
        return await register(ask, content, *pairs, mask=mask)
    kinds = {SymmetricKey: ObjectType.SYMMETRIC_KEY, PrivateKey: ObjectType.PRIVATE_KEY}
    made = await ask(
        Operation.IMPORT,
        unique_identifier="imported",
        object_type=kinds[type(content)],
        attributes=attributes(*pairs, mask=mask),
        object=content,
    )
    return str(made.unique_identifier)


async def wrapping_links(ask: InProcessClient, key: str) -> list[Any]:
    links = await values(ask, key, Tag.LINK)
    return [
        one.linked_object_identifier for one in links if one.link_type == LinkType.WRAPPING_KEY_LINK
    ]


async def symmetric(ask: InProcessClient, *pairs: Any, **fields: Any) -> tuple[str, str]:
    """An AES key that came wrapped, and its wrapping key."""
    wrapper = await kek(ask)
    out = await wrapped(ask, await register(ask, symmetric_key(RAW)), wrapper, **fields)
    return await register(ask, SymmetricKey(key_block=out), *(pairs or (ACTIVE,))), wrapper


@ways_in
async def test_it_is_linked_to_the_key_that_wraps_it(ask: InProcessClient, way_in: Operation):
    """2.1 section 6.1.43: "the server SHALL create a Link attribute"."""
    wrapper = await kek(ask)
    out = await wrapped(ask, await register(ask, symmetric_key(RAW)), wrapper)
    key = await come(ask, way_in, SymmetricKey(key_block=out))
    assert await wrapping_links(ask, key) == [wrapper]


async def test_it_is_linked_to_the_key_that_authenticates_it_too(ask: InProcessClient):
    wrapper = await kek(ask)
    signer = await create(ask, ACTIVE, mask=Mask.MAC_GENERATE | Mask.MAC_VERIFY)
    both = {"method": WrappingMethod.ENCRYPT_THEN_MAC_SIGN, "mac": signer}
    out = await wrapped(ask, await register(ask, symmetric_key(RAW)), wrapper, **both)
    key = await register(ask, SymmetricKey(key_block=out))
    assert await wrapping_links(ask, key) == [wrapper, signer]


async def test_there_is_no_link_to_a_key_that_the_client_has_not(ask: InProcessClient):
    theirs = await kek(ask.named("bob"))
    own = await kek(ask)
    out = await wrapped(ask, await register(ask, symmetric_key(RAW)), own)
    for name in (theirs, "nobody"):
        assert out.key_wrapping_data is not None
        assert out.key_wrapping_data.encryption_key_information is not None
        information = replace(
            out.key_wrapping_data.encryption_key_information, unique_identifier=name
        )
        data = replace(out.key_wrapping_data, encryption_key_information=information)
        managed = SymmetricKey(key_block=replace(out, key_wrapping_data=data))
        key = await register(ask, managed, ACTIVE)
        assert await wrapping_links(ask, key) == []
        assert await values(ask, key, Tag.DIGEST) == ()
        fields = ENCRYPTING.fields(key) | {"data": b"x"}
        await refused(ask, WrappingObjectNotFound, Operation.ENCRYPT, **fields)


async def test_a_wrapping_key_that_the_batch_has_made_is_named_by_its_identifier(
    ask: InProcessClient,
):
    wrapper = await kek(ask)
    out = await wrapped(ask, await register(ask, symmetric_key(RAW)), wrapper)
    assert out.key_wrapping_data is not None
    assert out.key_wrapping_data.encryption_key_information is not None
    information = replace(
        out.key_wrapping_data.encryption_key_information,
        unique_identifier=UniqueIdentifier.ID_PLACEHOLDER,
    )
    data = replace(out.key_wrapping_data, encryption_key_information=information)
    fields = {
        "object_type": ObjectType.SYMMETRIC_KEY,
        "attributes": attributes(ACTIVE),
        "object": SymmetricKey(key_block=replace(out, key_wrapping_data=data)),
    }
    await refused(ask, ItemNotFound, Operation.REGISTER, **fields)
    export = ask.item(Operation.EXPORT, unique_identifier=wrapper)  # sets the ID Placeholder
    _, made = await ask.batch(export, ask.item(Operation.REGISTER, **fields))
    key = ask.payload(made).unique_identifier
    assert await wrapping_links(ask, key) == [wrapper]
    assert await material(ask, key, key_wrap_type=1) == RAW


@ways_in
@versions
async def test_its_digest_is_of_its_material(
    ask: InProcessClient, version: ProtocolVersion, way_in: Operation
):
    """2.1 section 4.21, "provided that the server has access to the Key Material"."""
    ask = ask.at(version)
    wrapper = await kek(ask)
    out = await wrapped(ask, await register(ask, symmetric_key(RAW)), wrapper)
    key = await come(ask, way_in, SymmetricKey(key_block=out))
    (digest,) = await values(ask, key, Tag.DIGEST)
    assert digest.digest_value == hashlib.sha256(RAW).digest()
    assert digest.key_format_type == KeyFormatType.RAW


async def test_no_digest_is_of_wrapped_bytes(ask: InProcessClient):
    wrapper = await kek(ask)
    out = await wrapped(ask, await register(ask, symmetric_key(RAW)), wrapper)
    assert isinstance(out.key_value, bytes)
    damaged = out.key_value[:-1] + bytes([out.key_value[-1] ^ 1])
    key = await register(ask, SymmetricKey(key_block=replace(out, key_value=damaged)), ACTIVE)
    assert await values(ask, key, Tag.DIGEST) == ()
    fields = ENCRYPTING.fields(key) | {"data": b"x"}
    await refused(ask, CryptographicFailure, Operation.ENCRYPT, **fields)


async def test_its_length_is_that_of_its_material(ask: InProcessClient):
    wrapper = await kek(ask)
    out = await wrapped(ask, await register(ask, symmetric_key(RAW)), wrapper)
    bare = replace(out, cryptographic_length=None)
    key = await register(ask, SymmetricKey(key_block=bare))
    assert await attribute(ask, key, Tag.CRYPTOGRAPHIC_LENGTH) == 8 * len(RAW)


async def pair(ask: InProcessClient, key_use: KeyUse) -> tuple[str, str, str]:
    """The keys of both uses, the first one having come wrapped; and its wrapping key."""
    wrapper = await kek(ask)
    if key_use is SIGNING:
        private, public = await create_pair(ask, ACTIVE)
        out = await block(ask, private, **specified(wrapper, encoding_option=TTLV))
        return await register(ask, PrivateKey(key_block=out), ACTIVE), public, wrapper
    key, wrapper = await symmetric(ask)
    return key, key, wrapper


@pytest.mark.parametrize("key_use", [ENCRYPTING, SIGNING, MACING], ids=["encrypt", "sign", "mac"])
@versions
async def test_it_is_used_like_any_other(
    ask: InProcessClient, key_use: KeyUse, version: ProtocolVersion
):
    ask = ask.at(version)
    one, other, _ = await pair(ask, key_use)
    for _ in range(2):
        output = await key_use.protected(ask, one)
        await key_use.processed(ask, other, output)


@pytest.mark.parametrize("key_use", [ENCRYPTING, SIGNING, MACING], ids=["encrypt", "sign", "mac"])
async def test_each_use_is_by_the_state_that_its_wrapping_key_has_then(
    ask: InProcessClient, key_use: KeyUse
):
    one, _, wrapper = await pair(ask, key_use)
    fields = key_use.fields(one) | {"data": b"some data"}
    await ask(key_use.protect, **fields)
    await ask(Operation.ARCHIVE, unique_identifier=wrapper)
    await refused(ask, WrappingObjectArchived, key_use.protect, **fields)
    await ask(Operation.RECOVER, unique_identifier=wrapper)
    await ask(Operation.REVOKE, unique_identifier=wrapper, **STOPPED)
    await ask(key_use.protect, **fields)  # what is Deactivated still unwraps
    await ask(Operation.DESTROY, unique_identifier=wrapper)
    await refused(ask, WrappingObjectDestroyed, key_use.protect, **fields)


@pytest.mark.parametrize(
    "pairs,mask,kind",
    [
        (((Tag.OBJECT_GROUP, "not active"),), Mask.UNWRAP_KEY, WrongKeyLifecycleState),
        ((ACTIVE,), Mask.ENCRYPT | Mask.DECRYPT, IncompatibleCryptographicUsageMask),
    ],
    ids=["state", "mask"],
)
async def test_a_key_that_may_not_unwrap_gives_no_use(
    ask: InProcessClient, pairs: Any, mask: Mask, kind: type[KMIPError]
):
    out = await wrapped(ask, await register(ask, symmetric_key(RAW)), await kek(ask))
    assert out.key_wrapping_data is not None
    assert out.key_wrapping_data.encryption_key_information is not None
    other = await kek(ask, *pairs, mask=mask)
    information = replace(out.key_wrapping_data.encryption_key_information, unique_identifier=other)
    data = replace(out.key_wrapping_data, encryption_key_information=information)
    managed = SymmetricKey(key_block=replace(out, key_wrapping_data=data))
    key = await register(ask, managed, ACTIVE)
    assert await wrapping_links(ask, key) == [other]
    assert await values(ask, key, Tag.DIGEST) == ()
    await refused(ask, kind, Operation.ENCRYPT, data=b"x", **ENCRYPTING.fields(key))


async def test_a_ticket_for_the_key_alone_does_not_reach_the_wrapping_key(ask: InProcessClient):
    key, wrapper = await symmetric(ask)
    fields = ENCRYPTING.fields(key) | {"data": b"x"}
    limited = await bearer(ask, right(Operation.ENCRYPT, objects=[key]))
    await refused(limited, NotAuthorised, Operation.ENCRYPT, **fields)
    both = await bearer(ask, right(Operation.ENCRYPT, objects=[key, wrapper]))
    await both(Operation.ENCRYPT, **fields)


async def test_a_stream_ends_with_what_unwraps_its_key(ask: InProcessClient):
    key, wrapper = await symmetric(ask)
    begun = await ask(Operation.MAC, data=b"x", init_indicator=True, **MACING.fields(key))
    part = {"unique_identifier": key, "correlation_value": begun.correlation_value}
    await ask(Operation.MAC, data=b"x", **part)
    await ask(Operation.REVOKE, unique_identifier=wrapper, **COMPROMISED)
    await ask(Operation.MAC, data=b"x", **part)
    await ask(Operation.DESTROY, unique_identifier=wrapper)
    await refused(ask, WrappingObjectDestroyed, Operation.MAC, data=b"x", **part)


async def test_its_own_mask_and_state_count_as_well(ask: InProcessClient):
    key, _ = await symmetric(ask, (Tag.OBJECT_GROUP, "not active"))
    fields = ENCRYPTING.fields(key) | {"data": b"x"}
    await refused(ask, WrongKeyLifecycleState, Operation.ENCRYPT, **fields)


async def test_it_may_wrap_others(ask: InProcessClient):
    middle, _ = await symmetric(ask)
    out = await wrapped(ask, await register(ask, symmetric_key(RAW)), middle)
    inner = await register(ask, SymmetricKey(key_block=out), ACTIVE)
    assert await material(ask, inner, key_wrap_type=1) == RAW
    await ask(Operation.ENCRYPT, data=b"x", **ENCRYPTING.fields(inner))


async def test_keys_that_unwrap_each_other_have_an_end(ask: InProcessClient):
    wrapper = await kek(ask)
    for _ in range(MAX_WRAPPINGS):
        out = await wrapped(ask, await register(ask, symmetric_key(RAW)), wrapper)
        wrapper = await register(ask, SymmetricKey(key_block=out), ACTIVE)
    await ask(Operation.ENCRYPT, data=b"x", **ENCRYPTING.fields(wrapper))
    out = await wrapped(ask, await register(ask, symmetric_key(RAW)), wrapper)
    deeper = await register(ask, SymmetricKey(key_block=out), ACTIVE)
    fields = ENCRYPTING.fields(deeper) | {"data": b"x"}
    await refused(ask, InvalidField, Operation.ENCRYPT, **fields)


async def test_a_key_that_claims_to_unwrap_itself_is_of_no_use(ask: InProcessClient):
    out = await wrapped(ask, await register(ask, symmetric_key(RAW)), await kek(ask))
    assert out.key_wrapping_data is not None
    assert out.key_wrapping_data.encryption_key_information is not None
    information = replace(
        out.key_wrapping_data.encryption_key_information, unique_identifier="imported"
    )
    data = replace(out.key_wrapping_data, encryption_key_information=information)
    managed = SymmetricKey(key_block=replace(out, key_wrapping_data=data))
    key = await come(ask, Operation.IMPORT, managed, ACTIVE)
    await refused(ask, InvalidField, Operation.ENCRYPT, data=b"x", **ENCRYPTING.fields(key))


async def test_secret_data_come_wrapped_as_well(ask: InProcessClient):
    wrapper = await kek(ask)
    password = await register(ask, secret(b"sixteen letters!"))
    out = await wrapped(ask, password, wrapper)
    managed = replace(secret(), key_block=out)
    assert isinstance(managed, SecretData)
    again = await register(ask, managed, ACTIVE)
    assert await wrapping_links(ask, again) == [wrapper]
    (digest,) = await values(ask, again, Tag.DIGEST)
    assert digest.digest_value == hashlib.sha256(b"sixteen letters!").digest()


async def test_what_travels_with_it_is_kept(ask: InProcessClient):
    """Attributes within a Key Value, under the rules for who may set them."""
    wrapper = await kek(ask)
    key = await register(ask, symmetric_key(RAW), ACTIVE, (Tag.OBJECT_GROUP, "g"))
    names = (Tag.OBJECT_GROUP, Tag.INITIAL_DATE, Tag.STATE)
    out = await block(ask, key, **specified(wrapper, attribute_names=names, encoding_option=TTLV))
    again = await register(ask, SymmetricKey(key_block=out))
    assert await values(ask, again, Tag.OBJECT_GROUP) == ("g",)
    assert str(await attribute(ask, again, Tag.STATE)) == str(
        await attribute(ask, await create(ask), Tag.STATE)
    )


async def test_others_get_nothing_of_it(ask: InProcessClient):
    key, _ = await symmetric(ask)
    fields = ENCRYPTING.fields(key) | {"data": b"x"}
    await refused(ask.named("bob"), ObjectNotFound, Operation.ENCRYPT, **fields)
