"""What a policy may ask of the platform behind an SGX or a TDX quote.

Source: Intel, "Provisioning Certification Service API", version 4 (TCB status, advisories, TCB
evaluation data number).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from enclave.policy_keys import DATE, STRINGS, Table, key, names, number, octets
from enclave.sgx.platform import VerifiedDCAP
from enclave.sgx.tcb import TCBStatus


class DCAPPolicy(Table):
    """The keys that `[sgx]` and `[tdx]` have in common; docs/attestation.md explains each."""

    statuses: frozenset[TCBStatus] = key(
        names(TCBStatus), default=frozenset({TCBStatus.UP_TO_DATE})
    )
    advisories: frozenset[str] = key(STRINGS, default=frozenset())
    min_tcb_date: datetime = key(DATE, default=datetime(1970, 1, 1, tzinfo=UTC))
    min_evaluation_number: int = key(number(0xFFFFFFFF), default=0)
    fmspcs: frozenset[bytes] = key(octets(6), default=frozenset())
    max_collateral_age_days: int = key(number(3650), default=30)


def check_tcb(verified: VerifiedDCAP, policy: DCAPPolicy) -> Iterator[str]:
    """What the policy does not accept of the platform, one sentence each."""
    if verified.tcb_status not in policy.statuses:
        yield f"TCB status {verified.tcb_status} is not accepted"
    if unaccepted := sorted(verified.advisories - policy.advisories):
        yield f"advisories that still apply: {', '.join(unaccepted)}"
    if verified.tcb_date < policy.min_tcb_date:
        yield f"its TCB is of {verified.tcb_date:%Y-%m-%d}, before the minimum"
    if verified.evaluation_number < policy.min_evaluation_number:
        yield f"TCB evaluation data {verified.evaluation_number} is below the minimum"
    if policy.fmspcs and verified.fmspc not in policy.fmspcs:
        yield f"FMSPC {verified.fmspc.hex()} is not accepted"
