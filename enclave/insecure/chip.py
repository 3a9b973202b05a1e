"""A simulated chip, and a simulated guest launched on it.

`SoftwareChip` is what would be in silicon: a secret, an identity, the vendors that vouch for it.
`SoftwareGuest` is one launch on it, with a measurement and a policy, and gives what the chip's
firmware would give: reports, quotes and derived keys, byte for byte in the vendors' layouts.
"""

import hmac
import json
import os
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256, sha384
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from enclave.errors import DeviceError
from enclave.insecure.amd import SimulatedAMD
from enclave.insecure.intel import TEE_TCB_SVN, SimulatedIntel
from enclave.roots import Roots
from enclave.sgx.abi import ECDSA_P256, INTEL_QE_VENDOR_ID, TDX_TEE_TYPE, QuoteHeader
from enclave.snp.abi import (
    ECDSA_P384_SHA384,
    NO_MIGRATION_AGENT,
    SIGNED_SIZE,
    AttestationReport,
    GuestPolicy,
    MilanTCB,
    PlatformInfo,
    ReportSignature,
)
from enclave.snp.device import GuestField
from enclave.tdx.abi import TDAttributes, TDReport10
from enclave.tdx.quote import TDXQuote

FILE_NAME: Final = "insecure-software-chip.json"
MEASUREMENT: Final = sha384(b"simulated measurement of Strongroom").digest()
TCB: Final = MilanTCB(boot_loader=9, tee=0, snp=23, microcode=72)
POLICY: Final = int(GuestPolicy.SMT | GuestPolicy.RESERVED_ONE)

_ORDER_P384: Final = int(
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    16,
)


@dataclass(frozen=True)
class SoftwareChip:
    """The simulated silicon.

    Attributes:
        secret: 32 bytes that silicon would never give away.
        made: since when its certificates are valid.
        amd, intel: the simulated vendors.
        tcb: what the host has the chip report.
        committed: the highest that was ever in force, below which the firmware never goes again;
            None: the same.
    """

    secret: bytes = field(repr=False)
    made: datetime
    amd: SimulatedAMD
    intel: SimulatedIntel
    tcb: MilanTCB = TCB
    committed: MilanTCB | None = None

    @classmethod
    def make(cls, now: datetime) -> "SoftwareChip":
        """A new chip of new vendors. Takes about a second."""
        made = now.astimezone(UTC).replace(microsecond=0)
        return cls(
            secrets.token_bytes(32), made, SimulatedAMD.make(made), SimulatedIntel.make(made)
        )

    @classmethod
    def open(cls, directory: Path, now: datetime) -> "SoftwareChip":
        """The chip kept in `directory`, made if there is none.

        Raises:
            DeviceError: the file is there and is not a chip's.
        """
        path = directory / FILE_NAME
        if path.exists():
            return _load(path)
        chip = cls.make(now)
        _store(path, chip)
        return chip

    @property
    def chip_id(self) -> bytes:
        """Its identity, 64 bytes."""
        return self._derive(b"chip id") + self._derive(b"chip id, second half")

    @property
    def roots(self) -> Roots:
        """Roots under which its evidence verifies, as simulated and never as a vendor's."""
        return Roots(amd=self.amd.roots.amd, intel=self.intel.roots.intel)

    def updated(self, tcb: MilanTCB) -> "SoftwareChip":
        """The same chip after an update of its firmware, which commits it.

        Where a component is lower than what is committed, only what is reported changes: a host
        may lower that, and raise it again.
        """
        both = zip(tcb.build(), self.committed_tcb, strict=True)
        return replace(self, tcb=tcb, committed=MilanTCB.parse(bytes(max(one) for one in both)))

    @property
    def committed_tcb(self) -> bytes:
        """COMMITTED_TCB, 8 bytes."""
        return (self.committed or self.tcb).build()

    def vcek_key(self) -> ec.EllipticCurvePrivateKey:
        """The key that signs reports at the present TCB."""
        number = int.from_bytes(
            self._derive(b"VCEK", self.tcb.build()) + self._derive(b"VCEK 2", self.tcb.build()),
            "big",
        )
        return ec.derive_private_key(1 + number % (_ORDER_P384 - 1), ec.SECP384R1())

    def vcek(self) -> bytes:
        """The DER certificate of that key."""
        key = self.vcek_key().public_key()
        return self.amd.vcek(key, self.chip_id, self.tcb, self.made)

    def guest_key(self, fields: bytes) -> bytes:
        """A derived key, 32 bytes, of the fields that the firmware mixes in."""
        return self._derive(b"guest key", fields)

    def _derive(self, label: bytes, data: bytes = b"") -> bytes:
        return hmac.digest(self.secret, bytes([len(label)]) + label + data, sha256)


@dataclass(frozen=True)
class SoftwareGuest:
    """One launch on a simulated chip.

    Attributes:
        chip: the chip.
        measurement: 48 bytes; MEASUREMENT, or MRTD.
        policy: POLICY of SEV-SNP.
        vmpl: the privilege level that the guest runs at.
        host_data: 32 bytes; HOST_DATA, or the first of MRCONFIGID.
        tdattributes: ATTRIBUTES of TDX.
        report_id: 32 bytes, of this launch.
    """

    chip: SoftwareChip
    measurement: bytes = MEASUREMENT
    policy: int = POLICY
    vmpl: int = 0
    host_data: bytes = bytes(32)
    tdattributes: int = int(TDAttributes.SEPT_VE_DISABLE)
    report_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def report(self, report_data: bytes, vmpl: int | None = None) -> bytes:
        """A SEV-SNP attestation report, 1184 bytes.

        Args:
            report_data: 64 bytes.
            vmpl: the level to report, by default the guest's own.

        Raises:
            DeviceError: a level above the guest's own.
        """
        level = self.vmpl if vmpl is None else vmpl
        if level < self.vmpl:
            raise DeviceError("a guest cannot report a privilege level above its own")
        unsigned = self._unsigned(report_data, level)
        key = self.chip.vcek_key()
        signed = unsigned.build()[:SIGNED_SIZE]
        r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(SHA384())))
        signature = ReportSignature(r=r.to_bytes(48, "little"), s=s.to_bytes(48, "little"))
        return replace(unsigned, signature=signature).build()

    def _unsigned(self, report_data: bytes, vmpl: int) -> AttestationReport:
        tcb = self.chip.committed_tcb
        return AttestationReport(
            version=5,
            guest_svn=0,
            policy=self.policy,
            family_id=bytes(16),
            image_id=bytes(16),
            vmpl=vmpl,
            signature_algo=ECDSA_P384_SHA384,
            current_tcb=tcb,
            platform_info=int(
                PlatformInfo.SMT_EN | PlatformInfo.ECC_EN | PlatformInfo.ALIAS_CHECK_COMPLETE
            ),
            key_info=0,
            report_data=report_data,
            measurement=self.measurement,
            host_data=self.host_data,
            id_key_digest=bytes(48),
            author_key_digest=bytes(48),
            report_id=self.report_id,
            report_id_ma=NO_MIGRATION_AGENT,
            reported_tcb=self.chip.tcb.build(),
            cpuid_fam_id=0x19,  # Genoa
            cpuid_mod_id=0x11,
            cpuid_step=1,
            chip_id=self.chip.chip_id,
            committed_tcb=tcb,
            current_build=49,
            current_minor=55,
            current_major=1,
            committed_build=49,
            committed_minor=55,
            committed_major=1,
            launch_tcb=tcb,
            launch_mit_vector=0,
            current_mit_vector=0,
            signature=ReportSignature(r=bytes(48), s=bytes(48)),
        )

    def derived_key(
        self, fields: GuestField, *, tcb_version: bytes, vmpl: int = 0, guest_svn: int = 0
    ) -> bytes:
        """What MSG_KEY_REQ gives for the chip's own root key: 32 bytes.

        Raises:
            DeviceError: a TCB above the committed one, a level above the guest's, an SVN that the
                guest does not have.
        """
        committed = self.chip.committed_tcb
        too_new = any(svn > limit for svn, limit in zip(tcb_version, committed, strict=True))
        if too_new or vmpl < self.vmpl or guest_svn:
            raise DeviceError("the firmware refuses these parameters")
        values = {
            GuestField.POLICY: self.policy.to_bytes(8, "little"),
            GuestField.IMAGE_ID: bytes(16),
            GuestField.FAMILY_ID: bytes(16),
            GuestField.MEASUREMENT: self.measurement,
            GuestField.GUEST_SVN: bytes(4),
            GuestField.TCB_VERSION: tcb_version,
        }
        chosen = [value if name in fields else bytes(len(value)) for name, value in values.items()]
        mixed = int(fields).to_bytes(8, "little") + vmpl.to_bytes(4, "little") + b"".join(chosen)
        return self.chip.guest_key(mixed)

    def quote(self, report_data: bytes) -> bytes:
        """A TDX quote, version 4, over 64 bytes of report data."""
        header = QuoteHeader(
            version=4,
            attestation_key_type=ECDSA_P256,
            tee_type=TDX_TEE_TYPE,
            qe_svn=0,
            pce_svn=0,
            qe_vendor_id=INTEL_QE_VENDOR_ID,
            user_data=bytes(20),
        )
        body = self._td_report(report_data)
        certified = self.chip.intel.certify(header.build() + body.build())
        return TDXQuote(header=header, body=body, signature_data=certified).build()

    def _td_report(self, report_data: bytes) -> TDReport10:
        return TDReport10(
            tee_tcb_svn=TEE_TCB_SVN,
            mrseam=sha384(b"simulated TDX module").digest(),
            mrsignerseam=bytes(48),
            seamattributes=bytes(8),
            tdattributes=self.tdattributes,
            xfam=0x602E7,
            mrtd=self.measurement,
            mrconfigid=self.host_data + bytes(16),
            mrowner=bytes(48),
            mrownerconfig=bytes(48),
            rtmr0=sha384(b"simulated firmware").digest(),
            rtmr1=sha384(b"simulated kernel").digest(),
            rtmr2=sha384(b"simulated command line").digest(),
            rtmr3=bytes(48),
            reportdata=report_data,
        )


def _store(path: Path, chip: SoftwareChip) -> None:
    """Write the chip's file whole or not at all, readable by its owner only."""
    vendors = {"amd": chip.amd, "intel": chip.intel}
    keys = {
        f"{name}.{key}": getattr(vendor, key)
        .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        .decode()
        for name, vendor in vendors.items()
        for key in vars(vendor)
        if key.endswith("_key")
    }
    certificates = {
        f"{name}.{certificate}": getattr(vendor, certificate).public_bytes(Encoding.PEM).decode()
        for name, vendor in vendors.items()
        for certificate in vars(vendor)
        if not certificate.endswith("_key")
    }
    document = {
        "what": "a SIMULATED chip: protects nothing, whoever reads this has its keys",
        "secret": chip.secret.hex(),
        "made": int(chip.made.timestamp()),
        "keys": keys,
        "certificates": certificates,
    }
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(document, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


def _load(path: Path) -> SoftwareChip:
    try:
        document = json.loads(path.read_text())
        parts: dict[str, dict[str, Any]] = {"amd": {}, "intel": {}}
        for name, pem in document["keys"].items():
            vendor, key = name.split(".")
            parts[vendor][key] = load_pem_private_key(pem.encode(), None)
        for name, pem in document["certificates"].items():
            vendor, certificate = name.split(".")
            parts[vendor][certificate] = x509.load_pem_x509_certificate(pem.encode())
        return SoftwareChip(
            secret=bytes.fromhex(document["secret"]),
            made=datetime.fromtimestamp(document["made"], UTC),
            amd=SimulatedAMD(**parts["amd"]),
            intel=SimulatedIntel(**parts["intel"]),
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise DeviceError(f"{path} is not a software chip's file") from None
