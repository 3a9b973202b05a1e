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
from uuid import UUID

from enclave import cbor
from enclave.certificates import read_certificate
from enclave.errors import InvalidEvidence
from enclave.evidence import MAX_CERTIFICATES, TEE, Evidence
from enclave.sgx.abi import INTEL_QE_VENDOR_ID, SGX_TEE_TYPE, TDX_TEE_TYPE, QuoteHeader
from enclave.snp import abi as snp

TAGGED_EVIDENCE_OID: Final = "2.23.133.5.4.9"
BARE_OIDS: Final[Mapping[TEE, str]] = MappingProxyType(
    {
        TEE.SGX: "1.2.840.113741.1337.6",
        TEE.SEV_SNP: "1.2.840.113741.1337.7",
        TEE.TDX: "1.2.840.113741.1337.8",
    }
)
GRAMINE_OID: Final = "0.6.9.42.840.113741.1337.6"

MAX_BLOB_BYTES: Final = 64 * 1024  # a report with three certificates has 6 KB, a quote 5 to 16 KB

_EVIDENCE_TAG: Final = 60000
_QUOTE_TYPES: Final = {SGX_TEE_TYPE: TEE.SGX, TDX_TEE_TYPE: TEE.TDX}


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
    blob = tagged.evidence.report
    if tagged.evidence.tee is TEE.SEV_SNP:
        blob += snp.build_certificate_table(_by_guid(tagged.evidence.certificates))
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
    """The evidence in a report with its certificate table, or in a quote of SGX or TDX.

    Raises:
        InvalidEvidence: too long, or none of the three.
    """
    if len(blob) > MAX_BLOB_BYTES:
        raise InvalidEvidence("evidence", f"{len(blob)} bytes, more than {MAX_BLOB_BYTES}")
    # A report begins with its version as 32 bits; in a quote the upper half is the key type, not 0.
    version = int.from_bytes(blob[:4], "little")
    if version in snp.REPORT_VERSIONS and len(blob) >= snp.REPORT_SIZE:
        report, table = blob[: snp.REPORT_SIZE], blob[snp.REPORT_SIZE :]
        return Evidence(TEE.SEV_SNP, report, tuple(snp.parse_certificate_table(table).values()))
    if len(blob) >= QuoteHeader.size:
        header = QuoteHeader.parse(blob[: QuoteHeader.size])
        if header.qe_vendor_id == INTEL_QE_VENDOR_ID and header.tee_type in _QUOTE_TYPES:
            return Evidence(_QUOTE_TYPES[header.tee_type], blob)
    raise InvalidEvidence("evidence", "neither an SNP report nor a quote")


def write_bare(evidence: Evidence) -> bytes:
    """The content of the bare form's extension (`BARE_OIDS`)."""
    if evidence.tee is not TEE.SEV_SNP:
        return evidence.report
    entries = [
        _u32(_BINCODE_KINDS[guid])
        + (_u64(16) + guid.bytes if guid == snp.VLEK_GUID else b"")
        + _u64(len(certificate))
        + certificate
        for guid, certificate in _by_guid(evidence.certificates).items()
    ]
    return evidence.report + _u64(len(entries)) + b"".join(entries)


def read_bare(tee: TEE, data: bytes) -> Evidence:
    """The evidence in the bare form's extension, unverified.

    Raises:
        InvalidEvidence: not of that form.
    """
    if len(data) > MAX_BLOB_BYTES:
        raise InvalidEvidence("evidence", f"{len(data)} bytes, more than {MAX_BLOB_BYTES}")
    if tee is TEE.SEV_SNP:
        return Evidence(tee, data[: snp.REPORT_SIZE], _read_bincode(data[snp.REPORT_SIZE :]))
    return Evidence(tee, data)


# The certificate list is bincode: counts and lengths in 64 bits, the kind in 32. Kind 4 is "other"
# with its GUID as a counted byte string; later versions of the crate made it a VLEK without one.
_BINCODE_KINDS: Final[Mapping[UUID, int]] = MappingProxyType(
    {snp.ARK_GUID: 1, snp.ASK_GUID: 2, snp.VCEK_GUID: 3, snp.VLEK_GUID: 4}
)


def _read_bincode(data: bytes) -> tuple[bytes, ...]:
    if not data:  # a report alone
        return ()
    rest = _Reader(data)
    count = rest.number(8)
    if count > MAX_CERTIFICATES:
        raise InvalidEvidence("certificate list", f"{count} certificates")
    certificates = []
    for _ in range(count):
        kind, length = rest.number(4), rest.number(8)
        if kind == _BINCODE_KINDS[snp.VLEK_GUID] and length == 16:  # no certificate is so short
            rest.take(16)
            length = rest.number(8)
        certificates.append(rest.take(length))
    rest.end()
    return tuple(certificates)


class _Reader:
    """Little-endian numbers and byte strings off the front of some bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def take(self, length: int) -> bytes:
        if length > len(self._data):
            raise InvalidEvidence("certificate list", "it ends too early")
        taken, self._data = self._data[:length], self._data[length:]
        return taken

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "little")

    def end(self) -> None:
        if self._data:
            raise InvalidEvidence("certificate list", "bytes follow it")


def _by_guid(certificates: tuple[bytes, ...]) -> dict[UUID, bytes]:
    """The certificates of SNP evidence under the GUIDs of a certificate table."""
    return {_guid(read_certificate(der).common_name): der for der in certificates}


def _guid(common_name: str) -> UUID:
    leaves = {"SEV-VCEK": snp.VCEK_GUID, "SEV-VLEK": snp.VLEK_GUID}
    if common_name.startswith("ARK-"):
        return snp.ARK_GUID
    return leaves.get(common_name, snp.ASK_GUID)  # ASK and ASVK share one place in the table


def _u32(number: int) -> bytes:
    return number.to_bytes(4, "little")


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "little")
