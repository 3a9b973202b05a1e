"""AMD's collateral: the revocation lists of its product roots, and certificates of chips' keys.

A chip's certificate (VCEK) comes with the evidence where its host has it. Where the host has none,
or one of another TCB, the verifier takes the one that it has itself.

Source: AMD 57230, "VCEK Certificate and KDS Interface Specification", 1.00, section 4.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Self

from enclave.certificates import MAX_REVOCATION_LIST_SIZE
from enclave.collateral import read_json
from enclave.errors import InvalidEvidence
from enclave.evidence import MAX_CERTIFICATE_SIZE
from enclave.snp.abi import Product

MAX_CERTIFICATES = 64  # of as many chips, or TCBs of them


@dataclass(frozen=True)
class SNPCollateral:
    """What AMD publishes about its chips.

    Attributes:
        revocation_lists: of its product roots, DER; those of other products are not looked at.
        certificates: VCEKs, DER; those of other chips and TCBs are not looked at.

    Raises:
        InvalidEvidence: more or longer lists or certificates than any real collateral.
    """

    revocation_lists: tuple[bytes, ...] = field(default=(), repr=False)
    certificates: tuple[bytes, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        # Three products, two intermediates each.
        if len(self.revocation_lists) > 2 * len(Product):
            raise InvalidEvidence("collateral", f"{len(self.revocation_lists)} revocation lists")
        if any(len(listing) > MAX_REVOCATION_LIST_SIZE for listing in self.revocation_lists):
            raise InvalidEvidence("collateral", "a revocation list is too long")
        if len(self.certificates) > MAX_CERTIFICATES:
            raise InvalidEvidence("collateral", f"{len(self.certificates)} certificates")
        if any(len(certificate) > MAX_CERTIFICATE_SIZE for certificate in self.certificates):
            raise InvalidEvidence("collateral", "a certificate is too long")

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The collateral in `{"revocation_lists": ["3082…"], "certificates": ["3082…"]}`.

        Args:
            data: an object of lists of DER in hexadecimal; `certificates` may be left out.

        Raises:
            InvalidEvidence: not such an object, or too long.
        """
        document = read_json(data, "collateral")
        return cls(
            _hexadecimal(document.get("revocation_lists"), "revocation_lists"),
            _hexadecimal(document.get("certificates", []), "certificates"),
        )

    def to_json(self) -> bytes:
        """The JSON that `from_json` reads."""
        parts = {
            "revocation_lists": [listing.hex() for listing in self.revocation_lists],
            "certificates": [certificate.hex() for certificate in self.certificates],
        }
        return json.dumps(parts).encode()


def _hexadecimal(entries: object, name: str) -> tuple[bytes, ...]:
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise InvalidEvidence("collateral", f"{name} is not a list of strings")
    try:
        return tuple(bytes.fromhex(entry) for entry in entries)
    except ValueError:
        raise InvalidEvidence("collateral", f"{name} is not hexadecimal") from None
