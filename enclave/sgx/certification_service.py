"""Intel's provisioning certification service (PCS): where its documents are, and getting them.

Source: Intel, "Provisioning Certification Service API", version 4.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, unquote_to_bytes

from enclave.certificates import read_pem_chain
from enclave.collateral import Document, Fetch
from enclave.errors import InvalidEvidence
from enclave.evidence import Evidence
from enclave.sgx.collateral import MAX_DOCUMENT_SIZE, DCAPCollateral
from enclave.sgx.dcap import PCK_ISSUERS
from enclave.sgx.pck import read_pck
from enclave.sgx.quote import SignatureData

PCS = "https://api.trustedservices.intel.com"
INTEL_ROOT_CRL = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"


async def fetch_dcap(
    evidence: Evidence, fetch: Fetch, signature_data: Callable[[bytes], SignatureData]
) -> DCAPCollateral:
    """The documents that verifying a quote needs.

    Args:
        evidence: the quote; the service has its documents under the TEE's name.
        fetch: gets a URL.
        signature_data: the signature data of a quote of this TEE; InvalidEvidence where it is none.

    Raises:
        InvalidEvidence: the quote names no platform of Intel's, or a document is not of the form
            that Intel describes.
    """
    chain = read_pem_chain(signature_data(evidence.report).pck_chain)
    issuer = chain[0].issuer_common_name
    if issuer not in PCK_ISSUERS:
        raise InvalidEvidence("quote", "it names no issuer of Intel's")
    authority = "platform" if issuer == PCK_ISSUERS[0] else "processor"
    return await _fetch(evidence.tee, read_pck(chain[0]).fmspc, authority, fetch)


async def _fetch(tee: str, fmspc: bytes, authority: str, fetch: Fetch) -> DCAPCollateral:
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
