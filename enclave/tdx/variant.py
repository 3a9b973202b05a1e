"""TDX among the TEEs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from enclave.collateral import Fetch
from enclave.evidence import Evidence
from enclave.sgx.abi import TDX_TEE_TYPE
from enclave.sgx.certification_service import fetch_dcap
from enclave.sgx.collateral import DCAPCollateral
from enclave.sgx.encoding import quote_encoding
from enclave.tdx import TDX
from enclave.tdx.guest import TdxTee
from enclave.tdx.policy import CHECKS, MEASURED, TDXPolicy, naming, warnings_of
from enclave.tdx.quote import parse_tdx_quote
from enclave.tdx.verify import VerifiedTDX, verify_tdx
from enclave.variant import Variant


async def _fetch(evidence: Evidence, fetch: Fetch) -> DCAPCollateral:
    return await fetch_dcap(evidence, fetch, lambda quote: parse_tdx_quote(quote).signature_data)


def _registers(evidence: Evidence) -> Mapping[str, bytes]:
    report = parse_tdx_quote(evidence.report).td
    return {name: getattr(report, name) for name in ("mrtd", *MEASURED)}


TDX_VARIANT: Final = Variant[DCAPCollateral, VerifiedTDX, TDXPolicy](
    tee=TDX,
    verifier=verify_tdx,
    collateral=DCAPCollateral,
    fetch=_fetch,
    section=TDXPolicy,
    checks=CHECKS,
    naming=naming,
    warnings=warnings_of,
    registers=_registers,
    encoding=quote_encoding(TDX, TDX_TEE_TYPE, "1.2.840.113741.1337.8"),
    guest=TdxTee,
)
