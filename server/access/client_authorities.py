"""The authorities whose client certificates are accepted.

Several can be given, as is usual while one follows another. One that has expired, or whose time has
not come, is named in the log and the others go on; that no client comes in by it is seen to by
OpenSSL at each handshake, so that one whose time comes is accepted from then on. Only where none
can be used is there nothing to start for.

An issuing authority can be given alone, without the root above it. Its clients are then accepted,
and those of the root's other branches are not: each certificate in the list is trusted by itself,
whoever signed it (X509_V_FLAG_PARTIAL_CHAIN). For the same reason a certificate that is no
authority is left out: listed, it would be a client that needs no authority.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509

from server.setup.failure import Failure

log: Final = logging.getLogger(__name__)

WARN_BEFORE: Final = timedelta(days=30)


def read_authorities(pem: bytes, what: str) -> list[x509.Certificate]:
    """The authorities in a text that has their certificates, each once.

    Args:
        pem: certificates in PEM, with any text between them.
        what: what it is, to begin the sentence with, such as "The client authority".

    Raises:
        Failure: there is no certificate, one cannot be read, or none is an authority's.
    """
    try:
        found = x509.load_pem_x509_certificates(pem)
        authorities = [each for each in dict.fromkeys(found) if _is_authority(each)]
    except ValueError:
        raise Failure(f"{what} is not one or more certificates in PEM.") from None
    for each in dict.fromkeys(found):
        if each not in authorities:
            log.warning("%s is not an authority's certificate and is left out", name_of(each))
    if not authorities:
        raise Failure(f"{what} has no certificate of an authority.")
    return authorities


def check_valid(authorities: Sequence[x509.Certificate], what: str, now: datetime) -> None:
    """Let pass authorities of which one is valid now.

    Args:
        authorities: at least one.
        what: where they are from, to begin the sentence with.
        now: the time, with its zone.

    Raises:
        Failure: none is valid.
    """
    reasons = {each: _not_valid(each, now) for each in authorities}
    if all(reasons.values()):
        listing = "; ".join(f"{name_of(each)} {reason}" for each, reason in reasons.items())
        raise Failure(f"{what} has no authority that is valid now: {listing}.")


def warnings(authorities: Sequence[x509.Certificate], now: datetime) -> Iterator[str]:
    """What the operator should know of them."""
    for each in authorities:
        if reason := _not_valid(each, now):
            yield f"the client authority {name_of(each)} {reason}; its clients are refused"
        elif each.not_valid_after_utc - now < WARN_BEFORE:
            end = f"{each.not_valid_after_utc:%Y-%m-%d}"
            yield f"the client authority {name_of(each)} expires on {end}"


def name_of(certificate: x509.Certificate) -> str:
    """How messages name a certificate: its subject."""
    return certificate.subject.rfc4514_string() or f"serial number {certificate.serial_number:x}"


def _not_valid(certificate: x509.Certificate, now: datetime) -> str:
    end, start = certificate.not_valid_after_utc, certificate.not_valid_before_utc
    if now < start:
        return f"is not valid before {start:%Y-%m-%d %H:%M} UTC"
    return f"expired on {end:%Y-%m-%d %H:%M} UTC" if now >= end else ""


def _is_authority(certificate: x509.Certificate) -> bool:
    """Whether it says so; those of version 1 cannot, and are one if they sign themselves.

    Raises:
        ValueError: its extensions cannot be read.
    """
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        old = certificate.version is x509.Version.v1
        return old and certificate.issuer == certificate.subject
    return constraints.value.ca
