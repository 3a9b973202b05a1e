"""Create, and what every new object is given."""

import hashlib

import pytest

from kmip.attribute_values import Name
from kmip.attributes import Attributes
from kmip.cryptographic_parameters import CryptographicParameters, RNGParameters
from kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    HashingAlgorithm,
    KeyFormatType,
    ObjectType,
    Operation,
    RNGAlgorithm,
    State,
)
from kmip.errors import (
    AttributeReadOnly,
    AttributeSingleValued,
    BadCryptographicParameters,
    InvalidField,
    ItemNotFound,
    KeyFormatTypeNotSupported,
    MissingField,
    NotCreated,
    ProtectionStorageUnavailable,
)
from kmip.key_block import TransparentSymmetricKey
from kmip.masks import CryptographicUsageMask as Mask
from kmip.masks import ProtectionStorageMask
from kmip.objects import Template
from kmip.payloads.protection_storage import ProtectionStorageMasks
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_3, V1_4, V3_0, ProtocolVersion
from server.attributes.protection_storage import OFFERED, NotQuantumSafe
from tests.server.conftest import NOW, InProcessClient
from tests.server.samples import (
    ACTIVE,
    aes,
    attribute,
    attributes,
    create,
    material,
    refused,
    state,
    values,
)

AES = CryptographicAlgorithm.AES
KEY = ObjectType.SYMMETRIC_KEY


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_a_key_is_made_as_asked(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    key = await create(ask, length=192)
    got = (await ask(Operation.GET_ATTRIBUTES, unique_identifier=key)).attributes
    secret = await material(ask, key)
    assert len(secret) == 24
    expected = {
        Tag.UNIQUE_IDENTIFIER: key,
        Tag.OBJECT_TYPE: KEY,
        Tag.CRYPTOGRAPHIC_ALGORITHM: AES,
        Tag.CRYPTOGRAPHIC_LENGTH: 192,
        Tag.STATE: State.PRE_ACTIVE,
        Tag.INITIAL_DATE: NOW,
        Tag.LAST_CHANGE_DATE: NOW,
    }
    assert {tag: got.get(tag) for tag in expected} == expected
    digest = got.get(Tag.DIGEST)
    assert digest.digest_value == hashlib.sha256(secret).digest()
    assert digest.hashing_algorithm == HashingAlgorithm.SHA_256


async def test_no_two_are_alike(ask: InProcessClient):
    keys = [await create(ask) for _ in range(3)]
    assert len(set(keys)) == 3
    assert len({await material(ask, key) for key in keys}) == 3


async def test_the_length_may_be_left_to_the_server(ask: InProcessClient):
    requested = attributes((Tag.CRYPTOGRAPHIC_ALGORITHM, AES))
    made = await ask(Operation.CREATE, object_type=KEY, attributes=requested)
    assert len(await material(ask, made.unique_identifier)) == 32


async def test_what_a_key_needs_is_supplied_from_1_4_on(ask: InProcessClient):
    """2.1 section 4, Table 28, and 4.17; before, the client gives it (1.3 section 11.2)."""
    made = await ask(Operation.CREATE, object_type=KEY, attributes=Attributes([ACTIVE]))
    key = made.unique_identifier
    assert await attribute(ask, key, Tag.CRYPTOGRAPHIC_ALGORITHM) == AES
    assert await attribute(ask, key, Tag.CRYPTOGRAPHIC_LENGTH) == 256
    assert await attribute(ask, key, Tag.CRYPTOGRAPHIC_USAGE_MASK) == Mask.ENCRYPT | Mask.DECRYPT
    ecb = CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB)
    used = {"unique_identifier": key, "cryptographic_parameters": ecb}
    await ask(Operation.ENCRYPT, data=bytes(16), **used)
    for left_out in (Tag.CRYPTOGRAPHIC_ALGORITHM, Tag.CRYPTOGRAPHIC_USAGE_MASK):
        requested = aes()
        requested.remove(left_out)
        old = ask.at(V1_3)
        await refused(old, MissingField, Operation.CREATE, object_type=KEY, attributes=requested)


async def test_a_random_number_generator_that_is_not_here_is_refused(ask: InProcessClient):
    """2.1 section 4.46: the operation SHALL fail."""
    drbg = (Tag.RANDOM_NUMBER_GENERATOR, RNGParameters(rng_algorithm=RNGAlgorithm.DRBG))
    await refused(ask, InvalidField, Operation.CREATE, object_type=KEY, attributes=aes(drbg))


@pytest.mark.parametrize(
    "algorithm,expected",
    [
        (CryptographicAlgorithm.AES, 256),
        (CryptographicAlgorithm.RC4, 256),
        (CryptographicAlgorithm.IDEA, 128),
        (CryptographicAlgorithm.DES3, 192),
        (CryptographicAlgorithm.HMAC_SHA3_512, 512),
    ],
    ids=lambda one: str(one),
)
async def test_a_length_is_supplied(
    ask: InProcessClient, algorithm: CryptographicAlgorithm, expected: int
):
    """2.1 section 4, Table 28."""
    requested = attributes((Tag.CRYPTOGRAPHIC_ALGORITHM, algorithm))
    made = await ask(Operation.CREATE, object_type=KEY, attributes=requested)
    found = await attribute(ask, made.unique_identifier, Tag.CRYPTOGRAPHIC_LENGTH)
    assert found == expected


async def test_a_length_the_algorithm_lacks_is_refused(ask: InProcessClient):
    for length in (0, -8, 1, 100, 1 << 30):
        requested = aes(length=length)
        await refused(
            ask, BadCryptographicParameters, Operation.CREATE, object_type=KEY, attributes=requested
        )


async def test_secret_data_is_random_bytes(ask: InProcessClient):
    requested = attributes((Tag.CRYPTOGRAPHIC_LENGTH, 128))
    for wanted, length in ((requested, 16), (attributes(), 32)):
        made = await ask(Operation.CREATE, object_type=ObjectType.SECRET_DATA, attributes=wanted)
        assert len(await material(ask, made.unique_identifier)) == length


@pytest.mark.parametrize("kind", [ObjectType.PRIVATE_KEY, ObjectType.CERTIFICATE])
async def test_other_types_are_not_created(ask: InProcessClient, kind: ObjectType):
    await refused(ask, NotCreated, Operation.CREATE, object_type=kind, attributes=aes())


async def test_the_format_may_be_asked_for(ask: InProcessClient):
    key = await create(ask, (Tag.KEY_FORMAT_TYPE, KeyFormatType.TRANSPARENT_SYMMETRIC_KEY))
    assert isinstance(await material(ask, key), TransparentSymmetricKey)
    requested = aes((Tag.KEY_FORMAT_TYPE, KeyFormatType.PKCS_8))
    await refused(
        ask, KeyFormatTypeNotSupported, Operation.CREATE, object_type=KEY, attributes=requested
    )


async def test_a_date_that_has_come_makes_it_active(ask: InProcessClient):
    assert await state(ask, await create(ask, ACTIVE)) == State.ACTIVE
    assert await state(ask, await create(ask, (Tag.ACTIVATION_DATE, NOW))) == State.ACTIVE
    assert await state(ask, await create(ask, (Tag.ACTIVATION_DATE, NOW + 1))) == State.PRE_ACTIVE


async def test_what_only_the_server_sets_is_refused(ask: InProcessClient):
    for pair in ((Tag.UNIQUE_IDENTIFIER, "mine"), (Tag.STATE, State.ACTIVE), (Tag.DESTROY_DATE, 1)):
        requested = aes(pair)
        await refused(
            ask, AttributeReadOnly, Operation.CREATE, object_type=KEY, attributes=requested
        )


async def test_what_has_one_value_is_given_one(ask: InProcessClient):
    requested = aes((Tag.ACTIVATION_DATE, 1), (Tag.ACTIVATION_DATE, 2))
    await refused(
        ask, AttributeSingleValued, Operation.CREATE, object_type=KEY, attributes=requested
    )


async def test_sensitive_and_extractable_are_remembered_from_the_start(ask: InProcessClient):
    key = await create(ask, (Tag.SENSITIVE, True), (Tag.EXTRACTABLE, False))
    assert await attribute(ask, key, Tag.ALWAYS_SENSITIVE) is True
    assert await attribute(ask, key, Tag.NEVER_EXTRACTABLE) is True
    key = await create(ask)
    assert await attribute(ask, key, Tag.ALWAYS_SENSITIVE) is False
    assert await attribute(ask, key, Tag.NEVER_EXTRACTABLE) is False


def masks(*requested: ProtectionStorageMask) -> dict[str, ProtectionStorageMasks]:
    return {"protection_storage_masks": ProtectionStorageMasks(protection_storage_mask=requested)}


async def test_it_is_kept_where_it_is_asked_to_be_or_not_at_all(ask: InProcessClient):
    fields = {"object_type": KEY, "attributes": aes()}
    hardware = ProtectionStorageMask.HARDWARE
    await ask(Operation.CREATE, **fields, **masks(hardware, OFFERED))
    await refused(ask, ProtectionStorageUnavailable, Operation.CREATE, **fields, **masks(hardware))


async def test_quantum_safe_is_a_promise(ask: InProcessClient):
    safe = (Tag.QUANTUM_SAFE, True)
    await create(ask, safe, length=256)
    requested = aes(safe, length=128)
    await refused(ask, NotQuantumSafe, Operation.CREATE, object_type=KEY, attributes=requested)


# Templates, which 1.x has


async def template(ask: InProcessClient, name: str, *pairs) -> None:
    managed_object = Template(attributes=Attributes([(Tag.NAME, Name(name_value=name)), *pairs]))
    await ask(
        Operation.REGISTER,
        object_type=ObjectType.TEMPLATE,
        attributes=Attributes(),
        object=managed_object,
    )


async def test_a_template_gives_what_the_request_does_not(ask: InProcessClient):
    ask = ask.at(V1_4)
    await template(
        ask, "strong", (Tag.CRYPTOGRAPHIC_LENGTH, 256), (Tag.CRYPTOGRAPHIC_ALGORITHM, AES)
    )
    for own, length in (((), 256), (((Tag.CRYPTOGRAPHIC_LENGTH, 128),), 128)):
        requested = attributes(*own)
        requested.templates = (Name(name_value="strong"),)
        made = await ask(Operation.CREATE, object_type=KEY, attributes=requested)
        assert await attribute(ask, made.unique_identifier, Tag.CRYPTOGRAPHIC_LENGTH) == length
        assert await attribute(ask, made.unique_identifier, Tag.NAME) is None


async def test_of_several_values_those_of_all_templates_are_taken(ask: InProcessClient):
    """1.4 section 4: the union; of a single value that of the last template."""
    ask = ask.at(V1_4)
    aes = (Tag.CRYPTOGRAPHIC_ALGORITHM, AES)
    await template(ask, "first", aes, (Tag.CRYPTOGRAPHIC_LENGTH, 128), (Tag.OBJECT_GROUP, "a"))
    await template(ask, "last", (Tag.CRYPTOGRAPHIC_LENGTH, 256), (Tag.OBJECT_GROUP, "b"))
    requested = attributes((Tag.OBJECT_GROUP, "c"), (Tag.OBJECT_GROUP, "a"))
    requested.templates = (Name(name_value="first"), Name(name_value="last"))
    made = await ask(Operation.CREATE, object_type=KEY, attributes=requested)
    assert await attribute(ask, made.unique_identifier, Tag.CRYPTOGRAPHIC_LENGTH) == 256
    assert set(await values(ask, made.unique_identifier, Tag.OBJECT_GROUP)) == {"a", "b", "c"}


async def test_a_template_is_its_owners(ask: InProcessClient):
    ask = ask.at(V1_4)
    await template(ask, "strong", (Tag.CRYPTOGRAPHIC_LENGTH, 256))
    requested = attributes((Tag.CRYPTOGRAPHIC_ALGORITHM, AES))
    requested.templates = (Name(name_value="strong"),)
    await refused(
        ask.named("bob"), ItemNotFound, Operation.CREATE, object_type=KEY, attributes=requested
    )


async def test_2_0_and_later_have_none(ask: InProcessClient):
    assert ObjectType.TEMPLATE.span.covers(V1_4)
    assert not ObjectType.TEMPLATE.span.covers(V3_0)
