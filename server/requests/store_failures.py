"""What the store's failures are to the operator, who reads the log, and to the client.

The operator is told what is wrong in the store's own words, which hold no values. The client is
told what it can do about it; where the store is, and what it is kept in, is none of its business.
"""

import logging
from typing import Final

from storage import Part, StorageError, StorageFull, Tampered, Unavailable

log: Final = logging.getLogger(__name__)

NOT_AVAILABLE: Final = "the store is not available; try again"
FULL: Final = "the server has no room to keep a change; what is stored can still be read"
DAMAGED: Final = "the server's store is damaged; its operator must restore it"
OBJECT_DAMAGED: Final = "the object is damaged in the server's store; its operator must restore it"


def log_and_explain(error: StorageError) -> str:
    """Log a failure of the store; the message for the client."""
    if isinstance(error, StorageFull):
        log.error("the store takes no change: %s", error)
        return FULL
    if isinstance(error, Unavailable):
        log.error("the store is not available: %s", error)
        return NOT_AVAILABLE
    if isinstance(error, Tampered):
        log.error("the store is damaged or was tampered with, restore a copy: %s", error)
        return OBJECT_DAMAGED if error.part is Part.BODY else DAMAGED
    log.error("the store cannot be used", exc_info=error)
    return "internal error"
