"""Keys as they come in: checked once, and with what their material alone tells of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kmip.enums import ObjectType
from kmip.objects import key_block_of
from kmip.structures import Structure
from kmip.tags import Tag
from server.context import Context
from server.crypto.keys import key_costs
from server.crypto.keys.material_facts import LOADERS, material_facts
from server.objects.managed_object import ManagedObject


async def completed(
    context: Context, object_type: ObjectType, content: Structure
) -> tuple[Structure, Any]:
    """An object whose key block also says what its material alone tells; and the key itself.

    A private key is checked here once, and from then on loaded without that.
    """
    block = key_block_of(content)
    if block is None or block.key_material is None or block.key_wrapping_data is not None:
        return content, None
    if object_type not in LOADERS:
        return content, None
    facts = await context.compute(
        key_costs.of_loading(block.key_material, private=object_type == ObjectType.PRIVATE_KEY),
        material_facts,
        object_type,
        block.key_format_type,
        block.key_material,
        block.cryptographic_algorithm,
    )
    completed = replace(
        block,
        cryptographic_algorithm=block.cryptographic_algorithm or facts.algorithm,
        cryptographic_length=block.cryptographic_length or facts.length,
    )
    return replace(content, key_block=completed), facts.key


def mark_presence(managed_object: ManagedObject, content: Structure) -> None:
    """Mark an object whose key value is elsewhere; it may say where (2.1 section 4.27)."""
    block = key_block_of(content)
    if block is not None and block.key_value is None:
        managed_object.attributes.set(Tag.KEY_VALUE_PRESENT, value=False)
    elif Tag.KEY_VALUE_LOCATION in managed_object.attributes:
        managed_object.attributes.set(Tag.KEY_VALUE_PRESENT, value=True)
