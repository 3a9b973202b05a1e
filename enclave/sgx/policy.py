"""What a policy may ask of SGX evidence, and the appraisal of a verified enclave report.

Source: "Intel SGX ECDSA QuoteLibReference", appendix A.4 (report body).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from enclave.policy_keys import (
    BOOLEAN,
    DATE,
    STRINGS,
    Table,
    key,
    names,
    number,
    octets,
    one_octets,
    tables,
)
from enclave.sgx.tcb import TCBStatus
from enclave.sgx.verify import VerifiedSGX


class Signer(Table):
    """A publisher and one of his products.

    Attributes:
        mrsigner: SHA-256 of his key.
        isvprodid: the product; he signs others as well.
        min_isvsvn: the oldest release that is accepted.
    """

    mrsigner: bytes = key(one_octets(32))
    isvprodid: int = key(number(0xFFFF))
    min_isvsvn: int = key(number(0xFFFF))


class SGXPolicy(Table):
    """The section `[sgx]`; docs/attestation.md explains each key."""

    mrenclave: frozenset[bytes] = key(octets(32), default=frozenset())
    signers: tuple[Signer, ...] = key(tables(Signer), default=())
    configids: frozenset[bytes] = key(octets(64), default=frozenset({bytes(64)}))
    statuses: frozenset[TCBStatus] = key(
        names(TCBStatus), default=frozenset({TCBStatus.UP_TO_DATE})
    )
    advisories: frozenset[str] = key(STRINGS, default=frozenset())
    min_tcb_date: datetime = key(DATE, default=datetime(1970, 1, 1, tzinfo=UTC))
    min_evaluation_number: int = key(number(0xFFFFFFFF), default=0)
    fmspcs: frozenset[bytes] = key(octets(6), default=frozenset())
    allow_debug: bool = key(BOOLEAN, default=False)
    max_collateral_age_days: int = key(number(3650), default=30)


def _check_enclave(verified: VerifiedSGX, policy: SGXPolicy) -> Iterator[str]:
    report = verified.report
    if report.debug and not policy.allow_debug:
        yield "the enclave is open to debugging by its host"
    if report.configid not in policy.configids:
        yield f"CONFIGID {report.configid.hex()} is not accepted"
    if report.mrenclave in policy.mrenclave or any(
        report.mrsigner == signer.mrsigner
        and report.isvprodid == signer.isvprodid
        and report.isvsvn >= signer.min_isvsvn
        for signer in policy.signers
    ):
        return
    yield f"MRENCLAVE {report.mrenclave.hex()} is not accepted"
    if policy.signers:
        yield (
            f"nor is MRSIGNER {report.mrsigner.hex()} "
            f"with product {report.isvprodid} at SVN {report.isvsvn}"
        )


def _check_tcb(verified: VerifiedSGX, policy: SGXPolicy) -> Iterator[str]:
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


CHECKS: tuple[Callable[[VerifiedSGX, SGXPolicy], Iterator[str]], ...] = (
    _check_enclave,
    _check_tcb,
)


def naming(verified: VerifiedSGX) -> SGXPolicy:
    """The policy that names this evidence, and weakens none of the defaults for it."""
    return SGXPolicy(
        mrenclave=frozenset({verified.report.mrenclave}),
        configids=frozenset({verified.report.configid}),
    )


def warnings_of(verified: VerifiedSGX, _policy: SGXPolicy) -> Iterator[str]:
    """What is accepted and still worth saying."""
    if verified.report.debug:
        yield "the enclave's memory is open to its host (debug)"
    if verified.tcb_status is not TCBStatus.UP_TO_DATE:
        yield f"TCB status {verified.tcb_status}"
