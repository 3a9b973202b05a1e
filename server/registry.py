"""The operations that the server performs, and the functions that perform them.

A handler is a function of a `Context` and a request payload that gives a response payload. It is
registered by the operation's name alone; its payload classes and the versions that have it are
those that `kmip.payloads` declares.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from kmip.enums import Operation
from kmip.payloads import PAYLOADS
from kmip.structures import Structure
from kmip.versions import ProtocolVersion, Span
from server.context import Context

Handler = Callable[[Context, Any], Awaitable[Structure]]


ASKED_FIRST: Final = frozenset({Operation.DISCOVER_VERSIONS})
"""Operations performed in every version. Discover Versions came with 1.1, but clients that do not
know yet what the server speaks send it in the oldest version, 1.0."""


class Route(NamedTuple):
    """How one operation is performed.

    Attributes:
        operation: which.
        handler: performs it.
        request: the class of its request payload.
        span: the versions that have it.
    """

    operation: Operation
    handler: Handler
    request: type[Structure]
    span: Span

    def is_for(self, version: ProtocolVersion) -> bool:
        """Whether it is performed for a message of `version`."""
        return self.span.covers(version) or self.operation in ASKED_FIRST


ROUTES: Final[dict[Operation, Route]] = {}


def operation(name: Operation) -> Callable[[Handler], Handler]:
    """Register the handler of an operation."""

    def register(handler: Handler) -> Handler:
        if name in ROUTES:
            raise TypeError(f"{name.name} has two handlers")
        declared = PAYLOADS[name]
        ROUTES[name] = Route(name, handler, declared.request, declared.span)
        return handler

    return register
