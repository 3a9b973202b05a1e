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

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from enclave.certificates import (
    Certificate,
    RevocationList,
    read_certificate,
    read_pem_chain,
    read_revocation_list,
)
from enclave.chain import (
    INTEL_SCHEME,
    check_dates,
    check_issued,
    check_not_revoked,
    check_revocation,
    check_root,
)
from enclave.errors import Step, VerificationFailed
from enclave.roots import Roots, is_vendor
from enclave.sgx.abi import EnclaveReport
from enclave.sgx.collateral import DCAPCollateral
from enclave.sgx.documents import QEIdentity, TCBInfo, read_qe_identity, read_tcb_info
from enclave.sgx.pck import read_pck
from enclave.sgx.platform import Platform
from enclave.sgx.quote import SignatureData
from enclave.sgx.tcb import level_of

PCK_ISSUERS = ("Intel SGX PCK Platform CA", "Intel SGX PCK Processor CA")
PCK_NAME = "Intel SGX PCK Certificate"
TCB_SIGNER = "Intel SGX TCB Signing"


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
    root, root_list = _root(collateral, roots, now)
    leaf, issuer, pck_list = _check_pck_chain(data, root, root_list, collateral, now)
    signers = [
        _check_signer(chain, root, root_list, now)
        for chain in (collateral.tcb_info_issuer_chain, collateral.qe_identity_issuer_chain)
    ]
    tcb_info = _tcb_info(collateral, signers[0], ids[0], now)
    identity = _qe_identity(collateral, signers[1], ids[1], now)
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


def _root(
    collateral: DCAPCollateral, roots: Roots, now: datetime
) -> tuple[Certificate, RevocationList]:
    if roots.intel is None:
        raise VerificationFailed(Step.CERTIFICATE_CHAIN, "no root of Intel is trusted")
    root = read_certificate(roots.intel)
    check_root(root, now, INTEL_SCHEME)
    listing = read_revocation_list(collateral.root_ca_crl)
    check_revocation(listing, root, now, INTEL_SCHEME)
    return root, listing


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


def _check_signer(
    pem: bytes, root: Certificate, root_list: RevocationList, now: datetime
) -> Certificate:
    """The certificate that may sign TCB info and QE identities."""
    signer = read_pem_chain(pem)[0]
    if signer.common_name != TCB_SIGNER:
        raise VerificationFailed(Step.COLLATERAL, f"{TCB_SIGNER} is not who signed it")
    check_issued(signer, root, INTEL_SCHEME)
    check_dates(signer, now)
    check_not_revoked(signer, root_list)
    return signer


def _tcb_info(collateral: DCAPCollateral, signer: Certificate, tee: str, now: datetime) -> TCBInfo:
    signature = collateral.tcb_info_signature
    _check_ecdsa(signer.public_key(), signature, collateral.tcb_info, Step.TCB_INFO)
    info = read_tcb_info(collateral.tcb_info)
    if info.tee != tee:
        raise VerificationFailed(Step.TCB_INFO, f"it is not for {tee}")
    _check_current(info, Step.TCB_INFO, now)
    return info


def _qe_identity(
    collateral: DCAPCollateral, signer: Certificate, name: str, now: datetime
) -> QEIdentity:
    signature = collateral.qe_identity_signature
    _check_ecdsa(signer.public_key(), signature, collateral.qe_identity, Step.QE_IDENTITY)
    identity = read_qe_identity(collateral.qe_identity)
    if identity.id != name:
        raise VerificationFailed(Step.QE_IDENTITY, f"it is not that of {name}")
    _check_current(identity, Step.QE_IDENTITY, now)
    return identity


def _check_current(document: TCBInfo | QEIdentity, step: Step, now: datetime) -> None:
    if not document.issued <= now <= document.next_update:
        raise VerificationFailed(
            step, f"valid from {document.issued:%Y-%m-%d} to {document.next_update:%Y-%m-%d}"
        )


def _check_qe(data: SignatureData, leaf: Certificate, identity: QEIdentity) -> None:
    """The QE's report: signed by the platform, naming the attestation key, of Intel's QE."""
    report = data.qe_report
    _check_ecdsa(leaf.public_key(), data.qe_report_signature, report.build(), Step.QE_REPORT)
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
    _check_ecdsa(key, data.signature, signed, Step.SIGNATURE)


def _check_ecdsa(key: object, signature: bytes, signed: bytes, step: Step) -> None:
    """Check an r || s signature by a P-256 key."""
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise VerificationFailed(step, "the signer's key is not on P-256")
    if len(signature) != 64:
        raise VerificationFailed(step, f"a signature of {len(signature)} bytes")
    r, s = (int.from_bytes(number, "big") for number in (signature[:32], signature[32:]))
    try:
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise VerificationFailed(step, "the signature does not hold") from None
