"""Register, of all types of objects."""

import hashlib
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kmip.attribute_values import KeyValueLocation
from kmip.attributes import Attributes
from kmip.enums import (
    CertificateType,
    CryptographicAlgorithm,
    KeyFormatType,
    KeyValueLocationType,
    ObjectType,
    Operation,
    ResultReason,
    SplitKeyMethod,
    State,
)
from kmip.errors import (
    AttributeSingleValued,
    InvalidField,
    InvalidObjectType,
    KeyValueNotPresent,
    KMIPError,
    MissingField,
)
from kmip.key_block import KeyBlock, KeyValue, TransparentSymmetricKey
from kmip.masks import CryptographicUsageMask as Mask
from kmip.objects import Certificate, PGPKey, SplitKey, SymmetricKey, object_type_of
from kmip.tags import Tag
from kmip.versions import (
    SUPPORTED,
    V1_0,
    V1_1,
    V1_2,
    V1_3,
    V1_4,
    V2_1,
    V3_0,
    ProtocolVersion,
)
from server.attributes.protection_storage import NotQuantumSafe
from tests.server.conftest import NOW, InProcessClient
from tests.server.samples import (
    ACTIVE,
    Pair,
    aes,
    attribute,
    attributes,
    certificate,
    opaque,
    refused,
    register,
    secret,
    state,
    symmetric_key,
    values,
)

KEY = ObjectType.SYMMETRIC_KEY
RAW = bytes(range(32))


def split() -> SplitKey:
    return SplitKey(
        split_key_parts=3,
        key_part_identifier=1,
        split_key_threshold=2,
        split_key_method=SplitKeyMethod.XOR,
        key_block=symmetric_key(RAW).key_block,
    )


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
@pytest.mark.parametrize(
    "managed",
    [symmetric_key(RAW), secret(), opaque(), certificate(), split()],
    ids=lambda one: type(one).__name__,
)
async def test_what_is_given_is_given_back(ask: InProcessClient, version: ProtocolVersion, managed):
    ask = ask.at(version)
    one = await register(ask, managed)
    got = await ask(Operation.GET, unique_identifier=one)
    assert got.object == managed


async def test_what_the_material_tells_need_not_be_said(ask: InProcessClient):
    bare = replace(
        symmetric_key(RAW).key_block, cryptographic_algorithm=None, cryptographic_length=None
    )
    one = await register(
        ask, SymmetricKey(key_block=bare), (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES)
    )
    assert await attribute(ask, one, Tag.CRYPTOGRAPHIC_LENGTH) == 256
    assert await attribute(ask, one, Tag.KEY_FORMAT_TYPE) == KeyFormatType.RAW
    one = await register(ask, split())
    assert await attribute(ask.at(V3_0), one, Tag.SPLIT_KEY_THRESHOLD) == 2
    assert await attribute(ask.at(V3_0), one, Tag.KEY_PART_IDENTIFIER) == 1
    one = await register(ask, opaque())
    assert await attribute(ask, one, Tag.OPAQUE_DATA_TYPE) == 0x80000001
    one = await register(ask, certificate())
    subject = await attribute(ask, one, Tag.X_509_CERTIFICATE_SUBJECT)
    assert b"alice" in subject.subject_distinguished_name


async def test_a_transparent_key_has_two_digests(
    ask: InProcessClient,
):
    """2.1 section 4.21: of the TTLV-encoded structure, and of the default format."""
    block = replace(
        symmetric_key(RAW).key_block,
        key_format_type=KeyFormatType.TRANSPARENT_SYMMETRIC_KEY,
        key_value=KeyValue(key_material=TransparentSymmetricKey(key=RAW)),
    )
    one = await register(ask, SymmetricKey(key_block=block))
    structure = bytes.fromhex("4200430100000028 42003f0800000020") + RAW
    digests = {one.key_format_type: one.digest_value for one in await values(ask, one, Tag.DIGEST)}
    assert digests == {
        KeyFormatType.TRANSPARENT_SYMMETRIC_KEY: hashlib.sha256(structure).digest(),
        KeyFormatType.RAW: hashlib.sha256(RAW).digest(),
    }


@pytest.mark.parametrize("version", [V1_4, V2_1], ids=str)
async def test_a_key_block_keeps_to_the_rules(ask: InProcessClient, version: ProtocolVersion):
    """1.4 section 3, 2.1 section 4: what is set by the server only is not the client's to say."""
    ask = ask.at(version)
    tags = (Tag.DESTROY_DATE, Tag.COMPROMISE_DATE, Tag.INITIAL_DATE, Tag.LAST_CHANGE_DATE)
    within = Attributes([(tag, NOW - 1000) for tag in tags])
    value = KeyValue(key_material=RAW, attributes=within)
    managed = SymmetricKey(key_block=replace(symmetric_key(RAW).key_block, key_value=value))
    key = await register(ask, managed)
    found = [await attribute(ask, key, tag) for tag in tags]
    assert found == [None, None, NOW, NOW]
    assert await state(ask, key) == State.PRE_ACTIVE


@pytest.mark.parametrize(
    "managed,expected",
    [
        (symmetric_key(RAW), Mask.ENCRYPT | Mask.DECRYPT),
        (secret(), Mask.DERIVE_KEY),
        (certificate(), Mask.VERIFY),
        (opaque(), None),
    ],
    ids=["key", "secret", "certificate", "opaque"],
)
async def test_a_usage_mask_is_supplied(ask: InProcessClient, managed, expected):
    """2.1 section 4.17: keys, secrets and certificates always have one."""
    kind = object_type_of(managed)
    fields = {"object_type": kind, "object": managed, "attributes": Attributes()}
    made = await ask(Operation.REGISTER, **fields)
    found = await attribute(ask, made.unique_identifier, Tag.CRYPTOGRAPHIC_USAGE_MASK)
    assert found == expected


@pytest.mark.parametrize("version", [V1_0, V1_1, V1_2, V1_3])
@pytest.mark.parametrize("managed", [symmetric_key(RAW), secret()], ids=["key", "secret"])
async def test_a_key_is_not_registered_without_a_usage_mask_where_it_is_required(
    ask: InProcessClient, managed, version
):
    """1.3 section 4.3; published cases register Secret Data without (SASED-M-2)."""
    kind = object_type_of(managed)
    fields = {"object_type": kind, "object": managed, "attributes": Attributes()}
    older = ask.at(version)
    if kind == ObjectType.SYMMETRIC_KEY:
        await refused(older, MissingField, Operation.REGISTER, **fields)
        return
    await older(Operation.REGISTER, **fields)


async def test_a_certificate_in_pem_is_kept_as_it_is_defined(ask: InProcessClient):
    """2.1 section 2.2: DER; and so its length and what Get gives."""
    der = certificate()
    text = x509.load_der_x509_certificate(der.certificate_value).public_bytes(Encoding.PEM)
    key = await register(ask, replace(der, certificate_value=text))
    got = await ask(Operation.GET, unique_identifier=key)
    assert got.object == der
    assert await attribute(ask, key, Tag.CERTIFICATE_LENGTH) == len(der.certificate_value)


async def test_attributes_within_the_key_block_count_where_none_is_given(ask: InProcessClient):
    within = Attributes([(Tag.DESCRIPTION, "within"), (Tag.COMMENT, "within")])
    value = KeyValue(key_material=RAW, attributes=within)
    managed = SymmetricKey(key_block=replace(symmetric_key(RAW).key_block, key_value=value))
    one = await register(ask, managed, (Tag.DESCRIPTION, "given"))
    assert await attribute(ask, one, Tag.DESCRIPTION) == "given"
    assert await attribute(ask, one, Tag.COMMENT) == "within"


@pytest.mark.parametrize(
    "within,kind",
    [
        ([(Tag.ACTIVATION_DATE, NOW - 1), (Tag.ACTIVATION_DATE, NOW - 2)], AttributeSingleValued),
        ([(Tag.QUANTUM_SAFE, True)], NotQuantumSafe),
    ],
    ids=["one value", "quantum safety"],
)
async def test_attributes_within_the_key_block_are_checked_like_others(
    ask: InProcessClient, within: list[Pair], kind: type[KMIPError]
):
    value = KeyValue(key_material=RAW[:16], attributes=Attributes(within))
    managed = SymmetricKey(key_block=replace(symmetric_key(RAW[:16]).key_block, key_value=value))
    fields = {"object_type": ObjectType.SYMMETRIC_KEY, "object": managed}
    length = (Tag.CRYPTOGRAPHIC_LENGTH, 128)
    await refused(ask, kind, Operation.REGISTER, attributes=attributes(length), **fields)


async def test_the_type_must_be_the_objects(ask: InProcessClient):
    fields = {"attributes": attributes(), "object": opaque()}
    await refused(ask, InvalidObjectType, Operation.REGISTER, object_type=KEY, **fields)
    await refused(ask, InvalidField, Operation.REGISTER, object_type=KEY, attributes=attributes())


async def test_a_key_may_be_kept_elsewhere(ask: InProcessClient):
    ask = ask.at(V1_2)
    bare = SymmetricKey(key_block=replace(symmetric_key(RAW).key_block, key_value=None))
    fields = {"object_type": KEY, "object": bare}
    made = await ask(Operation.REGISTER, attributes=aes(), **fields)  # the place MAY be said
    assert await attribute(ask, made.unique_identifier, Tag.KEY_VALUE_PRESENT) is False
    place = KeyValueLocation(
        key_value_location_value="https://elsewhere.example/1",
        key_value_location_type=KeyValueLocationType.URI,
    )
    requested = aes((Tag.KEY_VALUE_LOCATION, place), ACTIVE)
    made = await ask(Operation.REGISTER, attributes=requested, **fields)
    one = made.unique_identifier
    assert await attribute(ask, one, Tag.KEY_VALUE_PRESENT) is False
    assert await attribute(ask, one, Tag.DIGEST) is None
    got = await ask(Operation.GET, unique_identifier=one)
    assert got.object == bare
    await refused(
        ask,
        KeyValueNotPresent,
        Operation.GET,
        unique_identifier=one,
        key_format_type=KeyFormatType.TRANSPARENT_SYMMETRIC_KEY,
    )
    await refused(ask, KeyValueNotPresent, Operation.ENCRYPT, unique_identifier=one, data=b"x")
    both = await register(ask, symmetric_key(RAW), (Tag.KEY_VALUE_LOCATION, place))
    assert await attribute(ask, both, Tag.KEY_VALUE_PRESENT) is True


async def test_a_certificate_that_is_none_is_refused(ask: InProcessClient):
    nonsense = Certificate(certificate_type=CertificateType.X_509, certificate_value=b"nonsense")
    await refused(
        ask,
        InvalidField,
        Operation.REGISTER,
        object_type=ObjectType.CERTIFICATE,
        attributes=attributes(),
        object=nonsense,
    )


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one >= V1_2], ids=str)
async def test_a_pgp_key_is_kept(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    block = KeyBlock(key_format_type=KeyFormatType.RAW, key_value=KeyValue(key_material=b"pgp"))
    managed = PGPKey(pgp_key_version=4, key_block=block)
    made = await ask(
        Operation.REGISTER,
        object_type=ObjectType.PGP_KEY,
        attributes=attributes(),
        object=managed,
    )
    got = await ask(Operation.GET, unique_identifier=made.unique_identifier)
    assert got.object == managed


async def test_attributes_that_name_another_type_of_object_are_refused(ask: InProcessClient):
    for operation, fields in (
        (Operation.REGISTER, {"object": secret()}),
        (Operation.IMPORT, {"object": secret(), "unique_identifier": "a"}),
    ):
        for named, reason in (
            (ObjectType.SYMMETRIC_KEY, ResultReason.INVALID_FIELD),
            (ObjectType.SECRET_DATA, None),
        ):
            found = attributes((Tag.OBJECT_TYPE, named))
            kind = ObjectType.SECRET_DATA
            item = ask.item(operation, object_type=kind, attributes=found, **fields)
            (answer,) = (await ask.message(item)).batch_item
            assert answer.result_reason == reason, (operation, named)
