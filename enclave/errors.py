"""The errors of making, verifying and appraising evidence.

Every error of this package is an `EnclaveError`; the kinds tell a caller what to do:

    InvalidEvidence      the bytes do not have the form they claim
    VerificationFailed   they do, but a signature, chain, identity or date is wrong
    InvalidPolicy        the policy file must be corrected
    Refused              the evidence is genuine, but the policy does not accept it
    AttesterBusy         the attester gives no evidence at this moment; ask again
    DeviceError          this machine's chip did not answer

Messages name fields, steps and public values (measurements, versions, dates); they never carry
text from a parsing library, which may quote arbitrary bytes.
"""

from __future__ import annotations

from enum import StrEnum


class EnclaveError(Exception):
    """Any error of `enclave`."""


class InvalidEvidence(EnclaveError):
    """Evidence, endorsement or collateral that cannot be read.

    Args:
        what: the structure that was being read, in the vendor's words.
        why: what is wrong with it; names a field, never quotes its bytes.
    """

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")
        self.what = what
        self.why = why


class Step(StrEnum):
    """The step of verification that failed, in the order in which steps are taken."""

    EVIDENCE = "evidence"
    COLLATERAL = "collateral"
    CERTIFICATE_CHAIN = "certificate chain"
    REVOCATION = "revocation"
    TCB_INFO = "TCB info"
    QE_IDENTITY = "QE identity"
    QE_REPORT = "QE report"
    SIGNATURE = "signature"
    TCB = "TCB"
    CHIP_IDENTITY = "chip identity"
    PRODUCT = "product"
    TDX_MODULE = "TDX module"


class VerificationFailed(EnclaveError):
    """Evidence that can be read, but does not verify under the trusted roots.

    Args:
        step: the step that failed; later steps were not taken.
        why: what did not hold.
    """

    def __init__(self, step: Step, why: str) -> None:
        super().__init__(f"{step}: {why}")
        self.step = step
        self.why = why


class InvalidPolicy(EnclaveError):
    """A policy that cannot be read: unknown key, wrong type, wrong length, contradiction."""


class Refused(EnclaveError):
    """Genuine evidence that the policy does not accept.

    Args:
        reasons: every reason, so that one look shows all; at least one.
    """

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class AttesterBusy(EnclaveError):
    """The attester has no time for evidence now; asked again in some seconds, it may have."""


class DeviceError(EnclaveError):
    """The chip's interface did not answer the request; a later request may succeed."""


class DeviceBusy(DeviceError):
    """The chip's interface is busy; the same request may be repeated, and costs nothing."""


class DeviceLost(DeviceError):
    """The chip's interface will not answer again before a reboot (the platform key is gone)."""
