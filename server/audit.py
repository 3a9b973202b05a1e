"""The audit log: one line for each batch item, saying who did what to which object and how it went.

Lines are JSON objects with the same keys always; no attribute, no key and no data ever stands in
them. Identifiers do, since without them a line says nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as quoted
from typing import Final

from kmip.enums import Operation, ResultReason, ResultStatus
from server.client import Client

log: Final = logging.getLogger("strongroom.audit")


def line(
    now: float,
    client: Client,
    operation: Operation | int,
    identifier: str | None,
    status: ResultStatus,
    reason: ResultReason | None,
) -> str:
    """The line of one batch item.

    Args:
        now: seconds since 1970.
        client: who asked.
        operation: what was asked; a number where no version has it.
        identifier: the object made or used, where it is known.
        status: how it went.
        reason: why it failed.
    """
    time = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    named = operation.names[0] if isinstance(operation, Operation) else hex(operation)
    return (
        f'{{"time": "{time}", "client": {quoted(client.name)}, "how": "{client.how}", '
        f'"operation": "{named}", "object": {_quoted_or_null(identifier)}, '
        f'"status": "{status.names[0]}", '
        f'"reason": {_quoted_or_null(reason.names[0] if reason is not None else None)}}}'
    )


def _quoted_or_null(text: str | None) -> str:
    return "null" if text is None else quoted(text)


def write(lines: Iterable[str]) -> None:
    """Write the lines of one message at once, without asking where in the program they arose."""
    text = "\n".join(lines)
    log.handle(logging.LogRecord(log.name, logging.INFO, "", 0, text, None, None))
