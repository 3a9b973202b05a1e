"""Our verification of quotes against that of dcap-qvl, where it is installed.

It is no dependency: `pip install dcap-qvl==0.7.0` into a copy of the environment to run this.
"""

from datetime import UTC, datetime

import pytest

from enclave.errors import EnclaveError
from enclave.evidence import TEE, Evidence
from enclave.roots import vendor_roots
from enclave.sgx import SGX
from enclave.sgx.collateral import DCAPCollateral
from enclave.verify import verify
from tests.enclave.forging import DCAP, NOW
from tests.enclave.shared_vectors import VECTORS, manifest, needs_vectors
from tests.enclave.test_tdx_verify import STATUSES, WRONG

dcap_qvl = pytest.importorskip("dcap_qvl", reason="dcap-qvl is not installed")


def ours(evidence, collateral, roots, now):
    try:
        verified = verify(evidence, collateral, roots, now)
    except EnclaveError:
        return None
    return verified.tcb_status, sorted(verified.advisories)


def theirs(evidence, collateral, roots, now):
    document = dcap_qvl.QuoteCollateralV3.from_json(collateral.to_json().decode())
    try:
        report = dcap_qvl.verify_with_root_ca(
            evidence.report, document, roots.intel, int(now.timestamp())
        )
    except ValueError:
        return None
    return report.status, sorted(report.advisory_ids)


FORGED = {name: forged for name, (forged, _) in (WRONG | STATUSES).items()} | {
    "genuine v4": DCAP(),
    "genuine v5": DCAP(version=5),
    "genuine SGX": DCAP(tee=SGX, version=3),
}


# What it accepts and we do not: another PCEID, certificates in each other's place or to spare (it
# goes by signatures alone), and a module that was newer at launch than it is now.
STRICTER = {
    "four PCK certificates",
    "TCB info of another PCE",
    "PCK of another name",
    "platform CA of another name",
    "old module now",
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_evidence(name):
    forged = FORGED[name]
    arguments = (forged.evidence, forged.collateral, forged.roots, NOW)
    if name in STRICTER:
        assert theirs(*arguments) == ("UpToDate", [])
        assert ours(*arguments) != ("UpToDate", [])
    else:
        assert ours(*arguments) == theirs(*arguments)


REAL = [
    (kind, entry["quote"], verification["collateral"], verification["at"])
    for kind in ("tdx", "sgx")
    for entry in manifest(kind)
    if not entry["debug"]  # it refuses these, which for us is a matter of policy
    for verification in entry["verifications"]
]


@needs_vectors
@pytest.mark.parametrize("kind, quote, collateral, at", REAL)
def test_real_evidence(kind, quote, collateral, at):
    evidence = Evidence(TEE(kind), (VECTORS / kind / quote).read_bytes())
    documents = DCAPCollateral.from_json((VECTORS / kind / collateral).read_bytes())
    now = datetime.fromtimestamp(at, UTC)
    assert ours(evidence, documents, vendor_roots(), now) == theirs(
        evidence, documents, vendor_roots(), now
    )
