"""An attribute that was set one way is read back every way, in every version that has it.

Objects of every kind get a value that is drawn for any row of the attribute table, by each
operation that sets one. Where the server takes it, Get Attributes has it, by name and among all,
Get Attribute List names it, Locate finds the object by it, and Export gives it with the object; in
the version in which it was set, and in the others, as far as they can write it. Where the server
refuses it, the refusal is one for the client.
"""

from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip.attribute_encoding import Listed, exists
from kmip.attribute_table import ATTRIBUTES
from kmip.attributes import AttributeInstance, AttributeName, Attributes
from kmip.enums import CryptographicAlgorithm, ObjectType, Operation, ResultReason
from kmip.masks import CryptographicUsageMask, StorageStatusMask
from kmip.payloads import PAYLOADS
from kmip.structures import Structure
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_4, V2_0, V2_1, ProtocolVersion
from server import operations
from server.access.client import Client
from server.access.users import Users
from server.state import Server
from storage import KeyFile, MemoryBackend, open_store
from tests.kmip.strategies import attribute_value, keys
from tests.server import samples
from tests.server.conftest import Clock, Failed, InProcessClient

operations.load()

Op = Operation
EXAMPLES = 30

OBJECTS: dict[ObjectType, Callable[[], Any]] = {
    ObjectType.SYMMETRIC_KEY: lambda: samples.symmetric_key(bytes(32)),
    ObjectType.SECRET_DATA: samples.secret,
    ObjectType.OPAQUE_OBJECT: samples.opaque,
    ObjectType.CERTIFICATE: samples.certificate,
}
GENERATED = {ObjectType.SYMMETRIC_KEY}
"""What Create makes."""

NEEDED = Attributes(
    [
        (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES),
        (Tag.CRYPTOGRAPHIC_LENGTH, 256),
        (Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask.ENCRYPT),
    ]
)
"""What a Create must say, where the value that is tried does not."""

EVERYWHERE = (
    StorageStatusMask.ON_LINE_STORAGE
    | StorageStatusMask.ARCHIVAL_STORAGE
    | StorageStatusMask.DESTROYED_STORAGE
)
OF_CERTIFICATES = {key for key in ATTRIBUTES if "CERTIFICATE" in key.name} | {
    Tag.CRYPTOGRAPHIC_ALGORITHM,
    Tag.CRYPTOGRAPHIC_LENGTH,
    Tag.DIGITAL_SIGNATURE_ALGORITHM,
}

Pair = tuple[AttributeName, Any]
Way = Callable[[InProcessClient, ObjectType, Pair, ProtocolVersion], Awaitable[str]]


def with_value(pair: Pair, base: Attributes) -> Attributes:
    """The attributes with a value in place of one that they have."""
    attributes = base.copy()
    attributes.set(*pair)
    return attributes


async def by_create(ask: InProcessClient, kind: ObjectType, pair: Pair, _: object) -> str:
    attributes = with_value(pair, NEEDED)
    made = await ask(Op.CREATE, object_type=kind, attributes=attributes)
    return str(made.unique_identifier)


async def by_register(ask: InProcessClient, kind: ObjectType, pair: Pair, _: object) -> str:
    attributes = with_value(pair, samples.attributes())
    content = OBJECTS[kind]()
    made = await ask(Op.REGISTER, object_type=kind, attributes=attributes, object=content)
    return str(made.unique_identifier)


async def by_import(
    ask: InProcessClient, kind: ObjectType, pair: Pair, version: ProtocolVersion
) -> str:
    attributes = with_value(pair, samples.attributes())
    fields = {} if version < V2_0 else {"object_type": kind}
    await ask(
        Op.IMPORT, unique_identifier="it", attributes=attributes, object=OBJECTS[kind](), **fields
    )
    return "it"


async def made(ask: InProcessClient, kind: ObjectType) -> str:
    """An object without anything particular."""
    return await samples.register(ask.at(V2_1), OBJECTS[kind]())


async def by_add(ask: InProcessClient, kind: ObjectType, pair: Pair, _: object) -> str:
    identifier = await made(ask, kind)
    instance = AttributeInstance(*pair)
    await ask(Op.ADD_ATTRIBUTE, unique_identifier=identifier, new_attribute=instance)
    return identifier


async def by_set(ask: InProcessClient, kind: ObjectType, pair: Pair, _: object) -> str:
    identifier = await made(ask, kind)
    instance = AttributeInstance(*pair)
    await ask(Op.SET_ATTRIBUTE, unique_identifier=identifier, new_attribute=instance)
    return identifier


async def by_modify(
    ask: InProcessClient, kind: ObjectType, pair: Pair, version: ProtocolVersion
) -> str:
    """Modify what is there; where nothing is, what was added before."""
    identifier = await made(ask, kind)
    current = await samples.values(ask.at(V2_1), identifier, pair[0])
    if not current:
        instance = AttributeInstance(*pair)
        await ask(Op.ADD_ATTRIBUTE, unique_identifier=identifier, new_attribute=instance)
    index = 0 if version < V2_0 else None
    await ask(
        Op.MODIFY_ATTRIBUTE,
        unique_identifier=identifier,
        new_attribute=AttributeInstance(*pair, index),
    )
    return identifier


WAYS: dict[str, tuple[Way, Op]] = {
    "Create": (by_create, Op.CREATE),
    "Register": (by_register, Op.REGISTER),
    "Import": (by_import, Op.IMPORT),
    "Add Attribute": (by_add, Op.ADD_ATTRIBUTE),
    "Set Attribute": (by_set, Op.SET_ATTRIBUTE),
    "Modify Attribute": (by_modify, Op.MODIFY_ATTRIBUTE),
}


@asynccontextmanager
async def fresh(config: Any) -> Any:
    """A client of an empty server."""
    async with open_store(MemoryBackend(), KeyFile(bytes(32)), create=True) as store:
        users = Users(config.users_file)
        server = Server(config=config, store=store, users=users, clock=Clock())
        yield InProcessClient(server, Client("alice"))


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
async def test_what_is_set_one_way_is_read_back_every_way(way: str, config, data: st.DataObject):
    perform, operation = WAYS[way]
    spoken = [each for each in SUPPORTED if PAYLOADS[operation].span.covers(each)]
    version = data.draw(st.sampled_from(spoken))
    kinds = sorted(GENERATED if way == "Create" else OBJECTS)
    kind = data.draw(st.sampled_from(kinds))
    key = data.draw(keys(version))
    value = data.draw(attribute_value(key, version))
    async with fresh(config) as ask:
        await check_one(ask.at(version), perform, kind, (key, value))


async def check_one(ask: InProcessClient, perform: Way, kind: ObjectType, pair: Pair) -> None:
    """Set one value, and read it back."""
    key, value = pair
    try:
        identifier = await perform(ask, kind, pair, ask.version)
    except Failed as refusal:
        reason = refusal.reason
    else:
        reason = None
    if reason is not None or is_the_servers(kind, pair):
        assert reason != ResultReason.GENERAL_FAILURE or key == Tag.QUANTUM_SAFE
        return
    for version in SUPPORTED:
        written = as_written(key, value, version)
        if written is not None:
            await check_read_back(ask.at(version), identifier, key, written)


def is_the_servers(kind: ObjectType, pair: Pair) -> bool:
    """Whether the object's material, or the request, says what the attribute is, come what may.

    Of a certificate that is all that it says itself, of a key whether it is here; an Import names
    the object in its request, and what it brings as archived is recovered before it is read.
    """
    key, _ = pair
    if kind == ObjectType.CERTIFICATE and key in OF_CERTIFICATES:
        return True
    return key in (Tag.UNIQUE_IDENTIFIER, Tag.KEY_VALUE_PRESENT, Tag.ARCHIVE_DATE)


async def check_read_back(
    ask: InProcessClient, identifier: str, key: AttributeName, value: Any
) -> None:
    """Every way to read has the value."""
    where = f"{key!r} {value!r} in {ask.version}"
    named = {"unique_identifier": identifier, "attribute_names": (key,)}
    found = (await ask(Op.GET_ATTRIBUTES, **named)).attributes
    assert has(found, key, value), f"{where}: Get Attributes has {found.all(key)!r}"
    every = (await ask(Op.GET_ATTRIBUTES, unique_identifier=identifier)).attributes
    assert has(every, key, value), f"{where}: not among all"
    names = (await ask(Op.GET_ATTRIBUTE_LIST, unique_identifier=identifier)).attribute_names
    assert key in names or is_grouped(key, names), f"{where}: not in the list {names}"
    if key == Tag.USAGE_LIMITS:
        value = replace(value, usage_limits_count=None)  # which the server counts
    located = await ask(
        Op.LOCATE, attributes=Attributes([(key, value)]), storage_status_mask=EVERYWHERE
    )
    assert identifier in located.unique_identifier, f"{where}: not located"
    if ask.version >= V1_4 and not is_hidden(every):
        exported = await ask(Op.EXPORT, unique_identifier=identifier)
        assert has(exported.attributes, key, value), f"{where}: not exported"


def has(found: Attributes, key: AttributeName, value: Any) -> bool:
    """Whether a value is among those that were read; of Usage Limits the server counts the rest."""
    if key == Tag.USAGE_LIMITS:
        value = replace(value, usage_limits_count=None)
        return value in [replace(each, usage_limits_count=None) for each in found.all(key)]
    return value in found.all(key)


def is_grouped(key: AttributeName, names: Any) -> bool:
    """Whether a Group Link of 3.0 is listed; its name is read as that of an Object Group."""
    return key == Tag.GROUP_LINK and Tag.OBJECT_GROUP in names


def is_hidden(attributes: Attributes) -> bool:
    """Whether Export gives the object wrapped or not at all."""
    return bool(attributes.get(Tag.SENSITIVE)) or attributes.get(Tag.EXTRACTABLE) is False


def as_written(key: AttributeName, value: Any, version: ProtocolVersion) -> Any:
    """A value as a version can write it; None where it cannot."""
    if not exists(key, version):
        return None
    listed = Listed()
    items = list(listed.write(Attributes([(key, value)]), version))
    written = listed.read(items, version).get(key) if items else None
    return None if isinstance(written, Structure) and is_empty(written) else written


def is_empty(value: Structure) -> bool:
    """Whether a structure has nothing left in it, by which an object could be found."""
    return all(getattr(value, each.name) in (None, ()) for each in fields(value))
