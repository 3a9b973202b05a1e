"""Who is asking."""

import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from server.access import alternative_names
from server.sessions.identification import Identification, Means
from server.sessions.permission import Permission

RESERVED: Final = (
    *("user:", "device:", "name:", "sha256:", "token:", "jwt:"),
    "attested:",
    *alternative_names.LABELS,
)
"""How clients are named that are no Common Names and no users of the users' file; whoever is called
so there is another client (`unreserved`)."""

PARSED_BYTES: Final = 512
"""Memory of a certificate beside its DER form."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client, once it is known who it is.

    Attributes:
        name: what it is called: the certificate's Common Name, or the user's name. Objects belong
            to this name.
        how: how it was identified: `certificate`, `user`, `device`, `token`, `jwt`,
            `attestation` or `ticket`;
            `rotation` where the server itself acts in its name (`server.rotation`).
        permission: what its ticket or its API token allows; None: it has shown none that narrows
            its rights, and may do everything.
        identification: what it was identified by; a ticket that it is given ends with that.
        server_hashed_password: what the server proves with that it knows the client's password too,
            where the client has shown a proof of it.
        shown_by: who showed the ticket, as its certificate or another credential names them; None
            without a ticket, or where nothing else names anybody.
    """

    name: str
    how: str = "certificate"
    permission: Permission | None = field(default=None, repr=False, compare=False)
    identification: Identification | None = field(default=None, repr=False, compare=False)
    shown_by: str | None = field(default=None, compare=False)
    server_hashed_password: bytes | None = field(default=None, repr=False, compare=False)


def of_certificate(
    subject: Mapping[str, Any] | None,
    der: bytes | None,
    chain: tuple[x509.Certificate, ...] = (),
) -> Client | None:
    """The client that a verified certificate names; None without a certificate.

    Args:
        subject: what `ssl.SSLObject.getpeercert()` gives.
        der: the certificate itself.
        chain: it and those up to its authority's, as they were verified.
    """
    if not der:
        return None
    fingerprint = hashlib.sha256(der).hexdigest()
    end = (subject or {}).get("notAfter")
    until = ssl.cert_time_to_seconds(end) if end else None
    name = _common_name(subject or {}) or alternative_names.first_name(der)
    return Client(
        name or f"sha256:{fingerprint}",
        identification=Identification(
            Means.CERTIFICATE,
            fingerprint,
            until=until,
            chain=chain,
            memory=len(der) + PARSED_BYTES if chain else 0,
        ),
    )


def _common_name(subject: Mapping[str, Any]) -> str | None:
    for names in subject.get("subject", ()):
        for label, value in names:
            if label == "commonName" and value:
                return unreserved(value)
    return None


def fingerprint_of(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate's DER form, hexadecimal."""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def name_of(certificate: x509.Certificate) -> str:
    """What a client is called that connects by a certificate; see `of_certificate`.

    Raises:
        ValueError: its subject cannot be read.
    """
    for each in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME):
        if each.value and isinstance(each.value, str):
            return unreserved(each.value)
    alternative = alternative_names.first_name(certificate.public_bytes(Encoding.DER))
    return alternative or f"sha256:{fingerprint_of(certificate)}"


def unreserved(name: str) -> str:
    """The client that a Common Name or a user's name stands for: never one of another kind."""
    return f"name:{name}" if name.startswith(RESERVED) else name
