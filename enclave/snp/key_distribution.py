"""AMD's key distribution service (KDS): where VCEKs and revocation lists are, and getting them.

The service answers about once in ten seconds to one address, so a server fetches its own chip's
certificate once and sends it along.

Source: AMD 57230, "VCEK Certificate and KDS Interface Specification", 1.00, section 4; AMD 58369
(VLEK).
"""

from __future__ import annotations

from types import MappingProxyType

from enclave.certificates import read_certificate
from enclave.collateral import Fetch
from enclave.errors import InvalidEvidence
from enclave.evidence import Evidence
from enclave.snp.abi import (
    TCB_LAYOUTS,
    AttestationReport,
    Product,
    SigningKey,
    parse_report,
    product_of,
)
from enclave.snp.certificates import HWID_SIZES, ISSUERS
from enclave.snp.collateral import SNPCollateral

KDS = "https://kdsintf.amd.com"

# TCB components as the KDS names them.
_SPL = MappingProxyType(
    {"fmc": "fmc", "boot_loader": "bl", "tee": "tee", "snp": "snp", "microcode": "ucode"}
)


def vcek_url(report: AttestationReport, product: Product) -> str:
    """Where AMD keeps the VCEK that signed a report.

    Args:
        report: unverified; it names chip and TCB.
        product: which product line the chip is of.
    """
    tcb = TCB_LAYOUTS[product].parse(report.reported_tcb)
    levels = [
        f"{spl}SPL={getattr(tcb, component):02d}"
        for component, spl in _SPL.items()
        if hasattr(tcb, component)
    ]
    hwid = report.chip_id[: HWID_SIZES[product]].hex()
    return f"{KDS}/vcek/v1/{product}/{hwid}?{'&'.join(levels)}"


async def fetch_vcek(report: AttestationReport, product: Product, fetch: Fetch) -> bytes:
    """DER of the VCEK that signed a report; see `vcek_url`."""
    return (await fetch(vcek_url(report, product))).body


async def fetch_snp(evidence: Evidence, fetch: Fetch) -> SNPCollateral:
    """The revocation list that verifying a report needs.

    Raises:
        InvalidEvidence: neither certificates nor report say of which product it is.
    """
    signer = "vlek" if parse_report(evidence.report).signing_key == SigningKey.VLEK else "vcek"
    listing = await fetch(f"{KDS}/{signer}/v1/{_product(evidence)}/crl")
    return SNPCollateral((listing.body,))


def _product(evidence: Evidence) -> Product:
    """By the leaf's issuer, or else by the report's CPUID fields."""
    for certificate in evidence.certificates:
        known = ISSUERS.get(read_certificate(certificate).issuer_common_name)
        if known is not None:
            return known[0]
    product = product_of(parse_report(evidence.report))
    if product is None:
        raise InvalidEvidence("AttestationReport", "it does not say of which product it is")
    return product
