"""What a server claims about itself beside its evidence, and the one way to encode it.

The chip signs 64 bytes of report data and nothing else of ours. Everything that a verifier must
know besides the measurement is in the claims, and `enclave.report_data` turns the claims'
bytes into those 64 bytes; so a claim is as trustworthy as the measured code that wrote it.

The bytes are a CBOR map from text labels to byte strings: every value carries its label and its
length, and the deterministic encoding makes it the only writing of these claims. Two labels are
those of interoperable RA-TLS, so that verifiers of that kind can check the key without knowing
ours; all others begin with `strongroom-`, and one of them names this profile, which keeps the
hash apart from any other use of the same chip.

    label                      value
    pubkey-hash                CBOR [1, SHA-256 of the SubjectPublicKeyInfo]
    nonce                      32 to 64 bytes that the verifier chose; absent: there was none
    strongroom-profile         "2"
    strongroom-role            bootstrap, api, peer or taker
    strongroom-deployment      UTF-8, 1 to 64 bytes
    strongroom-instance        16 bytes
    strongroom-not-before      8 bytes, seconds since 1970-01-01T00:00:00Z, big-endian
    strongroom-not-after       8 bytes, the same
    strongroom-configuration   32 bytes, SHA-256 of the configuration in force
    strongroom-settings        names of the `insecure_…` and `allow_…` settings in force, sorted,
                               with commas between them; absent: none
    strongroom-store           1 to 64 bytes, the store's state, which only this server can read
                               and compare; absent: none open
    strongroom-store-since     32 bytes, SHA-256 of the earlier `strongroom-store` that the verifier
                               showed, of which the store is a continuation; absent: none shown, or
                               it is not
    strongroom-alarm           what was found to be wrong with the store, such as "forked", 1 to 32
                               lower-case letters and spaces; absent: nothing was
    strongroom-sk              where the sealing key comes from, see `SkProvider`
    strongroom-key-origin      where the TLS key comes from, see `KeyOrigin`
    strongroom-key-tcb         8 bytes, the TCB version of the chip's key that the TLS key is made
                               from; absent: it is not
    strongroom-operator        32 bytes, SHA-256 of the operator's credential; absent: none
    strongroom-channel         32 bytes exported from the TLS connection; absent: not bound

Source: CCC "Interoperable RA-TLS X.509 Cert and Evidence Formats" (pubkey-hash and nonce).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from enclave import cbor
from enclave.errors import InvalidEvidence, Refused

MAX_LIFE: Final = timedelta(hours=24)  # evidence carries no other freshness than this
MAX_SKEW: Final = timedelta(minutes=5)  # the server's clock is its host's; a verifier's is its own
NONCE_BYTES: Final = range(32, 65)  # fewer could be guessed, more could not matter

MAX_STATE_BYTES: Final = 64
MAX_SETTINGS_BYTES: Final = 1024  # a few names; there are fewer than ten such settings
_ALARM: Final = re.compile(r"[a-z ]{0,32}", re.ASCII)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)

_PROFILE: Final = b"2"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHA256: Final = 1  # IANA named information: sha-256


class Role(StrEnum):
    """What the TLS key is for; evidence for one role is none for another."""

    BOOTSTRAP = "bootstrap"
    API = "api"
    PEER = "peer"
    """Of a provisioned server, for the other servers of its deployment."""
    TAKER = "taker"
    """Of an unprovisioned server, for the one that is to hand its provisioning over."""


class SkProvider(StrEnum):
    """Where the server's sealing key comes from; names are never reused."""

    NONE = "none"
    """No chip key: nothing sealed outlives the process (TDX, and clouds that measure firmware)."""
    SNP_DERIVED_KEY = "snp-derived-key"
    """SEV-SNP MSG_KEY_REQ, bound to chip, policy, measurement and TCB."""
    INSECURE_SOFTWARE_CHIP = "insecure-software-chip"
    """Simulated: anyone who reads the chip's file has the key."""


class KeyOrigin(StrEnum):
    """Where the server's TLS key was born, and who else may have it; names are never reused."""

    CHIP = "chip"
    """Made from the chip's key for this code, operator and deployment: the same after a restart."""
    RANDOM = "random"
    """Made within the VM at this start."""
    ACME = "acme"
    """Made within the VM and kept sealed, for the certificates of an ACME directory."""
    BROUGHT = "given"
    """Brought by the operator (PKCS#12): whoever else has it can impersonate this server."""


@dataclass(frozen=True, slots=True)
class Claims:
    """One server's claims; the table at the top of this module gives sizes and meaning.

    Raises:
        InvalidEvidence: a value does not have the length or the form of that table.
    """

    role: Role
    public_key_sha256: bytes
    deployment: str
    instance: bytes
    not_before: datetime
    not_after: datetime
    configuration_sha256: bytes
    sk: SkProvider
    key_origin: KeyOrigin
    key_tcb: bytes | None = None
    insecure_settings: tuple[str, ...] = ()
    store: bytes | None = None
    store_since: bytes | None = None
    alarm: str = ""
    operator_sha256: bytes | None = None
    nonce: bytes | None = None
    channel: bytes | None = None

    def __post_init__(self) -> None:
        for name, value, lengths in (
            ("public_key_sha256", self.public_key_sha256, range(32, 33)),
            ("deployment", self.deployment.encode(), range(1, 65)),
            ("instance", self.instance, range(16, 17)),
            ("configuration_sha256", self.configuration_sha256, range(32, 33)),
            ("key_tcb", self.key_tcb, range(8, 9)),
            ("insecure_settings", _joined(self.insecure_settings), range(MAX_SETTINGS_BYTES + 1)),
            ("store", self.store, range(1, MAX_STATE_BYTES + 1)),
            ("store_since", self.store_since, range(32, 33)),
            ("operator_sha256", self.operator_sha256, range(32, 33)),
            ("nonce", self.nonce, NONCE_BYTES),
            ("channel", self.channel, range(32, 33)),
        ):
            if value is not None and len(value) not in lengths:
                raise InvalidEvidence("claims", f"{name} has {len(value)} bytes")
        if not all(map(_NAME.fullmatch, self.insecure_settings)) or (
            list(self.insecure_settings) != sorted(set(self.insecure_settings))
        ):
            raise InvalidEvidence("claims", "the settings are no sorted names")
        if not _ALARM.fullmatch(self.alarm):
            raise InvalidEvidence("claims", "an alarm that is no word")
        for moment in (self.not_before, self.not_after):
            if moment.tzinfo is None or moment.microsecond:
                raise InvalidEvidence(
                    "claims", "a moment without a time zone, or with a fraction of a second"
                )
        if not self.not_before < self.not_after <= self.not_before + MAX_LIFE:
            raise InvalidEvidence("claims", f"valid for {self.not_after - self.not_before}")


def encode(claims: Claims) -> bytes:
    """The claims as the bytes that report data covers, a few hundred."""
    optional = {
        "nonce": claims.nonce,
        "strongroom-key-tcb": claims.key_tcb,
        "strongroom-settings": _joined(claims.insecure_settings) or None,
        "strongroom-store": claims.store,
        "strongroom-store-since": claims.store_since,
        "strongroom-alarm": claims.alarm.encode() or None,
        "strongroom-operator": claims.operator_sha256,
        "strongroom-channel": claims.channel,
    }
    return cbor.encode(
        {
            "pubkey-hash": cbor.encode([_SHA256, claims.public_key_sha256]),
            "strongroom-profile": _PROFILE,
            "strongroom-role": claims.role.encode(),
            "strongroom-deployment": claims.deployment.encode(),
            "strongroom-instance": claims.instance,
            "strongroom-not-before": _seconds(claims.not_before),
            "strongroom-not-after": _seconds(claims.not_after),
            "strongroom-configuration": claims.configuration_sha256,
            "strongroom-sk": claims.sk.encode(),
            "strongroom-key-origin": claims.key_origin.encode(),
            **{label: value for label, value in optional.items() if value is not None},
        }
    )


def decode(data: bytes) -> Claims:
    """The claims that `encode` wrote.

    Raises:
        InvalidEvidence: `data` is anything else: another profile, a label missing or unknown, a
            value of another size, any other order.
    """
    try:
        entries = cbor.decode(data)
        if not isinstance(entries, dict):
            raise InvalidEvidence("claims", "not a map")
        claims = Claims(
            role=Role(entries["strongroom-role"].decode()),
            public_key_sha256=cbor.decode(entries["pubkey-hash"])[1],  # type: ignore[index,arg-type]  # caught below
            deployment=entries["strongroom-deployment"].decode(),
            instance=entries["strongroom-instance"],
            not_before=_moment(entries["strongroom-not-before"]),
            not_after=_moment(entries["strongroom-not-after"]),
            configuration_sha256=entries["strongroom-configuration"],
            sk=SkProvider(entries["strongroom-sk"].decode()),
            key_origin=KeyOrigin(entries["strongroom-key-origin"].decode()),
            key_tcb=entries.get("strongroom-key-tcb"),
            insecure_settings=_names(entries.get("strongroom-settings")),
            store=entries.get("strongroom-store"),
            store_since=entries.get("strongroom-store-since"),
            alarm=entries.get("strongroom-alarm", b"").decode(),
            operator_sha256=entries.get("strongroom-operator"),
            nonce=entries.get("nonce"),
            channel=entries.get("strongroom-channel"),
        )
        again = encode(claims)
    except (LookupError, ValueError, TypeError, AttributeError, OverflowError):
        raise InvalidEvidence("claims", "not the claims of this profile") from None
    if again != data:  # also refuses labels that this profile does not have
        raise InvalidEvidence("claims", "not the claims of this profile")
    return claims


def check_validity(claims: Claims, now: datetime) -> None:
    """Nothing, when the claims hold at `now` on the verifier's clock.

    Raises:
        Refused: they are over, or begin more than `MAX_SKEW` in the future.
    """
    if now >= claims.not_after:
        raise Refused((f"the claims ended at {claims.not_after:%Y-%m-%d %H:%M:%SZ}",))
    if now < claims.not_before - MAX_SKEW:
        raise Refused((f"the claims begin at {claims.not_before:%Y-%m-%d %H:%M:%SZ}",))


def _joined(names: tuple[str, ...]) -> bytes:
    return ",".join(names).encode()


def _names(listed: bytes | None) -> tuple[str, ...]:
    return () if listed is None else tuple(listed.decode().split(","))


def _seconds(moment: datetime) -> bytes:
    return int(moment.timestamp()).to_bytes(8, "big")


def _moment(seconds: bytes) -> datetime:
    return _EPOCH + timedelta(seconds=int.from_bytes(seconds, "big"))
