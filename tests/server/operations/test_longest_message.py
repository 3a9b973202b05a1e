"""What can be encrypted can be decrypted: one limit for both, in one part or many."""

from dataclasses import replace

import pytest

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import BlockCipherMode, CryptographicAlgorithm, Operation, ResultReason
from tests.server.conftest import Failed, InProcessClient
from tests.server.samples import ACTIVE, register, symmetric_key

MESSAGE = 16384
LONGEST = MESSAGE - 4096
"""Bytes of data: less than a message, which has a header beside them."""

GCM = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM)
CCM = CryptographicParameters(block_cipher_mode=BlockCipherMode.CCM)
XTS = CryptographicParameters(block_cipher_mode=BlockCipherMode.XTS)
CTR = CryptographicParameters(block_cipher_mode=BlockCipherMode.CTR)
CHACHA20 = CryptographicParameters(cryptographic_algorithm=CryptographicAlgorithm.CHACHA20POLY1305)


def nonce(parameters: CryptographicParameters) -> bytes:
    return bytes(16 if parameters in (XTS, CTR) else 12)


WHOLE = [GCM, CCM, CHACHA20, XTS]
NAMES = ["GCM", "CCM", "ChaCha20-Poly1305", "XTS"]


@pytest.fixture
def ask(ask: InProcessClient) -> InProcessClient:
    ask.server.config = replace(ask.server.config, max_message_bytes=MESSAGE)
    return ask


async def key_for(ask: InProcessClient, parameters: CryptographicParameters) -> str:
    material = bytes(range(64)) if parameters is XTS else bytes(range(32))
    algorithm = parameters.cryptographic_algorithm or CryptographicAlgorithm.AES
    key = symmetric_key(material, cryptographic_algorithm=algorithm)
    return await register(ask, key, ACTIVE)


async def whole(ask, operation, key, parameters, data, tag=None) -> tuple[bytes, bytes | None]:
    """The output and the tag of a message in one part."""
    more = {"authenticated_encryption_tag": tag} if tag else {}
    answer = await ask(
        operation,
        unique_identifier=key,
        cryptographic_parameters=parameters,
        iv_counter_nonce=nonce(parameters),
        data=data,
        **more,
    )
    return answer.data, getattr(answer, "authenticated_encryption_tag", None)


async def in_parts(ask, operation, key, parameters, data, tag=None, *, size=5000):
    """The same of one in parts."""
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    fields = {
        "init_indicator": True,
        "cryptographic_parameters": parameters,
        "iv_counter_nonce": nonce(parameters),
    } | ({"authenticated_encryption_tag": tag} if tag else {})
    output = b""
    for place, part in enumerate(parts):
        last = {"final_indicator": True} if place == len(parts) - 1 else {}
        answer = await ask(operation, unique_identifier=key, data=part, **fields, **last)
        output += answer.data or b""
        fields = {"correlation_value": answer.correlation_value}
    return output, getattr(answer, "authenticated_encryption_tag", None)


@pytest.mark.parametrize("parameters", WHOLE, ids=NAMES)
@pytest.mark.parametrize("encrypt", [whole, in_parts])
@pytest.mark.parametrize("decrypt", [whole, in_parts])
async def test_the_longest_message_comes_back(ask, parameters, encrypt, decrypt):
    key, data = await key_for(ask, parameters), bytes(LONGEST)
    sealed, tag = await encrypt(ask, Operation.ENCRYPT, key, parameters, data)
    opened, _ = await decrypt(ask, Operation.DECRYPT, key, parameters, sealed, tag)
    assert opened == data


@pytest.mark.parametrize("parameters", [GCM, CCM], ids=["GCM", "CCM"])
async def test_it_comes_back_with_its_tag_behind_it(ask, parameters):
    key, data = await key_for(ask, parameters), bytes(LONGEST)
    sealed, tag = await in_parts(ask, Operation.ENCRYPT, key, parameters, data)
    opened, _ = await in_parts(ask, Operation.DECRYPT, key, parameters, sealed + tag)
    assert opened == data


@pytest.mark.parametrize("parameters", WHOLE, ids=NAMES)
@pytest.mark.parametrize("encrypt", [whole, in_parts])
async def test_what_would_not_come_back_is_not_encrypted(ask, parameters, encrypt):
    key, data = await key_for(ask, parameters), bytes(LONGEST + 1)
    with pytest.raises(Failed) as failure:
        await encrypt(ask, Operation.ENCRYPT, key, parameters, data)
    assert failure.value.reason == ResultReason.SERVER_LIMIT_EXCEEDED


async def test_the_limit_is_a_setting(ask):
    key, data = await key_for(ask, GCM), bytes(2 * LONGEST)
    ask.server.config = replace(ask.server.config, max_message_bytes=4 * MESSAGE)
    sealed, tag = await in_parts(ask, Operation.ENCRYPT, key, GCM, data)
    opened, _ = await in_parts(ask, Operation.DECRYPT, key, GCM, sealed, tag)
    assert opened == data


async def test_what_is_decrypted_part_by_part_has_no_limit(ask):
    key, data = await key_for(ask, CTR), bytes(5 * LONGEST)
    sealed, _ = await in_parts(ask, Operation.ENCRYPT, key, CTR, data)
    opened, _ = await in_parts(ask, Operation.DECRYPT, key, CTR, sealed)
    assert opened == data
