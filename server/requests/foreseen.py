"""What a message will read from the store, as far as it can be told before it is understood.

Where several servers share a store, each message asks for what the others have committed. The
material of the objects that it names is fetched with the same question, so that a Get costs one
round trip to the store and not two. It is a guess that costs nothing where it is wrong: what comes
is sealed, and whether the client may have it is decided as ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from kmip.enums import Operation
from kmip.items import Item
from kmip.messages import RequestMessage
from kmip.structures import Structure
from kmip.tags import Tag
from server.objects.managed_object import record_name
from server.state import Server

MAX_FORESEEN: Final = 16
"""Objects of one message: each may have 16 MiB of material, and the message may be refused yet."""

_USES: Final = frozenset(
    {
        Operation.GET,
        Operation.EXPORT,
        Operation.ENCRYPT,
        Operation.DECRYPT,
        Operation.SIGN,
        Operation.SIGNATURE_VERIFY,
        Operation.MAC,
        Operation.MAC_VERIFY,
    }
)
"""The operations that need an object's material, and name the object by its identifier."""


def foreseen(server: Server, request: RequestMessage) -> tuple[bytes, ...]:
    """The names of the records that a message will read, and that are not open in memory."""
    if not server.store.is_shared:
        return ()
    return tuple(islice(_names(server, request), MAX_FORESEEN))


def _names(server: Server, request: RequestMessage) -> Iterator[bytes]:
    for item in request.batch_item:
        if item.operation in _USES and item.request_payload is not None:
            for identifier in _identifiers(item.request_payload):
                name = record_name(identifier)
                version = server.store.version(name)
                opened = server.opened.get(identifier, version) if version else None
                if version and (opened is None or opened.content is None):
                    yield name


def _identifiers(payload: Item | Structure) -> Iterator[str]:
    if isinstance(payload, Structure):
        named = getattr(payload, "unique_identifier", None)
        if isinstance(named, str) and named.isprintable():
            yield named
        return
    for child in payload.children:
        value = child.value
        # What cannot be printed may not even be Unicode; whoever reads it for good will say so.
        if child.tag == Tag.UNIQUE_IDENTIFIER and isinstance(value, str) and value.isprintable():
            yield value
