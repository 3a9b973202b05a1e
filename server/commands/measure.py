"""`strongroom measure`: this machine's measurement, and a policy that accepts it and no other."""

import argparse
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

import trio

from enclave.collateral import Collateral
from enclave.errors import EnclaveError
from enclave.evidence import TEE, Evidence, Verified
from enclave.insecure.tee import roots_in
from enclave.policy import accepting_no_collateral, naming, write_policy
from enclave.roots import vendor_roots
from enclave.supported import TEES
from enclave.tee import Tee
from enclave.verify import verify
from server.attestation import attester
from server.commands import Command, attested_server, config, say
from server.setup import files
from server.setup.config import Config
from server.setup.failure import Failure

NOTHING: Final[Mapping[TEE, Collateral]] = MappingProxyType({})


async def _measure(settings: Config, out: Path | None, collateral: Path | None) -> None:
    now = datetime.now(UTC)
    tee = attester.find_tee(settings, now)
    if tee is None:
        raise Failure("This machine has no chip that attests (see --insecure-software-chip).")
    await measure(tee, now, out, attested_server.collateral_in(collateral))


async def measure(
    tee: Tee, now: datetime, out: Path | None, collateral: Mapping[TEE, Collateral] = NOTHING
) -> None:
    """Show what a TEE was launched as, and write a policy that accepts it and no other.

    Args:
        tee: this machine's.
        now: the clock, with a time zone.
        out: where the policy is written; None: none is.
        collateral: what the vendors publish, where a policy takes it.

    Raises:
        Failure: the TEE gives no evidence, or a policy cannot be made from it.
    """
    try:
        evidence = await tee.evidence(secrets.token_bytes(64))
        published = collateral.get(evidence.tee)
        verified = _verified(evidence, published, now, simulated=tee.simulated)
        registers = TEES[evidence.tee].registers(evidence)
    except EnclaveError as error:
        raise Failure(f"The chip's evidence cannot be used: {error}.") from None
    policy = None if out is None else _policy(verified, evidence).encode()
    for name, value in registers.items():
        say(f"{name:12} {value.hex()}")
    say(f"             {_kind(tee.simulated if verified is None else verified.simulated)}")
    if out is not None and policy is not None:
        files.replace(out, policy)
        say(f"policy       {out}")


def _verified(
    evidence: Evidence, collateral: Collateral | None, now: datetime, *, simulated: bool
) -> Verified | None:
    """This machine's evidence, verified; None where that takes the vendor's collateral.

    Raises:
        InvalidEvidence, VerificationFailed: see `enclave.verify.verify`.
    """
    if collateral is None and TEES[evidence.tee].empty_collateral is None:
        return None
    roots = roots_in(evidence) if simulated else vendor_roots()
    return verify(evidence, collateral, roots, now)


def _kind(simulated: bool) -> str:
    return "SIMULATED, proves nothing" if simulated else "as the chip signs it"


def _policy(verified: Verified | None, evidence: Evidence) -> str:
    """The policy that accepts this machine, as TOML.

    Raises:
        Failure: the evidence was not verified, so that no policy can be made from it.
    """
    if verified is None:
        raise Failure(
            f"A policy for {evidence.tee} is made by the vendor's collateral (--collateral, and "
            "`strongroom collateral fetch`), or by hand: docs/attestation.md has an example."
        )
    policy = naming(verified)
    if verified.simulated:  # a simulated vendor publishes nothing
        policy = accepting_no_collateral(policy)
    return write_policy(policy)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, metavar="FILE", help="write a policy there")
    parser.add_argument("--collateral", type=Path, help="what the vendor publishes, JSON")


def _run(arguments: argparse.Namespace) -> None:
    trio.run(_measure, config(arguments), arguments.out, arguments.collateral)


COMMAND = Command(
    "measure",
    "show this machine's measurement and write a policy for it",
    _run,
    _arguments,
    frozenset({"data", "insecure_software_chip", "vmpl", "endorsements"}),
)
