"""TLS handshakes of the server's side that end in an alert and a cause where they fail.

`ssl` and trio say no more of a failed handshake than OpenSSL's reason. Two things are added here.

**The alert.** OpenSSL writes the alert that tells the client why (RFC 8446 section 6.2) and gives
it to whoever moves its bytes; trio drops them. They are sent.

**The subject.** Where the client's certificate is refused, the operator wants to know whose it was.
OpenSSL keeps no refused certificate, and in TLS 1.3 it travels encrypted. So the `Certificate`
message is noted as it is read, by the callback that `ssl` has for debugging; what it says is not
verified and is used in the log only. The callback ends with the handshake, so that it costs the
messages of a connection nothing.

Source: RFC 8446 sections 4.4.2 and 6.2; RFC 5246 section 7.4.2.
"""

from __future__ import annotations

import ssl
from typing import Any, Final

import trio
from cryptography import x509
from cryptography.x509.oid import NameOID

Stream = trio.SSLStream[trio.SocketStream]

ALERT_SECONDS: Final = 1.0
"""For seven bytes to get into the kernel's buffer, which is nearly always empty."""
HANDSHAKE: Final = 22  # RFC 8446 section 5.1
CERTIFICATE_MESSAGE: Final = 11  # RFC 8446 section 4
MAX_SUBJECT_CHARACTERS: Final = 128
"""A refused certificate is a stranger's text; the log takes so much of it."""

NO_CALLBACK: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


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


class HandshakeObject(ssl.SSLObject):
    """An SSL object that remembers the `Certificate` message of its peer until it is done."""

    message: tuple[int, bytes] | None = None


def note_certificates(context: ssl.SSLContext) -> None:
    """Have the handshakes of these TLS settings note what certificate they were shown."""
    context.sslobject_class = HandshakeObject
    context._msg_callback = _note  # type: ignore[attr-defined]  # noqa: SLF001


def _note(
    connection: Any, direction: str, version: Any, content: Any, message: Any, data: bytes
) -> None:
    """See `ssl.SSLContext._msg_callback`: called for each message of the protocol."""
    if (direction, content, message) == ("read", HANDSHAKE, CERTIFICATE_MESSAGE):
        connection.message = (version, data)


async def shake_hands(stream: Stream) -> None:
    """Do the handshake.

    Raises:
        HandshakeFailed: it failed; the client has been sent the alert.
    """
    try:
        await stream.do_handshake()
    except trio.BrokenResourceError as error:
        subject = _subject(_message(stream))
        await _send_alert(stream)
        raise HandshakeFailed(cause_of(error), subject) from None
    connection = stream._ssl_object  # noqa: SLF001 - trio forwards none of our attributes
    if isinstance(connection, HandshakeObject):
        connection.message = None
        connection.context = NO_CALLBACK


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


def _message(stream: Stream) -> tuple[int, bytes] | None:
    connection = stream._ssl_object  # noqa: SLF001 - trio forwards none of our attributes
    return connection.message if isinstance(connection, HandshakeObject) else None


def _subject(noted: tuple[int, bytes] | None) -> str:
    """Whom the first certificate in a `Certificate` message names; empty where none can be read.

    Args:
        noted: the TLS version, and the message: its type and length (4 bytes), in TLS 1.3 a context
            (1 byte and what it counts), the list's length (3), and the certificates, each behind
            its length (3).
    """
    if noted is None:
        return ""
    version, message = noted
    at = 4
    if version == ssl.TLSVersion.TLSv1_3:
        at += 1 + int.from_bytes(message[at : at + 1])
    at += 3
    length = int.from_bytes(message[at : at + 3])
    try:
        certificate = x509.load_der_x509_certificate(message[at + 3 : at + 3 + length])
        return subject_of(certificate)
    except ValueError:
        return ""


def subject_of(certificate: x509.Certificate) -> str:
    """A certificate's subject for the log: bounded, and its Common Name first."""
    try:
        name = certificate.subject
        common = [str(each.value) for each in name.get_attributes_for_oid(NameOID.COMMON_NAME)]
        text = common[0] if common else name.rfc4514_string()
    except ValueError:
        text = "a name that cannot be read"
    printable = "".join(each if each.isprintable() else "?" for each in text)
    return printable[:MAX_SUBJECT_CHARACTERS] or f"serial number {certificate.serial_number:x}"
