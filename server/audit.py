"""The audit log: one line for each batch item, saying who did what to which object and how it went.

Lines are JSON objects with the same keys always; no attribute, no key and no data ever stands in
them. Identifiers do, since without them a line says nothing.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Final

from kmip.enums import Operation, ResultReason, ResultStatus
from server.client import Client

log: Final = logging.getLogger("strongroom.audit")


def record(
    now: float,
    client: Client,
    operation: Operation | int,
    identifier: str | None,
    status: ResultStatus,
    reason: ResultReason | None,
) -> None:
    """Write the line of one batch item.

    Args:
        now: seconds since 1970.
        client: who asked.
        operation: what was asked; a number where no version has it.
        identifier: the object made or used, where it is known.
        status: how it went.
        reason: why it failed.
    """
    if not log.isEnabledFor(logging.INFO):
        return
    line = {
        "time": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
        "client": client.name,
        "how": client.how,
        "operation": operation.names[0] if isinstance(operation, Operation) else hex(operation),
        "object": identifier,
        "status": status.names[0],
        "reason": reason.names[0] if reason is not None else None,
    }
    log.info("%s", json.dumps(line, ensure_ascii=True))
