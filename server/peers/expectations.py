"""What another server must be, for this one to hand its provisioning over, to take it, or to talk.

Nobody looks on when two servers meet, so each must have reference values that are its operator's.

**Who gives** has them: the operator's policy, which they gave it (`server.peers.kept_policy`). It
is compared with the taker's evidence, and the taker's claims with what the giver itself is:
the operator, the deployment, and the settings, which the operator saw when they verified the giver.
Other settings are accepted where the policy lists their digests.

**Who takes** has been given nothing yet. What it knows for certain is what it is itself: its code,
by its own evidence, and the operator and the deployment that it claims, to which every user
compares it. So it takes from a server of the same measurement alone, under a TCB that is no older,
which claims the same operator and the same deployment, in a role that only a provisioned server
has. Code that is the same makes such claims for the same reason: its operator has provisioned it,
or one before it of which this is true.

A measurement that names a provider's firmware and no code proves nothing of that, so a server of
which no more is measured neither gives nor takes. A simulated TEE proves nothing either, and needs
a setting that is among the claims (`insecure_allow_simulated_peers`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import trio

from enclave import report_data
from enclave.claims import Role
from enclave.claims_policy import ClaimsPolicy
from enclave.client import Expectation
from enclave.collateral import Collateral
from enclave.collateral_file import read_collateral
from enclave.errors import EnclaveError, Refused, Step, VerificationFailed
from enclave.evidence import TEE
from enclave.insecure.tee import roots_in
from enclave.policy import Policy, accepting_no_collateral, naming_alike, read_policy
from enclave.roots import Roots, vendor_roots
from enclave.supported import TEES
from enclave.tee import Tee
from enclave.verify import verify
from server.attestation import attester
from server.setup import files
from server.setup.config import Config
from server.setup.failure import Failure

FAILED_SECONDS: Final = 30.0
"""After which this machine's own evidence is looked at again, where it could not be verified."""


@dataclass(frozen=True, slots=True)
class Vendors:
    """What evidence is verified by.

    Attributes:
        collateral: what the vendors publish, by TEE.
        roots: the trust anchors; None: the vendors' own.
    """

    collateral: Mapping[TEE, Collateral] = field(default_factory=dict, repr=False)
    roots: Roots | None = field(default=None, repr=False)


def vendors_of(config: Config) -> Vendors:
    """What the settings name; the file is the host's, and what is in it the vendors' own word.

    Raises:
        Failure: it cannot be read.
    """
    path = config.peer_collateral
    if path is None:
        return Vendors()
    try:
        return Vendors(read_collateral(files.read(path, "The collateral", pipes=True)))
    except EnclaveError as error:
        raise Failure(f"The collateral {path} cannot be used: {error}.") from None


def check_settings(config: Config, tee: Tee) -> None:
    """Let pass where evidence of this machine's kind can vouch for code.

    Raises:
        Failure: it cannot.
    """
    if tee.simulated:
        if not config.insecure_allow_simulated_peers:
            raise Failure(
                "This machine's TEE is simulated, and proves nothing to other servers; "
                "insecure_allow_simulated_peers has them accept it."
            )
    elif TEES[tee.kind].code_by_setting and not config.measured_launch:
        raise Failure(
            "Servers know each other by their code, which the measurement names only where "
            "measured_launch can be set."
        )


@dataclass
class Expectations:
    """What this server's peers must be.

    Attributes:
        config: the settings.
        tee: this machine's.
        now: the clock, with a time zone.
        vendors: gives what evidence is verified by; asked each time, since what the vendors publish
            is renewed.

    Raises:
        Failure: see `check_settings`, and `server.attestation.attester.owner`.
    """

    config: Config
    tee: Tee
    now: Callable[[], datetime]
    vendors: Callable[[], Vendors]
    _own: Policy | None = field(default=None, init=False, repr=False)
    _failed: EnclaveError | None = field(default=None, init=False, repr=False)
    _again_at: float = field(default=0.0, init=False, repr=False)

    def __post_init__(self) -> None:
        check_settings(self.config, self.tee)
        self._owner = attester.owner(self.config)
        if self._owner.operator_sha256 is None:
            raise Failure("A server that no operator has provisioned has no peers.")

    async def giver(self) -> Expectation:
        """Of a server from which this one takes its provisioning: one of the same code.

        Raises:
            EnclaveError: this machine's evidence cannot be had, or not be verified.
            Failure: what the vendors publish cannot be read.
        """
        vendors = self.vendors()
        return self._expectation(Role.PEER, await self._own_code(vendors), vendors)

    async def peer(self, policy: str) -> Expectation:
        """Of a server that is provisioned too: one that the operator's policy accepts.

        Args:
            policy: TOML; empty: there is none, and only the same code is accepted.

        Raises:
            EnclaveError, Failure: as `giver` and `taker`.
        """
        return replace(self.taker(policy), role=Role.PEER) if policy else await self.giver()

    def taker(self, policy: str) -> Expectation:
        """Of a server to which this one hands its provisioning over.

        Args:
            policy: the operator's, TOML; empty: they allowed none.

        Raises:
            Refused: they allowed none.
            InvalidPolicy, Failure: policy or collateral cannot be read.
        """
        if not policy:
            raise Refused(("the operator has allowed no server to take the provisioning",))
        read = read_policy(policy)
        claims = _no_weaker(read.claims, self.config)
        return self._expectation(Role.TAKER, replace(read, claims=claims), self.vendors())

    def _expectation(self, role: Role, policy: Policy, vendors: Vendors) -> Expectation:
        return Expectation(
            policy=policy,
            role=role,
            deployment=self._owner.deployment,
            operator_sha256=self._owner.operator_sha256,
            collateral=vendors.collateral,
            roots=vendors.roots,
            allow_insecure_simulated=(
                self.tee.simulated and self.config.insecure_allow_simulated_peers
            ),
        )

    async def _own_code(self, vendors: Vendors) -> Policy:
        """The policy that names this machine's own evidence; found out once.

        Where it cannot be, it is not tried again for a while: strangers must not have the chip
        asked each time.
        """
        if self._own is not None:
            return self._own
        if self._failed is not None and trio.current_time() < self._again_at:
            raise Refused((f"this machine does not know its own code: {self._failed}",))
        try:
            self._own = await own_code(self.tee, vendors, self.now())
        except EnclaveError as error:
            self._failed, self._again_at = error, trio.current_time() + FAILED_SECONDS
            raise
        return self._own


def _no_weaker(policy: ClaimsPolicy, config: Config) -> ClaimsPolicy:
    """What a policy asks of claims, and where it leaves the settings open, this server's own."""
    own = attester.configuration_sha256(config)
    weakening = policy.insecure_settings
    return replace(
        policy,
        configurations=policy.configurations or frozenset({own}),
        insecure_settings=(
            frozenset(attester.insecure_settings(config)) if weakening is None else weakening
        ),
    )


async def own_code(tee: Tee, vendors: Vendors, now: datetime) -> Policy:
    """The policy that accepts what this machine runs, under a TCB that is no older.

    Args:
        tee: this machine's.
        vendors: what its evidence is verified by.
        now: the clock, with a time zone.

    Raises:
        DeviceError, DeviceLost: the chip gives no evidence.
        InvalidEvidence, VerificationFailed: its evidence does not verify, which on TDX takes
            collateral.
    """
    nonce_data = report_data.of_claims(secrets.token_bytes(32))
    evidence = await tee.evidence(nonce_data)
    roots = vendors.roots or (roots_in(evidence) if tee.simulated else vendor_roots())
    verified = verify(evidence, vendors.collateral.get(evidence.tee), roots, now)
    if verified.report_data != nonce_data:
        raise VerificationFailed(Step.EVIDENCE, "this machine's evidence is another one's")
    policy = naming_alike(verified)
    # A simulated vendor publishes nothing.
    return accepting_no_collateral(policy) if verified.simulated else policy
