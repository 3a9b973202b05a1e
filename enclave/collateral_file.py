"""The file of collateral: what vendors publish about the chips of one server, by TEE.

    {
        "strongroom-collateral": 1,
        "sev-snp": {"revocation_lists": ["3082…"], "certificates": ["3082…"]},
        "tdx": {"tcb_info": "…", …}
    }

The number is that of the format. A file without it is read as the first, which had none; another
number is refused. Each other member is a TEE's (`Variant.collateral`); docs/attestation.md has them
all. What is read is not verified: it is signed by its vendor, and `enclave.verify` checks that
together with the evidence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from enclave.collateral import Collateral, read_json
from enclave.errors import InvalidEvidence
from enclave.evidence import TEE
from enclave.supported import TEES

FORMAT: Final = "strongroom-collateral"
VERSION: Final = 1

_WHAT: Final = "collateral file"


def read_collateral(data: bytes) -> dict[TEE, Collateral]:
    """The collateral in a file, by TEE.

    Args:
        data: JSON, at most 4 MiB.

    Raises:
        InvalidEvidence: not such a file, of another version, or of a TEE that is not supported.
    """
    document = _object(data)
    version = document.pop(FORMAT, VERSION)
    if type(version) is not int or version != VERSION:
        raise InvalidEvidence(_WHAT, f"of another version than {VERSION}")
    for name in document:
        if name not in TEES:
            raise InvalidEvidence(_WHAT, f"it is no JSON object by {', '.join(TEES)}")
    return {
        TEE(name): TEES[TEE(name)].collateral.from_json(json.dumps(member).encode())
        for name, member in document.items()
    }


def _object(data: bytes) -> dict[str, Any]:
    try:
        return read_json(data, _WHAT)
    except InvalidEvidence as error:
        raise InvalidEvidence(
            _WHAT, f"it is no JSON object by {', '.join(TEES)}: {error.why}"
        ) from None


def write_collateral(collateral: Mapping[TEE, Collateral]) -> bytes:
    """The file that `read_collateral` reads."""
    members = {tee: json.loads(each.to_json()) for tee, each in collateral.items()}
    return json.dumps({FORMAT: VERSION, **members}, indent=1).encode() + b"\n"
