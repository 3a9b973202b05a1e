"""AMD's collateral: the revocation lists of its product roots.

Source: AMD 57230, "VCEK Certificate and KDS Interface Specification", 1.00, section 4.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Self

from enclave.certificates import MAX_REVOCATION_LIST_SIZE
from enclave.collateral import read_json
from enclave.errors import InvalidEvidence
from enclave.snp.abi import Product


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
