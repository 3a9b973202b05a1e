"""What the operator of a provisioned server has said of clients' certificates, kept in its store.

A provisioned server takes nothing that decides about trust from its disk, which is its host's. So
its revocation lists and its list of refused certificates are a record of the store: sealed, and
covered by what notices an older store. They come at the bootstrap, and later from the operator at
the running server (`server.operator_routes`).

Nothing that was kept is forgotten: a list is replaced by a newer one of the same authority only,
and a certificate stays refused until the operator takes that back.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from server.access import refused_certificates, revocation_lists
from server.access.client_certificates import Rules
from server.access.revocation_lists import RevocationList, RevocationLists
from server.long_steps import LOOP_BYTES, stepped
from server.setup.failure import Failure
from storage import Put, SealedStore, Terms

RECORD: Final = b"server/client certificates"
MAX_LISTS: Final = 100
"""Of as many authorities; each is held in memory."""
MAX_LIST_BYTES: Final = 4 << 20
"""Of all lists together, some hundred thousand revoked certificates."""
MAX_REFUSED: Final = 10_000
MAX_LINE_CHARACTERS: Final = 400
"""Of an entry with its comment: a fingerprint, and whose certificate it was."""

_PLACE: Final = "What was given"


@dataclass(frozen=True, slots=True)
class KeptRules:
    """What the operator has said so far.

    Attributes:
        lists: revocation lists.
        refused: refused certificates: each entry (`server.access.refused_certificates`), and the
            line by which it came, with its comment.
    """

    lists: Sequence[RevocationList] = field(default=(), repr=False)
    refused: Mapping[str, str] = field(default_factory=dict)

    def rules(self, authorities: Sequence[x509.Certificate]) -> Rules:
        """By what the certificates of these authorities are judged."""
        refused = refused_certificates.of_entries(self.refused)
        return Rules(authorities, RevocationLists(self.lists), refused)

    def with_lists(self, content: bytes) -> KeptRules:
        """Also these lists, in place of those that their authorities had before.

        Args:
            content: PEM, with one or more, or one in DER.

        Raises:
            Failure: one cannot be read, or is older than what is kept; or they are too many.
        """
        return self._with(revocation_lists.lists_in(content, _PLACE))

    def _with(self, received: Sequence[RevocationList]) -> KeptRules:
        newest = RevocationLists(self.lists).newest
        for each in received:
            if each.issuer in newest and each.this_update < newest[each.issuer]:
                name = each.issuer.rfc4514_string()
                raise Failure(f"The revocation list of {name} is older than the one before.")
        replaced = {each.issuer for each in received}
        lists = [*(each for each in self.lists if each.issuer not in replaced), *received]
        if len(lists) > MAX_LISTS or sum(len(_der(each)) for each in lists) > MAX_LIST_BYTES:
            raise Failure(
                f"More than {MAX_LISTS} revocation lists, or {MAX_LIST_BYTES} bytes of them."
            )
        return replace(self, lists=lists)

    def joined(self, received: KeptRules) -> KeptRules:
        """What is kept, and what was given since.

        Raises:
            Failure: a list is older than what is kept.
        """
        return self._with(received.lists).with_refused(received.refused.values())

    def with_refused(self, lines: Iterable[str]) -> KeptRules:
        """Also refusing certificates.

        Args:
            lines: an entry each, with a comment behind `#` or without.

        Raises:
            Failure: a line is none, or they are too many.
        """
        found: dict[str, str] = {}
        for line in lines:
            if len(line) > MAX_LINE_CHARACTERS or not line.isprintable():
                raise Failure(f"An entry has at most {MAX_LINE_CHARACTERS} printable characters.")
            found |= refused_certificates.entries(line, _PLACE)
        refused = {
            **self.refused,
            **{each: found[each] for each in found if each not in self.refused},
        }
        if len(refused) > MAX_REFUSED:
            raise Failure(f"More than {MAX_REFUSED} certificates are a revocation list's matter.")
        return replace(self, refused=refused)

    def without_refused(self, entries: Iterable[str]) -> KeptRules:
        """Not refusing these certificates any more.

        Raises:
            Failure: an entry is none, or is not refused.
        """
        refused = dict(self.refused)
        for entry in map(refused_certificates.normal, entries):
            if entry not in refused:
                raise Failure(f"{entry} is not refused.")
            del refused[entry]
        return replace(self, refused=refused)

    def encode(self) -> bytes:
        """As bytes to be kept."""
        lists = [b64encode(_der(each)).decode() for each in self.lists]
        return json.dumps({"lists": lists, "refused": dict(self.refused)}).encode()

    @classmethod
    def decode(cls, data: bytes) -> KeptRules:
        """What `encode` wrote; nothing of no bytes.

        Raises:
            Failure: it is none of ours.
        """
        if not data:
            return cls()
        try:
            members = json.loads(data)
            lists = [
                one
                for each in members["lists"]
                for one in revocation_lists.lists_in(b64decode(each), "The store")
            ]
            return cls(lists, {str(entry): str(line) for entry, line in members["refused"].items()})
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Failure(
                "What the store has of refused certificates is not of this version."
            ) from None


async def read(store: SealedStore) -> KeptRules:
    """What is kept in a store; nothing where nothing was ever said.

    Raises:
        Failure: it cannot be read.
        storage.StorageError: the store does not give it.
    """
    version = store.version(RECORD)
    content = await store.read_body(RECORD, version) if version else None
    return await stepped(len(content or b"") > LOOP_BYTES, KeptRules.decode, content or b"")


async def write(store: SealedStore, kept: KeptRules) -> None:
    """Keep it, in place of what there was.

    Raises:
        storage.StorageError: it cannot be kept.
    """
    await store.commit([Put(RECORD, store.version(RECORD), b"", kept.encode(), Terms())])


def _der(each: RevocationList) -> bytes:
    return each.parsed.public_bytes(Encoding.DER)
