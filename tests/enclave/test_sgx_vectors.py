"""Quotes that enclaves got on Intel platforms, judged as their manifest says."""

from datetime import UTC, datetime

import pytest

from enclave.errors import InvalidEvidence, Refused, VerificationFailed
from enclave.evidence import Evidence
from enclave.policy import Policy, appraise
from enclave.roots import vendor_roots
from enclave.sgx import SGX
from enclave.sgx.collateral import DCAPCollateral
from enclave.sgx.policy import SGXPolicy
from enclave.sgx.quote import parse_sgx_quote
from enclave.sgx.tcb import TCBStatus
from enclave.sgx.verify import verify_sgx
from tests.enclave.shared_vectors import VECTORS, manifest, needs_vectors

pytestmark = needs_vectors

QUOTES = {entry["name"]: entry for entry in manifest("sgx")}
VERIFICATIONS = [
    (name, index) for name, entry in QUOTES.items() for index in range(len(entry["verifications"]))
]
TODAY = datetime.now(UTC)


def read(path):
    return (VECTORS / "sgx" / path).read_bytes()


@pytest.mark.parametrize("name", QUOTES)
def test_every_field_is_read_as_the_manifest_has_it(name):
    entry = QUOTES[name]
    data = read(entry["quote"])
    if entry["cert_data_type"] != 5:
        with pytest.raises(InvalidEvidence, match="certification_data_type"):
            parse_sgx_quote(data)
        return
    quote = parse_sgx_quote(data)
    assert data.startswith(quote.build())
    assert quote.header.version == entry["version"]
    assert quote.body.mrenclave.hex() == entry["mrenclave"]
    assert quote.body.mrsigner.hex() == entry["mrsigner"]
    assert (quote.body.isvprodid, quote.body.isvsvn) == (entry["isvprodid"], entry["isvsvn"])
    assert quote.body.debug == entry["debug"]
    assert quote.body.report_data.hex() == entry["report_data"]


@pytest.mark.parametrize("name, index", VERIFICATIONS)
def test_verification_at_the_manifests_clock(name, index):
    entry = QUOTES[name]
    verification = entry["verifications"][index]
    evidence = Evidence(SGX, read(entry["quote"]))
    collateral = DCAPCollateral.from_json(read(verification["collateral"]))
    at = datetime.fromtimestamp(verification["at"], UTC)
    verified = verify_sgx(evidence, collateral, vendor_roots(), at)
    expected = verification["pyca_check"]
    assert verified.tcb_status == expected["status"]
    assert sorted(verified.advisories) == expected["advisories"]
    assert verified.valid_until == datetime.fromtimestamp(verification["valid_until"], UTC)
    with pytest.raises(VerificationFailed):
        verify_sgx(evidence, collateral, vendor_roots(), TODAY)

    policy = SGXPolicy(
        mrenclave=frozenset({verified.measurement}),
        statuses=frozenset(TCBStatus),
        advisories=verified.advisories,
        configids=frozenset({verified.report.configid}),
    )
    if entry["debug"]:
        with pytest.raises(Refused, match="debugging"):
            appraise(verified, Policy({SGX: policy}), at)
    else:
        assert appraise(verified, Policy({SGX: policy}), at)
