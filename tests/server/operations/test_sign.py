"""Sign, and Signature Verify with it."""

import hashlib

import pytest

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import (
    CryptographicAlgorithm,
    DigitalSignatureAlgorithm,
    Operation,
    ValidityIndicator,
)
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_2, V1_4, ProtocolVersion
from tests.server.conftest import InProcessClient
from tests.server.samples import ACTIVE, attributes, create_pair

ECDSA = CryptographicParameters(
    digital_signature_algorithm=DigitalSignatureAlgorithm.ECDSA_WITH_SHA256
)
TEXT = bytes(range(200))
DIGEST = hashlib.sha256(TEXT).digest()
VALID, INVALID = ValidityIndicator.VALID, ValidityIndicator.INVALID


def using(key: str) -> dict[str, object]:
    return {"unique_identifier": key, "cryptographic_parameters": ECDSA}


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one >= V1_2], ids=str)
async def test_a_signature_holds_for_its_data_alone(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    private, public = await create_pair(ask, ACTIVE)
    made = await ask(Operation.SIGN, data=TEXT, **using(private))
    for data, expected in ((TEXT, VALID), (TEXT[1:], INVALID)):
        got = await ask(
            Operation.SIGNATURE_VERIFY,
            data=data,
            signature_data=made.signature_data,
            **using(public),
        )
        assert got.validity_indicator == expected


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one >= V1_4], ids=str)
async def test_a_digest_may_be_given(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    private, public = await create_pair(ask, ACTIVE)
    made = await ask(Operation.SIGN, digested_data=DIGEST, **using(private))
    for data_field in ({"data": TEXT}, {"digested_data": DIGEST}):
        got = await ask(
            Operation.SIGNATURE_VERIFY,
            signature_data=made.signature_data,
            **data_field,
            **using(public),
        )
        assert got.validity_indicator == VALID
    got = await ask(
        Operation.SIGNATURE_VERIFY,
        signature_data=made.signature_data,
        digested_data=bytes(32),
        **using(public),
    )
    assert got.validity_indicator == INVALID


async def test_data_may_come_in_parts(ask: InProcessClient):
    private, public = await create_pair(ask, ACTIVE)
    first = await ask(Operation.SIGN, data=TEXT[:9], init_indicator=True, **using(private))
    value = first.correlation_value
    await ask(Operation.SIGN, data=TEXT[9:20], correlation_value=value)
    made = await ask(Operation.SIGN, data=TEXT[20:], correlation_value=value, final_indicator=True)
    first = await ask(
        Operation.SIGNATURE_VERIFY,
        data=TEXT[:50],
        signature_data=made.signature_data,
        init_indicator=True,
        **using(public),
    )
    value = first.correlation_value
    await ask(Operation.SIGNATURE_VERIFY, data=TEXT[50:60], correlation_value=value)
    got = await ask(
        Operation.SIGNATURE_VERIFY, data=TEXT[60:], correlation_value=value, final_indicator=True
    )
    assert got.validity_indicator == VALID


async def test_ed25519_signs_too(ask: InProcessClient):
    algorithm = (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.ED25519)
    pair = await ask(Operation.CREATE_KEY_PAIR, common_attributes=attributes(algorithm, ACTIVE))
    made = await ask(
        Operation.SIGN, unique_identifier=pair.private_key_unique_identifier, data=TEXT
    )
    got = await ask(
        Operation.SIGNATURE_VERIFY,
        unique_identifier=pair.public_key_unique_identifier,
        data=TEXT,
        signature_data=made.signature_data,
    )
    assert got.validity_indicator == VALID
