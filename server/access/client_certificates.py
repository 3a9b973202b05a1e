"""Whether a client's certificate is accepted now: by the rules that hold for new connections.

OpenSSL verifies a certificate once, in a full handshake. A session that is resumed brings back what
was verified then, and a connection that is open is not looked at again. So the server checks by
itself, at each handshake, resumed or not, and as long as a connection is open, that

    the certificate, and those between it and the authority, have not ended;
    none of them is revoked by a list of its authority, nor refused by the operator's own list;
    one of them, or who signed the last of them, is still among the authorities.

Signatures are not verified again: they do not change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.access import client_authorities
from server.access.refused_certificates import RefusedCertificates
from server.access.revocation_lists import RevocationLists, Revoked
from server.setup.failure import Failure


class NotAccepted(Exception):
    """A client's certificate is not accepted; says why."""


Chain = tuple[x509.Certificate, ...]
"""The client's certificate, and those up to an authority's that was trusted, each signed by the
next."""


@dataclass(frozen=True, slots=True)
class Rules:
    """By what client certificates are judged: one reading of the operator's files.

    Attributes:
        authorities: whose certificates are accepted.
        revoked: the authorities' lists.
        refused: the operator's list.
    """

    authorities: Sequence[x509.Certificate]
    revoked: RevocationLists = field(default_factory=RevocationLists)
    refused: RefusedCertificates = field(default_factory=RefusedCertificates)

    def check(self, chain: Chain, now: datetime) -> None:
        """Let pass a certificate that is accepted.

        Args:
            chain: as it was verified.
            now: the time, with its zone.

        Raises:
            NotAccepted: it is not.
        """
        for each in chain:
            if now >= each.not_valid_after_utc:
                raise NotAccepted("certificate has expired")
            if now < each.not_valid_before_utc:
                raise NotAccepted("certificate is not yet valid")
            if self.refused.has(each):
                raise NotAccepted("certificate refused by the operator's list")
        for certificate, issuer in pairwise(chain):
            try:
                self.revoked.check(certificate, issuer, now)
            except Revoked as error:
                raise NotAccepted(str(error)) from None
        if not any(_same_authority(each, one) for each in chain for one in self.authorities):
            raise NotAccepted("the authority is not accepted any more")

    def check_follows(self, former: Rules) -> None:
        """Let pass rules that forget nothing of those before.

        Raises:
            Failure: a list is missing or older. A server that runs does not take back what it knew
                of; a start reads what there is.
        """
        newest = self.revoked.newest
        for issuer, made in former.revoked.newest.items():
            name = issuer.rfc4514_string()
            if issuer not in newest:
                raise Failure(f"The revocation list of {name} is not there any more.")
            if newest[issuer] < made:
                raise Failure(f"The revocation list of {name} is older than the one before.")
        if former.refused.is_there and not self.refused.is_there:
            raise Failure("The list of refused certificates is not there any more.")

    def warnings(self, now: datetime) -> Iterator[str]:
        """What the operator should know of them."""
        yield from client_authorities.warnings(self.authorities, now)
        yield from self.revoked.warnings(now)
        listed = self.revoked.newest
        for each in self.authorities if listed else ():
            if each.subject not in listed:
                name = client_authorities.name_of(each)
                yield f"there is no revocation list of {name}; its certificates are not checked"


def end_of(chain: Chain) -> datetime:
    """When the first of them ends."""
    return min(each.not_valid_after_utc for each in chain)


def _same_authority(one: x509.Certificate, other: x509.Certificate) -> bool:
    """Whether both are certificates of one authority: one name and one key, renewed or not."""
    return one.subject == other.subject and _key(one) == _key(other)


def _key(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
