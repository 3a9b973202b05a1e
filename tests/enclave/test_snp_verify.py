"""Each single thing that is wrong with SNP evidence makes the step that owns it fail."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enclave.errors import EnclaveError, InvalidEvidence, Step, VerificationFailed
from enclave.evidence import Evidence
from enclave.roots import AMDRoot, Roots, vendor_roots
from enclave.snp import SEV_SNP
from enclave.snp.abi import REPORT_SIZE, SIGNED_SIZE, Product, SigningKey
from enclave.snp.collateral import SNPCollateral
from enclave.snp.verify import verify_snp
from tests.enclave.forging import (
    AMD,
    ASK_SERIAL,
    BASIC_CONSTRAINTS,
    CA,
    CSP,
    ECDSA_SHA256,
    KEY_USAGE,
    NOW,
    SNP,
    YEAR,
    amd_root,
    certificate,
    der,
    ec_key,
    flipped,
    ia5_string,
    integer,
    octet_string,
    revocation_list,
    rsa_key,
    sequence,
)


def verify(forged, collateral=None, roots=None, now=NOW):
    return verify_snp(
        forged.evidence, collateral or forged.collateral(), roots or forged.roots, now
    )


@pytest.mark.parametrize("product", Product)
@pytest.mark.parametrize("signer", [SigningKey.VCEK, SigningKey.VLEK])
def test_genuine_evidence_is_verified(product, signer):
    verified = verify(SNP(product, signer))
    assert (verified.product, verified.signer) == (product, signer)
    assert verified.csp_id == (None if signer is SigningKey.VCEK else CSP)
    assert verified.simulated
    assert verified.revocation_checked
    assert verified.valid_until == NOW + timedelta(days=27)
    assert verified.collateral_issued == NOW - timedelta(days=3)


@pytest.mark.parametrize("version", [2, 3, 4, 5])
def test_all_versions_are_verified(version):
    assert verify(SNP(report_changes={"version": version})).report.version == version


def test_without_a_revocation_list_it_says_so():
    verified = verify(SNP(), SNPCollateral())
    assert not verified.revocation_checked
    assert verified.collateral_issued is None


def test_lists_of_other_products_do_not_count():
    assert not verify(SNP(), SNP(Product.TURIN).collateral(ASK_SERIAL)).revocation_checked


def test_vendor_roots_refuse_a_throw_away_chain():
    with pytest.raises(VerificationFailed) as caught:
        verify(SNP(), roots=vendor_roots())
    assert caught.value.step is Step.CERTIFICATE_CHAIN


def test_other_certificates_beside_the_leaf_are_ignored():
    forged = SNP()
    others = (
        amd_root(Product.GENOA).ark,
        amd_root(Product.MILAN).ask,
        SNP(signer=SigningKey.VLEK).leaf,
    )
    evidence = Evidence(SEV_SNP, forged.report, (*others, forged.leaf))
    assert verify_snp(evidence, forged.collateral(), forged.roots, NOW)


def test_a_wrapped_hwid_is_read():
    assert verify(SNP(extension_changes={f"{AMD}.4": octet_string(b"\xc1" * 64)}))


LEAF = "SEV-VCEK"

WRONG = {
    "report algorithm": (SNP(report_changes={"signature_algo": 2}), Step.SIGNATURE),
    "report unsigned": (SNP(report_changes={"key_info": 7 << 2}), Step.EVIDENCE),
    "report signed by the other kind": (SNP(report_changes={"key_info": 1 << 2}), Step.EVIDENCE),
    "reported TCB lower": (
        SNP(report_changes={"reported_tcb": bytes.fromhex("0900000000001754")}),
        Step.TCB,
    ),
    "reported TCB higher": (
        SNP(report_changes={"reported_tcb": bytes.fromhex("0b00000000001754")}),
        Step.TCB,
    ),
    "other chip": (SNP(report_changes={"chip_id": b"\xc2" * 64}), Step.CHIP_IDENTITY),
    "no chip": (SNP(report_changes={"chip_id": bytes(64)}), Step.CHIP_IDENTITY),
    "masked chip": (SNP(report_changes={"key_info": 2}), Step.CHIP_IDENTITY),
    "Turin chip with a tail": (
        SNP(Product.TURIN, report_changes={"chip_id": b"\xc1" * 64}),
        Step.CHIP_IDENTITY,
    ),
    "processor of another product": (
        SNP(report_changes={"cpuid_fam_id": 0x1A, "cpuid_mod_id": 2}),
        Step.PRODUCT,
    ),
    "leaf for another product": (
        SNP(extension_changes={f"{AMD}.2": ia5_string("Milan-B0")}),
        Step.PRODUCT,
    ),
    "leaf of another issuer's key": (
        SNP(leaf_changes={"issuer_key": rsa_key("ark")}),
        Step.CERTIFICATE_CHAIN,
    ),
    "leaf of another issuer's name": (
        SNP(leaf_changes={"issuer": "SEV-Nowhere"}),
        Step.CERTIFICATE_CHAIN,
    ),
    "leaf of an unknown product": (
        SNP(leaf_changes={"issuer": "SEV-Milan"}),
        Step.CERTIFICATE_CHAIN,
    ),
    "VCEK of the VLEK issuer": (
        SNP(leaf_changes={"issuer": "SEV-VLEK-Genoa"}),
        Step.CERTIFICATE_CHAIN,
    ),
    "leaf expired": (
        SNP(leaf_changes={"not_after": NOW - timedelta(days=1)}),
        Step.CERTIFICATE_CHAIN,
    ),
    "leaf not yet valid": (
        SNP(leaf_changes={"not_before": NOW + timedelta(days=1)}),
        Step.CERTIFICATE_CHAIN,
    ),
    "leaf signed with ECDSA": (
        SNP(leaf_changes={"issuer_key": ec_key("other")}),
        Step.CERTIFICATE_CHAIN,
    ),
    "leaf that says ECDSA": (
        SNP(leaf_changes={"algorithm": ECDSA_SHA256}),
        Step.CERTIFICATE_CHAIN,
    ),
    "unknown critical extension": (
        SNP(leaf_changes={"critical": (f"{AMD}.1",)}),
        Step.CERTIFICATE_CHAIN,
    ),
    "leaf key on another curve": (
        SNP(leaf_changes={"key": ec_key("other")}),
        Step.SIGNATURE,
    ),
    "leaf key that did not sign": (
        SNP(leaf_changes={"key": ec_key("other", "secp384r1")}),
        Step.SIGNATURE,
    ),
}


@pytest.mark.parametrize("forged, step", WRONG.values(), ids=WRONG)
def test_whatever_is_wrong_is_refused(forged, step):
    with pytest.raises(VerificationFailed) as caught:
        verify(forged)
    assert caught.value.step is step


UNREADABLE = {
    "no HWID": {f"{AMD}.4": None},
    "short HWID": {f"{AMD}.4": bytes(63)},
    "HWID wrapped wrongly": {f"{AMD}.4": octet_string(bytes(8))},
    "VCEK with a provider": {f"{AMD}.5": ia5_string(CSP)},
    "no product": {f"{AMD}.2": None},
    "product that is no text": {f"{AMD}.2": integer(1)},
    "no SNP level": {f"{AMD}.3.3": None},
    "negative level": {f"{AMD}.3.3": integer(-1)},
    "huge level": {f"{AMD}.3.3": integer(256)},
    "level with a tail": {f"{AMD}.3.3": integer(23) + b"\0"},
    "reserved level": {f"{AMD}.3.5": integer(1)},
}


@pytest.mark.parametrize("changes", UNREADABLE.values(), ids=UNREADABLE)
def test_leaf_extensions_are_read_strictly(changes):
    with pytest.raises(InvalidEvidence):
        verify(SNP(extension_changes=changes))


def test_a_vlek_without_provider_is_refused():
    with pytest.raises(InvalidEvidence, match="cloud provider"):
        verify(SNP(signer=SigningKey.VLEK, extension_changes={f"{AMD}.5": None}))


@pytest.mark.parametrize("count", [0, 2])
def test_there_is_one_leaf(count):
    forged = SNP()
    evidence = Evidence(SEV_SNP, forged.report, (forged.leaf,) * count)
    with pytest.raises(VerificationFailed, match=f"{count} SEV-VCEK certificates"):
        verify_snp(evidence, forged.collateral(), forged.roots, NOW)


@pytest.mark.parametrize("signer", [SigningKey.VCEK, SigningKey.VLEK])
def test_a_revoked_intermediate_is_refused(signer):
    forged = SNP(signer=signer)
    with pytest.raises(VerificationFailed) as caught:
        verify(forged, forged.collateral(0x7, ASK_SERIAL))
    assert caught.value.step is Step.REVOCATION


@pytest.mark.parametrize(
    "changes",
    [{"next_update": NOW - timedelta(seconds=1)}, {"this_update": NOW + timedelta(seconds=1)}],
)
def test_a_list_out_of_its_time_is_refused(changes):
    forged = SNP()
    with pytest.raises(VerificationFailed) as caught:
        verify(forged, forged.collateral(**changes))
    assert caught.value.step is Step.REVOCATION


def test_a_list_of_another_key_is_refused():
    forged = SNP()
    listing = revocation_list("ARK-Genoa", rsa_key("ask"))
    with pytest.raises(VerificationFailed) as caught:
        verify(forged, SNPCollateral((listing,)))
    assert caught.value.step is Step.REVOCATION


def roots(**changes):
    return Roots(amd={Product.GENOA: replace(amd_root(Product.GENOA), **changes)})


def ask(**changes):
    arguments = {
        "subject": "SEV-Genoa",
        "issuer": "ARK-Genoa",
        "key": rsa_key("ask"),
        "issuer_key": rsa_key("ark"),
        "serial": ASK_SERIAL,
        "extensions": CA,
    }
    return certificate(**(arguments | changes))


INTERMEDIATES = {
    "of another root": ask(issuer_key=rsa_key("ask")),
    "expired": ask(not_after=NOW - timedelta(days=1)),
    "no CA": ask(extensions={BASIC_CONSTRAINTS: sequence(), KEY_USAGE: CA[KEY_USAGE]}),
    "CA by omission": ask(extensions={KEY_USAGE: CA[KEY_USAGE]}),
    "may not sign": ask(extensions=CA | {KEY_USAGE: der(0x03, b"\x07\x80")}),
}


@pytest.mark.parametrize("intermediate", INTERMEDIATES.values(), ids=INTERMEDIATES)
def test_the_intermediate_is_checked(intermediate):
    with pytest.raises(VerificationFailed) as caught:
        verify(SNP(), roots=roots(ask=intermediate))
    assert caught.value.step is Step.CERTIFICATE_CHAIN


def test_a_root_with_another_key_of_the_same_name_is_refused():
    impostor = certificate("ARK-Genoa", "ARK-Genoa", rsa_key("ask"), rsa_key("ask"), extensions=CA)
    with pytest.raises(VerificationFailed) as caught:
        verify(SNP(), roots=roots(ark=impostor))
    assert caught.value.step is Step.CERTIFICATE_CHAIN


def test_a_root_that_did_not_sign_itself_is_refused():
    other = certificate("ARK-Genoa", "ARK-Genoa", rsa_key("ark"), rsa_key("ask"), extensions=CA)
    with pytest.raises(VerificationFailed):
        verify(SNP(), roots=roots(ark=other))


def test_vleks_need_their_own_issuer():
    without = Roots(
        amd={Product.GENOA: AMDRoot(amd_root(Product.GENOA).ark, amd_root(Product.GENOA).ask)}
    )
    with pytest.raises(VerificationFailed, match="no issuer of VLEKs"):
        verify(SNP(signer=SigningKey.VLEK), roots=without)


def test_no_roots_trust_nobody():
    with pytest.raises(VerificationFailed, match="no root of Genoa"):
        verify(SNP(), roots=Roots())


def test_the_chain_ends_with_its_dates():
    forged = SNP()
    with pytest.raises(VerificationFailed, match="expired"):
        verify(forged, SNPCollateral(), now=NOW + 6 * YEAR)


GENUINE = SNP()
EVIDENCE, COLLATERAL = GENUINE.evidence, GENUINE.collateral()


@settings(max_examples=60)
@given(bit=st.integers(0, SIGNED_SIZE * 8 - 1))
def test_no_signed_bit_can_be_changed(bit):
    evidence = replace(EVIDENCE, report=flipped(EVIDENCE.report, bit))
    with pytest.raises(EnclaveError):
        verify_snp(evidence, COLLATERAL, GENUINE.roots, NOW)


@settings(max_examples=60)
@given(bit=st.integers(SIGNED_SIZE * 8, REPORT_SIZE * 8 - 1))
def test_no_bit_of_the_signature_can_be_changed(bit):
    evidence = replace(EVIDENCE, report=flipped(EVIDENCE.report, bit))
    with pytest.raises(EnclaveError):
        verify_snp(evidence, COLLATERAL, GENUINE.roots, NOW)


@settings(max_examples=100)
@given(data=st.data())
def test_no_bit_of_the_leaf_or_list_can_be_changed(data):
    leaf, listing = EVIDENCE.certificates[0], COLLATERAL.revocation_lists[0]
    which = data.draw(st.sampled_from(["leaf", "list"]))
    target = leaf if which == "leaf" else listing
    changed = flipped(target, data.draw(st.integers(0, len(target) * 8 - 1)))
    evidence = replace(EVIDENCE, certificates=(changed if which == "leaf" else leaf,))
    collateral = SNPCollateral((listing if which == "leaf" else changed,))
    try:
        verified = verify_snp(evidence, collateral, GENUINE.roots, NOW)
    except EnclaveError:
        return
    # A changed issuer makes it the list of somebody else, which is as good as none.
    assert which == "list"
    assert not verified.revocation_checked


@settings(max_examples=60)
@given(report=st.binary(max_size=64), leaf=st.binary(max_size=64), listing=st.binary(max_size=64))
def test_garbage_is_an_error_of_ours(report, leaf, listing):
    for evidence, collateral in (
        (Evidence(SEV_SNP, report, (leaf,)), COLLATERAL),
        (Evidence(SEV_SNP, EVIDENCE.report, (leaf,)), COLLATERAL),
        (EVIDENCE, SNPCollateral((listing,))),
    ):
        with pytest.raises(EnclaveError):
            verify_snp(evidence, collateral, GENUINE.roots, NOW)
