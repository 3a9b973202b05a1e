"""Where an object may be kept (2.1 section 7.33)."""

from __future__ import annotations

from kmip.masks import ProtectionStorageMask
from kmip.structures import Structure, structure


@structure
class ProtectionStorageMasks(Structure):
    """Alternatives, best first: the server satisfies all bits of one of them or refuses."""

    protection_storage_mask: tuple[ProtectionStorageMask, ...] = ()
