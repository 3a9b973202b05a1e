"""A server in the toy TEE attests; a client verifies it, appraises it and shows the verdict.

Run by `test_supported` in a tree whose `enclave` has the toy's folder and its row, with a directory
to work in. Prints the verdict, and a line for each refusal that it provoked.
"""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import trio
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from enclave.claims import MAX_LIFE, Role
from enclave.client import Expectation, judge
from enclave.collateral import Document
from enclave.detection import find
from enclave.errors import EnclaveError
from enclave.evidence_formats import Form
from enclave.fetch import fetch_collateral
from enclave.insecure.intel import SimulatedIntel
from enclave.policy import naming, read_policy, write_policy
from enclave.ratls import issue_certificate, make_claims
from enclave.verify import verify
from server.commands.attested_server import read_remote
from server.commands.verdict import verdict

NOW = datetime.now(UTC).replace(microsecond=0)


async def run(work: Path) -> None:
    vendor = SimulatedIntel.make(NOW)
    (work / "toy_guest").write_bytes(
        vendor.root_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    tee = find(work / "no configfs", work)
    evidence = await tee.evidence(bytes(64))
    policy = naming(verify(evidence, None, vendor.roots, NOW))
    (work / "policy.toml").write_text(write_policy(policy))

    key = ec.generate_private_key(ec.SECP256R1())
    claims = make_claims(
        tee,
        key.public_key(),
        role=Role.API,
        deployment="toys",
        instance=bytes(16),
        not_before=NOW,
        not_after=NOW + MAX_LIFE,
        configuration_sha256=bytes(32),
    )
    certificate = await issue_certificate(tee, key, claims, for_ckms=True)

    def expectation(*broken: int) -> Expectation:
        """What a user of the commands expects, whose collateral says which levels are broken."""
        (work / "collateral.json").write_text(json.dumps({"toy": {"broken": broken}}))
        remote = read_remote(
            None, "https://toys.example", work / "policy.toml", work / "collateral.json"
        )
        expected = remote.expectation(Role.API, allow_insecure_simulated=True)
        return replace(expected, roots=vendor.roots)

    print(verdict("toys.example", judge(certificate, expectation(), NOW)))
    bare = replace(expectation(), forms=frozenset({Form.BARE}))
    print(f"bare: {judge(certificate, bare, NOW).presented.form}")

    async def fetch(url: str) -> Document:
        return Document(json.dumps({"broken": [1]}).encode())

    print(f"fetched: {(await fetch_collateral(evidence, fetch)).to_json().decode()}")
    for why, expected in {
        "collateral": expectation(3),
        "root": replace(expectation(), roots=SimulatedIntel.make(NOW).roots),
        "simulated": replace(expectation(), allow_insecure_simulated=False),
        "policy": replace(expectation(), policy=read_policy("[toy]")),
    }.items():
        try:
            judge(certificate, expected, NOW)
        except EnclaveError as error:
            print(f"{why}: {error}")


trio.run(run, Path(sys.argv[1]))
