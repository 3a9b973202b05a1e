"""Certificates that their clients have replaced by Re-Provision, and that let nobody in any more.

Which these are is a record of the store each, by fingerprint, written with the new certificate as
one. So a certificate is refused from the next message on, at every server on the store, on
connections that are open as well, and so are tickets that were given for it. A record ends with its
certificate, which TLS refuses from then on.

For ten minutes the replaced certificate still reads what the server made in its place, and nothing
else: a key pair that the server made has to be fetched by somebody who does not have it yet.

Source: KMIP 2.1 section 6.1.48.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from cryptography import x509

from kmip.enums import Operation
from kmip.errors import AuthenticationNotSuccessful
from server.access.client import Client, fingerprint_of
from server.objects.own_records import OwnRecords
from server.objects.transaction import Transaction
from server.sessions.identification import Identification, Means
from server.sessions.issued import Issued
from server.sessions.permission import Permission
from server.sessions.rights import Grant, Rights
from server.sessions.tickets import Tickets
from storage import Put, SealedStore

KIND: Final = b"replaced certificate"
FETCH_SECONDS: Final = 600
"""How long what was made can be fetched: time enough to come again after a lost answer, and little
for whoever has taken the old certificate's key."""
READING: Final = frozenset(
    {Operation.GET, Operation.EXPORT, Operation.GET_ATTRIBUTES, Operation.GET_ATTRIBUTE_LIST}
)
MAX_OF_CLIENT: Final = 1000
"""Records of one client: a certificate a day for three years, none of which has ended."""
REPLACED: Final = "the certificate has been replaced"


@dataclass(slots=True)
class FetchPermission(Permission):
    """What a message by a replaced certificate may do; nothing is counted."""

    called: ClassVar[str] = "replaced certificate"

    def check_open(self, objects: Transaction, now: int) -> None:
        """Refuse it once what was made should have been fetched.

        Raises:
            AuthenticationNotSuccessful: it should.
        """
        if self.issued.until <= now:
            raise AuthenticationNotSuccessful(REPLACED)


class ReplacedCertificates:
    """Those that a store knows.

    Args:
        store: of the records.
    """

    def __init__(self, store: SealedStore) -> None:
        self._records = OwnRecords(store, KIND)

    def name_of(self, certificate: x509.Certificate) -> bytes:
        """The name of the record that refuses a certificate."""
        return self._records.name(bytes.fromhex(fingerprint_of(certificate)))

    def have(self, known_by: Identification | None) -> bool:
        """Whether a client was identified by one of them, as far as is known here."""
        key = _key(known_by)
        return key is not None and self._records.is_there(key)

    async def may_add(self, client: str, now: int) -> bool:
        """Whether a client may replace one more."""
        return await self._records.count(client, now=now) < MAX_OF_CLIENT

    def put(self, certificate: x509.Certificate, made: Sequence[str], client: str, now: int) -> Put:
        """The change that refuses a certificate.

        Args:
            certificate: that is replaced.
            made: identifiers of what was made in its place.
            client: whose it is.
            now: seconds since 1970.
        """
        content = json.dumps({"made": list(made), "until": now + FETCH_SECONDS}).encode()
        ends = int(certificate.not_valid_after_utc.timestamp()) + 1
        key = bytes.fromhex(fingerprint_of(certificate))
        return self._records.put(key, content, 0, whose=client, ends=ends)

    async def narrowed(self, client: Client | None, tickets: Tickets, now: float) -> Client | None:
        """The same client, or, by a replaced certificate, one that may fetch what replaces it.

        Args:
            client: whom a connection names; None: nobody.
            tickets: for its permission.
            now: seconds since 1970.

        Raises:
            AuthenticationNotSuccessful: the certificate is replaced, and there is nothing to fetch
                or no time for it any more.
            storage.StorageError: the store does not say.
        """
        known_by = client.identification if client is not None else None
        key = _key(known_by)
        if client is None or key is None or not self._records.is_there(key):
            return client
        record = await self._records.read(key)
        content = json.loads(record.meta) if record is not None else {}
        made, until = frozenset(content.get("made", ())), content.get("until", 0)
        if not made or until <= now:
            raise AuthenticationNotSuccessful(REPLACED)
        rights = Rights([Grant(operations=READING, objects=made)])
        issued = Issued(client.name, until, rights=rights)
        return replace(client, permission=FetchPermission(issued, tickets))


def _key(known_by: Identification | None) -> bytes | None:
    """The fingerprint of the certificate by which a client is known; None: by none."""
    if known_by is None:
        return None
    if known_by.means == Means.CERTIFICATE:
        return bytes.fromhex(known_by.subject)
    return bytes.fromhex(fingerprint_of(known_by.chain[0])) if known_by.chain else None
