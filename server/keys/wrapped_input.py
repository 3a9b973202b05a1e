"""Objects that come wrapped: kept as they are, and described by what is in them.

The server has access to the material of a wrapped key whose wrapping keys are here and the client's
(2.1 section 4.21: the digest is of the Key Material then, and of nothing otherwise). It links the
object to these keys (6.1.43), and `server.keys.key_use` unwraps it whenever it is used.
"""

from __future__ import annotations

from dataclasses import replace

from kmip.enums import LinkType
from kmip.errors import KMIPError, ServerLimitExceeded
from kmip.key_block import KeyBlock
from kmip.objects import key_block_of
from kmip.structures import Structure
from server.access import policy
from server.attributes import initial
from server.context import Context
from server.keys import key_use
from server.objects.managed_object import ManagedObject


def identified(context: Context, content: Structure) -> Structure:
    """An object whose wrapping keys are named by their identifiers.

    A request may name them by what its batch has made, which means nothing later on.

    Raises:
        ItemNotFound: nothing has made what is referred to.
    """
    block = key_block_of(content)
    data = None if block is None else block.key_wrapping_data
    if block is None or data is None:
        return content
    encryption, signature = data.encryption_key_information, data.mac_signature_key_information
    if encryption is not None:
        found = context.identify(encryption.unique_identifier)
        data = replace(
            data, encryption_key_information=replace(encryption, unique_identifier=found)
        )
    if signature is not None:
        found = context.identify(signature.unique_identifier)
        data = replace(
            data, mac_signature_key_information=replace(signature, unique_identifier=found)
        )
    return replace(content, key_block=replace(block, key_wrapping_data=data))


async def plain(context: Context, content: Structure) -> Structure:
    """An object with its key unwrapped.

    Raises:
        As `server.keys.key_use.unwrap`.
    """
    block = key_block_of(content)
    if block is None or block.key_wrapping_data is None:
        return content
    return replace(content, key_block=await key_use.unwrap(context, block))


async def accessible(context: Context, content: Structure) -> Structure:
    """An object as the server can describe it: plain, if it can be unwrapped now.

    Raises:
        ServerLimitExceeded: too much waits for a thread already.
    """
    try:
        return await plain(context, content)
    except ServerLimitExceeded:
        raise
    except KMIPError:
        return content


async def link(context: Context, managed_object: ManagedObject, content: Structure) -> None:
    """Link an object that is kept wrapped to the keys that wrap it, where the client has them."""
    for identifier in _wrapping_keys(key_block_of(content)):
        found = await context.objects.find(identifier)
        if found is None:
            continue
        try:
            policy.permit(context.client, context.operation, found)
        except KMIPError:
            continue
        initial.link(managed_object, LinkType.WRAPPING_KEY_LINK, identifier)


def _wrapping_keys(block: KeyBlock | None) -> list[str]:
    data = None if block is None else block.key_wrapping_data
    if data is None:
        return []
    named = (data.encryption_key_information, data.mac_signature_key_information)
    return [str(one.unique_identifier) for one in named if one is not None]
