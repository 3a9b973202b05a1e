"""Whole chains of evidence under throw-away roots, in which any single thing can be made wrong.

Unlike the software chip, which makes what a chip would make, this makes what an attacker or a
broken vendor might: every certificate, list, document and field is an argument.
"""

import json
from base64 import encodebytes
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

from cryptography.hazmat.asn1 import encode_der
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import Name, NameAttribute, ObjectIdentifier
from cryptography.x509.oid import NameOID

from enclave.evidence import TEE, Evidence
from enclave.roots import AMDRoot, Roots
from enclave.sgx import SGX
from enclave.sgx.abi import (
    ECDSA_P256,
    INTEL_QE_VENDOR_ID,
    SGX_TEE_TYPE,
    TDX_TEE_TYPE,
    EnclaveReport,
    QuoteHeader,
)
from enclave.sgx.collateral import DCAPCollateral
from enclave.sgx.quote import SGXQuote, SignatureData
from enclave.snp import SEV_SNP
from enclave.snp.abi import (
    NO_MIGRATION_AGENT,
    SIGNED_SIZE,
    TCB_LAYOUTS,
    AttestationReport,
    GuestPolicy,
    PlatformInfo,
    Product,
    ReportSignature,
    SigningKey,
)
from enclave.snp.collateral import SNPCollateral
from enclave.tdx import TDX
from enclave.tdx.abi import TDAttributes, TDReport10, TDReport15, TDReport15Extended
from enclave.tdx.quote import TDXQuote

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
YEAR = timedelta(days=365)
REPORT_DATA = bytes(range(64))
MEASUREMENT = b"\x4d" * 48
CSP = "CN=cc-test-1.example.com"


# --- DER, written by hand so that it can be written wrongly ---------------------------------


def der(tag: int, *contents: bytes) -> bytes:
    """A DER value of `tag` holding `contents`."""
    content = b"".join(contents)
    if len(content) < 128:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def sequence(*contents: bytes) -> bytes:
    return der(0x30, *contents)


def integer(value: int) -> bytes:
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octet_string(value: bytes) -> bytes:
    return der(0x04, value)


def bit_string(value: bytes) -> bytes:
    return der(0x03, b"\0", value)


def ia5_string(value: str) -> bytes:
    return der(0x16, value.encode())


def oid(dotted: str) -> bytes:
    return encode_der(ObjectIdentifier(dotted))


def utc_time(moment: datetime) -> bytes:
    return der(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())


def name(common_name: str) -> bytes:
    return Name([NameAttribute(NameOID.COMMON_NAME, common_name)]).public_bytes()


BASIC_CONSTRAINTS = "2.5.29.19"
KEY_USAGE = "2.5.29.15"
CA = {BASIC_CONSTRAINTS: sequence(der(0x01, b"\xff")), KEY_USAGE: der(0x03, b"\x01\x06")}

PSS = sequence(
    oid("1.2.840.113549.1.1.10"),
    sequence(
        der(0xA0, sequence(oid("2.16.840.1.101.3.4.2.2"))),
        der(0xA1, sequence(oid("1.2.840.113549.1.1.8"), sequence(oid("2.16.840.1.101.3.4.2.2")))),
        der(0xA2, integer(48)),
    ),
)
ECDSA_SHA256 = sequence(oid("1.2.840.10045.4.3.2"))

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def sign(key: Key, content: bytes) -> bytes:
    """`content` signed as the vendor of this kind of key signs certificates."""
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA384()), salt_length=48)
        return key.sign(content, pss, hashes.SHA384())
    return key.sign(content, ec.ECDSA(hashes.SHA256()))


def signed(key: Key, *fields: bytes, algorithm: bytes | None = None) -> bytes:
    """A signed structure; the placeholder b"ALG" in `fields` becomes the algorithm."""
    stated = algorithm or (PSS if isinstance(key, rsa.RSAPrivateKey) else ECDSA_SHA256)
    content = sequence(*(stated if part == b"ALG" else part for part in fields))
    return sequence(content, stated, bit_string(sign(key, content)))


def spki(key: Key) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def extensions_of(extensions: Mapping[str, bytes], critical: tuple[str, ...]) -> bytes:
    return sequence(
        *(
            sequence(
                oid(dotted), *([der(0x01, b"\xff")] if dotted in critical else []), octet_string(v)
            )
            for dotted, v in extensions.items()
        )
    )


def certificate(
    subject: str,
    issuer: str,
    key: Key,
    issuer_key: Key,
    *,
    serial: int = 1,
    not_before: datetime = NOW - YEAR,
    not_after: datetime = NOW + 5 * YEAR,
    extensions: Mapping[str, bytes] = {},
    critical: tuple[str, ...] = (BASIC_CONSTRAINTS, KEY_USAGE),
    algorithm: bytes | None = None,
) -> bytes:
    """DER of a certificate."""
    return signed(
        issuer_key,
        der(0xA0, integer(2)),
        integer(serial),
        b"ALG",
        name(issuer),
        sequence(utc_time(not_before), utc_time(not_after)),
        name(subject),
        spki(key),
        der(0xA3, extensions_of(extensions, critical)),
        algorithm=algorithm,
    )


def revocation_list(
    issuer: str,
    key: Key,
    revoked: tuple[int, ...] = (),
    *,
    this_update: datetime = NOW - timedelta(days=3),
    next_update: datetime = NOW + timedelta(days=27),
) -> bytes:
    """DER of a revocation list."""
    entries = [sequence(integer(serial), utc_time(this_update)) for serial in revoked]
    return signed(
        key,
        integer(1),
        b"ALG",
        name(issuer),
        utc_time(this_update),
        utc_time(next_update),
        *([sequence(*entries)] if entries else []),
        der(0xA0, sequence(sequence(oid("2.5.29.20"), octet_string(integer(1))))),
    )


def pem(*ders: bytes) -> bytes:
    return b"".join(
        b"-----BEGIN CERTIFICATE-----\n" + encodebytes(d) + b"-----END CERTIFICATE-----\n"
        for d in ders
    )


# --- AMD ------------------------------------------------------------------------------------

AMD = "1.3.6.1.4.1.3704.1"
ASK_SERIAL = 0x10001
TCBS = {
    Product.MILAN: {"boot_loader": 4, "tee": 0, "snp": 24, "microcode": 219},
    Product.GENOA: {"boot_loader": 10, "tee": 0, "snp": 23, "microcode": 84},
    Product.TURIN: {"fmc": 1, "boot_loader": 1, "tee": 1, "snp": 4, "microcode": 81},
}
CPUIDS = {Product.MILAN: (0x19, 1), Product.GENOA: (0x19, 17), Product.TURIN: (0x1A, 2)}
SPL = {"boot_loader": 1, "tee": 2, "snp": 3, "microcode": 8, "fmc": 9}


@cache
def rsa_key(which: str) -> rsa.RSAPrivateKey:
    """One RSA-4096 key for each use, once per run: they take about a second."""
    return rsa.generate_private_key(65537, 4096)


@cache
def ec_key(which: str, curve: str = "secp256r1") -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(
        {"secp256r1": ec.SECP256R1(), "secp384r1": ec.SECP384R1()}[curve]
    )


@cache
def amd_root(product: Product) -> AMDRoot:
    ark, ask = rsa_key("ark"), rsa_key("ask")
    root = f"ARK-{product}"
    return AMDRoot(
        ark=certificate(root, root, ark, ark, extensions=CA),
        ask=certificate(f"SEV-{product}", root, ask, ark, serial=ASK_SERIAL, extensions=CA),
        asvk=certificate(f"SEV-VLEK-{product}", root, ask, ark, serial=ASK_SERIAL, extensions=CA),
    )


@dataclass
class SNP:
    """SNP evidence and everything it rests on; change a field, then ask for `evidence`."""

    product: Product = Product.GENOA
    signer: SigningKey = SigningKey.VCEK
    report_changes: Mapping[str, Any] = ()  # type: ignore[assignment]
    leaf_changes: Mapping[str, Any] = ()  # type: ignore[assignment]
    extension_changes: Mapping[str, bytes | None] = ()  # type: ignore[assignment]
    tamper: int | None = None  # bit of the report to flip after signing

    @property
    def tcb(self) -> bytes:
        return TCB_LAYOUTS[self.product](**TCBS[self.product]).build()

    @property
    def hwid(self) -> bytes:
        return b"\xc1" * (8 if self.product is Product.TURIN else 64)

    @property
    def key(self) -> ec.EllipticCurvePrivateKey:
        return ec_key("leaf", "secp384r1")

    @property
    def roots(self) -> Roots:
        return Roots(amd={self.product: amd_root(self.product)})

    @property
    def leaf(self) -> bytes:
        is_vcek = self.signer is SigningKey.VCEK
        extensions: dict[str, bytes | None] = {
            f"{AMD}.1": integer(0),
            f"{AMD}.2": ia5_string(self.product),
            **{f"{AMD}.3.{SPL[n]}": integer(v) for n, v in TCBS[self.product].items()},
            f"{AMD}.3.5": integer(0),
            f"{AMD}.4": self.hwid if is_vcek else None,
            f"{AMD}.5": None if is_vcek else ia5_string(CSP),
            **dict(self.extension_changes),
        }
        arguments: dict[str, Any] = {
            "subject": f"SEV-{self.signer.name}",
            "issuer": f"SEV-{self.product}" if is_vcek else f"SEV-VLEK-{self.product}",
            "key": self.key,
            "issuer_key": rsa_key("ask"),
            "serial": 0,
            "extensions": {k: v for k, v in extensions.items() if v is not None},
        }
        return certificate(**(arguments | dict(self.leaf_changes)))

    @property
    def report(self) -> bytes:
        family, model = CPUIDS[self.product]
        is_vcek = self.signer is SigningKey.VCEK
        fields: dict[str, Any] = {
            "version": 5,
            "guest_svn": 7,
            "policy": GuestPolicy.RESERVED_ONE | GuestPolicy.SMT,
            "family_id": bytes(16),
            "image_id": bytes(16),
            "vmpl": 0,
            "signature_algo": 1,
            "current_tcb": self.tcb,
            "platform_info": PlatformInfo.SMT_EN | PlatformInfo.ALIAS_CHECK_COMPLETE,
            "key_info": self.signer << 2,
            "report_data": REPORT_DATA,
            "measurement": MEASUREMENT,
            "host_data": bytes(32),
            "id_key_digest": bytes(48),
            "author_key_digest": bytes(48),
            "report_id": b"\x1d" * 32,
            "report_id_ma": NO_MIGRATION_AGENT,
            "reported_tcb": self.tcb,
            "cpuid_fam_id": family,
            "cpuid_mod_id": model,
            "cpuid_step": 1,
            "chip_id": self.hwid.ljust(64, b"\0") if is_vcek else bytes(64),
            "committed_tcb": self.tcb,
            "current_build": 40,
            "current_minor": 55,
            "current_major": 1,
            "committed_build": 40,
            "committed_minor": 55,
            "committed_major": 1,
            "launch_tcb": self.tcb,
            "launch_mit_vector": 11,
            "current_mit_vector": 11,
            "signature": ReportSignature(r=bytes(48), s=bytes(48)),
            **dict(self.report_changes),
        }
        if fields["version"] < 5:
            fields |= {"launch_mit_vector": 0, "current_mit_vector": 0}
        if fields["version"] < 3:
            fields |= {"cpuid_fam_id": 0, "cpuid_mod_id": 0, "cpuid_step": 0}
        report = AttestationReport(**fields)
        content = report.build()[:SIGNED_SIZE]
        r, s = decode_dss_signature(self.key.sign(content, ec.ECDSA(hashes.SHA384())))
        signature = ReportSignature(r=r.to_bytes(48, "little"), s=s.to_bytes(48, "little"))
        return flipped(replace(report, signature=signature).build(), self.tamper)

    @property
    def evidence(self) -> Evidence:
        return Evidence(SEV_SNP, self.report, (self.leaf,))

    def collateral(self, *revoked: int, **changes: Any) -> SNPCollateral:
        listing = revocation_list(f"ARK-{self.product}", rsa_key("ark"), revoked, **changes)
        return SNPCollateral((listing,))


def flipped(data: bytes, bit: int | None) -> bytes:
    """`data` with one bit changed."""
    if bit is None:
        return data
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


# --- Intel ----------------------------------------------------------------------------------

ROOT, PLATFORM, PROCESSOR = (
    "Intel SGX Root CA",
    "Intel SGX PCK Platform CA",
    "Intel SGX PCK Processor CA",
)
PCK_NAME, TCB_SIGNER = "Intel SGX PCK Certificate", "Intel SGX TCB Signing"
SGX_ARC = "1.2.840.113741.1.13.1"
PLATFORM_SERIAL, PCK_SERIAL, SIGNER_SERIAL = 0x2001, 0x2002, 0x2003
FMSPC = bytes.fromhex("90c06f000000")
QE_MRSIGNER = b"\xde" * 32


def level(**changes: Any) -> dict[str, Any]:
    """A level of a TCB info: SGX components 2, PCESVN 11, TDX components 5, 1, 2, up to date."""
    values: dict[str, Any] = {
        "sgx": [2] * 16,
        "pcesvn": 11,
        "tdx": [5, 1, 2] + [0] * 13,
        "status": "UpToDate",
        **changes,
    }
    return {
        "tcb": {
            "sgxtcbcomponents": [{"svn": svn} for svn in values["sgx"]],
            "pcesvn": values["pcesvn"],
            "tdxtcbcomponents": [{"svn": svn} for svn in values["tdx"]],
        },
        "tcbDate": values.get("date", "2025-05-14T00:00:00Z"),
        "tcbStatus": values["status"],
        "advisoryIDs": values.get("advisories", []),
    }


def svn_level(svn: int, status: str = "UpToDate", **more: Any) -> dict[str, Any]:
    """A level of a quoting enclave or TDX module."""
    return {
        "tcb": {"isvsvn": svn},
        "tcbDate": "2025-05-14T00:00:00Z",
        "tcbStatus": status,
        **more,
    }


def _zulu(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class DCAP:
    """A TDX or SGX quote and everything it rests on; change a field, then ask for `evidence`."""

    tee: TEE = TDX
    version: int = 4
    body: Any = None
    ca: str = PLATFORM
    body_changes: Mapping[str, Any] = ()  # type: ignore[assignment]
    body_1_5_changes: Mapping[str, Any] = ()  # type: ignore[assignment]
    header_changes: Mapping[str, Any] = ()  # type: ignore[assignment]
    qe_changes: Mapping[str, Any] = ()  # type: ignore[assignment]
    pck_changes: Mapping[str, Any] = ()  # type: ignore[assignment]
    platform_changes: Mapping[str, Any] = ()  # type: ignore[assignment]
    signer_changes: Mapping[str, Any] = ()  # type: ignore[assignment]
    tcb_info_changes: Mapping[str, Any] = ()  # type: ignore[assignment]
    qe_identity_changes: Mapping[str, Any] = ()  # type: ignore[assignment]
    levels: Any = None
    modules: Any = None
    qe_levels: Any = None
    svns: tuple[int, ...] = (2,) * 16
    pcesvn: int = 11
    fmspc: bytes = FMSPC
    root_revoked: tuple[int, ...] = ()
    pck_revoked: tuple[int, ...] = ()
    pck_chain: bytes | None = None
    attestation_point: bytes | None = None
    tamper: int | None = None

    @property
    def roots(self) -> Roots:
        return Roots(intel=self.root)

    @property
    def root(self) -> bytes:
        key = ec_key("root")
        return certificate(ROOT, ROOT, key, key, extensions=CA)

    @property
    def issuer(self) -> bytes:
        return certificate(
            **{
                "subject": self.ca,
                "issuer": ROOT,
                "key": ec_key("platform"),
                "issuer_key": ec_key("root"),
                "serial": PLATFORM_SERIAL,
                "extensions": CA,
                **dict(self.platform_changes),
            }
        )

    @property
    def pck_extension(self) -> bytes:
        tcb = [
            sequence(oid(f"{SGX_ARC}.2.{index}"), integer(svn))
            for index, svn in enumerate((*self.svns, self.pcesvn), 1)
        ]
        return sequence(
            sequence(oid(f"{SGX_ARC}.1"), octet_string(b"\x99" * 16)),
            sequence(
                oid(f"{SGX_ARC}.2"),
                sequence(
                    *tcb,
                    sequence(
                        oid(f"{SGX_ARC}.2.18"), octet_string(bytes(svn & 0xFF for svn in self.svns))
                    ),
                ),
            ),
            sequence(oid(f"{SGX_ARC}.3"), octet_string(bytes(2))),
            sequence(oid(f"{SGX_ARC}.4"), octet_string(self.fmspc)),
            sequence(oid(f"{SGX_ARC}.5"), der(0x0A, b"\x01")),
        )

    @property
    def pck(self) -> bytes:
        return certificate(
            **{
                "subject": PCK_NAME,
                "issuer": self.ca,
                "key": ec_key("pck"),
                "issuer_key": ec_key("platform"),
                "serial": PCK_SERIAL,
                "extensions": {
                    BASIC_CONSTRAINTS: sequence(),
                    KEY_USAGE: der(0x03, b"\x06\xc0"),
                    SGX_ARC: self.pck_extension,
                },
                **dict(self.pck_changes),
            }
        )

    @property
    def signer(self) -> bytes:
        return certificate(
            **{
                "subject": TCB_SIGNER,
                "issuer": ROOT,
                "key": ec_key("tcb"),
                "issuer_key": ec_key("root"),
                "serial": SIGNER_SERIAL,
                "extensions": {BASIC_CONSTRAINTS: sequence(), KEY_USAGE: der(0x03, b"\x06\xc0")},
                **dict(self.signer_changes),
            }
        )

    @property
    def tcb_info(self) -> bytes:
        module = {"mrsigner": "00" * 48, "attributes": "00" * 8, "attributesMask": "FF" * 8}
        document: dict[str, Any] = {
            "id": "TDX" if self.tee == TDX else "SGX",
            "version": 3,
            "issueDate": _zulu(NOW - timedelta(days=2)),
            "nextUpdate": _zulu(NOW + timedelta(days=28)),
            "fmspc": FMSPC.hex().upper(),
            "pceId": "0000",
            "tcbType": 0,
            "tcbEvaluationDataNumber": 18,
            "tdxModule": module,
            "tdxModuleIdentities": [
                {"id": name, **module, "tcbLevels": levels}
                for name, levels in (self.modules or {"TDX_01": [svn_level(5)]}).items()
            ],
            "tcbLevels": self.levels or [level()],
            **dict(self.tcb_info_changes),
        }
        return json.dumps(document, separators=(",", ":")).encode()

    @property
    def qe_identity(self) -> bytes:
        document: dict[str, Any] = {
            "id": "TD_QE" if self.tee == TDX else "QE",
            "version": 2,
            "issueDate": _zulu(NOW - timedelta(days=1)),
            "nextUpdate": _zulu(NOW + timedelta(days=29)),
            "tcbEvaluationDataNumber": 17,
            "miscselect": "00000000",
            "miscselectMask": "FFFFFFFF",
            "attributes": "11" + "00" * 15,
            "attributesMask": "FBFFFFFFFFFFFFFF" + "00" * 8,
            "mrsigner": QE_MRSIGNER.hex().upper(),
            "isvprodid": 2,
            "tcbLevels": self.qe_levels or [svn_level(4)],
            **dict(self.qe_identity_changes),
        }
        return json.dumps(document, separators=(",", ":")).encode()

    @property
    def collateral(self) -> DCAPCollateral:
        return DCAPCollateral(
            pck_crl_issuer_chain=pem(self.issuer, self.root),
            root_ca_crl=revocation_list(ROOT, ec_key("root"), self.root_revoked),
            pck_crl=revocation_list(self.ca, ec_key("platform"), self.pck_revoked),
            tcb_info_issuer_chain=pem(self.signer, self.root),
            tcb_info=self.tcb_info,
            tcb_info_signature=raw_signature(ec_key("tcb"), self.tcb_info),
            qe_identity_issuer_chain=pem(self.signer, self.root),
            qe_identity=self.qe_identity,
            qe_identity_signature=raw_signature(ec_key("tcb"), self.qe_identity),
        )

    @property
    def quote(self) -> bytes:
        attestation_key = ec_key("attestation")
        x_y = attestation_key.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )[1:]
        x_y = self.attestation_point or x_y
        auth = bytes(range(32))
        qe_report = enclave_report(
            **{
                "attributes": b"\x11" + bytes(15),
                "mrsigner": QE_MRSIGNER,
                "isvprodid": 2,
                "isvsvn": 4,
                "report_data": sha256(x_y + auth).digest() + bytes(32),
                **dict(self.qe_changes),
            }
        )
        header = QuoteHeader(
            **{
                "version": self.version,
                "attestation_key_type": ECDSA_P256,
                "tee_type": TDX_TEE_TYPE if self.tee == TDX else SGX_TEE_TYPE,
                "qe_svn": 0,
                "pce_svn": 0,
                "qe_vendor_id": INTEL_QE_VENDOR_ID,
                "user_data": bytes(20),
                **dict(self.header_changes),
            }
        )
        data = SignatureData(
            signature=bytes(64),
            attestation_key=x_y,
            qe_report=qe_report,
            qe_report_signature=raw_signature(ec_key("pck"), qe_report.build()),
            qe_authentication_data=auth,
            pck_chain=self.pck_chain or pem(self.pck, self.issuer, self.root) + b"\0",
        )
        quote = self._quote(header, data)
        data = replace(data, signature=raw_signature(attestation_key, quote.signed))
        return flipped(replace(quote, signature_data=data).build(), self.tamper)

    def _quote(self, header: QuoteHeader, data: SignatureData) -> TDXQuote | SGXQuote:
        if self.tee == SGX:
            body = enclave_report(
                **{
                    "mrenclave": b"\x4e" * 32,
                    "mrsigner": b"\x57" * 32,
                    "isvprodid": 1,
                    "isvsvn": 3,
                    "report_data": REPORT_DATA,
                    **dict(self.body_changes),
                }
            )
            return SGXQuote(header=header, body=body, signature_data=data)
        return TDXQuote(header=header, body=self._td_body(), signature_data=data)

    def _td_body(self) -> TDReport10 | TDReport15 | TDReport15Extended:
        td = td_report(**dict(self.body_changes))
        kind = self.body or (TDReport10 if self.version == 4 else TDReport15)
        if kind is TDReport10:
            return td
        td_1_5 = TDReport15(
            **{
                "td_1_0": td,
                "tee_tcb_svn2": td.tee_tcb_svn,
                "mrservicetd": bytes(48),
                **dict(self.body_1_5_changes),
            }
        )
        if kind is TDReport15:
            return td_1_5
        return TDReport15Extended(
            td_1_5=td_1_5,
            vmid=0,
            tdid=bytes(32),
            devinfo_hash=bytes(48),
            init_servtd_hash=bytes(48),
            init_servtd_attr=bytes(8),
            curr_servtd_hash=bytes(48),
            curr_servtd_attr=bytes(8),
            init_cpusvn=bytes(16),
            init_tee_tcb_svn=bytes(16),
            init_fmspc=bytes(12),
        )

    @property
    def evidence(self) -> Evidence:
        return Evidence(self.tee, self.quote)


def td_report(**changes: Any) -> TDReport10:
    """A TD that a strict policy accepts."""
    registers = {f"rtmr{index}": bytes([0xB0 + index]) * 48 for index in range(4)}
    zeros = dict.fromkeys(("mrsignerseam", "mrconfigid", "mrowner", "mrownerconfig"), bytes(48))
    return TDReport10(
        **{
            "tee_tcb_svn": bytes([5, 1, 2]) + bytes(13),
            "mrseam": b"\x5e" * 48,
            "seamattributes": bytes(8),
            "tdattributes": int(TDAttributes.SEPT_VE_DISABLE),
            "xfam": 0x602E7,
            "mrtd": MEASUREMENT,
            "reportdata": REPORT_DATA,
            **registers,
            **zeros,
            **changes,
        }
    )


def enclave_report(**changes: Any) -> EnclaveReport:
    """A production enclave of nobody."""
    return EnclaveReport(
        **{
            "cpusvn": bytes(16),
            "miscselect": bytes(4),
            "isvextprodid": bytes(16),
            "attributes": b"\x05" + bytes(15),
            "mrenclave": bytes(32),
            "mrsigner": bytes(32),
            "configid": bytes(64),
            "isvprodid": 0,
            "isvsvn": 0,
            "configsvn": 0,
            "isvfamilyid": bytes(16),
            "report_data": bytes(64),
            **changes,
        }
    )


def raw_signature(key: ec.EllipticCurvePrivateKey, content: bytes) -> bytes:
    """r || s of a P-256 signature."""
    r, s = decode_dss_signature(key.sign(content, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")
