"""One ticket: what it is good for, as it is in memory and as it is kept.

A ticket's record has two parts, so that counting a use writes little and arranges nothing anew:

    meta    what changes: the messages and operations that are left, of the ticket and of its rights
    body    what does not: client, lease, rights, and what the client was identified by

Both are JSON, sealed as all of the store is. The ticket itself is in neither: a record is named by
the SHA-256 hash of its value, from which nobody makes the value.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kmip.enums import Operation
from server.sessions.identification import Identification, Means
from server.sessions.rights import Grant, Rights

TICKET_MEMORY: Final = 512
"""Bytes of memory of a ticket beside its rights and its client's certificate."""
LEASE_SECONDS: Final = 3600
"""The lease of a ticket whose client asks for none: as that of an object."""
MAX_LEASE_SECONDS: Final = 86_400
"""The longest lease; a longer one is cut, and the client logs in again the next day."""


@dataclass(slots=True)
class Issued:
    """A ticket that is out.

    Attributes:
        client: the name of the client that it stands for.
        until: the end of its lease, seconds since 1970.
        requests: messages it is still good for; None: any number.
        left: operations it is still good for; None: any number.
        rights: its rights, one of which an operation must be within; None: all rights.
        identification: what its client was identified by when it was given out; the ticket is good
            while that is.
        since: when it was given out, seconds since 1970.
        key: of its record: the hash of its value.
        length: bytes of its record's body.
        version: of its record, when the counts were read; 0: they are to be read again.
    """

    client: str
    until: int
    requests: int | None = None
    left: int | None = None
    rights: Rights | None = None
    identification: Identification | None = field(default=None, repr=False)
    since: int = 0
    key: bytes = field(default=b"", repr=False)
    length: int = 0
    version: int = 0

    @property
    def handle(self) -> str:
        """Stands for the ticket where its streams are counted."""
        return self.key.hex()

    @property
    def is_counted(self) -> bool:
        """Whether it is good for so many operations and no more."""
        return self.left is not None or (self.rights is not None and self.rights.are_counted)

    @property
    def memory(self) -> int:
        """Bytes of memory that it takes, at most."""
        known_by = self.identification
        return (
            TICKET_MEMORY
            + (self.rights.memory if self.rights is not None else 0)
            + (known_by.memory if known_by is not None else 0)
        )

    def counts(self) -> bytes:
        """The part of its record that changes."""
        rights = {} if self.rights is None else self.rights.left
        return counts_of(self.requests, self.left, rights)

    def take(self, counts: bytes, version: int) -> None:
        """Take the counts as they are in a version of its record."""
        kept = json.loads(counts)
        self.requests, self.left = kept["requests"], kept["left"]
        if self.rights is not None:
            self.rights.take({int(place): left for place, left in kept["rights"].items()})
        self.version = version


def counts_of(requests: int | None, left: int | None, rights: Mapping[int, int]) -> bytes:
    """What is left of a ticket, as it is kept.

    Args:
        requests: messages; None: any number.
        left: operations; None: any number.
        rights: operations that are left of each right with a limit, by its number.
    """
    return _json({"requests": requests, "left": left, "rights": rights})


def limits_of(grants: Sequence[Grant]) -> dict[int, int]:
    """The operations that each right with a limit is good for, by its number."""
    return {place: one.left for place, one in enumerate(grants) if one.left is not None}


def encode(issued: Issued, grants: Sequence[Grant] | None) -> bytes:
    """The part of a ticket's record that does not change.

    Args:
        issued: the ticket.
        grants: its rights; None: all.
    """
    return _json(
        {
            "client": issued.client,
            "until": issued.until,
            "since": issued.since,
            "grants": None if grants is None else [_written(each) for each in grants],
            "identification": identification_fields(issued.identification),
        }
    )


def decode(key: bytes, body: bytes) -> Issued:
    """The ticket that `encode` wrote, without its counts."""
    kept = json.loads(body)
    grants = kept["grants"]
    return Issued(
        client=kept["client"],
        until=kept["until"],
        since=kept["since"],
        rights=None if grants is None else Rights([_read(each) for each in grants]),
        identification=identification_of(kept["identification"]),
        key=key,
        length=len(body),
    )


def _json(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()


def _written(grant: Grant) -> list[Any]:
    return [
        None if grant.operations is None else sorted(map(int, grant.operations)),
        None if grant.objects is None else sorted(grant.objects),
        None if grant.object_groups is None else sorted(grant.object_groups),
        grant.left,
    ]


def _read(fields: Sequence[Any]) -> Grant:
    operations, objects, groups, left = fields
    return Grant(
        None if operations is None else frozenset(Operation(each) for each in operations),
        None if objects is None else frozenset(objects),
        None if groups is None else frozenset(groups),
        left,
    )


def identification_fields(known_by: Identification | None) -> dict[str, Any] | None:
    """What a client was identified by, as JSON keeps it."""
    if known_by is None:
        return None
    chain = [b64encode(each.public_bytes(Encoding.DER)).decode() for each in known_by.chain]
    return {
        "means": known_by.means.value,
        "subject": known_by.subject,
        "mark": known_by.mark,
        "until": known_by.until,
        "chain": chain,
        "memory": known_by.memory,
    }


def identification_of(kept: Mapping[str, Any] | None) -> Identification | None:
    """What `identification_fields` wrote."""
    if kept is None:
        return None
    chain = (x509.load_der_x509_certificate(b64decode(each)) for each in kept["chain"])
    return Identification(
        Means(kept["means"]),
        kept["subject"],
        kept["mark"],
        kept["until"],
        tuple(chain),
        kept["memory"],
    )


def until(seconds: int | None, now: int, *, absolute: bool = False) -> int:
    """When a lease that a client asks for ends, seconds since 1970.

    Args:
        seconds: the lease, or its end if `absolute`; None or 0: as the server likes.
        now: seconds since 1970.
        absolute: whether `seconds` is a time.
    """
    if not seconds:
        return now + LEASE_SECONDS
    return min(seconds if absolute else now + seconds, now + MAX_LEASE_SECONDS)
