"""Who may provision a server in bootstrap mode: the operator that its launch configuration names.

By a client certificate, or by a one-time token. The digest of either is in the claims
(`server.access.operator_credential`), so an operator who verifies the evidence sees that the server
is theirs before they send anything; a host that names another operator gets nothing from them.

Anybody may read that digest, and try tokens on it as fast as they can compute. So a token must be
random and long (`MIN_TOKEN_CHARACTERS`); that wrong ones are counted where they come in only keeps
the log short. The right one is never counted against: it is judged first, since strangers may come
from the operator's own address.
"""

from __future__ import annotations

import hmac
import logging
import re
import ssl
from dataclasses import dataclass, field
from typing import Final

import trio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from server.access.operator_credential import (
    OperatorCredential,
    configured,
    key_sha256,
    token_sha256,
)
from server.sessions.lockout import FailedLogins
from server.setup.config import Config
from server.setup.failure import Failure
from server.transport.http import HTTPError, Request

log: Final = logging.getLogger(__name__)

MIN_TOKEN_CHARACTERS: Final = 22
"""128 random bits in base64; fewer characters cannot hold them."""
MAX_TOKEN_CHARACTERS: Final = 1024


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
        return OperatorCredential(self.certificate, self.token).sha256

    def admit(self, context: ssl.SSLContext) -> None:
        """Ask clients for a certificate, and take the operator's."""
        if self.certificate is None:
            return
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=self.certificate.public_bytes(Encoding.PEM).decode())

    def owns(self, certificate: bytes) -> bool:
        """Whether a certificate, DER, has the operator's key."""
        if self.certificate is None:
            return False
        digest = key_sha256(x509.load_der_x509_certificate(certificate))
        return hmac.compare_digest(digest, key_sha256(self.certificate))

    def check(self, request: Request) -> str:
        """Who is asking, for the log: `certificate` or `token`.

        Raises:
            HTTPError: not the operator, or too many wrong tokens.
        """
        certificate = request.peer.certificate
        if certificate is not None and self.owns(certificate):
            return "certificate"
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if self.token is None or scheme.lower() != "bearer":
            raise HTTPError(401, "only the operator may do this")
        if len(token) <= MAX_TOKEN_CHARACTERS and hmac.compare_digest(
            token_sha256(token), self.token
        ):
            return "token"
        address, now = request.peer.network, trio.current_time()
        if self._failed_logins.is_locked_out(address, "", now):
            raise HTTPError(429, "too many wrong tokens; wait a minute")
        if self._failed_logins.count(address, "", now):
            log.warning("wrong operator tokens come from %s", address)
        raise HTTPError(401, "only the operator may do this")


def operator_access(config: Config) -> OperatorAccess:
    """The access that the settings give.

    Raises:
        Failure: they name no operator, or a certificate that cannot be read.
    """
    return OperatorAccess(*configured(config))
