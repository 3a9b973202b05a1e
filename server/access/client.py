"""Who is asking."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from server.sessions.tickets import Permission

RESERVED: Final = ("user:", "device:", "name:", "sha256:")
"""How clients are named that are no Common Names; a certificate that says so names another."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client, once it is known who it is.

    Attributes:
        name: what it is called: the certificate's Common Name, or the user's name. Objects belong
            to this name.
        how: how it was identified: `certificate`, `user`, `device` or `ticket`.
        permission: what its ticket allows; None: it has shown none, and may do everything.
    """

    name: str
    how: str = "certificate"
    permission: Permission | None = field(default=None, repr=False, compare=False)


def of_certificate(subject: Mapping[str, Any] | None, der: bytes | None) -> Client | None:
    """The client that a verified certificate names; None without a certificate.

    Args:
        subject: what `ssl.SSLObject.getpeercert()` gives.
        der: the certificate itself.
    """
    if not der:
        return None
    for names in (subject or {}).get("subject", ()):
        for label, value in names:
            if label == "commonName" and value:
                return Client(f"name:{value}" if value.startswith(RESERVED) else value)
    for label, value in (subject or {}).get("subjectAltName", ()):
        return Client(f"{label}:{value}")
    return Client(f"sha256:{hashlib.sha256(der).hexdigest()}")
