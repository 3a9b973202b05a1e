"""`strongroom verify`: is the server what it should be? Shows a verdict and pins the server."""

import argparse
import os
from dataclasses import asdict, replace
from pathlib import Path

import trio

from enclave.claims import Role
from enclave.client import Attested
from enclave.evidence import Verified
from enclave.sgx.verify import VerifiedSGX
from enclave.snp.abi import TCB_LAYOUTS
from enclave.snp.verify import VerifiedSNP
from enclave.tdx.verify import VerifiedTDX
from server.commands import Command, attested_server, say
from server.setup.logs import quoted


def add_remote(parser: argparse.ArgumentParser) -> None:
    """The options that name a server and what is expected of it."""
    parser.add_argument(
        "--conf", type=Path, help=f"client configuration; else {attested_server.VARIABLE}"
    )
    parser.add_argument("--server", metavar="URL", help="the server, such as https://host:9998")
    parser.add_argument("--policy", type=Path, help="which server to accept, TOML")
    parser.add_argument("--collateral", type=Path, help="what the vendors publish, JSON")
    parser.add_argument(
        "--allow-insecure-simulated",
        action="store_true",
        help="accept a pretended chip, which proves nothing",
    )


def remote_of(arguments: argparse.Namespace) -> attested_server.Remote:
    """The server that the options name."""
    file = arguments.conf
    if file is None and attested_server.VARIABLE in os.environ:
        file = Path(os.environ[attested_server.VARIABLE])
    return attested_server.read_remote(
        file, arguments.server, arguments.policy, arguments.collateral
    )


def verdict(place: str, attested: Attested) -> str:
    """What was found, for people."""
    verified = attested.appraised.verified
    lines = [f"{place} is what the policy accepts"]
    if attested.simulated:
        lines = [f"{place} is SIMULATED: no chip stands behind it, and nothing is proved"]
    lines += [
        f"  chip         {verified.tee.value}, {_tcb(verified)}",
        f"  measurement  {verified.measurement.hex()}",
        f"  key          sha256 {attested.pin.hex()}",
        f"  evidence     made {verified.verified_at:%Y-%m-%d %H:%M:%S} UTC, over a fresh nonce",
        f"  good until   {attested.until:%Y-%m-%d %H:%M:%S} UTC",
    ]
    if attested.claims is not None:
        claims = attested.claims
        # The host chose the name, which must not write lines of its own here.
        name = quoted(claims.deployment)[1:-1]
        lines.append(f"  claims       {claims.role} of {name}, sealing {claims.sk}")
        lines.append(f"  server       {claims.instance.hex()}")
        if claims.operator_sha256 is not None:
            lines.append(f"  operator     sha256 {claims.operator_sha256.hex()}")
    lines += [f"  note         {warning}" for warning in attested.appraised.warnings]
    return "\n".join(lines)


def _tcb(verified: Verified) -> str:
    """How new its firmware is."""
    if isinstance(verified, VerifiedSNP):
        tcb = TCB_LAYOUTS[verified.product].parse(verified.report.reported_tcb)
        components = ", ".join(f"{name} {value}" for name, value in asdict(tcb).items())
        return f"{verified.product} with {components}"
    if isinstance(verified, VerifiedTDX | VerifiedSGX):
        known = f", {', '.join(sorted(verified.advisories))}" if verified.advisories else ""
        return f"{verified.tcb_status} of {verified.tcb_date:%Y-%m-%d}{known}"
    return "of unknown firmware"


async def _verify(arguments: argparse.Namespace) -> None:
    where = remote_of(arguments)
    role = Role(arguments.role)
    expectation = where.expectation(
        role, allow_insecure_simulated=arguments.allow_insecure_simulated
    )
    if arguments.new_key:
        expectation = replace(expectation, pin=None)
    before = where.pin(role)
    async with await attested_server.attested(where, expectation) as connection:
        attested = connection.attested
    where.keep(role, attested_server.Pin(attested.pin, attested.until))
    say(verdict(f"{where.host} port {where.port}", attested))
    if before is not None and before.key != attested.pin:
        say(f"  note         its key is another one than before: sha256 {before.key.hex()}")


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_remote(parser)
    parser.add_argument(
        "--role", choices=[role.value for role in Role], default=Role.API.value, help="default: api"
    )
    parser.add_argument(
        "--new-key",
        action="store_true",
        help="the server was started or installed anew: accept another key than the pinned one",
    )


def _run(arguments: argparse.Namespace) -> None:
    trio.run(_verify, arguments)


COMMAND = Command(
    "verify", "verify a server's evidence and pin its key", _run, _arguments, frozenset()
)
