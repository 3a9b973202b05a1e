"""How evidence travels inside a certificate: one row for each form that is read.

    form           extension                    content                          report data
    strongroom     2.23.133.5.4.9 (TCG DICE)    CBOR 60000([evidence, claims])   of the claims
    interoperable  the same                     the same, claims of another make of the claims
    bare           1.2.840.113741.1337.6        SGX quote                        of the bare key
                   1.2.840.113741.1337.7        SNP report and certificates      of the bare key
                   1.2.840.113741.1337.8        TDX quote, zeros may follow      of the bare key
    gramine        0.6.9.42.840.113741.1337.6   SGX quote                        of the key info

Tagged evidence is this project's own form and that of interoperable RA-TLS (Gramine, Intel's SGX
SDK, rats-tls): the claims are a CBOR map with at least `pubkey-hash`; ours have a profile beside
it. The bare forms are Cosmian's and, for SGX, Inclavare's before it. Only the first form says what
the key is for and until when. Gramine's old identifier holds the DER header twice by mistake, and
is what it is.

Tag 60000 is registered for Intel's quotes and nothing is for AMD's reports. Ours go under the same
tag, followed by the certificate table that the kernel gives beside them, so that a verifier needs
nothing else; the first four bytes tell reports and quotes apart.

Which rule makes the report data follows from the row (`enclave.report_data`), never from trial.

Source: CCC "Interoperable RA-TLS" (both documents); TCG "DICE Attestation Architecture" 1.1;
Cosmian `tee-tools` (bincode of the `sev` crate's report and certificate list).
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from enclave import cbor
from enclave.errors import InvalidEvidence
from enclave.evidence import TEE, Evidence
from enclave.supported import TEES

TAGGED_EVIDENCE_OID: Final = "2.23.133.5.4.9"
BARE_OIDS: Final[Mapping[TEE, str]] = MappingProxyType(
    {tee: variant.encoding.bare_oid for tee, variant in TEES.items()}
)
GRAMINE_OIDS: Final[Mapping[TEE, str]] = MappingProxyType(
    {
        tee: variant.encoding.gramine_oid
        for tee, variant in TEES.items()
        if variant.encoding.gramine_oid is not None
    }
)

MAX_BLOB_BYTES: Final = 64 * 1024  # a report with three certificates has 6 KB, a quote 5 to 16 KB

_EVIDENCE_TAG: Final = 60000


class Form(StrEnum):
    """The forms; see the table at the top of this module."""

    STRONGROOM = "strongroom"
    INTEROPERABLE = "interoperable"
    BARE = "bare"
    GRAMINE = "gramine"


class TaggedEvidence(NamedTuple):
    """Evidence, and the exact bytes of the claims that its report data covers."""

    evidence: Evidence
    claims: bytes


def write_tagged(tagged: TaggedEvidence) -> bytes:
    """Tagged evidence as bytes: what the extension holds, and what `GET /quote` answers."""
    blob = TEES[tagged.evidence.tee].encoding.write(tagged.evidence)
    return cbor.encode(cbor.Tagged(_EVIDENCE_TAG, [blob, tagged.claims]))


def read_tagged(data: bytes) -> TaggedEvidence:
    """The tagged evidence in `data`, unverified.

    Raises:
        InvalidEvidence: not such an array under tag 60000. Tags 60001 and 60002 are local reports,
            which only their own machine could check.
    """
    match cbor.decode(data):
        case cbor.Tagged(tag=tag, value=[bytes(blob), bytes(claims)]) if tag == _EVIDENCE_TAG:
            return TaggedEvidence(read_blob(blob), claims)
    raise InvalidEvidence("tagged evidence", "not a pair of byte strings under tag 60000")


def read_blob(blob: bytes) -> Evidence:
    """The evidence in a report with its certificates, or in a quote.

    Raises:
        InvalidEvidence: too long, or of no TEE that is supported.
    """
    _check_length(blob)
    for variant in TEES.values():
        evidence = variant.encoding.read(blob)
        if evidence is not None:
            return evidence
    raise InvalidEvidence("evidence", f"of none of {', '.join(TEES)}")


def write_bare(evidence: Evidence) -> bytes:
    """The content of the bare form's extension (`BARE_OIDS`)."""
    return TEES[evidence.tee].encoding.write_bare(evidence)


def read_bare(tee: TEE, data: bytes) -> Evidence:
    """The evidence in the bare form's extension, unverified.

    Raises:
        InvalidEvidence: not of that form.
    """
    _check_length(data)
    return TEES[tee].encoding.read_bare(data)


def _check_length(data: bytes) -> None:
    if len(data) > MAX_BLOB_BYTES:
        raise InvalidEvidence("evidence", f"{len(data)} bytes, more than {MAX_BLOB_BYTES}")
