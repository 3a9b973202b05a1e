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
from enclave.snp.certificates import HWID_SIZES, ISSUERS, leaves_for
from enclave.snp.collateral import SNPCollateral

KDS = "https://kdsintf.amd.com"

# TCB components as the KDS names them.
_SPL = MappingProxyType(
    {"fmc": "fmc", "boot_loader": "bl", "tee": "tee", "snp": "snp", "microcode": "ucode"}
)


def vcek_url(report: AttestationReport, product: Product, service: str = KDS) -> str:
    """Where AMD keeps the VCEK that signed a report.

    Args:
        report: unverified; it names chip and TCB.
        product: which product line the chip is of.
        service: the address of AMD's service, or of a mirror of it.
    """
    tcb = TCB_LAYOUTS[product].parse(report.reported_tcb)
    levels = [
        f"{spl}SPL={getattr(tcb, component):02d}"
        for component, spl in _SPL.items()
        if hasattr(tcb, component)
    ]
    hwid = report.chip_id[: HWID_SIZES[product]].hex()
    return f"{service}/vcek/v1/{product}/{hwid}?{'&'.join(levels)}"


async def fetch_vcek(
    report: AttestationReport, product: Product, fetch: Fetch, service: str = KDS
) -> bytes:
    """DER of the VCEK that signed a report; see `vcek_url`."""
    return (await fetch(vcek_url(report, product, service))).body


async def fetch_snp(evidence: Evidence, fetch: Fetch, cache: str | None = None) -> SNPCollateral:
    """The revocation list that verifying a report needs, and the VCEK where it came without.

    A VLEK is its cloud provider's to give, and a chip that hides its identity has no VCEK to find.

    Args:
        evidence: the report; unverified.
        fetch: gets a URL.
        cache: the address of a mirror, without a slash at its end; None: AMD's service.

    Raises:
        InvalidEvidence: neither certificates nor report say of which product it is.
    """
    service = cache or KDS
    report, product = parse_report(evidence.report), product_of_evidence(evidence)
    signer = "vlek" if report.signing_key == SigningKey.VLEK else "vcek"
    listing = await fetch(f"{service}/{signer}/v1/{product}/crl")
    certificates: tuple[bytes, ...] = ()
    if _has_findable_vcek(report) and not leaves_for(report, evidence.certificates):
        certificates = (await fetch_vcek(report, product, fetch, service),)
    return SNPCollateral((listing.body,), certificates)


def is_endorsed(evidence: Evidence) -> bool:
    """Whether the leaf for the report is among the certificates that came with it.

    Raises:
        InvalidEvidence: the report cannot be read.
    """
    return bool(leaves_for(parse_report(evidence.report), evidence.certificates))


def endorsements_of(evidence: Evidence, collateral: SNPCollateral) -> tuple[bytes, ...]:
    """The leaf for the report, as the collateral or the evidence has it; empty where neither has.

    Raises:
        InvalidEvidence: the report cannot be read.
    """
    candidates = (*collateral.certificates, *evidence.certificates)
    return leaves_for(parse_report(evidence.report), candidates)[:1]


def _has_findable_vcek(report: AttestationReport) -> bool:
    return (
        report.signing_key == SigningKey.VCEK and not report.mask_chip_key and any(report.chip_id)
    )


def product_of_evidence(evidence: Evidence) -> Product:
    """The product line, by the leaf's issuer, or else by the report's CPUID fields; unverified.

    Raises:
        InvalidEvidence: neither says it.
    """
    for certificate in evidence.certificates:
        known = ISSUERS.get(read_certificate(certificate).issuer_common_name)
        if known is not None:
            return known[0]
    product = product_of(parse_report(evidence.report))
    if product is None:
        raise InvalidEvidence("AttestationReport", "it does not say of which product it is")
    return product
