"""Decrypt: what fails does not say why."""

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import BlockCipherMode, Operation, PaddingMethod
from tests.server.conftest import InProcessClient
from tests.server.samples import ACTIVE, create

CBC = CryptographicParameters(
    block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5, random_iv=True
)


async def test_wrong_padding_and_a_wrong_length_are_not_told_apart(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    fields = {"unique_identifier": key, "cryptographic_parameters": CBC}
    reasons = set()
    for last in range(64):
        text = bytes(31) + bytes([last])
        (answer,) = await ask.batch(
            ask.item(Operation.DECRYPT, data=text, iv_counter_nonce=bytes(16), **fields)
        )
        reasons.add((answer.result_reason, answer.result_message))
    reasons.discard((None, None))
    assert len(reasons) == 1
