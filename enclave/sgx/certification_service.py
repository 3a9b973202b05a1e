"""Intel's provisioning certification service (PCS): where its documents are, and getting them.

A cache (PCCS) has the same paths under an address of its own, and one more for the root's list,
which the service has elsewhere; it gives lists in hexadecimal, as the service's older versions do.

Source: Intel, "Provisioning Certification Service API", version 4; "Design Guide of SGX
Provisioning Certificate Caching Service" (PCCS), section 3.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, unquote_to_bytes

from enclave.certificates import read_pem_chain
from enclave.collateral import Document, Fetch
from enclave.errors import InvalidEvidence
from enclave.evidence import Evidence
from enclave.sgx.collateral import MAX_DOCUMENT_SIZE, DCAPCollateral
from enclave.sgx.collateral_check import PCK_ISSUERS
from enclave.sgx.pck import PCK, read_pck
from enclave.sgx.quote import SignatureData

PCS = "https://api.trustedservices.intel.com"
INTEL_ROOT_CRL = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"


async def fetch_dcap(
    evidence: Evidence,
    fetch: Fetch,
    signature_data: Callable[[bytes], SignatureData],
    cache: str | None = None,
) -> DCAPCollateral:
    """The documents that verifying a quote needs.

    Args:
        evidence: the quote; the service has its documents under the TEE's name.
        fetch: gets a URL.
        signature_data: the signature data of a quote of this TEE; InvalidEvidence where it is none.
        cache: the address of a cache, without a slash at its end; None: the service itself.

    Raises:
        InvalidEvidence: the quote names no platform of Intel's, or a document is not of the form
            that Intel describes.
    """
    pck, issuer = platform_of(evidence, signature_data)
    if issuer not in PCK_ISSUERS:
        raise InvalidEvidence("quote", "it names no issuer of Intel's")
    authority = "platform" if issuer == PCK_ISSUERS[0] else "processor"
    return await _fetch(evidence.tee, pck.fmspc, authority, fetch, cache)


def platform_of(
    evidence: Evidence, signature_data: Callable[[bytes], SignatureData]
) -> tuple[PCK, str]:
    """The platform that a quote names, and the issuer of its certificate; neither is verified.

    Raises:
        InvalidEvidence: the quote cannot be read.
    """
    leaf = read_pem_chain(signature_data(evidence.report).pck_chain)[0]
    return read_pck(leaf), leaf.issuer_common_name


async def _fetch(
    tee: str, fmspc: bytes, authority: str, fetch: Fetch, cache: str | None
) -> DCAPCollateral:
    service = cache or PCS
    documents = f"{service}/{tee}/certification/v4"
    lists = f"{service}/sgx/certification/v4"
    info = await fetch(f"{documents}/tcb?fmspc={quote(fmspc.hex())}")
    identity = await fetch(f"{documents}/qe/identity")
    pck = await fetch(f"{lists}/pckcrl?ca={authority}&encoding=der")
    root = await fetch(INTEL_ROOT_CRL if cache is None else f"{lists}/rootcacrl")
    tcb_info, tcb_info_signature = _signed(info.body, b"tcbInfo")
    qe_identity, qe_identity_signature = _signed(identity.body, b"enclaveIdentity")
    return DCAPCollateral(
        pck_crl_issuer_chain=_chain(pck, "sgx-pck-crl-issuer-chain"),
        root_ca_crl=_list(root.body),
        pck_crl=_list(pck.body),
        tcb_info_issuer_chain=_chain(info, "tcb-info-issuer-chain"),
        tcb_info=tcb_info,
        tcb_info_signature=tcb_info_signature,
        qe_identity_issuer_chain=_chain(identity, "sgx-enclave-identity-issuer-chain"),
        qe_identity=qe_identity,
        qe_identity_signature=qe_identity_signature,
    )


def _list(body: bytes) -> bytes:
    """A revocation list, DER, from its bytes or from hexadecimal digits."""
    try:
        return bytes.fromhex(body.decode("ascii"))
    except ValueError:
        return body


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
