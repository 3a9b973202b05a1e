"""What a policy may ask of SGX evidence, and the appraisal of a verified enclave report.

Source: "Intel SGX ECDSA QuoteLibReference", appendix A.4 (report body).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from enclave.policy_keys import (
    BOOLEAN,
    Table,
    key,
    number,
    octets,
    one_octets,
    tables,
)
from enclave.sgx.dcap_policy import DCAPPolicy, check_tcb
from enclave.sgx.tcb import TCBStatus
from enclave.sgx.verify import VerifiedSGX


class Signer(Table):
    """A publisher and one of their products.

    Attributes:
        mrsigner: SHA-256 of the publisher's key.
        isvprodid: the product; the same key signs others as well.
        min_isvsvn: the oldest release that is accepted.
    """

    mrsigner: bytes = key(one_octets(32, zeros=False))
    isvprodid: int = key(number(0xFFFF))
    min_isvsvn: int = key(number(0xFFFF))


class SGXPolicy(DCAPPolicy):
    """The section `[sgx]`; docs/attestation.md explains each key."""

    mrenclave: frozenset[bytes] = key(octets(32), default=frozenset())
    signers: tuple[Signer, ...] = key(tables(Signer), default=())
    configids: frozenset[bytes] = key(octets(64), default=frozenset({bytes(64)}))
    allow_debug: bool = key(BOOLEAN, default=False)


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


CHECKS: tuple[Callable[[VerifiedSGX, SGXPolicy], Iterator[str]], ...] = (
    _check_enclave,
    check_tcb,
)


def naming(verified: VerifiedSGX) -> SGXPolicy:
    """The policy that names this evidence, and weakens none of the defaults for it."""
    return SGXPolicy(
        mrenclave=frozenset({verified.report.mrenclave}),
        configids=frozenset({verified.report.configid}),
    )


def warnings_of(verified: VerifiedSGX, _policy: SGXPolicy) -> Iterator[str]:
    """What is accepted and still worth showing."""
    if verified.report.debug:
        yield "the enclave's memory is open to its host (debug)"
    if verified.tcb_status is not TCBStatus.UP_TO_DATE:
        yield f"TCB status {verified.tcb_status}"
