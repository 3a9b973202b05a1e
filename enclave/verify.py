"""Evidence → verified evidence, whatever the TEE."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from enclave.collateral import Collateral, DCAPCollateral, SNPCollateral
from enclave.errors import Step, VerificationFailed
from enclave.evidence import TEE, Evidence, Verified
from enclave.roots import Roots
from enclave.sgx.verify import verify_sgx
from enclave.snp.verify import verify_snp
from enclave.tdx.verify import verify_tdx

# A TEE, the kind of collateral that it needs, and its verifier.
VERIFIERS: Mapping[TEE, tuple[type, Callable[[Evidence, Any, Roots, datetime], Verified]]]
VERIFIERS = MappingProxyType(
    {
        TEE.SEV_SNP: (SNPCollateral, verify_snp),
        TEE.TDX: (DCAPCollateral, verify_tdx),
        TEE.SGX: (DCAPCollateral, verify_sgx),
    }
)


def verify(evidence: Evidence, collateral: Collateral, roots: Roots, now: datetime) -> Verified:
    """The evidence, proved to be signed by a chip under `roots`.

    Pure: no clock, file, network or hidden state; the same arguments give the same answer.

    Args:
        evidence: what the attester sent.
        collateral: what its vendor publishes, of the kind that the TEE needs.
        roots: whom to trust: `enclave.roots.vendor_roots()`, unless a software chip's roots
            are meant, which the result then says.
        now: the verifier's own clock, with a time zone.

    Raises:
        InvalidEvidence: evidence, certificates or collateral cannot be read.
        VerificationFailed: they can, and do not hold; it names the step.
    """
    if now.tzinfo is None:
        raise VerificationFailed(Step.EVIDENCE, "the clock has no time zone")
    kind, verifier = VERIFIERS[evidence.tee]
    if not isinstance(collateral, kind):
        raise VerificationFailed(Step.COLLATERAL, f"it is not for {evidence.tee}")
    return verifier(evidence, collateral, roots, now)
