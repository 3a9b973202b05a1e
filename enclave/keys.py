r"""`sk`, the chip's key for exactly this code, and everything that is made from it.

On SEV-SNP the chip mixes its own secret with the guest's policy, launch measurement and a TCB
version. The same image on the same chip gets the same 32 bytes again after a reboot; another
image, a debug launch, or another chip does not. That is worth having for what can be made again
(the bootstrap identity, provisioning kept for a restart without the operator) and for nothing
else: the key is gone with the chip, and each release has another measurement.

Nothing uses `sk` itself. HKDF turns it into one key for each purpose in `Purpose`; a purpose is
never reused for something new.

The TCB version at sealing is in clear beside what was sealed. After a firmware update the chip
still derives keys for the older version; `unseal` asks for that one, and gives back the same
plaintext sealed anew under the present one.

    sealed  "strongroom sealed 1\n" | length, provider | TCB version 8 | SHA-256 of the chip id 32
            | measurement 48 | salt 32 | AES-256-GCM ciphertext and tag
            associated data: all before the ciphertext, then the purpose

The salt is random and its key is used once, so the nonce is constant (twelve zeros): 2**-128 for a
repeated salt after 2**64 sealings, where a few thousand sealings are expected.

Source: AMD 56860 section 7.2 (MSG_KEY_REQ); RFC 5869; FIPS 186-5 appendix A.2.1.
"""

import os
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from construct import Bytes, Const, GreedyBytes, Int8ub, PascalString, Struct
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from enclave.binary_layout import parse
from enclave.claims import KeyOrigin, SkProvider
from enclave.errors import DeviceError, EnclaveError

KEY_BYTES: Final = 32
SALT_BYTES: Final = 32
MAX_SEALED_BYTES: Final = 1 << 20  # provisioning is a PKCS#12 file and a few strings

_NONCE: Final = bytes(12)
_ORDER_P256: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_LABEL: Final = b"strongroom sk 1"


class NoDerivedKey(DeviceError):
    """This chip derives no key: nothing can be sealed for the next start."""


class Unsealable(EnclaveError):
    """Not sealed by this chip, code, policy and purpose, or damaged; which of it is unknowable."""


class Purpose(StrEnum):
    """What a key made from `sk` is for; the words go into HKDF and are never reused."""

    BOOTSTRAP_TLS = "bootstrap TLS key"
    API_TLS = "API TLS key"
    PROVISIONING = "sealed provisioning"
    STORE_HEAD = "sealed store head"
    ACME_ACCOUNT = "ACME account key"
    ACME_CERTIFICATE = "ACME certificate"


@dataclass(frozen=True, slots=True)
class DerivedKey:
    """`sk`, and what it depends on.

    Attributes:
        provider: where it comes from.
        key: 32 bytes, never used but through `expand`.
        tcb_version: 8 bytes, the one that it is for.
        current_tcb_version: 8 bytes, the one that the chip has committed now.
        chip_sha256: 32 bytes, SHA-256 of the chip's identity.
        measurement: 48 bytes.
    """

    provider: SkProvider
    key: bytes = field(repr=False)
    tcb_version: bytes
    current_tcb_version: bytes
    chip_sha256: bytes
    measurement: bytes


class HasDerivedKey(Protocol):
    """The part of `enclave.tee.Tee` that sealing needs."""

    async def derived_key(self, tcb_version: bytes | None = None) -> DerivedKey:
        """See `enclave.tee.Tee.derived_key`."""


@dataclass(frozen=True, slots=True)
class Unsealed:
    """What was sealed, and, after a firmware update, the same sealed anew to be stored instead."""

    plaintext: bytes = field(repr=False)
    resealed: bytes | None = field(repr=False)


def expand(sk: DerivedKey, purpose: Purpose, *, salt: bytes = b"", length: int = 32) -> bytes:
    """`length` bytes from `sk` for one purpose: HKDF-SHA-256.

    Args:
        sk: the derived key.
        purpose: what they are for.
        salt: any bytes; random and stored, or empty for a key that must come out the same without
            anything stored.
        length: at most 8160 bytes.
    """
    words = (_LABEL, purpose.encode(), sk.provider.encode())
    info = b"".join(len(word).to_bytes(1, "big") + word for word in words)
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(sk.key)


def expand_private_key(
    sk: DerivedKey, purpose: Purpose, *, salt: bytes = b""
) -> ec.EllipticCurvePrivateKey:
    """A P-256 key from `sk` for one purpose, the same each time.

    Source: FIPS 186-5 appendix A.2.1, 48 bytes where 40 are required.
    """
    number = int.from_bytes(expand(sk, purpose, salt=salt, length=48), "big")
    return ec.derive_private_key(1 + number % (_ORDER_P256 - 1), ec.SECP256R1())


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A TLS key that was made here, and what the claims say of it.

    Attributes:
        key: on P-256.
        origin: the chip's key, or chance.
        tcb: 8 bytes, the TCB version of the chip's key; None where it is not from there.
    """

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    origin: KeyOrigin
    tcb: bytes | None = None


async def own_key(tee: HasDerivedKey, purpose: Purpose) -> OwnKey:
    """The TLS key for a purpose: from `sk`, or where the chip has none a random one.

    Raises:
        DeviceError: the chip has derived keys and did not give one.
    """
    try:
        sk = await tee.derived_key()
    except NoDerivedKey:
        return OwnKey(ec.generate_private_key(ec.SECP256R1()), KeyOrigin.RANDOM)
    return OwnKey(expand_private_key(sk, purpose), KeyOrigin.CHIP, sk.tcb_version)


async def tls_key(tee: HasDerivedKey, purpose: Purpose) -> ec.EllipticCurvePrivateKey:
    """The key alone of `own_key`, which raises the same."""
    return (await own_key(tee, purpose)).key


def seal(sk: DerivedKey, purpose: Purpose, plaintext: bytes) -> bytes:
    """`plaintext` sealed for this chip, code and purpose.

    Args:
        sk: the derived key of the present TCB.
        purpose: what it is.
        plaintext: at most `MAX_SEALED_BYTES` bytes.

    Raises:
        ValueError: longer than that.
    """
    if len(plaintext) > MAX_SEALED_BYTES:
        raise ValueError("too long to seal")
    salt = os.urandom(SALT_BYTES)
    header = _HEADER.build(
        {
            "provider": sk.provider.value,
            "tcb_version": sk.tcb_version,
            "chip_sha256": sk.chip_sha256,
            "measurement": sk.measurement,
            "salt": salt,
        }
    )
    key = AESGCM(expand(sk, purpose, salt=salt))
    return header + key.encrypt(_NONCE, plaintext, header + purpose.encode())


def open_sealed(sk: DerivedKey, purpose: Purpose, sealed: bytes) -> bytes:
    """What was sealed with `seal`.

    Raises:
        Unsealable: by another key or for another purpose, or damaged.
    """
    header = _read(sealed)
    key = AESGCM(expand(sk, purpose, salt=header.salt))
    before = sealed[: len(sealed) - len(header.ciphertext)]
    try:
        return key.decrypt(_NONCE, header.ciphertext, before + purpose.encode())
    except InvalidTag:
        raise Unsealable("sealed by another key or for another purpose, or damaged") from None


async def unseal(
    tee: HasDerivedKey, purpose: Purpose, sealed: bytes, *, minimum_tcb: bytes | None = None
) -> Unsealed:
    """What was sealed on this chip, if need be under an older TCB version.

    The header is not trusted: a wrong TCB version in it gives a wrong key, no more. But an
    attacker who broke the firmware of an old version can seal anything under that version, with
    anything in it. Nothing that is sealed can tell it from what is genuine, so the minimum comes
    from elsewhere, and is the present version where nobody gives another.

    Args:
        tee: the chip.
        purpose: what it was sealed as.
        sealed: what `seal` gave.
        minimum_tcb: 8 bytes; refuse what was sealed below it in any component; None: the version
            that the chip has committed now.

    Raises:
        Unsealable: see `open_sealed`; its message names another measurement or chip, or a TCB below
            the minimum, where that is the reason.
        NoDerivedKey, DeviceError: see `enclave.tee.Tee.derived_key`.
    """
    header = _read(sealed)
    if minimum_tcb is not None:
        _check_tcb(header.tcb_version, minimum_tcb)
    sk = await tee.derived_key(header.tcb_version)
    for name in ("provider", "measurement", "chip_sha256"):
        if getattr(sk, name) != getattr(header, name):
            raise Unsealable(f"sealed under another {name}")
    if minimum_tcb is None:
        _check_tcb(header.tcb_version, sk.current_tcb_version)
    plaintext = open_sealed(sk, purpose, sealed)
    if sk.tcb_version == sk.current_tcb_version:
        return Unsealed(plaintext, None)
    return Unsealed(plaintext, seal(await tee.derived_key(), purpose, plaintext))


def _check_tcb(have: bytes, minimum: bytes) -> None:
    if any(one < least for one, least in zip(have, minimum, strict=True)):
        raise Unsealable("sealed under a TCB version below the minimum")


_HEADER: Final = Struct(
    "magic" / Const(b"strongroom sealed 1\n"),
    "provider" / PascalString(Int8ub, "ascii"),
    "tcb_version" / Bytes(8),
    "chip_sha256" / Bytes(32),
    "measurement" / Bytes(48),
    "salt" / Bytes(SALT_BYTES),
)
_SEALED: Final = Struct("header" / _HEADER, "ciphertext" / GreedyBytes)


@dataclass(frozen=True, slots=True)
class _Sealed:
    provider: str
    tcb_version: bytes
    chip_sha256: bytes
    measurement: bytes
    salt: bytes
    ciphertext: bytes = field(repr=False)


def _read(sealed: bytes) -> _Sealed:
    if len(sealed) > 2 * MAX_SEALED_BYTES:
        raise Unsealable("too long")
    try:
        found = parse(_SEALED, sealed, "sealed data")
    except EnclaveError:
        raise Unsealable("not sealed by this program, or damaged") from None
    return _Sealed(
        provider=found.header.provider,
        tcb_version=found.header.tcb_version,
        chip_sha256=found.header.chip_sha256,
        measurement=found.header.measurement,
        salt=found.header.salt,
        ciphertext=found.ciphertext,
    )
