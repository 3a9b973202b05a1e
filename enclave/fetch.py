"""Collateral from the vendors' services, for any TEE.

Nothing here opens a connection: the caller passes a function that gets a URL. The result is not
verified; `enclave.verify` does that. A verifier needs AMD's revocation list about once a year and
Intel's documents about once a month: fetch them beforehand, keep them (`to_json`), and never fetch
on the path of a request.
"""

from __future__ import annotations

from enclave.collateral import Collateral, Fetch
from enclave.evidence import Evidence
from enclave.supported import TEES


async def fetch_collateral(evidence: Evidence, fetch: Fetch) -> Collateral:
    """The collateral that verifying `evidence` needs.

    Raises:
        InvalidEvidence: the evidence does not say which platform it is of, or a document is not
            of the form that its vendor describes.
    """
    collateral: Collateral = await TEES[evidence.tee].fetch(evidence, fetch)
    return collateral
