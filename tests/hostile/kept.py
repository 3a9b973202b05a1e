"""Attacks by what the server keeps: objects in caches, dates, tickets and streams."""

import time
from typing import Final

from kmip.attributes import AttributeInstance, VendorAttributeName
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import (
    BlockCipherMode,
    CredentialType,
    HashingAlgorithm,
    ItemType,
    ObjectType,
    Operation,
    QueryFunction,
)
from kmip.items import Item
from kmip.messages import Authentication, Credential, TicketCredential
from kmip.payloads.rights import Operations, Right, Rights
from kmip.tags import Tag
from tests.e2e.program import Remote
from tests.hostile.hostile import Hostile
from tests.server.samples import ANY_USE, aes, attributes, secret

SOON: Final = 3
LONG: Final = 1_000_000


def fat(count: int) -> list[tuple[VendorAttributeName, Item]]:
    """Small attributes, so many."""
    return [
        (VendorAttributeName("x", str(n)), Item(Tag.ATTRIBUTE_VALUE, ItemType.INTEGER, n))
        for n in range(count)
    ]


async def long_objects(hostile: Hostile) -> None:
    """Objects as long as a message, and read again."""

    async def act(ask: Remote) -> None:
        for _ in range(5):
            made = await ask(
                Operation.REGISTER,
                object_type=ObjectType.SECRET_DATA,
                attributes=attributes(mask=ANY_USE),
                object=secret(bytes(LONG)),
            )
            await ask(Operation.GET, unique_identifier=made.unique_identifier)

    await hostile.each(act, 2)


async def fat_objects(hostile: Hostile) -> None:
    """Objects of very many small attributes, changed and read again."""

    async def act(ask: Remote) -> None:
        made = await ask(
            Operation.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=aes(*fat(1_900))
        )
        for _ in range(3):
            about = {"unique_identifier": made.unique_identifier}
            changed = AttributeInstance(Tag.COMMENT, "changed")
            await ask(Operation.SET_ATTRIBUTE, **about, new_attribute=changed)
            await ask(Operation.GET_ATTRIBUTES, **about)

    await hostile.each(act, 2)


async def due_dates(hostile: Hostile) -> None:
    """Objects whose date comes for all of them at once."""

    async def act(ask: Remote) -> None:
        date = (Tag.ACTIVATION_DATE, int(time.time()) + SOON)
        item = ask.item(
            Operation.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=aes(date, *fat(50))
        )
        await ask.message(*[item] * 20)

    await hostile.each(act, 4)


async def rights(hostile: Hostile) -> None:
    """Tickets of as many rights as there may be, and what asks for all of them."""

    async def act(ask: Remote) -> None:
        one = Right(operations=Operations(operation=(Operation.QUERY,)))
        another = Right(operations=Operations(operation=(Operation.INTEROP,)))
        made = await ask(Operation.DELEGATED_LOGIN, rights=Rights(right=(*[another] * 900, one)))
        credential = Credential(
            credential_type=CredentialType.TICKET,
            credential_value=TicketCredential(ticket=made.ticket),
        )
        query = ask.item(Operation.QUERY, query_function=(QueryFunction.QUERY_OPERATIONS,) * 2_000)
        for _ in range(5):
            await ask.message(query, authentication=Authentication(credential=(credential,)))

    await hostile.each(act, 4)


async def streams(hostile: Hostile) -> None:
    """Streams that are begun and left, with as much kept for each as there may be."""

    async def act(ask: Remote) -> None:
        gcm = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM)
        sha = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
        for _ in range(10):
            await ask.message(
                ask.item(
                    Operation.ENCRYPT,
                    unique_identifier=hostile.base,
                    cryptographic_parameters=gcm,
                    data=b"part",
                    authenticated_encryption_additional_data=bytes(LONG),
                    init_indicator=True,
                )
            )
            begun = ask.item(
                Operation.HASH, cryptographic_parameters=sha, data=b"part", init_indicator=True
            )
            await ask.message(*[begun] * 20)

    await hostile.each(act, 4)
