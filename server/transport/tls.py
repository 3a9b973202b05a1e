"""TLS settings of the endpoints: from files, or from what an operator has given.

A server that was given its secrets by an operator takes nothing from its disk, which belongs to the
host: neither its identity nor the authority that tells who its clients are.
"""

from __future__ import annotations

import ssl
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from enclave.ratls import ServerKey, use_certificate
from server.setup.config import Config
from server.setup.failure import Failure

VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

CIPHERS: Final = (
    "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:DHE+AESGCM:RSA+AESGCM:RSA+AES:!SHA1:@STRENGTH"
)
"""For TLS 1.2. What comes first is forward secret and authenticated; what comes last is for clients
that know nothing younger than KMIP's own mandatory suites (Profiles 2.1 section 4)."""


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
    context.verify_mode = (
        ssl.CERT_OPTIONAL if config.insecure_allow_no_client_certificate else ssl.CERT_REQUIRED
    )
    return context


def context_of_files(config: Config) -> ssl.SSLContext:
    """The TLS settings of the KMIP endpoint, from the files that the settings name.

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
        found = x509.load_pem_x509_certificates(client_ca.encode())
        # Written anew: `ssl` takes no text but ASCII between them, and files often have some.
        pem = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in found)
        context.load_verify_locations(cadata=pem.decode())
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
