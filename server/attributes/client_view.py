"""What a client is given that asks for all attributes.

Completeness is the rule. PyKMIP's client raises on attributes it has no class for, and so a setting
names clients that are to be spared them (docs/configuration.md, `omit_unreadable_attributes`).
"""

from __future__ import annotations

from typing import Final

from kmip.attributes import Attributes, VendorAttributeName
from kmip.enums import ItemType
from kmip.tags import Tag
from server.context import Context

PYKMIP_READS: Final = frozenset(
    {
        Tag.UNIQUE_IDENTIFIER,
        Tag.NAME,
        Tag.OBJECT_TYPE,
        Tag.CRYPTOGRAPHIC_ALGORITHM,
        Tag.CRYPTOGRAPHIC_LENGTH,
        Tag.CRYPTOGRAPHIC_PARAMETERS,
        Tag.CRYPTOGRAPHIC_USAGE_MASK,
        Tag.OPERATION_POLICY_NAME,
        Tag.LEASE_TIME,
        Tag.STATE,
        Tag.INITIAL_DATE,
        Tag.ACTIVATION_DATE,
        Tag.PROCESS_START_DATE,
        Tag.PROTECT_STOP_DATE,
        Tag.DEACTIVATION_DATE,
        Tag.DESTROY_DATE,
        Tag.COMPROMISE_OCCURRENCE_DATE,
        Tag.COMPROMISE_DATE,
        Tag.ARCHIVE_DATE,
        Tag.LAST_CHANGE_DATE,
        Tag.OBJECT_GROUP,
        Tag.APPLICATION_SPECIFIC_INFORMATION,
        Tag.CONTACT_INFORMATION,
        Tag.SENSITIVE,
    }
)
"""The attributes that PyKMIP 0.11's client decodes in 1.x and in 2.0; Digest not in 1.0, where it
misses a field that came with 1.1."""


def complete(context: Context, attributes: Attributes) -> Attributes:
    """All attributes, but for a client that is to be spared those it cannot decode."""
    spared = context.server.config.omit_unreadable_attributes
    if context.client.name not in spared and "*" not in spared:
        return attributes
    kept = attributes.copy()
    for key, value in attributes:
        is_text = isinstance(key, VendorAttributeName) and value.type == ItemType.TEXT_STRING
        if key not in PYKMIP_READS and not (is_text and key.vendor == "x"):  # type: ignore[union-attr]  # is_text: a Custom key
            kept.remove(key)
    return kept
