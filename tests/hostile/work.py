"""Attacks by work: batches, slow cryptography, responses that nobody takes, and long lists."""

from typing import Any, Final

import trio

from kmip.attribute_values import Name
from kmip.attributes import Attributes, VendorAttributeName
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import (
    DerivationMethod,
    HashingAlgorithm,
    ItemType,
    NameType,
    ObjectType,
    Operation,
    QueryFunction,
)
from kmip.items import Item, structure
from kmip.payloads.derivation import DerivationParameters
from kmip.tags import Tag
from tests.e2e.program import Remote
from tests.hostile.hostile import CONTINUE, UNDO, Hostile, batch
from tests.server.samples import aes

ROUNDS: Final = 200_000
OWN: Final = 0x540001  # a tag that the specification leaves to others


async def batches(hostile: Hostile) -> None:
    """Long batches over many connections."""

    async def act(ask: Remote) -> None:
        await ask.message(*batch(ask, Operation.LOCATE, maximum_items=1), **CONTINUE)

    await hostile.each(act)


async def left_batches(hostile: Hostile) -> None:
    """The same, and the client leaves at once."""

    async def act(ask: Remote) -> None:
        await ask.send(*batch(ask, Operation.LOCATE, maximum_items=1), **CONTINUE)

    await hostile.each(act)


async def full_responses(hostile: Hostile) -> None:
    """Batches whose response is full after a few items."""

    async def act(ask: Remote) -> None:
        await ask.message(*batch(ask, Operation.RNG_RETRIEVE, data_length=60_000), **CONTINUE)

    await hostile.each(act)


def derivation(ask: Remote, base: str) -> Any:
    parameters = DerivationParameters(
        cryptographic_parameters=CryptographicParameters(
            hashing_algorithm=HashingAlgorithm.SHA_256
        ),
        salt=b"12345678",
        iteration_count=ROUNDS,
    )
    return ask.item(
        Operation.DERIVE_KEY,
        object_type=ObjectType.SYMMETRIC_KEY,
        unique_identifier=(base,),
        derivation_method=DerivationMethod.PBKDF2,
        derivation_parameters=parameters,
        attributes=aes(),
    )


async def left_slow_work(hostile: Hostile) -> None:
    """Slow work, for which nobody waits."""

    async def act(ask: Remote) -> None:
        await ask.send(derivation(ask, hostile.base))

    await hostile.each(act)


async def slow_work(hostile: Hostile) -> None:
    """Slow work, for which the client waits."""

    async def act(ask: Remote) -> None:
        await ask.message(derivation(ask, hostile.base))

    await hostile.each(act)


async def unread_responses(hostile: Hostile) -> None:
    """Long responses that are not read."""

    async def act(ask: Remote) -> None:
        for _ in range(40):
            await ask.send(ask.item(Operation.RNG_RETRIEVE, data_length=65_536))
        await trio.sleep(0.5)

    await hostile.each(act)


async def long_texts(hostile: Hostile) -> None:
    """Identifiers that would fill log and audit."""

    async def act(ask: Remote) -> None:
        for _ in range(5):
            await ask.message(ask.item(Operation.GET, unique_identifier="\0" * 900_000))

    await hostile.each(act)


def name_of(number: int) -> Any:
    return (Tag.NAME, Name(name_value=f"n{number}", name_type=NameType.UNINTERPRETED_TEXT_STRING))


def created(ask: Remote, *attributes: Any) -> Any:
    """An item that makes a key with these attributes besides."""
    return ask.item(
        Operation.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=aes(*attributes)
    )


async def many_names(hostile: Hostile) -> None:
    """Objects with very many unique names."""

    async def act(ask: Remote) -> None:
        first = hostile.rounds * 10_000
        await ask.message(created(ask, *(name_of(first + n) for n in range(1_900))))

    await hostile.each(act, 2)


async def undone_batches(hostile: Hostile) -> None:
    """Batches of named objects that are made together or not at all."""

    async def act(ask: Remote) -> None:
        items = [created(ask, name_of(n)) for n in range(400)]
        failing = ask.item(Operation.GET, unique_identifier="nothing")
        await ask.message(*items, failing, **UNDO)

    await hostile.each(act, 2)


async def committed_batches(hostile: Hostile) -> None:
    """Batches of a thousand objects, each committed as a whole."""

    async def act(ask: Remote) -> None:
        await ask.message(*[created(ask)] * 1_000, **UNDO)

    await hostile.each(act, 1)


def own(number: int) -> VendorAttributeName:
    return VendorAttributeName("x", str(number))


async def long_lists(hostile: Hostile) -> None:
    """Attributes, functions and filters that are listed by the ten thousand."""

    async def act(ask: Remote) -> None:
        names = tuple(own(n) for n in range(9_000))
        filters = Attributes((own(n), _integer(n)) for n in range(1_900))
        for operation, fields in (
            (Operation.GET_ATTRIBUTES, {"attribute_names": names}),
            (Operation.GET_ATTRIBUTES, {"attribute_names": (Tag.NAME,) * 30_000}),
            (Operation.QUERY, {"query_function": (QueryFunction.QUERY_OPERATIONS,) * 30_000}),
            (Operation.LOCATE, {"attributes": filters}),
        ):
            about = {} if operation in ANY else {"unique_identifier": hostile.base}
            await ask.message(ask.item(operation, **fields, **about))

    await hostile.each(act, 4)


ANY: Final = (Operation.QUERY, Operation.LOCATE)


def _integer(value: int, tag: int = Tag.ATTRIBUTE_VALUE) -> Item:
    return Item(tag, ItemType.INTEGER, value)


async def wide_values(hostile: Hostile) -> None:
    """One attribute of tens of thousands of items."""

    async def act(ask: Remote) -> None:
        wide = structure(Tag.ATTRIBUTE_VALUE, *(_integer(n, OWN) for n in range(40_000)))
        await ask.message(created(ask, (own(0), wide)))

    await hostile.each(act, 2)
