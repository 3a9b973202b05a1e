"""What a policy may ask of SGX evidence, and the appraisal of a verified enclave report.

MRENCLAVE covers the enclave's pages and nothing of ATTRIBUTES, MISCSELECT or CONFIGID: whoever
starts it chooses them, within what its signature structure allows. So they are checked on their
own. Bits without a name are refused whatever the policy says: a later processor may give them a
meaning that weakens the enclave.

Source: Intel SDM volume 3D, sections 34.7.1 to 34.7.3 (ATTRIBUTES, MISCSELECT); "Intel SGX ECDSA
QuoteLibReference", appendix A.4 (report body).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from operator import or_

from enclave.policy_keys import (
    BOOLEAN,
    Table,
    flags,
    key,
    number,
    octets,
    one_octets,
    tables,
)
from enclave.sgx.abi import MiscSelect, SGXAttributes
from enclave.sgx.dcap_policy import DCAPPolicy, check_tcb
from enclave.sgx.tcb import TCBStatus
from enclave.sgx.verify import VerifiedSGX

_U64 = (1 << 64) - 1

# State that XCR0 can name: x87, SSE, AVX, MPX, AVX-512, PKRU, AMX.
XFRM_KNOWN = 0x602FF
ORDINARY = SGXAttributes.MODE64BIT | SGXAttributes.CET | SGXAttributes.KSS | SGXAttributes.AEXNOTIFY
ALL_ATTRIBUTES = reduce(or_, SGXAttributes)
ALL_MISCSELECT = reduce(or_, MiscSelect)


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
    min_configsvn: int = key(number(0xFFFF), default=0)
    isvextprodids: frozenset[bytes] = key(octets(16), default=frozenset())
    isvfamilyids: frozenset[bytes] = key(octets(16), default=frozenset())
    attributes_required: SGXAttributes = key(flags(SGXAttributes), default=SGXAttributes.INIT)
    attributes_allowed: SGXAttributes = key(flags(SGXAttributes), default=ORDINARY)
    xfrm_required: int = key(number(_U64), default=0)
    xfrm_allowed: int = key(number(_U64), default=XFRM_KNOWN)
    allow_debug: bool = key(BOOLEAN, default=False)


def _check_enclave(verified: VerifiedSGX, policy: SGXPolicy) -> Iterator[str]:
    report = verified.report
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


def _check_configuration(verified: VerifiedSGX, policy: SGXPolicy) -> Iterator[str]:
    """What whoever started the enclave chose, and its publisher let them choose."""
    report = verified.report
    if report.configid not in policy.configids:
        yield f"CONFIGID {report.configid.hex()} is not accepted"
    if report.configsvn < policy.min_configsvn:
        yield f"CONFIGSVN {report.configsvn} is below the minimum"
    if policy.isvextprodids and report.isvextprodid not in policy.isvextprodids:
        yield f"ISVEXTPRODID {report.isvextprodid.hex()} is not accepted"
    if policy.isvfamilyids and report.isvfamilyid not in policy.isvfamilyids:
        yield f"ISVFAMILYID {report.isvfamilyid.hex()} is not accepted"
    if reserved := int.from_bytes(report.miscselect, "little") & ~int(ALL_MISCSELECT):
        yield f"reserved bits {reserved:#x} of MISCSELECT are set"


def _check_attributes(verified: VerifiedSGX, policy: SGXPolicy) -> Iterator[str]:
    report = verified.report
    if report.debug and not policy.allow_debug:
        yield "the enclave is open to debugging by its host"
    if missing := policy.attributes_required & ~report.flags:
        yield f"ATTRIBUTES lack {missing:#x}"
    if reserved := report.flags & ~int(ALL_ATTRIBUTES):
        yield f"reserved bits {reserved:#x} of ATTRIBUTES are set"
    judged = SGXAttributes.INIT | SGXAttributes.DEBUG
    allowed = policy.attributes_required | policy.attributes_allowed | judged
    if extra := report.flags & int(ALL_ATTRIBUTES & ~allowed):
        yield f"ATTRIBUTES {extra:#x} are not accepted"
    if missing_state := policy.xfrm_required & ~report.xfrm:
        yield f"XFRM lacks {missing_state:#x}"
    if extra_state := report.xfrm & ~policy.xfrm_allowed:
        yield f"XFRM bits {extra_state:#x} are not accepted"


CHECKS: tuple[Callable[[VerifiedSGX, SGXPolicy], Iterator[str]], ...] = (
    _check_enclave,
    _check_configuration,
    _check_attributes,
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
