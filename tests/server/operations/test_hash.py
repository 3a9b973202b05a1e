"""Hash."""

import hashlib

import pytest

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import Data, HashingAlgorithm, Operation
from kmip.versions import SUPPORTED, V1_2, ProtocolVersion
from tests.server.conftest import InProcessClient

SHA256 = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one >= V1_2], ids=str)
async def test_it_is_the_hash(ask: InProcessClient, version: ProtocolVersion):
    for data in (b"", b"abc", bytes(100_000)):
        got = await ask.at(version)(Operation.HASH, cryptographic_parameters=SHA256, data=data)
        assert got.data == hashlib.sha256(data).digest()


async def test_one_hash_may_be_of_another(ask: InProcessClient):
    _, second = await ask.batch(
        ask.item(Operation.HASH, cryptographic_parameters=SHA256, data=b"abc"),
        ask.item(Operation.HASH, cryptographic_parameters=SHA256, data=Data.HASH),
    )
    twice = hashlib.sha256(hashlib.sha256(b"abc").digest()).digest()
    assert ask.payload(second).data == twice
