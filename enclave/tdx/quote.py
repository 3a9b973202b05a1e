"""TDX quotes, versions 4 and 5. The layout is drawn in `enclave.tdx.abi`."""

from __future__ import annotations

from dataclasses import dataclass

from construct import Bytes, Const, FocusedSeq, Int16ul, Int32ul, Prefixed, Struct, Terminated

from enclave.binary_layout import Layout, at
from enclave.errors import InvalidEvidence
from enclave.sgx.abi import TDX_TEE_TYPE, QuoteHeader
from enclave.sgx.quote import QE_CERTIFICATION, SignatureData, read_header, read_signature_data
from enclave.tdx.abi import BODIES, TD_1_0, TDReport10, TDReport15, TDReport15Extended

QE_REPORT_CERTIFICATION_DATA = 6

SIGNATURE_DATA_V4 = Struct(
    "signature" / Bytes(64),
    "attestation_key" / Bytes(64),
    "certification_data_type" / Const(QE_REPORT_CERTIFICATION_DATA, Int16ul),
    "qe_certification"
    / Prefixed(Int32ul, FocusedSeq("value", "value" / QE_CERTIFICATION, Terminated)),
    Terminated,
)


class BodyDescriptor(Layout, size=6):
    """What precedes the body of a version 5 quote."""

    body_type: int = at(0, Int16ul)
    body_size: int = at(2, Int32ul)


@dataclass(frozen=True, kw_only=True)
class TDXQuote:
    """A TDX quote.

    Attributes:
        header: with the version, 4 or 5.
        body: TD 1.0 in a version 4 quote; any of them in version 5.
        signature_data: signature, attestation key, and the quoting enclave's certification.
    """

    header: QuoteHeader
    body: TDReport10 | TDReport15 | TDReport15Extended
    signature_data: SignatureData

    @property
    def td(self) -> TDReport10:
        """The part of the body that all TDX versions have."""
        match self.body:
            case TDReport15Extended(td_1_5=body):
                return body.td_1_0
            case TDReport15(td_1_0=td):
                return td
            case TDReport10():
                return self.body

    @property
    def td_1_5(self) -> TDReport15 | None:
        """The body of TDX 1.5; None in a quote of TDX 1.0."""
        match self.body:
            case TDReport15Extended(td_1_5=body):
                return body
            case TDReport15():
                return self.body
            case TDReport10():
                return None

    @property
    def signed(self) -> bytes:
        """What the attestation key signed."""
        body = self.body.build()
        if self.header.version == 4:
            return self.header.build() + body
        body_type = next(key for key, value in BODIES.items() if isinstance(self.body, value))
        descriptor = BodyDescriptor(body_type=body_type, body_size=len(body))
        return self.header.build() + descriptor.build() + body

    def build(self) -> bytes:
        """The quote's bytes."""
        data = SIGNATURE_DATA_V4.build(self.signature_data.to_build())
        return self.signed + Int32ul.build(len(data)) + data


def parse_tdx_quote(data: bytes) -> TDXQuote:
    """The TDX quote in `data`, unverified.

    Args:
        data: a quote of version 4 or 5, at most 32768 bytes; zeros may follow it.

    Raises:
        InvalidEvidence: malformed, or another version, vendor, body, key or certification type.
    """
    header = read_header(data, (4, 5), TDX_TEE_TYPE)
    start, layout = QuoteHeader.size, BODIES[TD_1_0]
    if header.version == 5:
        descriptor = BodyDescriptor.parse(data[start : start + BodyDescriptor.size])
        start += BodyDescriptor.size
        if descriptor.body_type not in BODIES:
            raise InvalidEvidence("quote", f"body type {descriptor.body_type} is not known")
        layout = BODIES[descriptor.body_type]
        if descriptor.body_size != layout.size:
            raise InvalidEvidence("quote", f"its body has {descriptor.body_size} bytes")
    end = start + layout.size
    return TDXQuote(
        header=header,
        body=layout.parse(data[start:end]),
        signature_data=read_signature_data(data[end:], SIGNATURE_DATA_V4),
    )
