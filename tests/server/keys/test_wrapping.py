"""Keys that leave wrapped, and come back."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from kmip.attributes import Attributes
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.encodings import ttlv
from kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    EncodingOption,
    KeyFormatType,
    KeyWrapType,
    ObjectType,
    Operation,
    UsageLimitsUnit,
    WrappingMethod,
)
from kmip.errors import (
    CryptographicFailure,
    EncodingOptionError,
    IncompatibleCryptographicUsageMask,
    KeyFormatTypeNotSupported,
    UsageLimitExceeded,
    WrappingObjectArchived,
    WrappingObjectDestroyed,
    WrappingObjectNotFound,
    WrongKeyLifecycleState,
)
from kmip.key_block import (
    EncryptionKeyInformation,
    KeyBlock,
    KeyValue,
    KeyWrappingData,
    KeyWrappingSpecification,
    MACSignatureKeyInformation,
)
from kmip.masks import CryptographicUsageMask as Mask
from kmip.objects import SymmetricKey, key_block_of
from kmip.structures import from_item
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_1, V1_4, V2_1, ProtocolVersion
from server.crypto import wrapping as engine
from server.keys.key_use import wrapped_bytes
from server.requests import audit
from server.setup import audit_trail
from tests.server.conftest import InProcessClient
from tests.server.samples import (
    ACTIVE,
    STOPPED,
    aes,
    archived,
    create,
    destroyed,
    limits,
    material,
    refused,
    register,
    symmetric_key,
)

GET = Operation.GET
KW = CryptographicParameters(block_cipher_mode=BlockCipherMode.NISTKEYWRAP)
CBC = CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC, random_iv=True)
HMAC = CryptographicParameters(cryptographic_algorithm=CryptographicAlgorithm.HMAC_SHA256)
KEK, RAW = bytes(range(16)), bytes(range(32))
PLAIN = EncodingOption.NO_ENCODING
TTLV = EncodingOption.TTLV_ENCODING


def specified(
    key: str | None,
    parameters: CryptographicParameters = KW,
    *,
    method: WrappingMethod = WrappingMethod.ENCRYPT,
    mac: str | None = None,
    **fields: Any,
) -> dict[str, KeyWrappingSpecification]:
    return {
        "key_wrapping_specification": KeyWrappingSpecification(
            wrapping_method=method,
            encryption_key_information=None if key is None else encrypting(key, parameters),
            mac_signature_key_information=None if mac is None else signing(mac),
            **fields,
        )
    }


def encrypting(key: str, parameters: CryptographicParameters) -> EncryptionKeyInformation:
    return EncryptionKeyInformation(unique_identifier=key, cryptographic_parameters=parameters)


def signing(key: str) -> MACSignatureKeyInformation:
    return MACSignatureKeyInformation(unique_identifier=key, cryptographic_parameters=HMAC)


async def block(ask: InProcessClient, key: str, **fields: Any) -> KeyBlock:
    got = await ask(GET, unique_identifier=key, **fields)
    found = key_block_of(got.object)
    assert found is not None
    return found


async def kek(
    ask: InProcessClient, *pairs: Any, mask: Mask = Mask.WRAP_KEY | Mask.UNWRAP_KEY
) -> str:
    return await register(ask, symmetric_key(KEK), *(pairs or (ACTIVE,)), mask=mask)


def unwrapped(wrapped: KeyBlock) -> bytes:
    """By the engine alone, with the key that the test knows."""
    secret = wrapped_bytes(wrapped)
    assert secret is not None
    key = engine.WrappingKey(KEK, CryptographicAlgorithm.AES, KW)
    wrapped_key = engine.Wrapped(secret, None, None)
    return engine.unwrap(WrappingMethod.ENCRYPT, wrapped_key, key, None)


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one >= V1_1], ids=str)
async def test_the_bytes_alone_are_wrapped_without_encoding(
    ask: InProcessClient, version: ProtocolVersion
):
    ask = ask.at(version)
    key = await register(ask, symmetric_key(RAW))
    got = await block(ask, key, **specified(await kek(ask), encoding_option=PLAIN))
    assert isinstance(got.key_value, bytes)  # 1.4 section 2.1.4: "Byte String"
    assert unwrapped(got) == RAW
    assert got.key_wrapping_data is not None
    assert got.key_wrapping_data.encoding_option == PLAIN


@pytest.mark.parametrize("named", ["alice", "*", "bob"])
async def test_a_client_that_looks_in_a_structure_gets_one(ask: InProcessClient, named: str):
    """As PyKMIP does; see `wrapped_key_in_structure`."""
    ask = ask.at(V1_4)
    config = ask.server.config
    ask.server.config = replace(config, wrapped_key_in_structure=(named,))
    key = await register(ask, symmetric_key(RAW))
    got = await block(ask, key, **specified(await kek(ask), encoding_option=PLAIN))
    assert isinstance(got.key_value, bytes) == (named == "bob")
    assert unwrapped(got) == RAW


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_the_key_value_is_wrapped_with_what_belongs_to_it(
    ask: InProcessClient, version: ProtocolVersion
):
    ask = ask.at(version)
    key = await register(ask, symmetric_key(RAW), (Tag.OBJECT_GROUP, "g"))
    names = (Tag.OBJECT_GROUP, Tag.CONTACT_INFORMATION)
    got = await block(ask, key, **specified(await kek(ask), attribute_names=names))
    value = from_item(ttlv.decode(unwrapped(got)), KeyValue, version)
    assert value.key_material == RAW
    assert value.attributes == Attributes([(Tag.OBJECT_GROUP, "g")])


async def test_what_has_no_bytes_is_not_wrapped_as_such(ask: InProcessClient):
    key = await create(ask, (Tag.KEY_FORMAT_TYPE, KeyFormatType.TRANSPARENT_SYMMETRIC_KEY))
    wrapper = await kek(ask)
    plain = specified(wrapper, encoding_option=PLAIN)
    await refused(ask, EncodingOptionError, GET, unique_identifier=key, **plain)
    names = specified(wrapper, encoding_option=PLAIN, attribute_names=(Tag.STATE,))
    other = await create(ask)
    await refused(ask, EncodingOptionError, GET, unique_identifier=other, **names)


async def wrapped_twice(ask: InProcessClient, **fields: Any) -> tuple[str, str, KeyBlock]:
    """A key, its wrapping key, and the block in which it left."""
    key, wrapper = await register(ask, symmetric_key(RAW)), await kek(ask)
    return key, wrapper, await block(ask, key, **specified(wrapper, **fields))


@pytest.mark.parametrize("encoding", [PLAIN, TTLV], ids=lambda one: one.name)
@pytest.mark.parametrize("version", [V1_4, V2_1], ids=str)
async def test_what_left_wrapped_comes_back(
    ask: InProcessClient, version: ProtocolVersion, encoding: EncodingOption
):
    ask = ask.at(version)
    _, _, out = await wrapped_twice(ask, encoding_option=encoding)
    again = await register(ask, SymmetricKey(key_block=out))
    got = await block(ask, again)
    assert got.key_wrapping_data == out.key_wrapping_data
    assert got.key_value == out.key_value
    plain = await material(ask, again, key_wrap_type=KeyWrapType.NOT_WRAPPED)
    assert plain == RAW
    await ask(
        Operation.IMPORT,
        unique_identifier="plain",
        attributes=aes(),
        object=SymmetricKey(key_block=out),
        key_wrap_type=KeyWrapType.NOT_WRAPPED,
        object_type=ObjectType.SYMMETRIC_KEY,
    )
    assert await material(ask, "plain") == RAW


async def test_a_wrapped_key_is_wrapped_anew_from_its_material(ask: InProcessClient):
    _, wrapper, out = await wrapped_twice(ask, encoding_option=PLAIN)
    again = await register(ask, SymmetricKey(key_block=out))
    got = await block(ask, again, **specified(wrapper, encoding_option=PLAIN))
    assert unwrapped(got) == RAW


async def test_a_wrapped_key_keeps_its_format(ask: InProcessClient):
    _, _, out = await wrapped_twice(ask, encoding_option=PLAIN)
    again = await register(ask, SymmetricKey(key_block=out), ACTIVE)
    form = {"key_format_type": KeyFormatType.TRANSPARENT_SYMMETRIC_KEY}
    await refused(ask, KeyFormatTypeNotSupported, GET, unique_identifier=again, **form)


async def test_bytes_within_a_key_value_stay_so(ask: InProcessClient):
    """As clients of 1.x register them (OASIS TC-WRAP-3)."""
    _, wrapper, out = await wrapped_twice(ask, encoding_option=PLAIN)
    secret = wrapped_bytes(out)
    assert secret is not None
    within = replace(out, key_value=KeyValue(key_material=secret))
    again = await register(ask, SymmetricKey(key_block=within))
    assert await material(ask, again, key_wrap_type=KeyWrapType.NOT_WRAPPED) == RAW
    got = await block(ask, again, **specified(wrapper, encoding_option=PLAIN))
    assert isinstance(got.key_value, KeyValue)


async def test_modes_of_block_ciphers_wrap_too(ask: InProcessClient):
    key, wrapper = await register(ask, symmetric_key(RAW)), await kek(ask)
    out = await block(ask, key, **specified(wrapper, CBC, encoding_option=PLAIN))
    again = await register(ask, SymmetricKey(key_block=out))
    assert await material(ask, again, key_wrap_type=KeyWrapType.NOT_WRAPPED) == RAW


async def test_a_mac_is_made_and_checked(ask: InProcessClient):
    key, wrapper = await register(ask, symmetric_key(RAW)), await kek(ask)
    signer = await create(ask, ACTIVE, mask=Mask.MAC_GENERATE | Mask.MAC_VERIFY)
    method = WrappingMethod.ENCRYPT_THEN_MAC_SIGN
    fields = specified(wrapper, method=method, mac=signer, encoding_option=PLAIN)
    out = await block(ask, key, **fields)
    assert out.key_wrapping_data is not None
    again = await register(ask, SymmetricKey(key_block=out))
    assert await material(ask, again, key_wrap_type=KeyWrapType.NOT_WRAPPED) == RAW
    data = replace(out.key_wrapping_data, mac_signature=bytes(32))
    damaged = SymmetricKey(key_block=replace(out, key_wrapping_data=data))
    other = await register(ask, damaged)
    await refused(
        ask,
        CryptographicFailure,
        GET,
        unique_identifier=other,
        key_wrap_type=KeyWrapType.NOT_WRAPPED,
    )


async def test_only_a_key_that_may_wrap_does(ask: InProcessClient):
    key = await create(ask)
    stopped = await kek(ask)
    await ask(Operation.REVOKE, unique_identifier=stopped, **STOPPED)
    for wrapper, kind in (
        (await kek(ask, mask=Mask.ENCRYPT), IncompatibleCryptographicUsageMask),
        (await kek(ask, (Tag.OBJECT_GROUP, "not active")), WrongKeyLifecycleState),
        (stopped, WrongKeyLifecycleState),
        (await archived(ask, ACTIVE), WrappingObjectArchived),
        (await destroyed(ask), WrappingObjectDestroyed),
        ("nobody", WrappingObjectNotFound),
    ):
        await refused(ask, kind, GET, unique_identifier=key, **specified(wrapper))


async def test_a_destroyed_key_does_not_unwrap(ask: InProcessClient):
    _, wrapper, out = await wrapped_twice(ask, encoding_option=PLAIN)
    again = await register(ask, SymmetricKey(key_block=out))
    await ask(Operation.REVOKE, unique_identifier=wrapper, **STOPPED)
    fields = {"unique_identifier": again, "key_wrap_type": KeyWrapType.NOT_WRAPPED}
    await ask(GET, **fields)  # what a stopped key has wrapped it gives back
    await ask(Operation.DESTROY, unique_identifier=wrapper)
    await refused(ask, WrappingObjectDestroyed, GET, **fields)


async def test_a_specification_without_keys_wraps_nothing(ask: InProcessClient):
    key = await create(ask)
    (answer,) = await ask.batch(ask.item(GET, unique_identifier=key, **specified(None)))
    assert answer.result_reason is not None
    assert answer.response_payload is None


async def test_wrapping_data_of_nobody_are_kept_and_not_undone(ask: InProcessClient):
    data = KeyWrappingData(wrapping_method=WrappingMethod.ENCRYPT)
    managed = SymmetricKey(
        key_block=KeyBlock(
            key_format_type=KeyFormatType.RAW,
            key_value=b"x" * 40,
            key_wrapping_data=data,
            cryptographic_algorithm=CryptographicAlgorithm.AES,
            cryptographic_length=256,
        )
    )
    key = await register(ask, managed)
    assert (await block(ask, key)).key_value == b"x" * 40
    (answer,) = await ask.batch(
        ask.item(GET, unique_identifier=key, key_wrap_type=KeyWrapType.NOT_WRAPPED)
    )
    assert answer.result_reason is not None
    assert answer.result_message != "internal error"


async def test_wrapping_counts_against_the_usage_limits(ask: InProcessClient):
    """Of the key that encrypts, and of the one that authenticates; a key may wrap itself."""
    inner = await register(ask, symmetric_key(RAW))
    wrapper = await kek(ask, ACTIVE, limits(UsageLimitsUnit.OBJECT, 1))
    await block(ask, inner, **specified(wrapper))
    await refused(ask, UsageLimitExceeded, GET, unique_identifier=inner, **specified(wrapper))
    signer = await kek(ask, ACTIVE, limits(UsageLimitsUnit.BYTE, len(RAW)), mask=Mask.MAC_GENERATE)
    both = specified(
        await kek(ask),
        mac=signer,
        method=WrappingMethod.ENCRYPT_THEN_MAC_SIGN,
        encoding_option=PLAIN,
    )
    await block(ask, inner, **both)
    await refused(ask, UsageLimitExceeded, GET, unique_identifier=inner, **both)
    own = await kek(ask, ACTIVE, limits(UsageLimitsUnit.OBJECT, 1))
    await block(ask, own, **specified(own))
    await refused(ask, UsageLimitExceeded, GET, unique_identifier=own, **specified(own))


class Trail:
    """An audit trail in memory."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, lines: Iterable[str]) -> None:
        self.lines += lines

    def close(self) -> None:
        pass


async def test_the_audit_log_names_what_left_and_not_what_wrapped_it(ask: InProcessClient):
    inner, kept = await register(ask, symmetric_key(RAW)), Trail()
    await ask(GET, unique_identifier=inner)
    wrapper = await kek(ask)
    audit.send_to(kept)
    try:
        await block(ask, inner, **specified(wrapper))
    finally:
        audit.send_to(audit_trail.Nowhere())
    assert [json.loads(line)["object"] for line in kept.lines] == [inner]
