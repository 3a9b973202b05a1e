"""Check."""

import pytest

from kmip.enums import Operation, UsageLimitsUnit
from kmip.errors import (
    IncompatibleCryptographicUsageMask,
    PermissionDenied,
    UsageLimitExceeded,
)
from kmip.masks import CryptographicUsageMask as Mask
from kmip.payloads.check import CheckResponse
from kmip.structures import from_item
from kmip.versions import SUPPORTED, ProtocolVersion
from server.attributes import initial
from tests.server.conftest import InProcessClient
from tests.server.samples import create, limits, refused

BOTH = Mask.ENCRYPT | Mask.DECRYPT


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_what_is_allowed_gives_the_identifier(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    key = await create(ask, limits(UsageLimitsUnit.BYTE, 100), mask=BOTH)
    made = await ask(
        Operation.CHECK,
        unique_identifier=key,
        usage_limits_count=100,
        cryptographic_usage_mask=Mask.ENCRYPT,
        lease_time=initial.LEASE_SECONDS,
    )
    assert made == CheckResponse(unique_identifier=key)


@pytest.mark.parametrize(
    "wanted,kind,allowed",
    [
        ({"usage_limits_count": 101}, UsageLimitExceeded, {"usage_limits_count": 100}),
        (
            {"cryptographic_usage_mask": Mask.ENCRYPT | Mask.SIGN},
            IncompatibleCryptographicUsageMask,
            {"cryptographic_usage_mask": BOTH},
        ),
        (
            {"lease_time": initial.LEASE_SECONDS + 1},
            PermissionDenied,
            {"lease_time": initial.LEASE_SECONDS},
        ),
    ],
    ids=["limits", "mask", "lease"],
)
async def test_what_is_not_says_what_would_be(ask: InProcessClient, wanted, kind, allowed):
    key = await create(ask, limits(UsageLimitsUnit.BYTE, 100), mask=BOTH)
    item = await refused(ask, kind, Operation.CHECK, unique_identifier=key, **wanted)
    assert item.response_payload is not None
    answer = from_item(item.response_payload, CheckResponse, ask.version)
    assert answer == CheckResponse(**allowed)


async def test_without_limits_any_number_is_allowed(ask: InProcessClient):
    key = await create(ask)
    await ask(Operation.CHECK, unique_identifier=key, usage_limits_count=1 << 40)
