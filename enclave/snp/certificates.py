"""VCEK and VLEK: the leaf certificates of SEV-SNP, and what their extensions state about the chip.

Source: AMD 57230, "VCEK Certificate and KDS Interface Specification", 1.00, section 3.1;
AMD 58369, "VLEK Certificate Definition".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType

from cryptography.hazmat import asn1

from enclave.certificates import Certificate, decode_der, read_certificate
from enclave.errors import InvalidEvidence, Step, VerificationFailed
from enclave.snp.abi import TCB_LAYOUTS, AttestationReport, Product, SigningKey

_ARC = "1.3.6.1.4.1.3704.1"
PRODUCT_NAME = f"{_ARC}.2"
HWID = f"{_ARC}.4"
CSP_ID = f"{_ARC}.5"

# SPL extensions by the name of the TCB component that they hold.
TCB_EXTENSIONS: Mapping[str, str] = MappingProxyType(
    {
        "boot_loader": f"{_ARC}.3.1",
        "tee": f"{_ARC}.3.2",
        "snp": f"{_ARC}.3.3",
        "microcode": f"{_ARC}.3.8",
        "fmc": f"{_ARC}.3.9",
    }
)
_RESERVED_TCB_EXTENSIONS = tuple(f"{_ARC}.3.{index}" for index in range(4, 8))

COMMON_NAMES: Mapping[SigningKey, str] = MappingProxyType(
    {SigningKey.VCEK: "SEV-VCEK", SigningKey.VLEK: "SEV-VLEK"}
)
ISSUERS: Mapping[str, tuple[Product, SigningKey]] = MappingProxyType(
    {f"SEV-{product}": (product, SigningKey.VCEK) for product in Product}
    | {f"SEV-VLEK-{product}": (product, SigningKey.VLEK) for product in Product}
)
HWID_SIZES: Mapping[Product, int] = MappingProxyType(
    {Product.MILAN: 64, Product.GENOA: 64, Product.TURIN: 8}
)


@dataclass(frozen=True)
class Leaf:
    """A VCEK or VLEK certificate with its extensions read.

    Attributes:
        certificate: as read; nothing is verified yet.
        product: by the issuer's name, which the chain then proves.
        signer: VCEK or VLEK, by the issuer's name.
        tcb: TCB_VERSION in the product's layout, 8 bytes.
        product_name: "Genoa"; older ones carry a stepping, "Milan-B0".
        hwid: the chip's identity, 64 bytes (Turin: 8); None in a VLEK.
        csp_id: the cloud provider that a VLEK was issued to; None in a VCEK.
    """

    certificate: Certificate
    product: Product
    signer: SigningKey
    tcb: bytes
    product_name: str
    hwid: bytes | None = field(repr=False)
    csp_id: str | None


def read_leaf(certificate: Certificate) -> Leaf:
    """The extensions of a VCEK or VLEK certificate.

    Raises:
        VerificationFailed: the issuer is none of AMD's, or the subject is not its kind of leaf.
        InvalidEvidence: an extension is missing, malformed, or belongs to the other kind.
    """
    known = ISSUERS.get(certificate.issuer_common_name)
    if known is None or certificate.common_name != COMMON_NAMES[known[1]]:
        raise VerificationFailed(Step.CERTIFICATE_CHAIN, "the leaf names no issuer of AMD's")
    product, signer = known
    kind = COMMON_NAMES[signer]
    if (HWID in certificate.extensions) != (signer is SigningKey.VCEK):
        raise InvalidEvidence(kind, "a VCEK names a chip, a VLEK does not")
    if (CSP_ID in certificate.extensions) != (signer is SigningKey.VLEK):
        raise InvalidEvidence(kind, "a VLEK names a cloud provider, a VCEK does not")
    return Leaf(
        certificate=certificate,
        product=product,
        signer=signer,
        tcb=_tcb(certificate, product, kind),
        product_name=_text(certificate, PRODUCT_NAME, kind),
        hwid=_hwid(certificate, product) if signer is SigningKey.VCEK else None,
        csp_id=_text(certificate, CSP_ID, kind) if signer is SigningKey.VLEK else None,
    )


def is_for(leaf: Leaf, report: AttestationReport) -> bool:
    """Whether a leaf is of the key that a report names as its signer.

    It says nothing of the leaf's own signature, nor of the report's.
    """
    return (
        report.signing_key == leaf.signer
        and report.reported_tcb == leaf.tcb
        and (leaf.hwid is None or report.chip_id == leaf.hwid.ljust(len(report.chip_id), b"\0"))
    )


def leaves_for(report: AttestationReport, certificates: Iterable[bytes]) -> tuple[bytes, ...]:
    """Those of some DER certificates that are a leaf for a report; what cannot be read is none."""
    found = []
    for der in certificates:
        with suppress(InvalidEvidence, VerificationFailed):
            if is_for(read_leaf(read_certificate(der)), report):
                found.append(der)
    return tuple(found)


def _extension(certificate: Certificate, oid: str, kind: str) -> bytes:
    if oid not in certificate.extensions:
        raise InvalidEvidence(kind, f"no extension {oid}")
    return certificate.extensions[oid]


def _text(certificate: Certificate, oid: str, kind: str) -> str:
    return decode_der(asn1.IA5String, _extension(certificate, oid, kind), kind).as_str()


def _tcb(certificate: Certificate, product: Product, kind: str) -> bytes:
    """The SPL extensions, put into the product's TCB_VERSION."""
    layout = TCB_LAYOUTS[product]
    for oid in _RESERVED_TCB_EXTENSIONS:
        if oid in certificate.extensions and _spl(certificate, oid, kind) != 0:
            raise InvalidEvidence(kind, "a reserved SPL extension is not zero")
    names = [name for name in TCB_EXTENSIONS if name in layout.__dataclass_fields__]
    return layout(**{n: _spl(certificate, TCB_EXTENSIONS[n], kind) for n in names}).build()


def _spl(certificate: Certificate, oid: str, kind: str) -> int:
    value = decode_der(int, _extension(certificate, oid, kind), kind)
    if value not in range(256):
        raise InvalidEvidence(kind, "an SPL extension is no byte")
    return value


def _hwid(certificate: Certificate, product: Product) -> bytes:
    """The HWID: the bare octets as a rule, sometimes wrapped in an OCTET STRING."""
    kind, size = "SEV-VCEK", HWID_SIZES[product]
    value = _extension(certificate, HWID, kind)
    if len(value) != size:  # decided by length: a bare HWID may well begin like a header
        value = decode_der(bytes, value, kind)
    if len(value) != size:
        raise InvalidEvidence(kind, f"its HWID has {len(value)} bytes, not {size}")
    return value
