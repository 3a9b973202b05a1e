"""`strongroom measure`: this machine's measurement, and a policy that accepts it and no other."""

import argparse
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import trio

from enclave.collateral import SNPCollateral
from enclave.errors import EnclaveError
from enclave.evidence import TEE
from enclave.insecure.tee import roots_in
from enclave.policy import Policy, naming, write_policy
from enclave.roots import vendor_roots
from enclave.snp.policy import SNPPolicy
from enclave.verify import verify
from server import attestation, files
from server.commands import Command, config, say
from server.config import Config
from server.failure import Failure


async def _measure(settings: Config, out: Path | None) -> None:
    now = datetime.now(UTC)
    tee = attestation.find_tee(settings, now)
    if tee is None:
        raise Failure("This machine has no chip that attests (see --insecure-software-chip).")
    try:
        evidence = await tee.evidence(secrets.token_bytes(64))
        roots = roots_in(evidence) if tee.simulated else vendor_roots()
        if evidence.tee is not TEE.SEV_SNP:
            raise Failure(
                f"measurement  {(await tee.measurement()).hex()}; a policy for {evidence.tee} "
                "needs the vendor's collateral: write it by hand, see docs/attestation.md."
            )
        verified = verify(evidence, SNPCollateral(()), roots, now)
    except EnclaveError as error:
        raise Failure(f"The chip's evidence cannot be used: {error}.") from None
    kind = "SIMULATED, proves nothing" if verified.simulated else "as the chip signs it"
    say(f"measurement  {verified.measurement.hex()}\n             {kind}")
    if out is not None:
        policy = naming(verified)
        section = policy.sections[TEE.SEV_SNP]
        if verified.simulated and isinstance(section, SNPPolicy):
            # A pretended vendor publishes nothing.
            section = replace(section, allow_missing_revocation_list=True)
            policy = Policy({TEE.SEV_SNP: section})
        files.replace(out, write_policy(policy).encode())
        say(f"policy       {out}")


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
