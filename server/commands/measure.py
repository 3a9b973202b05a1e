"""`strongroom measure`: this machine's measurement, and a policy that accepts it and no other."""

import argparse
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import trio

from enclave.collateral import SNPCollateral
from enclave.errors import EnclaveError
from enclave.evidence import TEE, Evidence
from enclave.insecure.tee import roots_in
from enclave.policy import Policy, naming, write_policy
from enclave.roots import vendor_roots
from enclave.snp.policy import SNPPolicy
from enclave.tdx.quote import parse_tdx_quote
from enclave.verify import verify
from server.attestation import attester
from server.commands import Command, config, say
from server.setup import files
from server.setup.config import Config
from server.setup.failure import Failure


async def _measure(settings: Config, out: Path | None) -> None:
    now = datetime.now(UTC)
    tee = attester.find_tee(settings, now)
    if tee is None:
        raise Failure("This machine has no chip that attests (see --insecure-software-chip).")
    try:
        evidence = await tee.evidence(secrets.token_bytes(64))
        if evidence.tee is TEE.TDX:
            _show_td(evidence, tee.simulated, out)
            return
        roots = roots_in(evidence) if tee.simulated else vendor_roots()
        verified = verify(evidence, SNPCollateral(()), roots, now)
    except EnclaveError as error:
        raise Failure(f"The chip's evidence cannot be used: {error}.") from None
    say(f"measurement  {verified.measurement.hex()}\n             {_kind(verified.simulated)}")
    if out is not None:
        policy = naming(verified)
        section = policy.sections[TEE.SEV_SNP]
        if verified.simulated and isinstance(section, SNPPolicy):
            # A pretended vendor publishes nothing.
            section = replace(section, allow_missing_revocation_list=True)
            policy = Policy({TEE.SEV_SNP: section})
        files.replace(out, write_policy(policy).encode())
        say(f"policy       {out}")


def _kind(simulated: bool) -> str:
    return "SIMULATED, proves nothing" if simulated else "as the chip signs it"


def _show_td(evidence: Evidence, simulated: bool, out: Path | None) -> None:
    """The registers of a TD. Its quote is not verified here: that takes the vendor's collateral.

    Raises:
        Failure: a policy was asked for.
    """
    report = parse_tdx_quote(evidence.report).td
    for name in ("mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"):
        say(f"{name:12} {getattr(report, name).hex()}")
    say(f"             {_kind(simulated)}")
    if out is not None:
        raise Failure("A policy for TDX is written by hand: docs/attestation.md has an example.")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, metavar="FILE", help="write a policy there")


def _run(arguments: argparse.Namespace) -> None:
    trio.run(_measure, config(arguments), arguments.out)


COMMAND = Command(
    "measure",
    "show this machine's measurement and write a policy for it",
    _run,
    _arguments,
    frozenset({"data", "insecure_software_chip"}),
)
