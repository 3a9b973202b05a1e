"""Answers that cannot differ, kept as the bytes of their payloads.

What Query and Discover Versions say follows from the version, the request and the settings. Clients
ask it first, and some of them before every other request. Who the client is makes a difference only
by the ticket that it has shown, which may not cover every operation: such a client's answer is made
each time, as is what is read from the store (the defaults, 2.1 section 7.11). That the client may
ask at all has been checked before an answer is looked for here.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from kmip.enums import QueryFunction
from kmip.messages import RequestBatchItem
from kmip.payloads.discover_versions import DiscoverVersionsRequest
from kmip.payloads.query import QueryRequest
from kmip.structures import Structure
from kmip.versions import ProtocolVersion
from server.context import Context

MAX_KEPT: Final = 256
"""Answers of one server, each of which has 2 KiB at most. Clients ask in a few ways; one that asks
in thousands has the oldest dropped."""

MAX_REQUESTED: Final = 32
"""Things that a request asks for whose answer is kept, so that what it is known by stays small."""


def key_of(
    context: Context, item: RequestBatchItem, request: Structure, version: ProtocolVersion
) -> Hashable | None:
    """What an answer is kept by; None where it may differ, or was never kept.

    Args:
        context: the item's.
        item: whose permission has been checked.
        request: its payload.
        version: the message's.
    """
    if context.client.permission is not None or item.ephemeral is not None:
        return None
    requested: tuple[Hashable, ...]
    if isinstance(request, QueryRequest):
        requested = request.query_function
        if (
            request.object_groups is not None
            or QueryFunction.QUERY_DEFAULTS_INFORMATION in requested
        ):
            return None
    elif isinstance(request, DiscoverVersionsRequest):
        requested = request.protocol_version
    else:
        return None
    if len(requested) > MAX_REQUESTED:
        return None
    return item.operation, version, requested, bool(context.server.attested_clients)


def keep(answers: dict[Hashable, bytes], key: Hashable, content: bytes) -> None:
    """Keep an answer, in place of the oldest where there are too many.

    Args:
        answers: of one server.
        key: by which it is found.
        content: of its payload, encoded.
    """
    if len(answers) >= MAX_KEPT:
        del answers[next(iter(answers))]
    answers[key] = content
