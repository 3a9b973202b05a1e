"""TLS settings of the endpoints: from files, or from what an operator has given.

A server that was given its secrets by an operator takes nothing from its disk, which belongs to the
host: neither its identity nor the authority that tells who its clients are.
"""

from __future__ import annotations

import contextlib
import ssl
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from enclave.ratls import ServerKey, use_certificate
from server.access import client_authorities, refused_certificates, revocation_lists
from server.access.client_certificates import Rules
from server.setup import files
from server.setup.config import Config
from server.setup.failure import Failure
from server.transport.admission import Reading, Stamp

VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

CIPHERS: Final = (
    "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:DHE+AESGCM:RSA+AESGCM:RSA+AES:!SHA1:@STRENGTH"
)
"""For TLS 1.2. What comes first is forward secret and authenticated; what comes last is for clients
that know nothing younger than KMIP's own mandatory suites (Profiles 2.1 section 4)."""


CLIENT_AUTHORITY: Final = "The client authority"
"""How sentences name what an operator gives at bootstrap."""


class Identity(NamedTuple):
    """A certificate with its key and chain, in memory.

    Attributes:
        key: the private key.
        certificate: its certificate.
        chain: the certificates above it.
    """

    key: ServerKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]

    def __repr__(self) -> str:
        return f"Identity({self.certificate.subject.rfc4514_string()})"


def empty_context(config: Config) -> ssl.SSLContext:
    """The TLS settings of a KMIP endpoint without certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = VERSIONS[config.tls_minimum_version.value]
    context.set_ciphers(CIPHERS)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # server.access.client_authorities
    context.verify_mode = (
        ssl.CERT_OPTIONAL if config.insecure_allow_no_client_certificate else ssl.CERT_REQUIRED
    )
    return context


def reading_of_files(config: Config, now: datetime) -> Reading:
    """The TLS settings of the KMIP endpoint and its rules, from the files that the settings name.

    Raises:
        Failure: a file cannot be read, or none of the authorities is valid.
        OSError: a certificate or key cannot be read.
        ssl.SSLError: one does not fit the other.
    """
    stamp = stamp_of_files(config)
    what = f"The client authority {config.client_ca_file}"
    pem = files.read(config.client_ca_file, what)
    context, optional = empty_context(config), empty_context(config)
    optional.verify_mode = ssl.CERT_OPTIONAL
    for each in (context, optional):
        each.load_cert_chain(config.certificate_file, config.private_key_file)
        authorities = trust_clients(each, pem, what, now)
    lists = config.tls_client_revocation_lists
    rules = Rules(
        authorities,
        revocation_lists.RevocationLists() if lists is None else revocation_lists.read(lists),
        refused_certificates.read(config.refused_certificates_file),
    )
    return Reading(context, rules, stamp, optional, _certificate(config))


def _certificate(config: Config) -> x509.Certificate | None:
    """The server's own; None: OpenSSL reads it and `cryptography` does not."""
    try:
        return x509.load_pem_x509_certificate(config.certificate_file.read_bytes())
    except ValueError:
        return None


def stamp_of_files(config: Config) -> Stamp:
    """What changes when one of these files does."""
    paths = [
        config.certificate_file,
        config.private_key_file,
        config.client_ca_file,
        config.refused_certificates_file,
    ]
    if config.tls_client_revocation_lists is not None:
        paths.append(config.tls_client_revocation_lists)
        with contextlib.suppress(Failure):
            paths += revocation_lists.files_of(config.tls_client_revocation_lists)
    return [(path, _stamp(path)) for path in paths]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def trust_clients(
    context: ssl.SSLContext, pem: bytes, what: str, now: datetime
) -> list[x509.Certificate]:
    """Accept client certificates of these authorities, each by itself; which these are.

    Args:
        context: of the server.
        pem: certificates, with any text between them.
        what: what they are, to begin a sentence with.
        now: the time, with its zone.

    Raises:
        Failure: they are no authorities' certificates, or none is valid now.
    """
    authorities = client_authorities.read_authorities(pem, what)
    client_authorities.check_valid(authorities, what, now)
    der = b"".join(each.public_bytes(Encoding.DER) for each in authorities)
    try:
        context.load_verify_locations(cadata=der)
    except ssl.SSLError:
        raise Failure(f"{what} is not one or more certificates in PEM.") from None
    return authorities


def open_pkcs12(data: bytes, password: str) -> Identity:
    """The identity in a PKCS#12 file.

    Raises:
        Failure: it does not open, or holds no certificate with its key.
    """
    try:
        key, certificate, chain = pkcs12.load_key_and_certificates(data, password.encode() or None)
    except ValueError:
        raise Failure("The PKCS#12 does not open with this password.") from None
    except UnsupportedAlgorithm:
        raise Failure("The PKCS#12 is encrypted in a way that is not known here.") from None
    if not isinstance(key, ServerKey) or certificate is None:
        raise Failure("The PKCS#12 holds no certificate with an EC or RSA key.")
    if key.public_key() != certificate.public_key():
        raise Failure("The PKCS#12 holds a certificate and the key of another one.")
    return Identity(key, certificate, tuple(chain))


def use_identity(context: ssl.SSLContext, identity: Identity) -> None:
    """Have new connections presented with this identity; open ones keep theirs."""
    chain = (identity.certificate, *identity.chain)
    use_certificate(context, identity.key, *(each.public_bytes(Encoding.DER) for each in chain))
