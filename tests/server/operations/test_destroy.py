"""Destroy."""

import pytest

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import BlockCipherMode, Operation, State
from kmip.errors import ObjectDestroyed, WrongKeyLifecycleState
from kmip.tags import Tag
from kmip.versions import SUPPORTED, ProtocolVersion
from server.objects.managed_object import record_name
from server.state import Server
from tests.server.conftest import NOW, InProcessClient
from tests.server.samples import ACTIVE, COMPROMISED, STOPPED, attribute, create, refused, state


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_the_material_goes_and_the_attributes_stay(
    ask: InProcessClient, server: Server, version: ProtocolVersion
):
    ask = ask.at(version)
    key = await create(ask)
    await ask(Operation.DESTROY, unique_identifier=key)
    assert await state(ask, key) == State.DESTROYED
    assert await attribute(ask, key, Tag.DESTROY_DATE) == NOW
    assert not server.store.has_body(record_name(key))
    await refused(ask, ObjectDestroyed, Operation.GET, unique_identifier=key)
    await refused(ask, ObjectDestroyed, Operation.DESTROY, unique_identifier=key)


async def test_an_active_object_must_be_revoked_before(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    await refused(ask, WrongKeyLifecycleState, Operation.DESTROY, unique_identifier=key)
    await ask(Operation.REVOKE, unique_identifier=key, **STOPPED)
    await ask(Operation.DESTROY, unique_identifier=key)


async def test_a_compromised_object_is_destroyed_compromised(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    await ask(Operation.REVOKE, unique_identifier=key, **COMPROMISED)
    await ask(Operation.DESTROY, unique_identifier=key)
    assert await state(ask, key) == State.DESTROYED_COMPROMISED


async def test_a_destroyed_key_is_not_kept_open(ask: InProcessClient, server: Server):
    """Once used, it is in memory as the cryptographic library has it."""
    key = await create(ask, ACTIVE)
    ecb = CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB)
    await ask(
        Operation.ENCRYPT, unique_identifier=key, cryptographic_parameters=ecb, data=bytes(16)
    )
    await ask(Operation.REVOKE, unique_identifier=key, **STOPPED)
    await ask(Operation.DESTROY, unique_identifier=key)
    managed_object = server.opened.get(key, server.store.version(record_name(key)))
    assert managed_object is not None
    assert managed_object.opened is None
    assert managed_object.content is None
