"""What SGX and TDX quotes have in common: the way from Intel's root to the attestation key.

    Intel SGX Root CA (pinned)
      |-> PCK Platform or Processor CA -> PCK (this platform) -> QE report -> attestation key
      |-> TCB Signing -> TCB info, QE identity
      |-> root revocation list; the PCK CA's own revocation list

The platform's PCK certificate signs the report of a quoting enclave (QE); that report names the
attestation key; the attestation key signs the quote. Who issued what is checked by name as well
as by signature, because all of these certificates hang from one root: only the certificate
called TCB Signing may sign TCB info, and no platform's may.

Source: Intel, "Intel SGX ECDSA QuoteVerifyLibrary", "Verification flow"; attestation keys:
"Intel SGX ECDSA QuoteLibReference", appendix A.4.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec

from enclave.certificates import (
    Certificate,
    RevocationList,
    read_pem_chain,
    read_revocation_list,
)
from enclave.chain import (
    INTEL_SCHEME,
    check_dates,
    check_issued,
    check_not_revoked,
    check_revocation,
)
from enclave.errors import Step, VerificationFailed
from enclave.roots import Roots, is_vendor
from enclave.sgx.abi import EnclaveReport
from enclave.sgx.collateral import DCAPCollateral
from enclave.sgx.collateral_check import (
    PCK_ISSUERS,
    check_ecdsa,
    qe_identity_of,
    signer_of,
    tcb_info_of,
    trusted_root,
)
from enclave.sgx.documents import QEIdentity, TCBInfo
from enclave.sgx.pck import read_pck
from enclave.sgx.platform import Platform
from enclave.sgx.quote import SignatureData
from enclave.sgx.tcb import level_of

PCK_NAME = "Intel SGX PCK Certificate"


def verify_platform(
    data: SignatureData,
    signed: bytes,
    ids: tuple[str, str],
    collateral: DCAPCollateral,
    roots: Roots,
    now: datetime,
) -> Platform:
    """The platform whose quoting enclave signed a quote.

    Args:
        data: the quote's signature data.
        signed: the quote's header and body, as they were signed.
        ids: of TCB info and QE identity: ("SGX", "QE") or ("TDX", "TD_QE").
        collateral: Intel's documents.
        roots: which root to trust.
        now: the verifier's clock, with a time zone.

    Raises:
        InvalidEvidence: a certificate, revocation list or document cannot be read.
        VerificationFailed: with the step that failed.
    """
    root, root_list = trusted_root(collateral, roots, now)
    leaf, issuer, pck_list = _check_pck_chain(data, root, root_list, collateral, now)
    signers = [
        signer_of(chain, root, root_list, now)
        for chain in (collateral.tcb_info_issuer_chain, collateral.qe_identity_issuer_chain)
    ]
    tcb_info = tcb_info_of(collateral, signers[0], ids[0], now)
    identity = qe_identity_of(collateral, signers[1], ids[1], now)
    pck = read_pck(leaf)
    if (tcb_info.fmspc, tcb_info.pceid) != (pck.fmspc, pck.pceid):
        raise VerificationFailed(Step.TCB_INFO, "it is for another kind of platform")
    _check_qe(data, leaf, identity)
    _check_quote(data, signed)
    certificates = [leaf, issuer, root, *signers]
    lists = [root_list, pck_list]
    documents: list[TCBInfo | QEIdentity] = [tcb_info, identity]
    return Platform(
        simulated=not is_vendor(root.der),
        pck=pck,
        tcb_info=tcb_info,
        qe_level=level_of(identity.levels, (data.qe_report.isvsvn,), Step.QE_IDENTITY),
        evaluation_number=min(document.evaluation_number for document in documents),
        issued=min(pck_list.this_update, tcb_info.issued, identity.issued),
        valid_until=min(
            [certificate.not_after for certificate in certificates]
            + [listing.next_update for listing in lists]
            + [document.next_update for document in documents]
        ),
    )


def _check_pck_chain(
    data: SignatureData,
    root: Certificate,
    root_list: RevocationList,
    collateral: DCAPCollateral,
    now: datetime,
) -> tuple[Certificate, Certificate, RevocationList]:
    """The PCK certificate, its issuer, and the issuer's revocation list; a root is ignored."""
    chain = read_pem_chain(data.pck_chain)
    if len(chain) not in (2, 3):
        raise VerificationFailed(Step.CERTIFICATE_CHAIN, f"{len(chain)} PCK certificates")
    leaf, issuer = chain[:2]
    if leaf.common_name != PCK_NAME or issuer.common_name not in PCK_ISSUERS:
        raise VerificationFailed(Step.CERTIFICATE_CHAIN, "it is not that of a platform")
    check_issued(issuer, root, INTEL_SCHEME)
    check_dates(issuer, now)
    check_issued(leaf, issuer, INTEL_SCHEME)
    check_dates(leaf, now)
    check_not_revoked(issuer, root_list)
    listing = read_revocation_list(collateral.pck_crl)
    check_revocation(listing, issuer, now, INTEL_SCHEME)
    check_not_revoked(leaf, listing)
    return leaf, issuer, listing


def _check_qe(data: SignatureData, leaf: Certificate, identity: QEIdentity) -> None:
    """The QE's report: signed by the platform, naming the attestation key, of Intel's QE."""
    report = data.qe_report
    check_ecdsa(leaf.public_key(), data.qe_report_signature, report.build(), Step.QE_REPORT)
    named = sha256(data.attestation_key + data.qe_authentication_data).digest()
    if report.report_data != named.ljust(64, b"\0"):
        raise VerificationFailed(Step.QE_REPORT, "it does not name the attestation key")
    if not _is_the(identity, report):
        raise VerificationFailed(Step.QE_IDENTITY, "the quoting enclave is another one")


def _is_the(identity: QEIdentity, report: EnclaveReport) -> bool:
    return (
        report.mrsigner == identity.mrsigner
        and report.isvprodid == identity.isvprodid
        and masked(report.miscselect, identity.miscselect_mask) == identity.miscselect
        and masked(report.attributes, identity.attributes_mask) == identity.attributes
    )


def masked(value: bytes, mask: bytes) -> bytes:
    """The bits of `value` that `mask` has; both of one length."""
    return bytes(a & b for a, b in zip(value, mask, strict=True))


def _check_quote(data: SignatureData, signed: bytes) -> None:
    numbers = (data.attestation_key[:32], data.attestation_key[32:])
    x, y = (int.from_bytes(number, "big") for number in numbers)
    try:
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except ValueError:
        raise VerificationFailed(Step.SIGNATURE, "the attestation key is no point") from None
    check_ecdsa(key, data.signature, signed, Step.SIGNATURE)
