"""Quotes of SGX enclaves, version 3, and the signature data that quotes of all versions share.

    SGX version 3     header 48 | report body 384 | u32 length | signature data
    signature data    signature 64 | attestation key 64
                      | QE report 384 | its signature 64 | u16 length | authentication data
                      | u16 type = 5 | u32 length | PCK chain (PEM)

From version 4 on (`enclave.tdx.quote`) what follows the attestation key is wrapped once more.

Source: Intel, "Intel SGX ECDSA QuoteLibReference DCAP API", appendix A.4.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from construct import Bytes, Const, GreedyBytes, Int16ul, Int32ul, Prefixed, Struct, Terminated

from enclave.binary_layout import parse
from enclave.errors import InvalidEvidence
from enclave.evidence import MAX_REPORT_SIZE
from enclave.sgx.abi import (
    ECDSA_P256,
    INTEL_QE_VENDOR_ID,
    SGX_TEE_TYPE,
    EnclaveReport,
    QuoteHeader,
)

PCK_CERT_CHAIN = 5  # certification data type; 1 to 4 hold an encrypted PPID instead of a chain

QE_CERTIFICATION = Struct(
    "qe_report" / EnclaveReport.struct,
    "qe_report_signature" / Bytes(64),
    "qe_authentication_data" / Prefixed(Int16ul, GreedyBytes),
    "certification_data_type" / Const(PCK_CERT_CHAIN, Int16ul),
    "pck_chain" / Prefixed(Int32ul, GreedyBytes),
)
SIGNATURE_DATA_V3 = Struct(
    "signature" / Bytes(64),
    "attestation_key" / Bytes(64),
    "qe_certification" / QE_CERTIFICATION,
    Terminated,
)


@dataclass(frozen=True, kw_only=True)
class SignatureData:
    """ECDSA quote signature data.

    Attributes:
        signature: of header and body by the attestation key; r || s.
        attestation_key: P-256 point, x || y, made by the quoting enclave (QE).
        qe_report: the QE's own report, whose report data names the attestation key.
        qe_report_signature: by the PCK; r || s.
        qe_authentication_data: what the QE hashed together with the attestation key.
        pck_chain: PEM: PCK certificate, its issuer, the root.
    """

    signature: bytes = field(repr=False)
    attestation_key: bytes = field(repr=False)
    qe_report: EnclaveReport
    qe_report_signature: bytes = field(repr=False)
    qe_authentication_data: bytes = field(repr=False)
    pck_chain: bytes = field(repr=False)

    @classmethod
    def of(cls, parsed: Any) -> SignatureData:
        """The signature data in what a construct of it gave."""
        certification = parsed["qe_certification"]
        return cls(
            signature=parsed["signature"],
            attestation_key=parsed["attestation_key"],
            qe_report=certification["qe_report"],
            qe_report_signature=certification["qe_report_signature"],
            qe_authentication_data=certification["qe_authentication_data"],
            pck_chain=certification["pck_chain"],
        )

    def to_build(self) -> dict[str, Any]:
        """What a construct of signature data builds from."""
        return {
            "signature": self.signature,
            "attestation_key": self.attestation_key,
            "qe_certification": {
                "qe_report": self.qe_report,
                "qe_report_signature": self.qe_report_signature,
                "qe_authentication_data": self.qe_authentication_data,
                "pck_chain": self.pck_chain,
            },
        }


@dataclass(frozen=True, kw_only=True)
class SGXQuote:
    """A quote version 3."""

    header: QuoteHeader
    body: EnclaveReport
    signature_data: SignatureData

    @property
    def signed(self) -> bytes:
        """What the attestation key signed."""
        return self.header.build() + self.body.build()

    def build(self) -> bytes:
        """The quote's bytes."""
        data = SIGNATURE_DATA_V3.build(self.signature_data.to_build())
        return self.signed + Int32ul.build(len(data)) + data


def read_header(data: bytes, versions: tuple[int, ...], tee_type: int) -> QuoteHeader:
    """The header of a quote, which must be of Intel's and of one of `versions`.

    Raises:
        InvalidEvidence: it is not.
    """
    if len(data) > MAX_REPORT_SIZE:
        raise InvalidEvidence("quote", f"{len(data)} bytes, more than {MAX_REPORT_SIZE}")
    header = QuoteHeader.parse(data[: QuoteHeader.size])
    if header.version not in versions:
        raise InvalidEvidence("quote", f"version {header.version} is not known")
    if header.attestation_key_type != ECDSA_P256:
        raise InvalidEvidence("quote", f"unknown key type {header.attestation_key_type}")
    if header.tee_type != tee_type:
        raise InvalidEvidence("quote", f"it is of TEE type {header.tee_type:#x}")
    if header.qe_vendor_id != INTEL_QE_VENDOR_ID:
        raise InvalidEvidence("quote", "the quoting enclave is not Intel's")
    return header


def read_signature_data(rest: bytes, construct: Any) -> SignatureData:
    """The signature data in what follows a quote's body.

    Args:
        rest: u32 length, signature data, and nothing but zeros after it: a quote may come in a
            buffer of fixed size.
        construct: of the version's signature data.

    Raises:
        InvalidEvidence: anything else.
    """
    end = Int32ul.sizeof() + int.from_bytes(rest[: Int32ul.sizeof()], "little")
    if len(rest) < end or any(rest[end:]):
        raise InvalidEvidence("quote", "its signature data has another length")
    parsed = parse(construct, rest[Int32ul.sizeof() : end], "quote signature data")
    return SignatureData.of(parsed)


def parse_sgx_quote(data: bytes) -> SGXQuote:
    """The SGX quote in `data`, unverified.

    Args:
        data: a quote of version 3, at most 32768 bytes; zeros may follow it.

    Raises:
        InvalidEvidence: malformed, or another version, vendor, key or certification type.
    """
    header = read_header(data, (3,), SGX_TEE_TYPE)
    end = QuoteHeader.size + EnclaveReport.size
    return SGXQuote(
        header=header,
        body=EnclaveReport.parse(data[QuoteHeader.size : end]),
        signature_data=read_signature_data(data[end:], SIGNATURE_DATA_V3),
    )
