"""Encrypt."""

from typing import Any

import pytest

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    Data,
    HashingAlgorithm,
    Operation,
    PaddingMethod,
)
from kmip.errors import FeatureNotSupported, InvalidField, OperationNotSupported
from kmip.messages import RequestBatchItem
from kmip.payloads import PAYLOADS
from kmip.structures import to_item
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_1, V1_2, V1_3, V1_4, V2_1, ProtocolVersion
from tests.server.conftest import InProcessClient
from tests.server.samples import ACTIVE, create, refused

CBC = CryptographicParameters(
    block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5, random_iv=True
)
GCM = CryptographicParameters(
    block_cipher_mode=BlockCipherMode.GCM, random_iv=True, iv_length=96, tag_length=16
)


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one >= V1_2], ids=str)
@pytest.mark.parametrize("length", [0, 1, 1000, 1 << 18])
async def test_what_is_encrypted_is_decrypted(
    ask: InProcessClient, version: ProtocolVersion, length: int
):
    ask = ask.at(version)
    key = await create(ask, ACTIVE)
    fields = {"unique_identifier": key, "cryptographic_parameters": CBC}
    made = await ask(Operation.ENCRYPT, data=bytes(length), **fields)
    assert made.unique_identifier == key
    got = await ask(
        Operation.DECRYPT, data=made.data, iv_counter_nonce=made.iv_counter_nonce, **fields
    )
    assert got.data == bytes(length)


async def test_vectors_are_not_repeated(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    fields = {"unique_identifier": key, "cryptographic_parameters": GCM, "data": b"same"}
    made = [await ask(Operation.ENCRYPT, **fields) for _ in range(3)]
    assert len({one.iv_counter_nonce for one in made}) == 3
    assert len({one.data for one in made}) == 3


@pytest.mark.parametrize("version", [V1_4, V2_1], ids=str)
async def test_authenticated_data_belong_to_the_tag(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    key = await create(ask, ACTIVE)
    fields = {
        "unique_identifier": key,
        "cryptographic_parameters": GCM,
        "authenticated_encryption_additional_data": b"header",
    }
    made = await ask(Operation.ENCRYPT, data=b"secret", **fields)
    fields |= {
        "iv_counter_nonce": made.iv_counter_nonce,
        "authenticated_encryption_tag": made.authenticated_encryption_tag,
        "data": made.data,
    }
    assert (await ask(Operation.DECRYPT, **fields)).data == b"secret"
    fields["authenticated_encryption_additional_data"] = b"other"
    (answer,) = await ask.batch(ask.item(Operation.DECRYPT, **fields))
    assert answer.result_reason is not None
    assert answer.response_payload is None


async def test_data_may_come_from_an_item_before(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    first = ask.item(Operation.RNG_RETRIEVE, data_length=32)
    fields = {"unique_identifier": key, "cryptographic_parameters": CBC}
    for data in (Data.RNG_RETRIEVE, 0, -1):
        items = await ask.batch(first, ask.item(Operation.ENCRYPT, data=data, **fields))
        random, made = map(ask.payload, items)
        got = await ask(
            Operation.DECRYPT, data=made.data, iv_counter_nonce=made.iv_counter_nonce, **fields
        )
        assert got.data == random.data
    for data in (Data.DECRYPT, 7, -7):
        await refused(ask, InvalidField, Operation.ENCRYPT, data=data, **fields)


async def test_it_came_with_1_2(ask: InProcessClient):
    ask = ask.at(V1_1)
    key = await create(ask, ACTIVE)
    await refused(ask, OperationNotSupported, Operation.ENCRYPT, unique_identifier=key)


@pytest.mark.parametrize("version", [V1_2, V1_3], ids=str)
@pytest.mark.parametrize("mode", [BlockCipherMode.GCM, BlockCipherMode.CCM])
async def test_before_1_4_the_tag_stands_behind_the_cipher_text(
    ask: InProcessClient, version: ProtocolVersion, mode: BlockCipherMode
):
    """The field for it came with 1.4; without the tag what is encrypted would be lost."""
    ask = ask.at(version)
    parameters = CryptographicParameters(block_cipher_mode=mode)
    key = await create(ask, ACTIVE)
    fields = {"unique_identifier": key, "cryptographic_parameters": parameters}
    vector = bytes(range(12))
    made = await ask(Operation.ENCRYPT, data=b"hello", iv_counter_nonce=vector, **fields)
    assert len(made.data) > 5
    got = await ask(Operation.DECRYPT, data=made.data, iv_counter_nonce=vector, **fields)
    assert got.data == b"hello"


@pytest.mark.parametrize("operation", [Operation.ENCRYPT, Operation.MAC, Operation.HASH])
async def test_a_stream_that_cannot_go_on_is_refused(ask: InProcessClient, operation):
    """The Correlation Value came with 1.3."""
    key = await create(ask, ACTIVE)
    parameters = CBC
    if operation != Operation.ENCRYPT:
        parameters = CryptographicParameters(
            hashing_algorithm=HashingAlgorithm.SHA_256,
            cryptographic_algorithm=CryptographicAlgorithm.HMAC_SHA256,
        )
    request: Any = PAYLOADS[operation].request
    payload = request(
        cryptographic_parameters=parameters,
        data=b"x",
        init_indicator=True,
        **({} if operation == Operation.HASH else {"unique_identifier": key}),
    )
    newer = to_item(payload, Tag.REQUEST_PAYLOAD, V1_4)  # as clients send it, whatever they say
    item = RequestBatchItem(operation=operation, request_payload=newer)
    (answer,) = await ask.at(V1_2).batch(item)
    assert answer.result_reason == FeatureNotSupported("").reason(V1_2)
