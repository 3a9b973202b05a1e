"""SGX among the TEEs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from enclave.collateral import Fetch
from enclave.evidence import Evidence
from enclave.roots import Roots
from enclave.sgx import SGX
from enclave.sgx.abi import SGX_TEE_TYPE
from enclave.sgx.certification_service import fetch_dcap, platform_of
from enclave.sgx.collateral import DCAPCollateral
from enclave.sgx.collateral_check import check_dcap
from enclave.sgx.encoding import quote_encoding
from enclave.sgx.policy import CHECKS, SGXPolicy, naming, warnings_of
from enclave.sgx.quote import SignatureData, parse_sgx_quote
from enclave.sgx.verify import IDS, VerifiedSGX, verify_sgx
from enclave.variant import Variant


def _signature_data(quote: bytes) -> SignatureData:
    return parse_sgx_quote(quote).signature_data


async def _fetch(evidence: Evidence, fetch: Fetch, cache: str | None) -> DCAPCollateral:
    return await fetch_dcap(evidence, fetch, _signature_data, cache)


def _check(evidence: Evidence, collateral: DCAPCollateral, roots: Roots, now: datetime) -> None:
    check_dcap(collateral, IDS, platform_of(evidence, _signature_data), roots, now)


def _registers(evidence: Evidence) -> Mapping[str, bytes]:
    return {"mrenclave": parse_sgx_quote(evidence.report).body.mrenclave}


SGX_VARIANT: Final = Variant[DCAPCollateral, VerifiedSGX, SGXPolicy](
    tee=SGX,
    verifier=verify_sgx,
    collateral=DCAPCollateral,
    fetch=_fetch,
    check_collateral=_check,
    section=SGXPolicy,
    checks=CHECKS,
    naming=naming,
    warnings=warnings_of,
    registers=_registers,
    encoding=quote_encoding(
        SGX,
        SGX_TEE_TYPE,
        bare_oid="1.2.840.113741.1337.6",
        gramine_oid="0.6.9.42.840.113741.1337.6",
    ),
)
