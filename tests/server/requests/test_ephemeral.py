"""Ephemeral: data that the items behind may use, and that are not returned (2.1 section 8.3)."""

from dataclasses import replace
from typing import Any

import pytest

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    Data,
    Ephemeral,
    HashingAlgorithm,
    Operation,
    ResultReason,
    ResultStatus,
)
from kmip.items import Item
from kmip.messages import ResponseBatchItem
from kmip.tags import Tag
from kmip.versions import V2_0, V2_1, V3_0, ProtocolVersion
from tests.server.conftest import InProcessClient
from tests.server.samples import ACTIVE, create, create_pair

Op = Operation
OUTPUT = (Tag.DATA, Tag.MAC_DATA, Tag.SIGNATURE_DATA)
CTR = CryptographicParameters(block_cipher_mode=BlockCipherMode.CTR)
GCM = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM, tag_length=16)
SHA_256 = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
HMAC = CryptographicParameters(cryptographic_algorithm=CryptographicAlgorithm.HMAC_SHA256)
NONCE = bytes(16)


def ephemeral(ask: InProcessClient, operation, kind=Ephemeral.DATA, batch_id=None, **fields):
    return replace(ask.item(operation, batch_id=batch_id, **fields), ephemeral=kind)


def children(item: ResponseBatchItem) -> list[Item]:
    """What is in the response payload."""
    assert item.response_payload is not None
    return list(item.response_payload.children)


@pytest.mark.parametrize("version", [V2_0, V2_1, V3_0], ids=str)
@pytest.mark.parametrize(
    "operation", [Op.ENCRYPT, Op.DECRYPT, Op.HASH, Op.MAC, Op.SIGN, Op.RNG_RETRIEVE]
)
async def test_the_data_of_no_operation_are_returned(
    ask: InProcessClient, version: ProtocolVersion, operation: Operation
):
    ask = ask.at(version)
    key, (private, _) = await create(ask, ACTIVE), await create_pair(ask, ACTIVE)
    cipher = {"cryptographic_parameters": CTR, "iv_counter_nonce": NONCE, "unique_identifier": key}
    every: dict[Operation, dict[str, Any]] = {
        Op.ENCRYPT: cipher | {"data": b"abc"},
        Op.DECRYPT: cipher | {"data": b"abc"},
        Op.HASH: {"cryptographic_parameters": SHA_256, "data": b"abc"},
        Op.MAC: {"cryptographic_parameters": HMAC, "unique_identifier": key, "data": b"abc"},
        Op.SIGN: {
            "cryptographic_parameters": SHA_256,
            "unique_identifier": private,
            "data": b"abc",
        },
        Op.RNG_RETRIEVE: {"data_length": 8},
    }
    fields = every[operation]
    plain, held_back = await ask.batch(
        ask.item(operation, batch_id=b"1", **fields),
        ephemeral(ask, operation, batch_id=b"2", **fields),
    )
    assert plain.result_status == held_back.result_status == ResultStatus.SUCCESS
    whole = children(plain)
    assert any(item.tag in OUTPUT for item in whole)
    assert children(held_back) == [item for item in whole if item.tag not in OUTPUT]


async def test_the_items_behind_have_the_data(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    cipher = {"cryptographic_parameters": CTR, "iv_counter_nonce": NONCE, "unique_identifier": key}
    _, digest = await ask.batch(
        ephemeral(ask, Op.ENCRYPT, batch_id=b"1", data=b"abc", **cipher),
        ask.item(Op.DECRYPT, batch_id=b"2", data=Data.ENCRYPT, **cipher),
    )
    assert ask.payload(digest).data == b"abc"


async def test_a_tag_and_a_vector_are_returned(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    (item,) = await ask.batch(
        ephemeral(
            ask,
            Op.ENCRYPT,
            data=b"abc",
            unique_identifier=key,
            cryptographic_parameters=replace(GCM, random_iv=True),
        )
    )
    answer = ask.payload(item)
    assert answer.data is None
    assert len(answer.authenticated_encryption_tag) == 16
    assert answer.iv_counter_nonce


async def test_no_part_of_a_stream_is_returned(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    cipher = {"unique_identifier": key, "data": bytes(64)}
    (first,) = await ask.batch(
        ephemeral(
            ask,
            Op.ENCRYPT,
            init_indicator=True,
            cryptographic_parameters=CTR,
            iv_counter_nonce=NONCE,
            **cipher,
        )
    )
    value = ask.payload(first).correlation_value
    (last,) = await ask.batch(
        ephemeral(ask, Op.ENCRYPT, correlation_value=value, final_indicator=True, **cipher)
    )
    assert ask.payload(first).data is None
    assert ask.payload(last).data is None


async def test_an_answer_may_be_empty(ask: InProcessClient):
    ask = ask.at(V3_0)
    (item,) = await ask.batch(
        ephemeral(ask, Op.HASH, Ephemeral.EMPTY, cryptographic_parameters=SHA_256, data=b"abc")
    )
    assert item.result_status == ResultStatus.SUCCESS
    assert children(item) == []


async def test_what_is_not_understood_is_refused_before_anything_is_done(ask: InProcessClient):
    ask = ask.at(V3_0)
    (item,) = await ask.batch(
        ephemeral(
            ask,
            Op.HASH,
            Ephemeral.UNIQUE_IDENTIFIER,
            cryptographic_parameters=SHA_256,
            data=b"abc",
        )
    )
    assert item.result_reason == ResultReason.FEATURE_NOT_SUPPORTED
