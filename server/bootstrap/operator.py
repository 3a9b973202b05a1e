"""Who may provision a server in bootstrap mode: the operator that its launch configuration names.

By a client certificate, or by a one-time token. The digest of either is among the claims, so an
operator who verifies the evidence sees that it is their own before they send anything; a host that
names another operator gets nothing from them.

Anybody may read that digest, and try tokens on it as fast as they can compute. So a token must be
random and long (`MIN_TOKEN_CHARACTERS`); that wrong ones are counted where they come in only keeps
the log short. They are counted by address, so that nobody keeps the operator out.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import ssl
from dataclasses import dataclass, field
from typing import Final

import trio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.sessions.lockout import FailedLogins
from server.setup import files
from server.setup.config import Config
from server.setup.failure import Failure
from server.transport.http import HTTPError, Request

log: Final = logging.getLogger(__name__)

MIN_TOKEN_CHARACTERS: Final = 22
"""128 random bits in base64; fewer characters cannot hold them."""
MAX_TOKEN_CHARACTERS: Final = 1024


def key_sha256(certificate: x509.Certificate) -> bytes:
    """SHA-256 of a certificate's SubjectPublicKeyInfo."""
    info = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(info).digest()


def token_sha256(token: str) -> bytes:
    """SHA-256 of a token."""
    return hashlib.sha256(token.encode()).digest()


def check_token(token: str) -> None:
    """Let pass what can be an operator's token.

    Raises:
        Failure: it is too short to be random, too long, or cannot be sent in a header.
    """
    if not MIN_TOKEN_CHARACTERS <= len(token) <= MAX_TOKEN_CHARACTERS:
        raise Failure(
            f"The operator's token has {MIN_TOKEN_CHARACTERS} to {MAX_TOKEN_CHARACTERS} "
            "characters, all random: anybody may see its digest and try."
        )
    if not re.fullmatch(r"[!-~]*", token):
        raise Failure("The operator's token is of ASCII characters without spaces.")


@dataclass(slots=True)
class OperatorAccess:
    """Lets the operator in, and nobody else.

    Attributes:
        certificate: the operator's; None: by token only.
        token: SHA-256 of the token; None: by certificate only.
    """

    certificate: x509.Certificate | None
    token: bytes | None
    _failed_logins: FailedLogins = field(default_factory=FailedLogins, repr=False)

    @property
    def sha256(self) -> bytes:
        """What the claims hold: 32 bytes; of both where there are both."""
        parts = [key_sha256(self.certificate)] if self.certificate is not None else []
        parts += [self.token] if self.token is not None else []
        return parts[0] if len(parts) == 1 else hashlib.sha256(b"".join(parts)).digest()

    def admit(self, context: ssl.SSLContext) -> None:
        """Ask clients for a certificate, and take the operator's."""
        if self.certificate is None:
            return
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=self.certificate.public_bytes(Encoding.PEM).decode())

    def check(self, request: Request) -> str:
        """Who is asking, for the log: `certificate` or `token`.

        Raises:
            HTTPError: not the operator, or too many wrong tokens.
        """
        certificate = request.peer.certificate
        if self.certificate is not None and certificate is not None:
            digest = key_sha256(x509.load_der_x509_certificate(certificate))
            if hmac.compare_digest(digest, key_sha256(self.certificate)):
                return "certificate"
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if self.token is None or scheme.lower() != "bearer":
            raise HTTPError(401, "only the operator may do this")
        address, now = request.peer.network, trio.current_time()
        if self._failed_logins.is_locked_out(address, "", now):
            raise HTTPError(429, "too many wrong tokens; wait a minute")
        if len(token) > MAX_TOKEN_CHARACTERS or not hmac.compare_digest(
            token_sha256(token), self.token
        ):
            if self._failed_logins.count(address, "", now):
                log.warning("wrong operator tokens come from %s", address)
            raise HTTPError(401, "only the operator may do this")
        return "token"


def operator_access(config: Config) -> OperatorAccess:
    """The access that the settings give.

    Raises:
        Failure: they name no operator, or a certificate that cannot be read.
    """
    certificate, token = None, None
    if config.bootstrap_operator_certificate is not None:
        data = files.read(config.bootstrap_operator_certificate, "The operator's certificate")
        try:
            certificate = x509.load_pem_x509_certificate(data)
        except ValueError:
            raise Failure("The operator's certificate is not PEM.") from None
    if config.bootstrap_operator_token_sha256:
        token = bytes.fromhex(config.bootstrap_operator_token_sha256)
    if certificate is None and token is None:
        raise Failure(
            "Bootstrap mode needs to know the operator: set bootstrap_operator_certificate or "
            "bootstrap_operator_token_sha256."
        )
    return OperatorAccess(certificate, token)
