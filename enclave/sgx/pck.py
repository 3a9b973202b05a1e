"""The PCK certificate: which platform, at which TCB, Intel vouches for.

Source: Intel, "Intel SGX PCK Certificate and Certificate Revocation List Profile
Specification", 1.5, section 1.3.5 (extension 1.2.840.113741.1.13.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from enclave.certificates import Certificate, decode_der
from enclave.errors import InvalidEvidence

SGX_EXTENSIONS = "1.2.840.113741.1.13.1"
PPID = f"{SGX_EXTENSIONS}.1"
TCB = f"{SGX_EXTENSIONS}.2"
PCEID = f"{SGX_EXTENSIONS}.3"
FMSPC = f"{SGX_EXTENSIONS}.4"
COMPONENTS = tuple(f"{TCB}.{index}" for index in range(1, 17))
PCESVN = f"{TCB}.17"
CPUSVN = f"{TCB}.18"

_WHAT = "PCK certificate"


@asn1.sequence
class _Entry:
    oid: ObjectIdentifier
    value: asn1.TLV


@asn1.sequence
class _Wrapped:
    entries: list[_Entry]


@asn1.sequence
class _One:
    value: asn1.TLV


@dataclass(frozen=True)
class PCK:
    """The SGX extension of a PCK certificate.

    Attributes:
        ppid: 16 bytes; one per platform: treat as a name, not as a secret.
        fmspc: 6 bytes: family, model, stepping, platform type, custom SKU.
        pceid: 2 bytes.
        components: SVNs of the 16 SGX TCB components.
        pcesvn: SVN of the provisioning certification enclave.
    """

    ppid: bytes = field(repr=False)
    fmspc: bytes
    pceid: bytes
    components: tuple[int, ...]
    pcesvn: int


def read_pck(certificate: Certificate) -> PCK:
    """The SGX extension of a PCK certificate.

    Raises:
        InvalidEvidence: it is missing, incomplete or malformed.
    """
    if SGX_EXTENSIONS not in certificate.extensions:
        raise InvalidEvidence(_WHAT, f"no extension {SGX_EXTENSIONS}")
    entries = _entries(certificate.extensions[SGX_EXTENSIONS])
    tcb = _entries(_value(entries, TCB))
    return PCK(
        ppid=_octets(entries, PPID, 16),
        fmspc=_octets(entries, FMSPC, 6),
        pceid=_octets(entries, PCEID, 2),
        components=tuple(_svn(tcb, oid, 0xFF) for oid in COMPONENTS),
        pcesvn=_svn(tcb, PCESVN, 0xFFFF),
    )


def _entries(der: bytes) -> dict[str, bytes]:
    """A SEQUENCE OF SEQUENCE {OID, value} as a mapping to DER values."""
    # SEQUENCE OF cannot be decoded by itself, so it is put into a structure of one field.
    wrapped = asn1.encode_der(_One(value=decode_der(asn1.TLV, der, _WHAT)))
    listed = decode_der(_Wrapped, wrapped, _WHAT).entries
    entries = {entry.oid.dotted_string: asn1.encode_der(entry.value) for entry in listed}
    if len(entries) != len(listed):
        raise InvalidEvidence(_WHAT, "an entry comes twice")
    return entries


def _value(entries: Mapping[str, bytes], oid: str) -> bytes:
    if oid not in entries:
        raise InvalidEvidence(_WHAT, f"no entry {oid}")
    return entries[oid]


def _octets(entries: Mapping[str, bytes], oid: str, size: int) -> bytes:
    octets = decode_der(bytes, _value(entries, oid), _WHAT)
    if len(octets) != size:
        raise InvalidEvidence(_WHAT, f"{oid} has {len(octets)} bytes, not {size}")
    return octets


def _svn(entries: Mapping[str, bytes], oid: str, maximum: int) -> int:
    svn = decode_der(int, _value(entries, oid), _WHAT)
    if not 0 <= svn <= maximum:
        raise InvalidEvidence(_WHAT, f"{oid} is no SVN")
    return svn
