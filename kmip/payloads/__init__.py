"""The payloads of every operation of KMIP 1.0 to 3.0, one module for one operation.

The module of an operation is called as its member of `Operation` is, in lower case (`import_` for
the one that is a Python keyword); it has two structures, named after the operation with `Request`
and `Response` appended. `PAYLOADS` is built from these names alone: a new operation is a new member
and a new module. Structures that several payloads share have modules of their own, by concept.

The payload of Poll's response is that of the operation polled. Put and Notify go from server to
client, Discover Versions, Query and Set Endpoint Role both ways (2.1 section 6.2).
"""

from __future__ import annotations

import keyword
from importlib import import_module
from typing import Final, NamedTuple

from kmip.enums import Operation
from kmip.structures import Structure
from kmip.versions import Span


class Payloads(NamedTuple):
    """The two payloads of an operation.

    Attributes:
        request: the structure of its request payload.
        response: the structure of its response payload.
        span: the versions that have the operation.
    """

    request: type[Structure]
    response: type[Structure]
    span: Span


def _payloads(operation: Operation) -> Payloads:
    name, words = operation.name.lower(), operation.names[0].replace("_", "")
    module = import_module(
        f"{__name__}.{name}_" if keyword.iskeyword(name) else f"{__name__}.{name}"
    )
    request, response = getattr(module, f"{words}Request"), getattr(module, f"{words}Response")
    return Payloads(request, response, operation.span)


PAYLOADS: Final[dict[Operation, Payloads]] = {
    operation: _payloads(operation) for operation in Operation
}
"""Every operation's payloads."""
