"""TLS handshakes of the server's side that end in an alert and a cause where they fail.

`ssl` and trio say no more of a failed handshake than OpenSSL's reason. Two things are added here.

**The alert.** OpenSSL writes the alert that tells the client why (RFC 8446 section 6.2) and gives
it to whoever moves its bytes; trio drops them. They are sent.

**The subject.** Where the client's certificate is refused, the operator wants to know whose it was.
OpenSSL keeps the chain that it has tried to verify, also where that failed; what its first
certificate says is not verified, and is used in the log only.

Source: RFC 8446 section 6.2.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Any, Final

import trio
from cryptography import x509
from cryptography.x509.oid import NameOID

from server.setup.logs import cut
from server.transport.handshake_turns import HandshakeTurns, InTurn

Stream = trio.SSLStream[trio.SocketStream]

ALERT_SECONDS: Final = 1.0
"""For seven bytes to get into the kernel's buffer, which is nearly always empty."""
MAX_SUBJECT: Final = 128
"""Characters of a name that are kept: a refused certificate's is a stranger's text."""


class HandshakeFailed(Exception):
    """A handshake did not come to its end.

    Attributes:
        cause: why, in OpenSSL's words.
        subject: whom the refused certificate names, not verified; empty where none was shown.
    """

    def __init__(self, cause: str, subject: str = "") -> None:
        super().__init__(f"{cause} (certificate of {subject})" if subject else cause)
        self.cause = cause
        self.subject = subject


async def shake_hands(
    stream: Stream, turns: HandshakeTurns | None = None, network: str = ""
) -> None:
    """Do the handshake.

    Args:
        stream: the connection, before its handshake.
        turns: which its steps wait for; None: for none.
        network: where it comes from, as `server.sessions.networks` tells it.

    Raises:
        HandshakeFailed: it failed; the client has been sent the alert.
    """
    socket = stream.transport_stream
    in_turn = InTurn(socket, turns or HandshakeTurns(), network)
    stream.transport_stream = in_turn  # type: ignore[assignment]  # until it is done
    try:
        await stream.do_handshake()
    except trio.BrokenResourceError as error:
        subject = _refused_subject(stream)
        await _send_alert(stream)
        raise HandshakeFailed(cause_of(error), subject) from None
    finally:
        in_turn.release()
        stream.transport_stream = socket


def cause_of(error: BaseException) -> str:
    """What OpenSSL says of a broken connection; nothing of it is secret."""
    cause = error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return str(cause.verify_message)
    return getattr(cause, "reason", None) or type(cause or error).__name__


async def _send_alert(stream: Stream) -> None:
    """Send what OpenSSL has written and trio has not sent."""
    alert = stream._outgoing.read()  # noqa: SLF001 - trio does not send it, and gives no access
    with trio.move_on_after(ALERT_SECONDS):
        try:
            await stream.transport_stream.send_all(alert)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return


def verified_chain(stream: Stream) -> list[x509.Certificate]:
    """The chain that OpenSSL has verified, the client's own certificate first.

    Empty where the client showed none, or resumed a session.
    """
    return [_parsed(each) for each in _chain(stream)]


def _chain(stream: Stream) -> Sequence[Any]:
    """OpenSSL's chain; after a failed handshake the one that it has tried to verify."""
    # Public from Python 3.13 on only.
    connection: Any = stream._ssl_object._sslobj  # type: ignore[attr-defined]  # noqa: SLF001
    return connection.get_verified_chain() or ()


def _parsed(certificate: Any) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.public_bytes().encode())


def _refused_subject(stream: Stream) -> str:
    """Whom the certificate names that a failed handshake was shown; empty where none was."""
    chain = _chain(stream)
    try:
        return subject_of(_parsed(chain[0])) if chain else ""
    except ValueError:  # of a certificate that OpenSSL reads, and cryptography does not
        return ""


def subject_of(certificate: x509.Certificate) -> str:
    """A certificate's subject for the log: bounded, and its Common Name first."""
    try:
        name = certificate.subject
        common = [str(each.value) for each in name.get_attributes_for_oid(NameOID.COMMON_NAME)]
        text = common[0] if common else name.rfc4514_string()
    except ValueError:
        text = "a name that cannot be read"
    return cut(text, MAX_SUBJECT) or f"serial number {certificate.serial_number:x}"
