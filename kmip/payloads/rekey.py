"""Re-key: a replacement for a symmetric key (2.1 section 6.1.46; 1.4 section 4.4)."""

from __future__ import annotations

from typing import Annotated

from kmip.attribute_encoding import Template
from kmip.payloads.protection_storage import ProtectionStorageMasks
from kmip.structures import Structure, structure
from kmip.types import Identifier, Interval
from kmip.versions import V1_4, V2_0, since, until


@structure
class ReKeyRequest(Structure):
    """The key to replace.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
        offset: seconds from the new Initial Date to the new Activation Date.
    """

    unique_identifier: Identifier | None = None
    offset: Interval | None = None
    attributes: Template | None = None
    protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None


@structure
class ReKeyResponse(Structure):
    """The new key."""

    unique_identifier: Identifier
    attributes: Annotated[Template | None, until(V1_4)] = None
