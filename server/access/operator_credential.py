"""Who the operator is: the credential that the launch configuration names, and its digest.

The digest is in the claims of every role. An operator who verifies evidence sees that the
server is theirs before they send anything, and its users see whose it is.

    certificate   SHA-256 of its SubjectPublicKeyInfo: a renewed one with the same key is the same
    token         SHA-256 of the token
    both          SHA-256 of the two digests
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.setup import files
from server.setup.config import Config
from server.setup.failure import Failure


class OperatorCredential(NamedTuple):
    """What an operator authenticates with; one of the two at least.

    Attributes:
        certificate: theirs; None: by token only.
        token: SHA-256 of the token; None: by certificate only.
    """

    certificate: x509.Certificate | None
    token: bytes | None

    @property
    def sha256(self) -> bytes:
        """What the claims hold: 32 bytes; of both where there are both."""
        parts = [key_sha256(self.certificate)] if self.certificate is not None else []
        parts += [self.token] if self.token is not None else []
        return parts[0] if len(parts) == 1 else hashlib.sha256(b"".join(parts)).digest()


def key_sha256(certificate: x509.Certificate) -> bytes:
    """SHA-256 of a certificate's SubjectPublicKeyInfo."""
    info = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(info).digest()


def token_sha256(token: str) -> bytes:
    """SHA-256 of a token."""
    return hashlib.sha256(token.encode()).digest()


def configured(config: Config) -> OperatorCredential:
    """The credential of the operator whom the settings name.

    Raises:
        Failure: they name none, or a certificate that cannot be read.
    """
    certificate, token = None, None
    if config.bootstrap_operator_certificate is not None:
        certificate = _certificate(config.bootstrap_operator_certificate)
    if config.bootstrap_operator_token_sha256:
        token = bytes.fromhex(config.bootstrap_operator_token_sha256)
    if certificate is None and token is None:
        raise Failure(
            "Bootstrap mode needs to know the operator: set bootstrap_operator_certificate or "
            "bootstrap_operator_token_sha256."
        )
    return OperatorCredential(certificate, token)


@lru_cache(maxsize=16)
def _certificate(path: Path) -> x509.Certificate:
    """The operator's certificate, read once in the life of the process.

    The file may be the host's. Were it read again, a host could be the operator by its own
    certificate, put another operator's there, and have the claims name that one.

    Raises:
        Failure: it cannot be read.
    """
    data = files.read(path, "The operator's certificate")
    try:
        return x509.load_pem_x509_certificate(data)
    except ValueError:
        raise Failure("The operator's certificate is not PEM.") from None


def operator_sha256(config: Config) -> bytes | None:
    """The digest (32 bytes) of the operator who provisions this server.

    Returns:
        None where the server takes its secrets from its own disk: whoever owns that is in charge,
        whatever operator the settings name.

    Raises:
        Failure: see `configured`.
    """
    return configured(config).sha256 if config.use_bootstrap_server else None
