"""Each single thing that is wrong with a quote or its collateral makes its step fail."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from enclave.errors import EnclaveError, InvalidEvidence, Step, VerificationFailed
from enclave.evidence import Evidence
from enclave.roots import Roots, vendor_roots
from enclave.sgx.collateral import DCAPCollateral
from enclave.sgx.tcb import TCBStatus
from enclave.tdx import TDX
from enclave.tdx.abi import TDReport10, TDReport15Extended
from enclave.tdx.verify import verify_tdx
from tests.enclave.forging import (
    BASIC_CONSTRAINTS,
    CA,
    DCAP,
    FMSPC,
    MEASUREMENT,
    NOW,
    PCK_SERIAL,
    PLATFORM,
    PLATFORM_SERIAL,
    PROCESSOR,
    REPORT_DATA,
    ROOT,
    SGX_ARC,
    SIGNER_SERIAL,
    YEAR,
    ec_key,
    flipped,
    level,
    octet_string,
    oid,
    pem,
    raw_signature,
    revocation_list,
    rsa_key,
    sequence,
    svn_level,
)


def verify(forged, collateral=None, roots=None, now=NOW):
    return verify_tdx(forged.evidence, collateral or forged.collateral, roots or forged.roots, now)


@pytest.mark.parametrize("body", [TDReport10, None, TDReport15Extended])
@pytest.mark.parametrize("ca", [PLATFORM, PROCESSOR])
def test_genuine_evidence_is_verified(body, ca):
    verified = verify(DCAP(version=5, body=body, ca=ca))
    assert verified.tcb_status is TCBStatus.UP_TO_DATE
    assert verified.simulated
    assert verified.fmspc == FMSPC
    assert verified.evaluation_number == 17
    assert verified.valid_until == NOW + timedelta(days=27)  # the revocation lists'
    assert verified.collateral_issued == NOW - timedelta(days=3)


def test_a_chain_without_its_root_is_enough():
    forged = DCAP()
    assert forged.quote.count(b"BEGIN") == 3

    alone = DCAP(pck_chain=pem(forged.pck, forged.issuer))
    assert verify(alone).tcb_status is TCBStatus.UP_TO_DATE


def test_the_measurement_is_mrtd():
    verified = verify(DCAP())
    assert (verified.measurement, verified.report_data) == (MEASUREMENT, REPORT_DATA)


WRONG = {
    "PCK alone": (DCAP(pck_chain=pem(DCAP().pck)), Step.CERTIFICATE_CHAIN),
    "four PCK certificates": (
        DCAP(pck_chain=pem(DCAP().pck, *[DCAP().issuer] * 3)),
        Step.CERTIFICATE_CHAIN,
    ),
    "attestation key that is no point": (DCAP(attestation_point=b"\1" * 64), Step.SIGNATURE),
    "another attestation key": (
        DCAP(
            attestation_point=ec_key("other")
            .public_key()
            .public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
        ),
        Step.SIGNATURE,
    ),
    "TCB signer on another curve": (
        DCAP(signer_changes={"key": ec_key("other", "secp384r1")}),
        Step.TCB_INFO,
    ),
    "TCB signer of another kind": (DCAP(signer_changes={"key": rsa_key("ark")}), Step.TCB_INFO),
    "PCK of another kind": (DCAP(pck_changes={"key": rsa_key("ark")}), Step.QE_REPORT),
    "quote signature": (DCAP(tamper=(48 + 136) * 8), Step.SIGNATURE),
    "QE report names another key": (
        DCAP(qe_changes={"report_data": bytes(64)}),
        Step.QE_REPORT,
    ),
    "QE signer": (DCAP(qe_changes={"mrsigner": bytes(32)}), Step.QE_IDENTITY),
    "QE product": (DCAP(qe_changes={"isvprodid": 3}), Step.QE_IDENTITY),
    "QE debug": (DCAP(qe_changes={"attributes": b"\x13" + bytes(15)}), Step.QE_IDENTITY),
    "QE miscselect": (DCAP(qe_changes={"miscselect": b"\1\0\0\0"}), Step.QE_IDENTITY),
    "QE of no level": (DCAP(qe_changes={"isvsvn": 3}), Step.QE_IDENTITY),
    "QE revoked": (DCAP(qe_levels=[svn_level(4, "Revoked")]), Step.QE_IDENTITY),
    "QE identity of SGX": (DCAP(qe_identity_changes={"id": "QE"}), Step.QE_IDENTITY),
    "QE identity early": (
        DCAP(qe_identity_changes={"issueDate": "2026-06-01T12:00:01Z"}),
        Step.QE_IDENTITY,
    ),
    "QE identity late": (
        DCAP(qe_identity_changes={"nextUpdate": "2026-06-01T11:59:59Z"}),
        Step.QE_IDENTITY,
    ),
    "TCB info of SGX": (
        DCAP(tcb_info_changes={"id": "SGX"}),
        Step.TCB_INFO,
    ),
    "TCB info early": (
        DCAP(tcb_info_changes={"issueDate": "2026-06-01T12:00:01Z"}),
        Step.TCB_INFO,
    ),
    "TCB info late": (
        DCAP(tcb_info_changes={"nextUpdate": "2026-06-01T11:59:59Z"}),
        Step.TCB_INFO,
    ),
    "TCB info of another platform": (DCAP(fmspc=bytes(6)), Step.TCB_INFO),
    "TCB info of another PCE": (DCAP(tcb_info_changes={"pceId": "0100"}), Step.TCB_INFO),
    "no TCB level": (DCAP(svns=(1,) * 16), Step.TCB),
    "PCE too old": (DCAP(pcesvn=10), Step.TCB),
    "TDX component too old": (
        DCAP(body_changes={"tee_tcb_svn": bytes([5, 1, 1]) + bytes(13)}),
        Step.TCB,
    ),
    "TCB revoked": (DCAP(levels=[level(status="Revoked")]), Step.TCB),
    "module signer": (DCAP(body_changes={"mrsignerseam": b"\1" * 48}), Step.TDX_MODULE),
    "module attributes": (DCAP(body_changes={"seamattributes": b"\1" * 8}), Step.TDX_MODULE),
    "module of an unknown version": (
        DCAP(body_changes={"tee_tcb_svn": bytes([5, 3, 2]) + bytes(13)}),
        Step.TDX_MODULE,
    ),
    "module of no level": (
        DCAP(body_changes={"tee_tcb_svn": bytes([4, 1, 2]) + bytes(13)}),
        Step.TDX_MODULE,
    ),
    "module revoked": (DCAP(modules={"TDX_01": [svn_level(5, "Revoked")]}), Step.TDX_MODULE),
    "current module of no level": (
        DCAP(version=5, body_1_5_changes={"tee_tcb_svn2": bytes([4, 1, 2]) + bytes(13)}),
        Step.TDX_MODULE,
    ),
    "PCK by another key": (
        DCAP(pck_changes={"issuer_key": ec_key("root")}),
        Step.CERTIFICATE_CHAIN,
    ),
    "PCK of another issuer": (DCAP(pck_changes={"issuer": ROOT}), Step.CERTIFICATE_CHAIN),
    "PCK expired": (
        DCAP(pck_changes={"not_after": NOW - timedelta(days=1)}),
        Step.CERTIFICATE_CHAIN,
    ),
    "PCK of another name": (
        DCAP(pck_changes={"subject": "Intel SGX TCB Signing"}),
        Step.CERTIFICATE_CHAIN,
    ),
    "platform CA by another key": (
        DCAP(platform_changes={"issuer_key": ec_key("platform")}),
        Step.CERTIFICATE_CHAIN,
    ),
    "platform CA of another name": (DCAP(ca="Intel SGX TCB Signing"), Step.CERTIFICATE_CHAIN),
    "platform CA that is none": (
        DCAP(platform_changes={"extensions": {BASIC_CONSTRAINTS: sequence()}}),
        Step.CERTIFICATE_CHAIN,
    ),
    "PCK revoked": (DCAP(pck_revoked=(1, PCK_SERIAL)), Step.REVOCATION),
    "platform CA revoked": (DCAP(root_revoked=(PLATFORM_SERIAL,)), Step.REVOCATION),
    "TCB signer revoked": (DCAP(root_revoked=(SIGNER_SERIAL,)), Step.REVOCATION),
    "TCB signer of another name": (
        DCAP(signer_changes={"subject": PLATFORM, "extensions": CA}),
        Step.COLLATERAL,
    ),
    "TCB signer by another key": (
        DCAP(signer_changes={"issuer_key": ec_key("platform")}),
        Step.CERTIFICATE_CHAIN,
    ),
    "TCB signer expired": (
        DCAP(signer_changes={"not_after": NOW - timedelta(days=1)}),
        Step.CERTIFICATE_CHAIN,
    ),
    "TCB signer with another key": (
        DCAP(signer_changes={"key": ec_key("platform")}),
        Step.TCB_INFO,
    ),
}


@pytest.mark.parametrize(
    "forged, why",
    [
        (DCAP(tcb_info_changes={"version": 2}), "TCB info: its version is not 3"),
        (DCAP(tcb_info_changes={"version": 4}), "TCB info: its version is not 3"),
        (DCAP(qe_identity_changes={"version": 1}), "QE identity: its version is not 2"),
        (DCAP(qe_identity_changes={"version": 3}), "QE identity: its version is not 2"),
    ],
)
def test_documents_of_another_version_are_not_read(forged, why):
    """Their members may mean something else, whatever their names."""
    with pytest.raises(InvalidEvidence, match=why):
        verify(forged)


@pytest.mark.parametrize("name", ["tcb_info_signature", "qe_identity_signature"])
@pytest.mark.parametrize("size", [0, 63, 65])
def test_a_signature_is_r_and_s_of_32_bytes_each(name, size):
    forged = DCAP()
    collateral = forged.collateral
    signature = getattr(collateral, name)[:size].ljust(size, b"\0")
    with pytest.raises(VerificationFailed, match=f"a signature of {size} bytes"):
        verify(forged, replace(collateral, **{name: signature}))


@pytest.mark.parametrize("forged, step", WRONG.values(), ids=WRONG)
def test_whatever_is_wrong_is_refused(forged, step):
    with pytest.raises(VerificationFailed) as caught:
        verify(forged)
    assert caught.value.step is step


GENUINE = DCAP()
EVIDENCE, COLLATERAL = GENUINE.evidence, GENUINE.collateral

COLLATERALS = {
    "TCB info edited": (
        {"tcb_info": COLLATERAL.tcb_info.replace(b"UpToDate", b"UpTodate")},
        Step.TCB_INFO,
    ),
    "TCB info re-serialised": (
        {"tcb_info": COLLATERAL.tcb_info.replace(b",", b", ")},
        Step.TCB_INFO,
    ),
    "TCB info signature short": ({"tcb_info_signature": bytes(63)}, Step.TCB_INFO),
    "TCB info signature zero": ({"tcb_info_signature": bytes(64)}, Step.TCB_INFO),
    "QE identity edited": (
        {"qe_identity": COLLATERAL.qe_identity.replace(b'"isvsvn":4', b'"isvsvn":3')},
        Step.QE_IDENTITY,
    ),
    "TCB info as QE identity": (
        {
            "qe_identity": COLLATERAL.tcb_info,
            "qe_identity_signature": COLLATERAL.tcb_info_signature,
        },
        None,
    ),
    "root list by another": (
        {"root_ca_crl": revocation_list(ROOT, ec_key("platform"))},
        Step.REVOCATION,
    ),
    "root list overdue": (
        {"root_ca_crl": revocation_list(ROOT, ec_key("root"), next_update=NOW - YEAR / 365)},
        Step.REVOCATION,
    ),
    "PCK list of the other CA": (
        {"pck_crl": revocation_list(PROCESSOR, ec_key("platform"))},
        Step.REVOCATION,
    ),
    "PCK list by another": (
        {"pck_crl": revocation_list(PLATFORM, ec_key("root"))},
        Step.REVOCATION,
    ),
    "PCK list missing": ({"pck_crl": b""}, None),
    "signer chain missing": ({"tcb_info_issuer_chain": b""}, None),
    "signer chain of text": ({"tcb_info_issuer_chain": b"hello\n" + pem(GENUINE.signer)}, None),
}


@pytest.mark.parametrize("changes, step", COLLATERALS.values(), ids=COLLATERALS)
def test_collateral_is_checked(changes, step):
    expected = InvalidEvidence if step is None else VerificationFailed
    with pytest.raises(expected) as caught:
        verify(GENUINE, replace(COLLATERAL, **changes))
    assert getattr(caught.value, "step", None) is step


SIGNED_WRONGLY = {
    "no JSON": b"{",
    "no object": b"[]",
    "not UTF-8": b'{"id":"\xff"}',
    "deep": b"[" * 100_000,
    "other version": b'{"version":2}',
    "boolean for a number": b'{"version":true}',
}


@pytest.mark.parametrize("document", SIGNED_WRONGLY.values(), ids=SIGNED_WRONGLY)
@pytest.mark.parametrize("name", ["tcb_info", "qe_identity"])
def test_even_signed_documents_are_read_strictly(name, document):
    signature = raw_signature(ec_key("tcb"), document)
    changes = {name: document, f"{name}_signature": signature}
    with pytest.raises(InvalidEvidence):
        verify(GENUINE, replace(COLLATERAL, **changes))


MALFORMED = {
    "levels of another type": {"tcbType": 1},
    "no levels": {"tcbLevels": {}},
    "levels of text": {"tcbLevels": ["x"]},
    "unknown status": {"tcbLevels": [level(status="Fine")]},
    "15 components": {"tcbLevels": [level(sgx=[2] * 15)]},
    "SVN of text": {"tcbLevels": [level(pcesvn="11")]},
    "advisories of numbers": {"tcbLevels": [level(advisories=[5])]},
    "date of no day": {"tcbLevels": [level(date="soon")]},
    "date without zone": {"issueDate": "2026-05-01T00:00:00"},
    "fmspc of letters": {"fmspc": "zz"},
    "fmspc short": {"fmspc": "90"},
    "no TDX module": {"tdxModule": None},
}


@pytest.mark.parametrize("changes", MALFORMED.values(), ids=MALFORMED)
def test_members_of_the_tcb_info_are_checked(changes):
    with pytest.raises(InvalidEvidence):
        verify(DCAP(tcb_info_changes=changes))


OLD, NEW = bytes([4, 1, 2]) + bytes(13), bytes([5, 1, 2]) + bytes(13)
MODULES = {"TDX_01": [svn_level(5), svn_level(4, "OutOfDate", advisoryIDs=["INTEL-SA-02"])]}

STATUSES = {
    "hardening": (DCAP(levels=[level(status="SWHardeningNeeded")]), "SWHardeningNeeded"),
    "older level": (
        DCAP(svns=(1,) * 16, levels=[level(), level(sgx=[1] * 16, status="OutOfDate")]),
        "OutOfDate",
    ),
    "old QE": (
        DCAP(qe_changes={"isvsvn": 3}, qe_levels=[svn_level(4), svn_level(3, "OutOfDate")]),
        "OutOfDate",
    ),
    "old QE and configuration": (
        DCAP(
            levels=[level(status="ConfigurationAndSWHardeningNeeded")],
            qe_levels=[svn_level(4, "OutOfDate")],
        ),
        "OutOfDateConfigurationNeeded",
    ),
    "old module": (DCAP(modules=MODULES, body_changes={"tee_tcb_svn": OLD}), "OutOfDate"),
    "old module at launch": (
        DCAP(
            version=5,
            modules=MODULES,
            body_changes={"tee_tcb_svn": OLD},
            body_1_5_changes={"tee_tcb_svn2": NEW},
        ),
        "TDRelaunchAdvised",
    ),
    "old module at launch, configuration": (
        DCAP(
            version=5,
            modules=MODULES,
            levels=[level(status="ConfigurationNeeded")],
            body_changes={"tee_tcb_svn": OLD},
            body_1_5_changes={"tee_tcb_svn2": NEW},
        ),
        "TDRelaunchAdvisedConfigurationNeeded",
    ),
    "old module at launch and now": (
        DCAP(version=5, modules=MODULES, body_changes={"tee_tcb_svn": OLD}),
        "OutOfDate",
    ),
    "old module now": (
        DCAP(version=5, modules=MODULES, body_1_5_changes={"tee_tcb_svn2": OLD}),
        "OutOfDate",
    ),
    "module of version 0": (
        DCAP(
            body_changes={"tee_tcb_svn": bytes([3, 0, 5]) + bytes(13)},
            levels=[level(tdx=[3, 0, 5] + [0] * 13)],
        ),
        "UpToDate",
    ),
}


@pytest.mark.parametrize("forged, status", STATUSES.values(), ids=STATUSES)
def test_statuses_converge(forged, status):
    assert verify(forged).tcb_status == status


def test_a_version_0_module_is_one_of_the_platforms_components():
    with pytest.raises(VerificationFailed) as caught:
        verify(
            DCAP(
                body_changes={"tee_tcb_svn": bytes([2, 0, 5]) + bytes(13)},
                levels=[level(tdx=[3, 0, 5] + [0] * 13)],
            )
        )
    assert caught.value.step is Step.TCB


def test_advisories_of_all_parts_are_gathered():
    verified = verify(
        DCAP(
            modules=MODULES,
            body_changes={"tee_tcb_svn": OLD},
            levels=[level(advisories=["INTEL-SA-01"])],
            qe_levels=[svn_level(4, advisoryIDs=["INTEL-SA-03"])],
        )
    )
    assert verified.advisories == {"INTEL-SA-01", "INTEL-SA-02", "INTEL-SA-03"}


def test_a_part_cannot_have_a_platforms_status():
    with pytest.raises(InvalidEvidence):
        verify(DCAP(qe_levels=[svn_level(4, "ConfigurationNeeded")]))


def test_foreign_roots_are_refused():
    for roots in (vendor_roots(), Roots()):
        with pytest.raises(VerificationFailed):
            verify(GENUINE, roots=roots)


PCK_EXTENSIONS = {
    "none": {},
    "no sequence": {SGX_ARC: octet_string(b"")},
    "empty": {SGX_ARC: sequence()},
    "no FMSPC": {SGX_ARC: GENUINE.pck_extension.replace(oid(f"{SGX_ARC}.4"), oid(f"{SGX_ARC}.9"))},
    "FMSPC twice": {
        SGX_ARC: sequence(
            GENUINE.pck_extension[4:],  # behind its head, for a length of two bytes
            sequence(oid(f"{SGX_ARC}.4"), octet_string(GENUINE.fmspc)),
        )
    },
    "short FMSPC": {SGX_ARC: DCAP(fmspc=bytes(5)).pck_extension},
    "negative SVN": {SGX_ARC: DCAP(svns=(-1,) + (2,) * 15).pck_extension},
    "SVN of two bytes": {SGX_ARC: DCAP(svns=(256,) + (2,) * 15).pck_extension},
}


@pytest.mark.parametrize("extensions", PCK_EXTENSIONS.values(), ids=PCK_EXTENSIONS)
def test_the_platform_extension_is_read_strictly(extensions):
    assert sequence(GENUINE.pck_extension[4:]) == GENUINE.pck_extension
    with pytest.raises(InvalidEvidence):
        verify(DCAP(pck_changes={"extensions": extensions}))


SIGNED_END = 48 + 584


@settings(max_examples=60)
@given(bit=st.integers(0, SIGNED_END * 8 - 1))
def test_no_signed_bit_can_be_changed(bit):
    evidence = replace(EVIDENCE, report=flipped(EVIDENCE.report, bit))
    with pytest.raises(EnclaveError):
        verify_tdx(evidence, COLLATERAL, GENUINE.roots, NOW)


PEM_START = EVIDENCE.report.index(b"-----BEGIN")


@settings(max_examples=100)
@given(bit=st.integers(SIGNED_END * 8, PEM_START * 8 - 1))
def test_no_bit_of_the_signature_data_can_be_changed(bit):
    evidence = replace(EVIDENCE, report=flipped(EVIDENCE.report, bit))
    with pytest.raises(EnclaveError):
        verify_tdx(evidence, COLLATERAL, GENUINE.roots, NOW)


@settings(max_examples=150)
@given(data=st.data())
def test_no_bit_of_the_collateral_can_be_changed(data):
    # The issuer chain of the PCK list is in the quote already, and that one counts.
    names = [name for name in COLLATERAL.__dataclass_fields__ if not name.endswith("_chain")]
    name = data.draw(st.sampled_from(names))
    value = getattr(COLLATERAL, name)
    changed = flipped(value, data.draw(st.integers(0, len(value) * 8 - 1)))
    with pytest.raises(EnclaveError):
        verify_tdx(EVIDENCE, replace(COLLATERAL, **{name: changed}), GENUINE.roots, NOW)


@settings(max_examples=150)
@given(data=st.data())
def test_changed_chains_verify_only_where_nothing_changed(data):
    """PEM has white space and a root that nobody reads; all else is signed."""
    report = flipped(
        EVIDENCE.report, data.draw(st.integers(PEM_START * 8, len(EVIDENCE.report) * 8 - 1))
    )
    try:
        verified = verify_tdx(Evidence(TDX, report), COLLATERAL, GENUINE.roots, NOW)
    except EnclaveError:
        return
    assert verified == verify_tdx(EVIDENCE, COLLATERAL, GENUINE.roots, NOW)


@settings(max_examples=60)
@given(garbage=st.binary(max_size=64), name=st.sampled_from(list(COLLATERAL.__dataclass_fields__)))
def test_garbage_is_an_error_of_ours(garbage, name):
    with pytest.raises(EnclaveError):
        verify_tdx(Evidence(TDX, garbage), COLLATERAL, GENUINE.roots, NOW)
    if name != "pck_crl_issuer_chain":
        with pytest.raises(EnclaveError):
            verify_tdx(EVIDENCE, replace(COLLATERAL, **{name: garbage}), GENUINE.roots, NOW)


def test_collateral_goes_through_json():
    assert DCAPCollateral.from_json(COLLATERAL.to_json()) == COLLATERAL
