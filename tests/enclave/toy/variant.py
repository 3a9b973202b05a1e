"""A TEE that nobody makes, as its folder under `enclave/` would have it.

Its report is five fields, signed on P-256 by the root itself:

    magic 4 | level 1 | report data 64 | measurement 32 | signature
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from enclave.certificates import read_certificate
from enclave.claims import SkProvider
from enclave.collateral import Fetch, read_json
from enclave.errors import InvalidEvidence, Step, VerificationFailed
from enclave.evidence import TEE, Evidence, Verified
from enclave.keys import DerivedKey, NoDerivedKey
from enclave.policy_keys import Table, key, number, octets
from enclave.roots import Roots, is_vendor
from enclave.tee import Circumstances
from enclave.variant import Encoding, Variant

TOY: Final = TEE("toy")
MAGIC: Final = b"TOY\0"
DEVICE: Final = "toy_guest"
MEASUREMENT: Final = b"\x70" * 32


@dataclass(frozen=True)
class ToyCollateral:
    """What the vendor publishes: the levels that are broken."""

    broken: tuple[int, ...] = ()

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        return cls(tuple(read_json(data, "collateral")["broken"]))

    def to_json(self) -> bytes:
        return json.dumps({"broken": self.broken}).encode()


@dataclass(frozen=True, kw_only=True)
class VerifiedToy(Verified):
    level: int
    data: bytes
    code: bytes

    @property
    def tee(self) -> TEE:
        return TOY

    @property
    def report_data(self) -> bytes:
        return self.data

    @property
    def measurement(self) -> bytes:
        return self.code

    @property
    def tcb(self) -> str:
        return f"level {self.level}"


def verify_toy(
    evidence: Evidence, collateral: ToyCollateral, roots: Roots, now: datetime
) -> VerifiedToy:
    if roots.intel is None:
        raise VerificationFailed(Step.CERTIFICATE_CHAIN, "no root is trusted")
    root = read_certificate(roots.intel)
    body, signature = evidence.report[:101], evidence.report[101:]
    public_key = root.public_key()
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    try:
        public_key.verify(signature, body, ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise VerificationFailed(Step.SIGNATURE, "it does not verify") from None
    if body[4] in collateral.broken:
        raise VerificationFailed(Step.TCB, "this level is broken")
    return VerifiedToy(
        simulated=not is_vendor(root.der),
        verified_at=now,
        valid_until=root.not_after,
        collateral_issued=None,
        level=body[4],
        data=body[5:69],
        code=body[69:],
    )


class ToyPolicy(Table):
    measurements: frozenset[bytes] = key(octets(32), default=frozenset())
    min_level: int = key(number(255), default=255)
    max_collateral_age_days: int = key(number(3650), default=30)


def _check(verified: VerifiedToy, policy: ToyPolicy) -> Iterator[str]:
    if verified.measurement not in policy.measurements:
        yield f"measurement {verified.measurement.hex()} is not accepted"
    if verified.level < policy.min_level:
        yield f"level {verified.level} is below the minimum"


def _warnings(verified: VerifiedToy, policy: ToyPolicy) -> Iterator[str]:
    yield "nobody makes such a chip"


@dataclass(frozen=True)
class ToyTee:
    """The guest: its device is a file with the chip's key."""

    device: Path

    kind: TEE = TOY
    sk: SkProvider = SkProvider.NONE
    simulated: bool = False

    @classmethod
    def is_here(cls, directory: Path, devices: Path) -> bool:
        return (devices / DEVICE).exists()

    @classmethod
    def at(cls, directory: Path, devices: Path, circumstances: Circumstances) -> Self:
        return cls(devices / DEVICE)

    async def evidence(self, report_data: bytes) -> Evidence:
        private_key = load_pem_private_key(self.device.read_bytes(), None)
        assert isinstance(private_key, ec.EllipticCurvePrivateKey)
        body = MAGIC + bytes([3]) + report_data + MEASUREMENT
        return Evidence(TOY, body + private_key.sign(body, ec.ECDSA(SHA256())))

    async def derived_key(self, tcb_version: bytes | None = None) -> DerivedKey:
        raise NoDerivedKey("toys derive no keys")

    async def measurement(self) -> bytes:
        return MEASUREMENT

    async def host_data(self) -> bytes:
        return bytes(32)


def _read(blob: bytes) -> Evidence | None:
    if blob[:4] != MAGIC:
        return None
    if len(blob) < 101:
        raise InvalidEvidence("toy report", "too short")
    return Evidence(TOY, blob)


def _check_collateral(
    evidence: Evidence, collateral: ToyCollateral, roots: Roots, now: datetime
) -> None:
    """The vendor signs nothing."""


async def _fetch(evidence: Evidence, fetch: Fetch, cache: str | None) -> ToyCollateral:
    return ToyCollateral.from_json((await fetch("https://toys.example/broken")).body)


TOY_VARIANT: Final = Variant[ToyCollateral, VerifiedToy, ToyPolicy](
    tee=TOY,
    verifier=verify_toy,
    collateral=ToyCollateral,
    fetch=_fetch,
    check_collateral=_check_collateral,
    empty_collateral=ToyCollateral(),
    section=ToyPolicy,
    checks=(_check,),
    naming=lambda verified: ToyPolicy(
        measurements=frozenset({verified.measurement}), min_level=verified.level
    ),
    warnings=_warnings,
    registers=lambda evidence: {"measurement": evidence.report[69:101]},
    encoding=Encoding(
        read=_read,
        write=lambda evidence: evidence.report,
        bare_oid="2.25.1",
        read_bare=lambda data: Evidence(TOY, data),
        write_bare=lambda evidence: evidence.report,
    ),
    guest=ToyTee,
)
