"""A simulated Intel: root, platform CA, one platform's PCK, and the collateral for it.

Names, schemes and the extension of the PCK certificate are Intel's, so that the same code reads
them; the root's digest is not.

Source: Intel, "SGX PCK Certificate and CRL Profile Specification", 1.5; "Provisioning
Certification Service API", version 4 (TCB info version 3, QE identity version 2).
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from enclave.insecure.amd import CA_USAGE, LIFE, name_of
from enclave.roots import Roots
from enclave.sgx.abi import EnclaveReport
from enclave.sgx.collateral import DCAPCollateral
from enclave.sgx.quote import SignatureData

FMSPC: Final = bytes.fromhex("90c06f000000")  # an Emerald Rapids platform
COLLATERAL_LIFE: Final = timedelta(days=30)  # Intel's own

_MRSIGNER_QE: Final = sha256(b"simulated quoting enclave").digest()
_QE_ISVSVN: Final = 4
_QE_ATTRIBUTES: Final = bytes([0x11]) + bytes(15)
_SVNS: Final = (2, 2, 2, 2, 3, 1, 0, 5) + (0,) * 8  # the platform's components
_PCESVN: Final = 11
TEE_TCB_SVN: Final = bytes((5, 1, 2)) + bytes(13)  # TDX module 1.x at SVN 5

_SGX_ARC: Final = "1.2.840.113741.1.13.1"


@asn1.sequence
class _Pair:
    """One entry of the PCK extension whose value is a byte string."""

    name: x509.ObjectIdentifier
    value: bytes


@asn1.sequence
class _Number:
    name: x509.ObjectIdentifier
    value: int


@asn1.sequence
class _TCB:
    name: x509.ObjectIdentifier
    value: list[asn1.TLV]


@asn1.sequence
class _One:
    value: asn1.TLV


@dataclass(frozen=True)
class SimulatedIntel:
    """The keys and certificates of the simulated vendor, and of one platform."""

    root_key: ec.EllipticCurvePrivateKey = field(repr=False)
    platform_key: ec.EllipticCurvePrivateKey = field(repr=False)
    pck_key: ec.EllipticCurvePrivateKey = field(repr=False)
    tcb_key: ec.EllipticCurvePrivateKey = field(repr=False)
    root: x509.Certificate
    platform: x509.Certificate
    pck: x509.Certificate
    tcb_signing: x509.Certificate

    @classmethod
    def make(cls, now: datetime) -> "SimulatedIntel":
        """New keys and their certificates from `now` on."""
        root_key, platform_key, pck_key, tcb_key = (
            ec.generate_private_key(ec.SECP256R1()) for _ in range(4)
        )
        root_name = name_of("Intel SGX Root CA")
        platform_name = name_of("Intel SGX PCK Platform CA")

        issue = partial(_certificate, now=now)
        root = issue(root_name, root_key, root_name, 1, ca=True)
        platform = issue(platform_name, platform_key, root_name, 2, ca=True)
        pck = issue(name_of("Intel SGX PCK Certificate"), pck_key, platform_name, 3)
        pck = pck.add_extension(_pck_extension(), critical=False)
        tcb_signing = issue(name_of("Intel SGX TCB Signing"), tcb_key, root_name, 4)
        return cls(
            root_key,
            platform_key,
            pck_key,
            tcb_key,
            root=root.sign(root_key, SHA256()),
            platform=platform.sign(root_key, SHA256()),
            pck=pck.sign(platform_key, SHA256()),
            tcb_signing=tcb_signing.sign(root_key, SHA256()),
        )

    @property
    def roots(self) -> Roots:
        """The roots to trust, in order to accept this vendor's chips as simulated."""
        return Roots(intel=self.root.public_bytes(Encoding.DER))

    def certify(self, signed: bytes) -> SignatureData:
        """What a quoting enclave of this platform would put behind header and body of a quote."""
        attestation_key = ec.generate_private_key(ec.SECP256R1())
        point = _point(attestation_key)
        authentication_data = bytes(range(32))
        qe_report = EnclaveReport(
            cpusvn=bytes(_SVNS),
            miscselect=bytes(4),
            isvextprodid=bytes(16),
            attributes=_QE_ATTRIBUTES,
            mrenclave=sha256(b"simulated quoting enclave, this build").digest(),
            mrsigner=_MRSIGNER_QE,
            configid=bytes(64),
            isvprodid=2,
            isvsvn=_QE_ISVSVN,
            configsvn=0,
            isvfamilyid=bytes(16),
            report_data=sha256(point + authentication_data).digest() + bytes(32),
        )
        return SignatureData(
            signature=_sign(attestation_key, signed),
            attestation_key=point,
            qe_report=qe_report,
            qe_report_signature=_sign(self.pck_key, qe_report.build()),
            qe_authentication_data=authentication_data,
            pck_chain=_pem(self.pck, self.platform, self.root),
        )

    def collateral(self, now: datetime) -> DCAPCollateral:
        """The vendor's documents for this platform, good for 30 days from `now`."""
        times = {"issueDate": _time(now), "nextUpdate": _time(now + COLLATERAL_LIFE)}
        tcb_info = json.dumps(_TCB_INFO | times, separators=(",", ":")).encode()
        qe_identity = json.dumps(_QE_IDENTITY | times, separators=(",", ":")).encode()
        return DCAPCollateral(
            pck_crl_issuer_chain=_pem(self.platform, self.root),
            root_ca_crl=_revocation_list(self.root, self.root_key, now),
            pck_crl=_revocation_list(self.platform, self.platform_key, now),
            tcb_info_issuer_chain=_pem(self.tcb_signing, self.root),
            tcb_info=tcb_info,
            tcb_info_signature=_sign(self.tcb_key, tcb_info),
            qe_identity_issuer_chain=_pem(self.tcb_signing, self.root),
            qe_identity=qe_identity,
            qe_identity_signature=_sign(self.tcb_key, qe_identity),
        )


def _certificate(
    name: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    serial: int,
    *,
    now: datetime,
    ca: bool = False,
) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now)
        .not_valid_after(now + LIFE)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    return builder.add_extension(CA_USAGE, critical=True) if ca else builder


def _level(status: str, date: str, **tcb: Any) -> dict[str, Any]:
    return {"tcb": tcb, "tcbDate": date, "tcbStatus": status}


def _components(svns: tuple[int, ...] | bytes) -> list[dict[str, int]]:
    return [{"svn": svn} for svn in svns]


_DATE: Final = "2024-03-13T00:00:00Z"
_MODULE: Final = {
    "mrsigner": "00" * 48,
    "attributes": "00" * 8,
    "attributesMask": "FF" * 8,
}
_TCB_INFO: Final[dict[str, Any]] = {
    "id": "TDX",
    "version": 3,
    "fmspc": FMSPC.hex().upper(),
    "pceId": "0000",
    "tcbType": 0,
    "tcbEvaluationDataNumber": 18,
    "tdxModule": _MODULE,
    "tdxModuleIdentities": [
        {"id": "TDX_01", **_MODULE, "tcbLevels": [_level("UpToDate", _DATE, isvsvn=4)]}
    ],
    "tcbLevels": [
        _level(
            "UpToDate",
            _DATE,
            sgxtcbcomponents=_components(_SVNS),
            pcesvn=_PCESVN,
            tdxtcbcomponents=_components(TEE_TCB_SVN),
        )
    ],
}
_QE_IDENTITY: Final[dict[str, Any]] = {
    "id": "TD_QE",
    "version": 2,
    "tcbEvaluationDataNumber": 18,
    "miscselect": "00000000",
    "miscselectMask": "FFFFFFFF",
    "attributes": _QE_ATTRIBUTES.hex().upper(),
    "attributesMask": "FBFFFFFFFFFFFFFF0000000000000000",
    "mrsigner": _MRSIGNER_QE.hex().upper(),
    "isvprodid": 2,
    "tcbLevels": [_level("UpToDate", _DATE, isvsvn=_QE_ISVSVN)],
}


def _pck_extension() -> x509.UnrecognizedExtension:
    """SGX Extensions of the PCK certificate, as a platform CA writes them."""

    def pair(suffix: str, value: bytes) -> asn1.TLV:
        return _tlv(_Pair(name=_oid(suffix), value=value))

    def number(suffix: str, value: int) -> asn1.TLV:
        return _tlv(_Number(name=_oid(suffix), value=value))

    tcb = [number(f"2.{index}", svn) for index, svn in enumerate(_SVNS, 1)]
    tcb += [number("2.17", _PCESVN), pair("2.18", bytes(_SVNS))]
    entries = [
        pair("1", sha256(b"simulated PPID").digest()[:16]),
        _tlv(_TCB(name=_oid("2"), value=tcb)),
        pair("3", bytes(2)),
        pair("4", FMSPC),
        _enumerated("5", 1),
    ]
    # SEQUENCE OF has no encoding of its own in the library: take it out of a structure of one.
    inner = asn1.encode_der(_TCB(name=_oid("2"), value=entries))
    sequence = asn1.encode_der(asn1.decode_der(_TCBAsTLV, inner).value)
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(_SGX_ARC), sequence)


@asn1.sequence
class _TCBAsTLV:
    name: x509.ObjectIdentifier
    value: asn1.TLV


def _tlv(value: object) -> asn1.TLV:
    return asn1.decode_der(asn1.TLV, asn1.encode_der(value))


def _enumerated(suffix: str, value: int) -> asn1.TLV:
    """An entry whose value is an ENUMERATED, which the library does not know."""
    name = asn1.encode_der(_oid(suffix))
    content = name + bytes([0x0A, 1, value])
    return asn1.decode_der(asn1.TLV, bytes([0x30, len(content)]) + content)


def _oid(suffix: str) -> x509.ObjectIdentifier:
    return x509.ObjectIdentifier(f"{_SGX_ARC}.{suffix}")


def _revocation_list(
    issuer: x509.Certificate, key: ec.EllipticCurvePrivateKey, now: datetime
) -> bytes:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(now)
        .next_update(now + COLLATERAL_LIFE)
    )
    return builder.sign(key, SHA256()).public_bytes(Encoding.DER)


def _sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """The signature as r || s, big-endian, 64 bytes."""
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public point as x || y, big-endian, 64 bytes."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]


def _pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
