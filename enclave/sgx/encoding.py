"""How a quote of SGX or TDX is written in bytes: as it is, for it carries its own certificates.

Source: Intel, "Intel TDX DCAP Quoting Library API", appendix A.3 (quote header).
"""

from __future__ import annotations

from enclave.evidence import TEE, Evidence
from enclave.sgx.abi import INTEL_QE_VENDOR_ID, QuoteHeader
from enclave.variant import Encoding


def quote_encoding(
    tee: TEE, tee_type: int, bare_oid: str, gramine_oid: str | None = None
) -> Encoding:
    """The encoding of the quotes of one TEE.

    Args:
        tee: the TEE.
        tee_type: TEE type in the quote's header.
        bare_oid: see `Encoding`.
        gramine_oid: see `Encoding`.
    """

    def read(blob: bytes) -> Evidence | None:
        if len(blob) < QuoteHeader.size:
            return None
        header = QuoteHeader.parse(blob[: QuoteHeader.size])
        if (header.qe_vendor_id, header.tee_type) != (INTEL_QE_VENDOR_ID, tee_type):
            return None
        return Evidence(tee, blob)

    return Encoding(
        read=read,
        write=lambda evidence: evidence.report,
        bare_oid=bare_oid,
        read_bare=lambda data: Evidence(tee, data),
        write_bare=lambda evidence: evidence.report,
        gramine_oid=gramine_oid,
    )
