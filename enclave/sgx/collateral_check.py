"""Whether Intel's documents are Intel's, and current.

    Intel SGX Root CA (pinned)
      |-> root revocation list
      |-> TCB Signing -> TCB info, QE identity
      |-> PCK Platform or Processor CA -> its revocation list

Verifying a quote takes these steps one by one (`enclave.sgx.dcap`). `check_dcap` takes them all
without a quote's signature, so that documents can be judged when they are fetched: also those that
say that a platform is revoked, which no quote of it verifies with.

Source: Intel, "Provisioning Certification Service API", version 4.
"""

from __future__ import annotations

from datetime import datetime

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
from enclave.roots import Roots
from enclave.sgx.collateral import DCAPCollateral
from enclave.sgx.documents import QEIdentity, TCBInfo, read_qe_identity, read_tcb_info
from enclave.sgx.pck import PCK

PCK_ISSUERS = ("Intel SGX PCK Platform CA", "Intel SGX PCK Processor CA")
TCB_SIGNER = "Intel SGX TCB Signing"


def check_dcap(
    collateral: DCAPCollateral,
    ids: tuple[str, str],
    platform: tuple[PCK, str],
    roots: Roots,
    now: datetime,
) -> None:
    """Let pass documents that are Intel's, current, and for this platform.

    Args:
        collateral: the documents.
        ids: of TCB info and QE identity: ("SGX", "QE") or ("TDX", "TD_QE").
        platform: which they should be for, and the name of its PCK certificate's issuer; both
            unverified.
        roots: which root to trust.
        now: the clock, with a time zone.

    Raises:
        InvalidEvidence: one cannot be read.
        VerificationFailed: with the step that failed.
    """
    root, root_list = trusted_root(collateral, roots, now)
    signers = [
        signer_of(chain, root, root_list, now)
        for chain in (collateral.tcb_info_issuer_chain, collateral.qe_identity_issuer_chain)
    ]
    tcb_info = tcb_info_of(collateral, signers[0], ids[0], now)
    qe_identity_of(collateral, signers[1], ids[1], now)
    pck, issuer = platform
    _check_pck_list(collateral, issuer, root, root_list, now)
    if (tcb_info.fmspc, tcb_info.pceid) != (pck.fmspc, pck.pceid):
        raise VerificationFailed(Step.TCB_INFO, "it is for another kind of platform")


def _check_pck_list(
    collateral: DCAPCollateral,
    name: str,
    root: Certificate,
    root_list: RevocationList,
    now: datetime,
) -> None:
    issuer = read_pem_chain(collateral.pck_crl_issuer_chain)[0]
    if name not in PCK_ISSUERS or issuer.common_name != name:
        raise VerificationFailed(Step.COLLATERAL, "the PCK revocation list is of another authority")
    check_issued(issuer, root, INTEL_SCHEME)
    check_dates(issuer, now)
    check_not_revoked(issuer, root_list)
    check_revocation(read_revocation_list(collateral.pck_crl), issuer, now, INTEL_SCHEME)


def trusted_root(
    collateral: DCAPCollateral, roots: Roots, now: datetime
) -> tuple[Certificate, RevocationList]:
    """Intel's root, and its own revocation list.

    Raises:
        VerificationFailed: no root of Intel is trusted, or the list is not its, or not in its time.
        InvalidEvidence: the list cannot be read.
    """
    if roots.intel is None:
        raise VerificationFailed(Step.CERTIFICATE_CHAIN, "no root of Intel is trusted")
    root = read_certificate(roots.intel)
    check_root(root, now, INTEL_SCHEME)
    listing = read_revocation_list(collateral.root_ca_crl)
    check_revocation(listing, root, now, INTEL_SCHEME)
    return root, listing


def signer_of(
    pem: bytes, root: Certificate, root_list: RevocationList, now: datetime
) -> Certificate:
    """The certificate that may sign TCB info and QE identities.

    Raises:
        VerificationFailed, InvalidEvidence: the chain does not begin with it.
    """
    signer = read_pem_chain(pem)[0]
    if signer.common_name != TCB_SIGNER:
        raise VerificationFailed(Step.COLLATERAL, f"{TCB_SIGNER} is not who signed it")
    check_issued(signer, root, INTEL_SCHEME)
    check_dates(signer, now)
    check_not_revoked(signer, root_list)
    return signer


def tcb_info_of(
    collateral: DCAPCollateral, signer: Certificate, tee: str, now: datetime
) -> TCBInfo:
    """The TCB info, signed and in its time.

    Raises:
        VerificationFailed, InvalidEvidence: it is not.
    """
    signature = collateral.tcb_info_signature
    check_ecdsa(signer.public_key(), signature, collateral.tcb_info, Step.TCB_INFO)
    info = read_tcb_info(collateral.tcb_info)
    if info.tee != tee:
        raise VerificationFailed(Step.TCB_INFO, f"it is not for {tee}")
    _check_current(info, Step.TCB_INFO, now)
    return info


def qe_identity_of(
    collateral: DCAPCollateral, signer: Certificate, name: str, now: datetime
) -> QEIdentity:
    """The quoting enclave's identity, signed and in its time.

    Raises:
        VerificationFailed, InvalidEvidence: it is not.
    """
    signature = collateral.qe_identity_signature
    check_ecdsa(signer.public_key(), signature, collateral.qe_identity, Step.QE_IDENTITY)
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


def check_ecdsa(key: object, signature: bytes, signed: bytes, step: Step) -> None:
    """Check an r || s signature (64 bytes) by a P-256 key.

    Raises:
        VerificationFailed: it does not hold.
    """
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise VerificationFailed(step, "the signer's key is not on P-256")
    if len(signature) != 64:
        raise VerificationFailed(step, f"a signature of {len(signature)} bytes")
    r, s = (int.from_bytes(number, "big") for number in (signature[:32], signature[32:]))
    try:
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise VerificationFailed(step, "the signature does not hold") from None
