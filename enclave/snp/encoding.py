"""How SEV-SNP evidence is written in bytes: a report, and a list of certificates in two forms.

Tagged evidence has the certificate table that the kernel gives beside a report, so that a verifier
needs nothing else. The bare form has a list in bincode.

Source: AMD 56421 (GHCB), section 4.1.8 (certificate table); Cosmian `tee-tools` (bincode of the
`sev` crate's report and certificate list).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from uuid import UUID

from enclave.certificates import read_certificate
from enclave.errors import InvalidEvidence
from enclave.evidence import MAX_CERTIFICATES, Evidence
from enclave.snp import SEV_SNP, abi
from enclave.variant import Encoding


def _read(blob: bytes) -> Evidence | None:
    # A report begins with its version as 32 bits; in a quote the upper half is the key type, not 0.
    version = int.from_bytes(blob[:4], "little")
    if version not in abi.REPORT_VERSIONS or len(blob) < abi.REPORT_SIZE:
        return None
    report, table = blob[: abi.REPORT_SIZE], blob[abi.REPORT_SIZE :]
    return Evidence(SEV_SNP, report, tuple(abi.parse_certificate_table(table).values()))


def _write(evidence: Evidence) -> bytes:
    return evidence.report + abi.build_certificate_table(_by_guid(evidence.certificates))


def _read_bare(data: bytes) -> Evidence:
    report, listed = data[: abi.REPORT_SIZE], data[abi.REPORT_SIZE :]
    return Evidence(SEV_SNP, report, _read_bincode(listed))


def _write_bare(evidence: Evidence) -> bytes:
    entries = [
        _u32(_BINCODE_KINDS[guid])
        + (_u64(16) + guid.bytes if guid == abi.VLEK_GUID else b"")
        + _u64(len(certificate))
        + certificate
        for guid, certificate in _by_guid(evidence.certificates).items()
    ]
    return evidence.report + _u64(len(entries)) + b"".join(entries)


# The certificate list is bincode: counts and lengths in 64 bits, the kind in 32. Kind 4 is "other"
# with its GUID as a counted byte string; later versions of the crate made it a VLEK without one.
_BINCODE_KINDS: Final[Mapping[UUID, int]] = MappingProxyType(
    {abi.ARK_GUID: 1, abi.ASK_GUID: 2, abi.VCEK_GUID: 3, abi.VLEK_GUID: 4}
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
        if kind == _BINCODE_KINDS[abi.VLEK_GUID] and length == 16:  # no certificate is so short
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
    leaves = {"SEV-VCEK": abi.VCEK_GUID, "SEV-VLEK": abi.VLEK_GUID}
    if common_name.startswith("ARK-"):
        return abi.ARK_GUID
    return leaves.get(common_name, abi.ASK_GUID)  # ASK and ASVK share one place in the table


def _u32(number: int) -> bytes:
    return number.to_bytes(4, "little")


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "little")


ENCODING: Final = Encoding(
    read=_read,
    write=_write,
    bare_oid="1.2.840.113741.1337.7",
    read_bare=_read_bare,
    write_bare=_write_bare,
)
