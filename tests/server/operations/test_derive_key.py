"""Derive Key; the methods themselves are tried in tests/server/crypto."""

import hashlib

import pytest

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    DerivationMethod,
    HashingAlgorithm,
    LinkType,
    ObjectType,
    Operation,
    UniqueIdentifier,
)
from kmip.errors import (
    IncompatibleCryptographicUsageMask,
    InvalidField,
    InvalidMessage,
    NotExtractable,
    Sensitive,
    WrongKeyLifecycleState,
)
from kmip.masks import CryptographicUsageMask as Mask
from kmip.payloads.derivation import DerivationParameters
from kmip.tags import Tag
from kmip.versions import SUPPORTED, ProtocolVersion
from tests.server.conftest import InProcessClient
from tests.server.operations.test_rekey import links
from tests.server.samples import (
    ACTIVE,
    STOPPED,
    aes,
    attributes,
    create,
    create_pair,
    material,
    refused,
    register,
    secret,
    symmetric_key,
)

DERIVE = Operation.DERIVE_KEY
SHA256 = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
RAW = bytes(range(32))


def hashed(*keys: str, **fields):
    return {
        "object_type": ObjectType.SYMMETRIC_KEY,
        "unique_identifier": keys,
        "derivation_method": DerivationMethod.HASH,
        "derivation_parameters": DerivationParameters(cryptographic_parameters=SHA256),
        "attributes": aes(),
    } | fields


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_a_key_is_derived_and_linked(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    base = await register(ask, symmetric_key(RAW))
    made = await ask(DERIVE, **hashed(base))
    key = made.unique_identifier
    assert await material(ask, key) == hashlib.sha256(RAW).digest()
    assert await links(ask, key) == {LinkType.DERIVATION_BASE_OBJECT_LINK: base}
    assert await links(ask, base) == {LinkType.DERIVED_KEY_LINK: key}


async def test_secret_data_is_derived_too(ask: InProcessClient):
    base = await register(ask, secret(RAW))
    requested = attributes((Tag.CRYPTOGRAPHIC_LENGTH, 128))
    fields = hashed(base, object_type=ObjectType.SECRET_DATA, attributes=requested)
    made = await ask(DERIVE, **fields)
    assert await material(ask, made.unique_identifier) == hashlib.sha256(RAW).digest()[:16]


async def test_the_second_object_is_the_data(ask: InProcessClient):
    base, data = await register(ask, symmetric_key(RAW)), await register(ask, secret(b"data"))
    hmac = DerivationParameters(cryptographic_parameters=SHA256)
    fields = {"derivation_method": DerivationMethod.HMAC, "derivation_parameters": hmac}
    made = await ask(DERIVE, **hashed(base, data, **fields))
    one = DerivationParameters(cryptographic_parameters=SHA256, derivation_data=(b"data",))
    again = await ask(DERIVE, **hashed(base, **fields | {"derivation_parameters": one}))
    assert await material(ask, made.unique_identifier) == await material(
        ask, again.unique_identifier
    )


async def test_or_the_other_sides_public_key(ask: InProcessClient):
    ours, theirs = await create_pair(ask), await create_pair(ask)
    got = []
    for private, public in ((ours[0], theirs[1]), (theirs[0], ours[1])):
        fields = hashed(private, public, derivation_method=DerivationMethod.ASYMMETRIC_KEY) | {
            "derivation_parameters": DerivationParameters()
        }
        made = await ask(DERIVE, **fields)
        got.append(await material(ask, made.unique_identifier))
    assert got[0] == got[1]


async def test_what_is_derived_from_must_allow_it(ask: InProcessClient):
    key = await create(ask, mask=Mask.ENCRYPT)
    await refused(ask, IncompatibleCryptographicUsageMask, DERIVE, **hashed(key))
    key = await create(ask, mask=Mask.UNRESTRICTED)
    await ask(DERIVE, **hashed(key))
    stopped = await create(ask, ACTIVE)
    await ask(Operation.REVOKE, unique_identifier=stopped, **STOPPED)
    await refused(ask, WrongKeyLifecycleState, DERIVE, **hashed(stopped))


async def test_what_is_missing_is_refused(ask: InProcessClient):
    key = await create(ask)
    for fields in (
        {"attributes": attributes()},
        {"attributes": attributes((Tag.CRYPTOGRAPHIC_LENGTH, 256))},
        {"object_type": ObjectType.OPAQUE_OBJECT},
    ):
        await refused(ask, InvalidField, DERIVE, **hashed(key, **fields))


async def test_the_placeholder_is_never_the_base(ask: InProcessClient):
    """2.1 section 6.1.14: it SHALL NOT be used."""
    create_one = {"object_type": ObjectType.SYMMETRIC_KEY, "attributes": aes()}
    for named in ((), (UniqueIdentifier.ID_PLACEHOLDER,), ("",)):
        _, answer = await ask.batch(
            ask.item(Operation.CREATE, **create_one), ask.item(DERIVE, **hashed(*named))
        )
        assert answer.result_reason == InvalidMessage("").reason(ask.version)


GUARDS = [
    (Tag.SENSITIVE, True, Sensitive),
    (Tag.EXTRACTABLE, False, NotExtractable),
]


@pytest.mark.parametrize("tag, value, error", GUARDS, ids=str)
async def test_what_tells_a_guarded_object_is_guarded_as_well(
    ask: InProcessClient, tag, value, error
):
    """As the data that a key the client has encrypts; or under a one time pad, as the key."""
    known = await register(ask, symmetric_key(bytes(16)))
    guarded = await register(ask, secret(RAW), (tag, value))
    ecb = CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB)
    pad = CryptographicParameters(cryptographic_algorithm=CryptographicAlgorithm.ONE_TIME_PAD)
    for bases, parameters in (
        ((known, guarded), DerivationParameters(cryptographic_parameters=ecb)),
        (
            (guarded,),
            DerivationParameters(cryptographic_parameters=pad, derivation_data=(bytes(32),)),
        ),
    ):
        made = await ask(
            DERIVE,
            **hashed(
                *bases,
                derivation_method=DerivationMethod.ENCRYPT,
                derivation_parameters=parameters,
            ),
        )
        await refused(ask, error, Operation.GET, unique_identifier=made.unique_identifier)


async def test_what_is_derived_under_a_guarded_key_may_leave(ask: InProcessClient):
    base = await register(ask, symmetric_key(RAW), (Tag.SENSITIVE, True), (Tag.EXTRACTABLE, False))
    made = await ask(DERIVE, **hashed(base))
    assert await material(ask, made.unique_identifier) == hashlib.sha256(RAW).digest()
