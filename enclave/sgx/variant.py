"""SGX among the TEEs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from enclave.collateral import Fetch
from enclave.evidence import Evidence
from enclave.sgx import SGX
from enclave.sgx.abi import SGX_TEE_TYPE
from enclave.sgx.certification_service import fetch_dcap
from enclave.sgx.collateral import DCAPCollateral
from enclave.sgx.encoding import quote_encoding
from enclave.sgx.policy import CHECKS, SGXPolicy, naming, warnings_of
from enclave.sgx.quote import parse_sgx_quote
from enclave.sgx.verify import VerifiedSGX, verify_sgx
from enclave.variant import Variant


async def _fetch(evidence: Evidence, fetch: Fetch) -> DCAPCollateral:
    return await fetch_dcap(evidence, fetch, lambda quote: parse_sgx_quote(quote).signature_data)


def _registers(evidence: Evidence) -> Mapping[str, bytes]:
    return {"mrenclave": parse_sgx_quote(evidence.report).body.mrenclave}


SGX_VARIANT: Final = Variant[DCAPCollateral, VerifiedSGX, SGXPolicy](
    tee=SGX,
    verifier=verify_sgx,
    collateral=DCAPCollateral,
    fetch=_fetch,
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
