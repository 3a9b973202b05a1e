"""Whether what AMD's key distribution service gave is AMD's, and for this chip.

Verifying a report takes the same steps (`enclave.snp.verify`); here they are taken without the
report's signature, so that documents can be judged when they are fetched: also a list that revokes
the chip's issuer, with which no report verifies.

Source: AMD 57230 sections 2 and 4.
"""

from __future__ import annotations

from datetime import datetime

from enclave.certificates import Certificate, read_certificate, read_revocation_list
from enclave.chain import AMD_SCHEME, check_dates, check_issued, check_revocation, check_root
from enclave.errors import Step, VerificationFailed
from enclave.evidence import Evidence
from enclave.roots import AMDRoot, Roots
from enclave.snp.abi import SigningKey, parse_report
from enclave.snp.certificates import is_for, read_leaf
from enclave.snp.collateral import SNPCollateral
from enclave.snp.key_distribution import product_of_evidence


def check_snp(evidence: Evidence, collateral: SNPCollateral, roots: Roots, now: datetime) -> None:
    """Let pass lists and certificates that are AMD's, current, and for this report's chip.

    Args:
        evidence: names the product, the chip and its TCB; unverified.
        collateral: the lists and certificates.
        roots: which to trust, with the intermediates under them.
        now: the clock, with a time zone.

    Raises:
        InvalidEvidence: something cannot be read.
        VerificationFailed: with the step that failed.
    """
    product = product_of_evidence(evidence)
    trusted = roots.amd.get(product)
    if trusted is None:
        raise VerificationFailed(Step.CERTIFICATE_CHAIN, f"no root of {product} is trusted")
    root = read_certificate(trusted.ark)
    check_root(root, now, AMD_SCHEME)
    for listing in collateral.revocation_lists:
        check_revocation(read_revocation_list(listing), root, now, AMD_SCHEME)
    for certificate in collateral.certificates:
        _check_leaf(read_certificate(certificate), evidence, trusted, root, now)


def _check_leaf(
    certificate: Certificate, evidence: Evidence, trusted: AMDRoot, root: Certificate, now: datetime
) -> None:
    leaf = read_leaf(certificate)
    if not is_for(leaf, parse_report(evidence.report)):
        raise VerificationFailed(Step.CHIP_IDENTITY, "the certificate is of another chip or TCB")
    der = trusted.ask if leaf.signer is SigningKey.VCEK else trusted.asvk
    if der is None:
        raise VerificationFailed(Step.CERTIFICATE_CHAIN, f"no issuer of {leaf.signer.name}s known")
    issuer = read_certificate(der)
    check_issued(issuer, root, AMD_SCHEME)
    check_dates(issuer, now)
    check_issued(certificate, issuer, AMD_SCHEME)
    check_dates(certificate, now)
