"""What vendors publish about their chips after they are made: revocation, TCB levels, identities.

Collateral is bytes here: it is signed by the vendor, verified together with the evidence, and
not trusted before. It is kept and passed on as JSON. Each TEE has its own kind, in its own folder
(`Variant.collateral`); `enclave.fetch` gets it from the vendor.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from enclave.errors import InvalidEvidence

MAX_COLLATERAL_SIZE = 4 << 20  # all documents of one platform have about 60 KB


class Collateral(Protocol):
    """A vendor's documents for one TEE. Nothing in them is true before they are verified."""

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The collateral in a JSON object that `to_json` wrote.

        Raises:
            InvalidEvidence: not such an object, or too long.
        """

    def to_json(self) -> bytes:
        """The JSON that `from_json` reads."""


@dataclass(frozen=True)
class Document:
    """What a URL gave: the body, and the headers by name in lower case."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


Fetch = Callable[[str], Awaitable[Document]]
"""Gets a URL; raises its own errors where that fails. It should bound time and length."""


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
