"""Re-key Key Pair: a replacement for a key pair (2.1 section 6.1.47; 1.4 section 4.5)."""

from __future__ import annotations

from typing import Annotated

from kmip.attribute_encoding import CommonTemplate, PrivateKeyTemplate, PublicKeyTemplate
from kmip.payloads.protection_storage import ProtectionStorageMasks
from kmip.structures import Structure, structure
from kmip.types import Identifier, Interval
from kmip.versions import V1_4, V2_0, since, until


@structure
class ReKeyKeyPairRequest(Structure):
    """The pair to replace.

    Attributes:
        private_key_unique_identifier: absent: the ID Placeholder.
        offset: seconds from the new Initial Date to the new Activation Date.
    """

    private_key_unique_identifier: Identifier | None = None
    offset: Interval | None = None
    common_attributes: CommonTemplate | None = None
    private_key_attributes: PrivateKeyTemplate | None = None
    public_key_attributes: PublicKeyTemplate | None = None
    common_protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None
    private_protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None
    public_protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None


@structure
class ReKeyKeyPairResponse(Structure):
    """The new pair."""

    private_key_unique_identifier: Identifier
    public_key_unique_identifier: Identifier
    private_key_attributes: Annotated[PrivateKeyTemplate | None, until(V1_4)] = None
    public_key_attributes: Annotated[PublicKeyTemplate | None, until(V1_4)] = None
