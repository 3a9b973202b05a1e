"""Intel's collateral for a platform and one TEE on it, SGX or TDX.

TCB info, QE identity, the revocation lists of PCKs and of the root, and the certificate chains of
those who signed them. The JSON is the form that the tools of that ecosystem share.

Source: Intel, "Provisioning Certification Service API", version 4; `sgx_ql_qve_collateral_t`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from enclave.collateral import read_json
from enclave.errors import InvalidEvidence

MAX_DOCUMENT_SIZE = 1 << 20  # TCB infos have about 10 KB
MAX_CHAIN_SIZE = 1 << 15  # two certificates of about 1 KB each in PEM


@dataclass(frozen=True)
class DCAPCollateral:
    """Intel's documents for one platform (FMSPC) and one TEE.

    Attributes:
        pck_crl_issuer_chain: PEM, issuer of the PCK revocation list first, then the root.
        root_ca_crl: DER.
        pck_crl: DER.
        tcb_info_issuer_chain: PEM.
        tcb_info: the exact JSON bytes that were signed, without the member's name.
        tcb_info_signature: 64 bytes, r || s.
        qe_identity_issuer_chain: PEM.
        qe_identity: like `tcb_info`.
        qe_identity_signature: 64 bytes, r || s.

    Raises:
        InvalidEvidence: a part is longer than any real collateral.
    """

    pck_crl_issuer_chain: bytes = field(repr=False)
    root_ca_crl: bytes = field(repr=False)
    pck_crl: bytes = field(repr=False)
    tcb_info_issuer_chain: bytes = field(repr=False)
    tcb_info: bytes = field(repr=False)
    tcb_info_signature: bytes = field(repr=False)
    qe_identity_issuer_chain: bytes = field(repr=False)
    qe_identity: bytes = field(repr=False)
    qe_identity_signature: bytes = field(repr=False)

    def __post_init__(self) -> None:
        for entry in fields(self):
            limit = MAX_CHAIN_SIZE if entry.name.endswith("_chain") else MAX_DOCUMENT_SIZE
            if len(getattr(self, entry.name)) > limit:
                raise InvalidEvidence("collateral", f"{entry.name} has more than {limit} bytes")

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The collateral in the form of Intel's `sgx_ql_qve_collateral_t` as JSON.

        Args:
            data: an object of strings: chains and documents as text, lists and signatures in
                hexadecimal. Other members are ignored.

        Raises:
            InvalidEvidence: not such an object, or too long.
        """
        document = read_json(data, "collateral")
        return cls(**{entry.name: _part(document, entry.name) for entry in fields(cls)})

    def to_json(self) -> bytes:
        """The JSON that `from_json` reads."""
        return json.dumps(
            {
                entry.name: getattr(self, entry.name).hex()
                if entry.name in _HEXADECIMAL
                else getattr(self, entry.name).decode()
                for entry in fields(self)
            }
        ).encode()


_HEXADECIMAL = {"root_ca_crl", "pck_crl", "tcb_info_signature", "qe_identity_signature"}


def _part(document: Mapping[str, Any], name: str) -> bytes:
    value = document.get(name)
    if not isinstance(value, str):
        raise InvalidEvidence("collateral", f"{name} is missing or not a string")
    try:
        return bytes.fromhex(value) if name in _HEXADECIMAL else value.encode()
    except ValueError:
        raise InvalidEvidence("collateral", f"{name} is malformed") from None
