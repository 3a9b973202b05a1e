"""A store in Redis or Valkey, as the settings or an operator name it.

A password is in no setting: the settings name a file, and a URL with a password in it is refused
there, since command lines and environments can be read by others. The operator of an unprovisioned
server gives it over their attested connection, in the URL or beside it.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from enclave.ratls import use_certificate
from server.setup.failure import Failure
from server.setup.password_input import read_password
from storage.backend import Backend
from storage.durability import Durability

if TYPE_CHECKING:
    from storage.redis import RedisPlace

FORMS: Final = {
    "redis": ("//HOST:PORT/NUMBER", "a Redis or Valkey"),
    "rediss": ("//HOST:PORT/NUMBER", "the same under TLS"),
    "unix": ("//PATH", "the same on a socket of this machine"),
    "redis+sentinel": ("//HOST:PORT,HOST:PORT/SERVICE/NUMBER", "the same behind Sentinels"),
    "rediss+sentinel": ("//HOST:PORT,HOST:PORT/SERVICE/NUMBER", "both under TLS"),
    "redis+cluster": ("//HOST:PORT,HOST:PORT", "a Cluster"),
    "rediss+cluster": ("//HOST:PORT,HOST:PORT", "a Cluster under TLS"),
}
DEFAULT_LABEL: Final = "strongroom"
_PASSWORD: Final = re.compile(r"//[^/?@]*:[^/?@]+@|[?&]password=.")


@dataclass(frozen=True, slots=True)
class RedisAccess:
    """What the operator of an unprovisioned server gives besides the URL.

    Attributes:
        label: which store in the Redis.
        password: of the Redis user; empty: none.
        ca: certificates of the authorities of Redis's own, PEM; empty: the system's.
        certificate: this client's chain and its private key, PEM; empty: none.
    """

    label: str
    password: str = field(default="", repr=False)
    ca: str = ""
    certificate: str = field(default="", repr=False)


def received(members: Mapping[str, str]) -> tuple[str, RedisAccess]:
    """What an operator gives: the URL without its password, and the rest.

    Args:
        members: by name: url, and where they are given findex_label, password, ca, certificate.

    Raises:
        Failure: the URL names no Redis.
    """
    from storage.redis import RedisPlace  # slow to load, and seldom needed

    try:
        place = RedisPlace.parse(members["url"])
    except ValueError as error:
        raise Failure(f"The store in Redis cannot be used: {error}.") from None
    access = RedisAccess(
        members.get("findex_label") or DEFAULT_LABEL,
        members.get("password") or place.password,
        members.get("ca", ""),
        members.get("certificate", ""),
    )
    return place.url, access


def has_password(url: str) -> bool:
    """Whether there is a password in a URL."""
    return _PASSWORD.search(url) is not None


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """The settings that a store in Redis needs, by their own names."""

    redis_findex_label: str
    redis_password_file: Path | None
    redis_tls_ca: Path | None
    redis_tls_certificate: Path | None
    redis_tls_private_key: Path | None
    redis_durability: Durability
    redis_replicas: int


SETTINGS: Final = tuple(one.name for one in fields(RedisSettings))


def backend(url: str, settings: RedisSettings, access: RedisAccess | None = None) -> Backend:
    """The back end that a URL and the settings name, not yet open.

    Args:
        url: see `storage.redis.places`.
        settings: the rest.
        access: what holds in place of the settings' label and files.

    Raises:
        Failure: it cannot be made of these.
    """
    from storage.redis import RedisBackend, RedisPlace  # slow to load, and seldom needed

    try:
        place = RedisPlace.parse(url)
        if access is not None:
            place = replace(place, password=access.password or place.password)
        elif settings.redis_password_file is not None:
            file = str(settings.redis_password_file)
            place = replace(place, password=read_password(file, "Password of Redis", twice=False))
        return RedisBackend(
            place,
            settings.redis_findex_label if access is None else access.label,
            durability=settings.redis_durability,
            replicas=settings.redis_replicas,
            tls=_context(place, settings, access) if place.tls else None,
        )
    except ValueError as error:
        raise Failure(f"The store in Redis cannot be used: {error}.") from None


def _context(
    place: RedisPlace, settings: RedisSettings, access: RedisAccess | None
) -> ssl.SSLContext:
    """The TLS context: the peer is always verified, and its name compared.

    Raises:
        Failure: a certificate or key cannot be used.
    """
    try:
        if access is not None:
            context = ssl.create_default_context(cadata=access.ca or None)
            if access.certificate:
                _use_identity(context, access.certificate.encode())
        else:
            ca = settings.redis_tls_ca or place.ca_file or None
            context = ssl.create_default_context(cafile=ca)
            certificate = settings.redis_tls_certificate or place.certificate_file
            if certificate:
                key = settings.redis_tls_private_key or place.key_file or None
                context.load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "one is not PEM, or does not fit its key"
        raise Failure(f"The certificates for Redis cannot be used: {reason}.") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _use_identity(context: ssl.SSLContext, pem: bytes) -> None:
    """Have a context show a certificate whose key is beside it, and never in a file."""
    chain = x509.load_pem_x509_certificates(pem)
    key = load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise Failure("The private key for Redis is neither RSA nor of an elliptic curve.")
    use_certificate(context, key, *(one.public_bytes(Encoding.DER) for one in chain))
