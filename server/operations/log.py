"""Log (2.1 section 6.1.29)."""

import logging
from typing import Final

from kmip.enums import Operation
from kmip.payloads.log import LogRequest, LogResponse
from server.context import Context
from server.registry import operation

LONGEST: Final = 1000
"""Characters of a client's message that are kept: a line for people, not a data store."""

journal: Final = logging.getLogger("strongroom.clients")


@operation(Operation.LOG)
async def log(context: Context, request: LogRequest) -> LogResponse:
    """Write a client's message into the server's log, on one line and as the client's."""
    journal.info("%s says: %s", context.client.name, ascii(request.log_message[:LONGEST]))
    return LogResponse()
