"""SEV-SNP among the TEEs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from enclave.evidence import Evidence
from enclave.snp import SEV_SNP
from enclave.snp.abi import parse_report
from enclave.snp.collateral import SNPCollateral
from enclave.snp.collateral_check import check_snp
from enclave.snp.encoding import ENCODING
from enclave.snp.guest import SnpTee
from enclave.snp.key_distribution import endorsements_of, fetch_snp, is_endorsed
from enclave.snp.policy import CHECKS, SNPPolicy, naming, naming_alike, warnings_of
from enclave.snp.verify import VerifiedSNP, verify_snp
from enclave.variant import Variant


def _registers(evidence: Evidence) -> Mapping[str, bytes]:
    return {"measurement": parse_report(evidence.report).measurement}


SNP_VARIANT: Final = Variant[SNPCollateral, VerifiedSNP, SNPPolicy](
    tee=SEV_SNP,
    verifier=verify_snp,
    collateral=SNPCollateral,
    fetch=fetch_snp,
    check_collateral=check_snp,
    empty_collateral=SNPCollateral(),
    section=SNPPolicy,
    checks=CHECKS,
    naming=naming,
    naming_alike=naming_alike,
    code_by_setting=True,
    accepting_no_collateral=lambda policy: replace(policy, allow_missing_revocation_list=True),
    warnings=warnings_of,
    endorsed=is_endorsed,
    endorsements=endorsements_of,
    registers=_registers,
    encoding=ENCODING,
    guest=SnpTee,
)
