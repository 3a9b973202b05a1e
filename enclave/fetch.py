"""Where vendors keep what a verifier needs, and getting it.

This module knows addresses and forms, and no network: it is given a function that gets a URL.
What it gives is not verified; `enclave.verify` does that. A verifier needs AMD's revocation list
about once a year and Intel's documents about once a month: fetch them beforehand, keep them
(`to_json`), and never on the way of a request. AMD's service answers about once in ten seconds
to one address, so a server fetches its own chip's certificate once and sends it along.

Source: AMD 57230, "VCEK Certificate and KDS Interface Specification", 1.00, section 4; AMD 58369
(VLEK); Intel, "Provisioning Certification Service API", version 4.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import quote, unquote_to_bytes

from enclave.certificates import read_certificate, read_pem_chain
from enclave.collateral import MAX_DOCUMENT_SIZE, Collateral, DCAPCollateral, SNPCollateral
from enclave.errors import InvalidEvidence
from enclave.evidence import TEE, Evidence
from enclave.sgx.dcap import PCK_ISSUERS
from enclave.sgx.pck import read_pck
from enclave.sgx.quote import parse_sgx_quote
from enclave.snp.abi import (
    TCB_LAYOUTS,
    AttestationReport,
    Product,
    SigningKey,
    parse_report,
    product_of,
)
from enclave.snp.certificates import HWID_SIZES, ISSUERS
from enclave.tdx.quote import parse_tdx_quote

KDS = "https://kdsintf.amd.com"
PCS = "https://api.trustedservices.intel.com"
INTEL_ROOT_CRL = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"

# TCB components in the key server's words.
_SPL = MappingProxyType(
    {"fmc": "fmc", "boot_loader": "bl", "tee": "tee", "snp": "snp", "microcode": "ucode"}
)


@dataclass(frozen=True)
class Document:
    """What a URL gave: the body, and the headers by name in lower case."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


Fetch = Callable[[str], Awaitable[Document]]
"""Gets a URL; raises its own errors where that fails. It should bound time and length."""


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


async def fetch_collateral(evidence: Evidence, fetch: Fetch) -> Collateral:
    """The collateral that verifying `evidence` needs.

    Raises:
        InvalidEvidence: the evidence does not say which platform it is of, or a document is not
            of the form that its vendor describes.
    """
    if evidence.tee is TEE.SEV_SNP:
        signer = "vlek" if parse_report(evidence.report).signing_key == SigningKey.VLEK else "vcek"
        listing = await fetch(f"{KDS}/{signer}/v1/{_product(evidence)}/crl")
        return SNPCollateral((listing.body,))
    read = parse_tdx_quote if evidence.tee is TEE.TDX else parse_sgx_quote
    chain = read_pem_chain(read(evidence.report).signature_data.pck_chain)
    issuer = chain[0].issuer_common_name
    if issuer not in PCK_ISSUERS:
        raise InvalidEvidence("quote", "it names no issuer of Intel's")
    authority = "platform" if issuer == PCK_ISSUERS[0] else "processor"
    return await _fetch_dcap(evidence.tee, read_pck(chain[0]).fmspc, authority, fetch)


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


async def _fetch_dcap(tee: TEE, fmspc: bytes, authority: str, fetch: Fetch) -> DCAPCollateral:
    service = f"{PCS}/{tee}/certification/v4"
    info = await fetch(f"{service}/tcb?fmspc={quote(fmspc.hex())}")
    identity = await fetch(f"{service}/qe/identity")
    pck = await fetch(f"{PCS}/sgx/certification/v4/pckcrl?ca={authority}&encoding=der")
    root = await fetch(INTEL_ROOT_CRL)
    tcb_info, tcb_info_signature = _signed(info.body, b"tcbInfo")
    qe_identity, qe_identity_signature = _signed(identity.body, b"enclaveIdentity")
    return DCAPCollateral(
        pck_crl_issuer_chain=_chain(pck, "sgx-pck-crl-issuer-chain"),
        root_ca_crl=root.body,
        pck_crl=pck.body,
        tcb_info_issuer_chain=_chain(info, "tcb-info-issuer-chain"),
        tcb_info=tcb_info,
        tcb_info_signature=tcb_info_signature,
        qe_identity_issuer_chain=_chain(identity, "sgx-enclave-identity-issuer-chain"),
        qe_identity=qe_identity,
        qe_identity_signature=qe_identity_signature,
    )


def _chain(document: Document, header: str) -> bytes:
    if header not in document.headers:
        raise InvalidEvidence("collateral", f"no header {header}")
    return unquote_to_bytes(document.headers[header])


def _signed(body: bytes, member: bytes) -> tuple[bytes, bytes]:
    """The exact bytes of the signed member of a document, and the signature beside it.

    They are cut out, not parsed and written again, since the signature covers these very bytes.
    Cut wrongly, they do not verify.
    """
    what = member.decode()
    if len(body) > MAX_DOCUMENT_SIZE:
        raise InvalidEvidence(what, f"more than {MAX_DOCUMENT_SIZE} bytes")
    start, middle, end = b'{"' + member + b'":', b',"signature":"', b'"}'
    head, separator, tail = body.strip().rpartition(middle)
    if not (head.startswith(start) and separator and tail.endswith(end)):
        raise InvalidEvidence(what, "not a signed document of Intel's")
    try:
        return head.removeprefix(start), bytes.fromhex(tail.removesuffix(end).decode("ascii"))
    except ValueError:
        raise InvalidEvidence(what, "its signature is not hexadecimal") from None
