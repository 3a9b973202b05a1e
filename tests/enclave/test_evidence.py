from dataclasses import replace
from datetime import datetime

import pytest

from enclave.errors import InvalidEvidence, Step, VerificationFailed
from enclave.evidence import (
    MAX_CERTIFICATE_SIZE,
    MAX_CERTIFICATES,
    MAX_REPORT_SIZE,
    Evidence,
    Verified,
)
from enclave.sgx import SGX
from enclave.snp import SEV_SNP
from enclave.snp.collateral import SNPCollateral
from enclave.supported import TEES
from enclave.tdx import TDX
from enclave.verify import verify
from tests.enclave.forging import DCAP, NOW, REPORT_DATA, SNP


@pytest.mark.parametrize(
    "report, certificates",
    [
        (bytes(MAX_REPORT_SIZE + 1), ()),
        (b"", (b"",) * (MAX_CERTIFICATES + 1)),
        (b"", (bytes(MAX_CERTIFICATE_SIZE + 1),)),
    ],
)
def test_evidence_is_bounded(report, certificates):
    with pytest.raises(InvalidEvidence):
        Evidence(SEV_SNP, report, certificates)


def test_what_is_shown_of_evidence_has_no_bytes():
    assert repr(SNP().evidence) == "Evidence(tee='sev-snp')"


def test_each_tee_has_its_verifier():
    assert set(TEES) == {SEV_SNP, TDX, SGX}


FORGED = {
    SEV_SNP: SNP(),
    TDX: DCAP(),
    SGX: DCAP(tee=SGX, version=3),
}


def collateral_of(forged):
    return forged.collateral() if isinstance(forged, SNP) else forged.collateral


@pytest.mark.parametrize("tee", TEES)
def test_evidence_finds_its_verifier(tee):
    forged = FORGED[tee]
    verified = verify(forged.evidence, collateral_of(forged), forged.roots, NOW)
    assert verified.tee == tee
    assert verified.report_data == REPORT_DATA
    assert verified.verified_at == NOW


@pytest.mark.parametrize("tee", TEES)
@pytest.mark.parametrize("claimed", TEES)
def test_evidence_of_one_tee_is_none_of_another(tee, claimed):
    forged = FORGED[tee]
    evidence = replace(forged.evidence, tee=claimed)
    if claimed == tee:
        return
    with pytest.raises((InvalidEvidence, VerificationFailed)):
        verify(evidence, collateral_of(forged), forged.roots, NOW)


@pytest.mark.parametrize("tee", TEES)
def test_collateral_is_of_the_kind_that_the_tee_needs(tee):
    other = FORGED[TDX].collateral if tee == SEV_SNP else SNPCollateral()
    with pytest.raises(VerificationFailed) as caught:
        verify(FORGED[tee].evidence, other, FORGED[tee].roots, NOW)
    assert caught.value.step is Step.COLLATERAL


def test_a_clock_without_zone_is_refused():
    forged = FORGED[SEV_SNP]
    naive = datetime(2026, 6, 1)  # noqa: DTZ001
    with pytest.raises(VerificationFailed, match="time zone"):
        verify(forged.evidence, forged.collateral(), forged.roots, naive)


def test_verified_evidence_cannot_be_made_without_a_kind():
    with pytest.raises(TypeError, match="abstract"):
        Verified(simulated=False, verified_at=NOW, valid_until=NOW, collateral_issued=None)


def test_verification_is_pure():
    forged = FORGED[TDX]
    evidence, collateral = forged.evidence, forged.collateral
    first = verify(evidence, collateral, forged.roots, NOW)
    assert verify(evidence, collateral, forged.roots, NOW) == first
