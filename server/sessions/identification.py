"""How a client was identified when it was given a ticket, so that the ticket ends with that.

A ticket stands for its client without certificate and password. Were it only for its lease, a user
who has been removed, or whose password was stolen and replaced, would go on for a day by it. So a
ticket keeps what its client was identified by, and a mark that changes when that does.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from cryptography import x509


class Means(StrEnum):
    """What identifies a client."""

    CERTIFICATE = "certificate"
    USER = "user"
    DEVICE = "device"
    KMIP_USER = "KMIP user"
    API_TOKEN = "API token"  # noqa: S105 - the kind of thing
    JWT = "JWT"
    ATTESTATION = "attestation"


@dataclass(frozen=True, slots=True)
class Identification:
    """What a client was identified by.

    Attributes:
        means: what kind of thing it was.
        subject: the user's name, the device's serial number or the User's Unique Identifier; the
            fingerprint of a certificate (SHA-256, hexadecimal); the name of an API token, or of a
            client whose TEE is attested.
        mark: what must still be so: the hash of a verifier or a token, the Unique Identifier of a
            credential, the issuer of JWTs that are taken, the hash of a policy.
        until: the end of a certificate, a JWT or an appraisal, seconds since 1970; None: it has
            none.
        chain: the certificate and those up to its authority's, as they were verified; empty where
            it was none.
        memory: bytes of memory that the certificate takes; those above it are there once for all.
    """

    means: Means
    subject: str
    mark: str = ""
    until: float | None = None
    chain: tuple[x509.Certificate, ...] = field(default=(), repr=False, compare=False)
    memory: int = field(default=0, repr=False, compare=False)
