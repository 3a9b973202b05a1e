r"""Whether an SEV-SNP attestation report is an AMD processor's.

    ARK (pinned) --> ASK  --> VCEK --> report       the chip's own key
                 \-> ASVK --> VLEK --> report       a key that AMD gave a cloud provider

The leaf's extensions say for which firmware (TCB_VERSION) and, in a VCEK, for which chip AMD
issued it; both must be those of the report exactly, since each TCB of a chip has a key of its
own and a key of an old TCB may have been extracted. What is *not* decided here: whether that
firmware is new enough, and everything in the report about the guest (`enclave.snp.policy`).

Source: AMD 56860 section 3.7 and 8.17.2; AMD 57230 sections 2 and 3.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from enclave.certificates import Certificate, RevocationList, read_certificate, read_revocation_list
from enclave.chain import (
    AMD_SCHEME,
    check_dates,
    check_issued,
    check_not_revoked,
    check_revocation,
    check_root,
)
from enclave.errors import Step, VerificationFailed
from enclave.evidence import TEE, Evidence, Verified
from enclave.roots import Roots, is_vendor
from enclave.snp import SEV_SNP
from enclave.snp.abi import (
    ECDSA_P384_SHA384,
    SIGNED_SIZE,
    TCB_LAYOUTS,
    AttestationReport,
    Product,
    SigningKey,
    parse_report,
    product_of,
)
from enclave.snp.certificates import COMMON_NAMES, Leaf, leaves_for, read_leaf
from enclave.snp.collateral import SNPCollateral


@dataclass(frozen=True, kw_only=True)
class VerifiedSNP(Verified):
    """A report that an AMD processor signed.

    Attributes:
        report: the report.
        product: the product line under whose root it was verified.
        signer: which kind of key signed it.
        csp_id: for a VLEK, the provider that vouches for the machine; else None.
        revocation_checked: there was a revocation list of the root, and it does not name the
            intermediate.
    """

    report: AttestationReport
    product: Product
    signer: SigningKey
    csp_id: str | None
    revocation_checked: bool

    @property
    def tee(self) -> TEE:
        """SEV-SNP."""
        return SEV_SNP

    @property
    def committed_tcb(self) -> bytes:
        """COMMITTED_TCB, 8 bytes."""
        return self.report.committed_tcb

    @property
    def report_data(self) -> bytes:
        """REPORT_DATA, 64 bytes."""
        return self.report.report_data

    @property
    def measurement(self) -> bytes:
        """MEASUREMENT, 48 bytes."""
        return self.report.measurement

    @property
    def tcb(self) -> str:
        """The product, and REPORTED_TCB by component."""
        reported = asdict(TCB_LAYOUTS[self.product].parse(self.report.reported_tcb))
        components = ", ".join(f"{name} {svn}" for name, svn in reported.items())
        return f"{self.product} with {components}"


def verify_snp(
    evidence: Evidence, collateral: SNPCollateral, roots: Roots, now: datetime
) -> VerifiedSNP:
    """The report in `evidence`, proved to be an AMD processor's.

    Args:
        evidence: the report, and among its certificates the VCEK or VLEK that signed it, unless
            the collateral has it.
        collateral: revocation lists; where the product's is missing, `revocation_checked` is False.
        roots: which to trust, with the intermediates under them.
        now: the verifier's clock, with a time zone.

    Raises:
        InvalidEvidence: report, certificate or revocation list cannot be read.
        VerificationFailed: with the step that failed.
    """
    report = parse_report(evidence.report)
    leaf = _leaf(report, evidence.certificates, collateral.certificates)
    chain = _check_chain(leaf, roots, now)
    listings = _check_revocation(chain, collateral, now)
    _check_signature(report, evidence.report[:SIGNED_SIZE], leaf.certificate)
    _check_product(report, leaf)
    _check_tcb(report, leaf)
    _check_chip(report, leaf)
    ends = [certificate.not_after for certificate in chain]
    return VerifiedSNP(
        simulated=not is_vendor(chain[-1].der, leaf.product),
        verified_at=now,
        valid_until=min(ends + [listing.next_update for listing in listings]),
        collateral_issued=min((listing.this_update for listing in listings), default=None),
        report=report,
        product=leaf.product,
        signer=leaf.signer,
        csp_id=leaf.csp_id,
        revocation_checked=bool(listings),
    )


def _leaf(
    report: AttestationReport, presented: tuple[bytes, ...], known: tuple[bytes, ...]
) -> Leaf:
    """The certificate of the key that the report names as its signer.

    The verifier's own comes first: a host may have none, or one of another TCB.
    """
    if report.signing_key not in COMMON_NAMES:
        raise VerificationFailed(Step.EVIDENCE, "the report is not signed by a VCEK or VLEK")
    wanted = COMMON_NAMES[SigningKey(report.signing_key)]
    if own := leaves_for(report, known):
        return read_leaf(read_certificate(own[0]))
    read = [read_certificate(certificate) for certificate in presented]
    found = [certificate for certificate in read if certificate.common_name == wanted]
    if not found:
        raise VerificationFailed(
            Step.EVIDENCE,
            f"0 {wanted} certificates came with the report, and the collateral has none for it",
        )
    if len(found) > 1:
        raise VerificationFailed(Step.EVIDENCE, f"{len(found)} {wanted} certificates, not 1")
    return read_leaf(found[0])


def _check_chain(
    leaf: Leaf, roots: Roots, now: datetime
) -> tuple[Certificate, Certificate, Certificate]:
    """Leaf, intermediate and root, each vouched for by the next."""
    trusted = roots.amd.get(leaf.product)
    if trusted is None:
        raise VerificationFailed(Step.CERTIFICATE_CHAIN, f"no root of {leaf.product} is trusted")
    issuer = trusted.ask if leaf.signer is SigningKey.VCEK else trusted.asvk
    if issuer is None:
        raise VerificationFailed(Step.CERTIFICATE_CHAIN, f"no issuer of {leaf.signer.name}s known")
    root, intermediate = read_certificate(trusted.ark), read_certificate(issuer)
    check_root(root, now, AMD_SCHEME)
    check_issued(intermediate, root, AMD_SCHEME)
    check_dates(intermediate, now)
    check_issued(leaf.certificate, intermediate, AMD_SCHEME)
    check_dates(leaf.certificate, now)
    return leaf.certificate, intermediate, root


def _check_revocation(
    chain: tuple[Certificate, Certificate, Certificate], collateral: SNPCollateral, now: datetime
) -> list[RevocationList]:
    """The revocation lists of this root; leaves are not listed, their serial number is 0."""
    _, intermediate, root = chain
    read = [read_revocation_list(listing) for listing in collateral.revocation_lists]
    ours = [listing for listing in read if listing.issuer == root.subject]
    for listing in ours:
        check_revocation(listing, root, now, AMD_SCHEME)
        check_not_revoked(intermediate, listing)
    return ours


def _check_signature(report: AttestationReport, signed: bytes, leaf: Certificate) -> None:
    if report.signature_algo != ECDSA_P384_SHA384:
        raise VerificationFailed(Step.SIGNATURE, f"unknown algorithm {report.signature_algo}")
    key = leaf.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise VerificationFailed(Step.SIGNATURE, "the leaf's key is not on P-384")
    r = int.from_bytes(report.signature.r, "little")
    s = int.from_bytes(report.signature.s, "little")
    try:
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        raise VerificationFailed(Step.SIGNATURE, "the report's does not hold") from None


def _check_product(report: AttestationReport, leaf: Leaf) -> None:
    """Chain, leaf and processor name the same product line."""
    if leaf.product_name.partition("-")[0] != leaf.product:
        raise VerificationFailed(Step.PRODUCT, f"the leaf is not for {leaf.product}")
    reported = product_of(report)
    if reported not in (None, leaf.product):
        raise VerificationFailed(
            Step.PRODUCT, f"the report is of {reported}, its leaf of {leaf.product}"
        )


def _check_tcb(report: AttestationReport, leaf: Leaf) -> None:
    if report.reported_tcb != leaf.tcb:
        raise VerificationFailed(Step.TCB, "REPORTED_TCB is not the one the leaf was issued for")


def _check_chip(report: AttestationReport, leaf: Leaf) -> None:
    """The VCEK is this chip's; a VLEK is for no chip in particular."""
    if leaf.hwid is None:
        return
    if report.mask_chip_key or not any(report.chip_id):
        raise VerificationFailed(Step.CHIP_IDENTITY, "the firmware hides it")
    if report.chip_id != leaf.hwid.ljust(len(report.chip_id), b"\0"):
        raise VerificationFailed(Step.CHIP_IDENTITY, "CHIP_ID is not the one in the leaf")
