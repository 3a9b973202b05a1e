"""Evidence → verified evidence, for any TEE."""

from __future__ import annotations

from datetime import datetime

from enclave.collateral import Collateral
from enclave.errors import Step, VerificationFailed
from enclave.evidence import Evidence, Verified
from enclave.roots import Roots
from enclave.supported import TEES


def verify(
    evidence: Evidence, collateral: Collateral | None, roots: Roots, now: datetime
) -> Verified:
    """The evidence, proved to be signed by a chip under `roots`.

    Pure: no clock, file, network or hidden state; the same arguments give the same answer.

    Args:
        evidence: what the attester sent.
        collateral: what its vendor publishes, of the kind that the TEE needs; None where there is
            nothing, which some TEEs can be verified without (`Variant.empty_collateral`).
        roots: the trust anchors: `enclave.roots.vendor_roots()`, unless a software chip's roots
            are meant, and then the result is marked `simulated`.
        now: the verifier's own clock, with a time zone.

    Raises:
        InvalidEvidence: evidence, certificates or collateral cannot be read.
        VerificationFailed: they can, but do not verify; it names the step.
    """
    if now.tzinfo is None:
        raise VerificationFailed(Step.EVIDENCE, "the clock has no time zone")
    variant = TEES.get(evidence.tee)
    if variant is None:
        raise VerificationFailed(Step.EVIDENCE, f"no evidence of {evidence.tee} is understood")
    if collateral is None:
        collateral = variant.empty_collateral
    if not isinstance(collateral, variant.collateral):
        raise VerificationFailed(Step.COLLATERAL, f"it is not for {evidence.tee}")
    verified: Verified = variant.verifier(evidence, collateral, roots, now)
    return verified
