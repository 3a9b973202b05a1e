"""Certificates that Strongroom makes itself: an authority, the server's, and clients'.

Theory of operation: everything is in one directory, `DIR/tls`, as PEM: `ca.pem`, `server.pem`
and one `NAME.pem` for each client, each beside its private key (`.key`, mode 0600 from the moment
it exists, in directories of mode 0700). Every function here looks at what is there and makes only
what is missing, too near its end, or no longer fitting, so that a start that was interrupted, and
a second start, come to the same state. A key is written before its certificate, and a renewal
keeps the key and replaces the certificate in one step: at no moment do the two disagree, and a
client that copied its key and the authority's certificate goes on working. To change a key, delete
the pair.

Keys are ECDSA on P-256: fast to make and to sign with, taken by every TLS 1.2 and 1.3 client (Go
clients, which refuse RSA key exchange and CBC, included). A client certificate says `clientAuth`
and its common name is the client's identity; the server's says `serverAuth` only, so that whoever
steals it cannot act as a client.

A server or client certificate lives 397 days, the longest that the CA/Browser Forum lets a public
one live and that strict TLS libraries take. It is renewed at a start once a third of that is left,
so a server must run for more than four months without a restart to meet its certificate's end; it
is warned in its log before. The authority lives ten years and is renewed likewise, under the same
key and name, so that what it issued stays valid.

Source: RFC 5280 sections 4.1 and 4.2; names as in RFC 6125 section 6.4.
"""

import contextlib
import ipaddress
import logging
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from server.access import client_authorities
from server.pki import local_x509
from server.pki.certificate_parts import common_name
from server.setup import addresses, files
from server.setup.failure import Failure

WARN_BEFORE: Final = timedelta(days=30)

RESERVED_NAMES: Final = frozenset({"ca", "server"})
_CLIENT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}", re.ASCII)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, as files."""

    certificate: Path
    key: Path


def pair(directory: Path, name: str) -> Pair:
    """Where the certificate and the key of `name` lie."""
    return Pair(directory / f"{name}.pem", directory / f"{name}.key")


def check_client_name(name: str) -> str:
    """`name`, if a client may be called so.

    A name becomes a file name and a certificate's common name, whose length X.520 bounds to 64
    characters.

    Raises:
        Failure: it is empty, too long, has other characters than letters, digits and ``._@+-``,
            does not begin with a letter or digit, or is one of the names used otherwise.
    """
    if not _CLIENT_NAME.fullmatch(name):
        raise Failure(
            f"{name!r} cannot name a client: it takes 1 to 64 letters, digits and . _ @ + -, "
            "beginning with a letter or digit."
        )
    if name.lower() in RESERVED_NAMES:
        raise Failure(f"{name!r} cannot name a client: the server's own files have that name.")
    return name


def own_names(host: str = "", extra: Iterable[str] = ()) -> tuple[str, ...]:
    """The names and addresses by which clients reach this machine, without repetition.

    Args:
        host: the addresses served, as the setting names them; what stands for all is left out.
        extra: more of them.
    """
    machine = [name for name in [socket.gethostname()] if _is_name(name)]
    served = [each for each in addresses.split(host) if each not in addresses.EVERY_ADDRESS]
    return tuple(dict.fromkeys(["localhost", "127.0.0.1", "::1", *machine, *served, *extra]))


def ensure_server(directory: Path, names: Iterable[str], now: datetime) -> Pair:
    """The server's certificate and key, made or renewed where needed.

    Args:
        directory: where they are; made, with its parents, if absent.
        names: DNS names and IP addresses that the certificate must hold.
        now: the time, with its zone.

    Raises:
        Failure: a file cannot be read or written, or a name cannot be put in a certificate.
    """
    alternatives = frozenset(general_name(name) for name in names)
    purpose = ExtendedKeyUsageOID.SERVER_AUTH
    leaf = local_x509.Leaf("Strongroom server", purpose, alternatives)
    return _ensure(directory, "server", leaf, now)


def ensure_client(directory: Path, name: str, now: datetime) -> Pair:
    """The certificate and key of the client `name`, made or renewed where needed.

    Raises:
        Failure: the name is not allowed, or a file cannot be read or written.
    """
    leaf = local_x509.Leaf(check_client_name(name), ExtendedKeyUsageOID.CLIENT_AUTH)
    return _ensure(directory, name, leaf, now)


def certify_client(
    directory: Path, name: str, public_key: local_x509.PublicKey, now: datetime
) -> x509.Certificate:
    """A certificate of the authority's for a key that the client `name` has made; kept in no file.

    Raises:
        Failure: the name is not allowed, or the authority is not whole here, or near its end.
    """
    leaf = local_x509.Leaf(check_client_name(name), ExtendedKeyUsageOID.CLIENT_AUTH)
    own = pair(directory, "ca")
    certificate = _read_certificates(own.certificate)[0]
    _check_time(certificate, own.certificate, now)
    return local_x509.issue(
        leaf, public_key, certificate, _authority_key(directory, certificate), now
    )


def check_usable(own: Pair, client_ca: Path, now: datetime) -> None:
    """Refuse certificates with which no client could connect.

    Raises:
        Failure: one cannot be read, is not valid now, or does not belong to the key; of the client
            authorities, none is valid now.
    """
    certificate = _read_certificates(own.certificate)[0]
    _check_time(certificate, own.certificate, now)
    if certificate.public_key() != _read_key(own.key).public_key():
        raise Failure(f"{own.key} is not the private key of the certificate {own.certificate}.")
    what = f"The client authority {client_ca}"
    authorities = client_authorities.read_authorities(files.read(client_ca, what), what)
    client_authorities.check_valid(authorities, what, now)


def _ensure(directory: Path, file: str, leaf: local_x509.Leaf, now: datetime) -> Pair:
    files.make_directory(directory)
    issuer = _ensure_authority(directory, now)
    made = pair(directory, file)
    public_key = _issuer_key(made.key, _ensure_key(made.key)).public_key()
    if files.is_there(made.certificate):
        found = _read_certificates(made.certificate)[0]
        if local_x509.fits(found, leaf, public_key, issuer, now):
            return made
    certificate = local_x509.issue(leaf, public_key, issuer, _authority_key(directory, issuer), now)
    files.replace(made.certificate, certificate.public_bytes(Encoding.PEM), files.PUBLIC)
    return made


def _ensure_authority(directory: Path, now: datetime) -> x509.Certificate:
    """The authority's certificate; its key may have been taken elsewhere while it is current."""
    own = pair(directory, "ca")
    found = _read_certificates(own.certificate)[0] if files.is_there(own.certificate) else None
    if found and local_x509.is_current(found, now):
        return found
    if found and not files.is_there(own.key):
        raise Failure(f"{own.certificate} is near its end and its key {own.key} is not there.")
    key = _issuer_key(own.key, _ensure_key(own.key))
    certificate = local_x509.self_signed(found.subject if found else _authority_name(key), key, now)
    files.replace(own.certificate, certificate.public_bytes(Encoding.PEM), files.PUBLIC)
    return certificate


def _authority_name(key: local_x509.IssuerKey) -> x509.Name:
    """A name that tells authorities apart, and on which two processes with one key agree."""
    digest = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest
    return common_name(f"Strongroom CA {digest[:4].hex()}")


def _authority_key(directory: Path, certificate: x509.Certificate) -> local_x509.IssuerKey:
    own = pair(directory, "ca")
    key = _issuer_key(own.key, _read_key(own.key))
    if key.public_key() != certificate.public_key():
        raise Failure(f"{own.key} is not the private key of the certificate {own.certificate}.")
    return key


def _issuer_key(path: Path, key: PrivateKeyTypes) -> local_x509.IssuerKey:
    if not isinstance(key, local_x509.IssuerKey):
        raise Failure(f"{path} must be an ECDSA or RSA key.")
    return key


def _ensure_key(path: Path) -> PrivateKeyTypes:
    if not files.is_there(path):
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        files.create(path, pem)  # another process may have been first: what is there counts
    return _read_key(path)


def _read_key(path: Path) -> PrivateKeyTypes:
    pem = files.read_private(path, "The private key")
    try:
        return load_pem_private_key(pem, password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise Failure(f"{path} holds no unencrypted PEM private key.") from None


def _read_certificates(path: Path) -> list[x509.Certificate]:
    pem = files.read(path, "The certificate")
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise Failure(f"{path} holds no PEM certificate.") from None


def _check_time(certificate: x509.Certificate, path: Path, now: datetime) -> None:
    end, start = certificate.not_valid_after_utc, certificate.not_valid_before_utc
    if now < start:
        raise Failure(f"The certificate {path} is not valid before {start:%Y-%m-%d %H:%M} UTC.")
    if now >= end:
        raise Failure(f"The certificate {path} expired on {end:%Y-%m-%d %H:%M} UTC.")
    if end - now < WARN_BEFORE:
        log.warning("certificate %s expires on %s", path, f"{end:%Y-%m-%d}")


def general_name(name: str) -> x509.GeneralName:
    """A DNS name or an address as certificates have it.

    Raises:
        Failure: it is neither.
    """
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    with contextlib.suppress(ValueError):
        if name:
            return x509.DNSName(name.encode("idna").decode("ascii").lower())
    raise Failure(f"{name!r} is neither a host name nor an address.")


def _is_name(name: str) -> bool:
    try:
        general_name(name)
    except Failure:
        return False
    return True
