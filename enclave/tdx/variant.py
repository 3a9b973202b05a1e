"""TDX among the TEEs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from enclave.collateral import Fetch
from enclave.evidence import Evidence
from enclave.roots import Roots
from enclave.sgx.abi import TDX_TEE_TYPE
from enclave.sgx.certification_service import fetch_dcap, platform_of
from enclave.sgx.collateral import DCAPCollateral
from enclave.sgx.collateral_check import check_dcap
from enclave.sgx.encoding import quote_encoding
from enclave.sgx.quote import SignatureData
from enclave.tdx import TDX
from enclave.tdx.guest import TdxTee
from enclave.tdx.policy import CHECKS, MEASURED, TDXPolicy, naming, warnings_of
from enclave.tdx.quote import parse_tdx_quote
from enclave.tdx.verify import IDS, VerifiedTDX, verify_tdx
from enclave.variant import Variant


def _signature_data(quote: bytes) -> SignatureData:
    return parse_tdx_quote(quote).signature_data


async def _fetch(evidence: Evidence, fetch: Fetch, cache: str | None) -> DCAPCollateral:
    return await fetch_dcap(evidence, fetch, _signature_data, cache)


def _check(evidence: Evidence, collateral: DCAPCollateral, roots: Roots, now: datetime) -> None:
    check_dcap(collateral, IDS, platform_of(evidence, _signature_data), roots, now)


def _registers(evidence: Evidence) -> Mapping[str, bytes]:
    report = parse_tdx_quote(evidence.report).td
    return {name: getattr(report, name) for name in ("mrtd", *MEASURED)}


TDX_VARIANT: Final = Variant[DCAPCollateral, VerifiedTDX, TDXPolicy](
    tee=TDX,
    verifier=verify_tdx,
    collateral=DCAPCollateral,
    fetch=_fetch,
    check_collateral=_check,
    section=TDXPolicy,
    checks=CHECKS,
    naming=naming,
    warnings=warnings_of,
    registers=_registers,
    encoding=quote_encoding(TDX, TDX_TEE_TYPE, "1.2.840.113741.1337.8"),
    guest=TdxTee,
)
