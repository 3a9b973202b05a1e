"""Collateral from the vendors' services, for any TEE.

Nothing here opens a connection: the caller passes a function that gets a URL. What it gave is
checked before it is kept (`check_collateral`): signed by the vendor, current, and for the chip that
the evidence names. Whether the evidence verifies with it is another question, which
`enclave.verify` answers: documents that say that a platform is revoked are good documents. A
verifier needs AMD's revocation list about once a year and Intel's documents about once a month:
fetch them beforehand, keep them (`enclave.collateral_file`), and never fetch on the path of a
request.
"""

from __future__ import annotations

from datetime import datetime

from enclave.collateral import Collateral, Fetch
from enclave.evidence import Evidence
from enclave.roots import Roots
from enclave.supported import TEES


async def fetch_collateral(
    evidence: Evidence, fetch: Fetch, cache: str | None = None
) -> Collateral:
    """The collateral that verifying `evidence` needs, unverified.

    Args:
        evidence: names the platform; need not be verified.
        fetch: gets a URL.
        cache: the address of a cache or mirror of the vendor's service (PCCS, or a mirror of AMD's
            KDS), such as "https://pccs.example:8081"; None: the vendor's.

    Raises:
        InvalidEvidence: the evidence does not say which platform it is of, or a document is not
            of the form that its vendor describes.
    """
    address = None if cache is None else cache.rstrip("/")
    collateral: Collateral = await TEES[evidence.tee].fetch(evidence, fetch, address)
    return collateral


def check_collateral(
    evidence: Evidence, collateral: Collateral, roots: Roots, now: datetime
) -> None:
    """Let pass collateral that its vendor signed, that is current, and for this evidence's chip.

    Args:
        evidence: names the chip; need not verify.
        collateral: as `fetch_collateral` gave it.
        roots: the trust anchors.
        now: the clock, with a time zone.

    Raises:
        InvalidEvidence, VerificationFailed: it is not.
    """
    TEES[evidence.tee].check_collateral(evidence, collateral, roots, now)
