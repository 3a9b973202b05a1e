"""What vendors publish about their chips after they are made: revocation, TCB levels, identities.

Collateral is bytes here: it is signed by the vendor, verified together with the evidence, and
not trusted before. It is kept and passed on as JSON, for Intel's in the form that the tools of
that ecosystem share. `enclave.fetch` knows where it comes from.

    SEV-SNP   revocation lists of the product's root
    TDX, SGX  TCB info, QE identity, PCK revocation list, root revocation list, and the chains
              of those who signed them
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from enclave.certificates import MAX_REVOCATION_LIST_SIZE
from enclave.errors import InvalidEvidence
from enclave.snp.abi import Product

MAX_COLLATERAL_SIZE = 4 << 20  # all documents of one platform have about 60 KB
MAX_DOCUMENT_SIZE = 1 << 20  # TCB infos have about 10 KB
MAX_CHAIN_SIZE = 1 << 15  # two certificates of about 1 KB each in PEM


@dataclass(frozen=True)
class SNPCollateral:
    """Revocation lists of AMD's product roots, DER; those of other products are not looked at.

    Raises:
        InvalidEvidence: more or longer lists than any real collateral.
    """

    revocation_lists: tuple[bytes, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        # Three products, two intermediates each.
        if len(self.revocation_lists) > 2 * len(Product):
            raise InvalidEvidence("collateral", f"{len(self.revocation_lists)} revocation lists")
        if any(len(listing) > MAX_REVOCATION_LIST_SIZE for listing in self.revocation_lists):
            raise InvalidEvidence("collateral", "a revocation list is too long")

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The collateral in `{"revocation_lists": ["3082…"]}`, lists in hexadecimal.

        Raises:
            InvalidEvidence: not such an object, or too long.
        """
        lists = read_json(data, "collateral").get("revocation_lists")
        if not isinstance(lists, list) or not all(isinstance(entry, str) for entry in lists):
            raise InvalidEvidence("collateral", "revocation_lists is not a list of strings")
        try:
            return cls(tuple(bytes.fromhex(entry) for entry in lists))
        except ValueError:
            raise InvalidEvidence("collateral", "a revocation list is not hexadecimal") from None

    def to_json(self) -> bytes:
        """The JSON that `from_json` reads."""
        lists = [listing.hex() for listing in self.revocation_lists]
        return json.dumps({"revocation_lists": lists}).encode()


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

Collateral = SNPCollateral | DCAPCollateral


def read_json(data: bytes, what: str) -> dict[str, Any]:
    """The JSON object in `data`.

    Args:
        data: UTF-8, at most 4 MiB.
        what: the name of the document, for the error.

    Raises:
        InvalidEvidence: not JSON, too long, too deep, or not an object.
    """
    if len(data) > MAX_COLLATERAL_SIZE:
        raise InvalidEvidence(what, f"more than {MAX_COLLATERAL_SIZE} bytes")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise InvalidEvidence(what, "not JSON") from None
    if not isinstance(document, dict):
        raise InvalidEvidence(what, "not an object")
    return document


def _part(document: Mapping[str, Any], name: str) -> bytes:
    value = document.get(name)
    if not isinstance(value, str):
        raise InvalidEvidence("collateral", f"{name} is missing or not a string")
    try:
        return bytes.fromhex(value) if name in _HEXADECIMAL else value.encode()
    except ValueError:
        raise InvalidEvidence("collateral", f"{name} is malformed") from None
