"""Evidence as it was received, and as it was verified: two types that are never mixed up.

The words are those of RFC 9334: an *attester* (the chip, on behalf of a confidential VM) makes
*evidence*; *endorsements* and *collateral* from the vendor let a *verifier* decide whether the
evidence is genuine; *appraisal* then compares it with a *policy* of reference values.

    Evidence    --verify(collateral, roots, now)-->   Verified   --appraise(policy)-->   Appraised

Each arrow gives the next type or raises; nothing that appraises or trusts takes `Evidence`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType

from enclave.errors import InvalidEvidence

MAX_REPORT_SIZE = 1 << 15  # quotes have about 5 KB; DICE-style ones up to 16 KB
MAX_CERTIFICATES = 8  # a leaf, an intermediate and a root would do
MAX_CERTIFICATE_SIZE = 8192


TEE = NewType("TEE", str)
"""The name of a kind of trusted execution environment, as policies and collateral files have it.

The names of those that are supported are the keys of `enclave.supported.TEES`.
"""


@dataclass(frozen=True)
class Evidence:
    """What an attester sent. Nothing in it is true before it is verified.

    Attributes:
        tee: what it claims to come from.
        report: what the chip signed, in the vendor's format: an attestation report or a quote.
        certificates: DER certificates that came along, where the report does not carry its own;
            which are needed is documented at the TEE's verifier.

    Raises:
        InvalidEvidence: something in it is longer or more than any real evidence.
    """

    tee: TEE
    report: bytes = field(repr=False)
    certificates: tuple[bytes, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if len(self.report) > MAX_REPORT_SIZE:
            raise InvalidEvidence(self.tee, f"report of {len(self.report)} bytes")
        if len(self.certificates) > MAX_CERTIFICATES:
            raise InvalidEvidence(self.tee, f"{len(self.certificates)} certificates")
        if any(len(certificate) > MAX_CERTIFICATE_SIZE for certificate in self.certificates):
            raise InvalidEvidence(self.tee, "a certificate is too long")


@dataclass(frozen=True, kw_only=True)
class Verified(ABC):
    """Evidence whose signature, chain, identity and TCB hold. Made by `verify` alone.

    It means that a chip under these roots signed this report, and nothing about whether such a VM
    is acceptable: that is for `enclave.policy.appraise`.

    Attributes:
        simulated: the root is not the vendor's own, so no chip stands behind this.
        verified_at: the verifier's clock at verification.
        valid_until: when the first certificate, revocation list or collateral expires.
        collateral_issued: when the oldest of the collateral that vendors renew was issued; None
            where there was none.
    """

    simulated: bool
    verified_at: datetime
    valid_until: datetime
    collateral_issued: datetime | None

    @property
    @abstractmethod
    def tee(self) -> TEE:
        """What it comes from."""

    @property
    def committed_tcb(self) -> bytes | None:
        """The TCB version that keys of this chip are made for now; None where it makes none."""
        return None

    @property
    @abstractmethod
    def report_data(self) -> bytes:
        """The 64 bytes that the attester chose."""

    @property
    @abstractmethod
    def measurement(self) -> bytes:
        """The launch measurement; its length is the TEE's."""

    @property
    @abstractmethod
    def tcb(self) -> str:
        """The platform and the state of its firmware (TCB), in one line for people."""
