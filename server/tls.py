"""TLS settings of the doors: from files, or from what an operator has given.

A server that was given its secrets by an operator takes nothing from its disk, which belongs to the
host: neither its identity nor the authority that tells who its clients are.
"""

from __future__ import annotations

import os
import secrets
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    pkcs12,
)

from server.config import Config
from server.failure import Failure

VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

CIPHERS: Final = (
    "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:DHE+AESGCM:RSA+AESGCM:RSA+AES:!SHA1:@STRENGTH"
)
"""For TLS 1.2. What comes first is forward secret and authenticated; what comes last is for clients
that know nothing younger than KMIP's own mandatory suites (Profiles 2.1 section 4)."""

ServerKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


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
    """The TLS settings of a KMIP door without certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = VERSIONS[config.tls_minimum_version.value]
    context.set_ciphers(CIPHERS)
    context.verify_mode = (
        ssl.CERT_OPTIONAL if config.insecure_allow_no_client_certificate else ssl.CERT_REQUIRED
    )
    return context


def context_of_files(config: Config) -> ssl.SSLContext:
    """The TLS settings of the KMIP door, from the files that the settings name.

    Raises:
        OSError: a certificate or key cannot be read.
        ssl.SSLError: one does not fit the other.
    """
    context = empty_context(config)
    context.load_cert_chain(config.certificate_file, config.private_key_file)
    context.load_verify_locations(config.client_ca_file)
    return context


def trust_clients(context: ssl.SSLContext, client_ca: str) -> None:
    """Accept client certificates of these authorities (PEM).

    Raises:
        Failure: they are no certificates.
    """
    try:
        x509.load_pem_x509_certificates(client_ca.encode())
        context.load_verify_locations(cadata=client_ca)
    except (ValueError, ssl.SSLError):
        raise Failure("The client authority is not one or more certificates in PEM.") from None


def open_pkcs12(data: bytes, password: str) -> Identity:
    """The identity in a PKCS#12 file.

    Raises:
        Failure: it does not open, or holds no certificate with its key.
    """
    try:
        key, certificate, chain = pkcs12.load_key_and_certificates(data, password.encode() or None)
    except ValueError:
        raise Failure("The PKCS#12 does not open with this password.") from None
    if not isinstance(key, ServerKey) or certificate is None:
        raise Failure("The PKCS#12 holds no certificate with an EC or RSA key.")
    return Identity(key, certificate, tuple(chain))


def use_identity(context: ssl.SSLContext, identity: Identity) -> None:
    """Have new connections presented with this identity; open ones keep theirs.

    `ssl` takes keys from files only. The file is memory without a name where the system has that,
    and the key in it is encrypted under a password that exists for this call.
    """
    password = secrets.token_hex(32).encode()
    sealing = BestAvailableEncryption(password)
    pem = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealing)
    for certificate in (identity.certificate, *identity.chain):
        pem += certificate.public_bytes(Encoding.PEM)
    with _nameless_file(pem) as path:
        context.load_cert_chain(path, password=password)


@contextmanager
def _nameless_file(content: bytes) -> Iterator[str]:
    if not hasattr(os, "memfd_create"):
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield file.name
        return
    descriptor = os.memfd_create("identity", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
