"""Re-key Key Pair."""

import pytest

from kmip.attribute_values import Name
from kmip.attributes import Attributes, InstanceReference
from kmip.enums import LinkType, Operation
from kmip.errors import InvalidField, InvalidObjectType, WrongKeyLifecycleState
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_1, ProtocolVersion
from tests.server.conftest import NOW, InProcessClient
from tests.server.operations.test_rekey import links
from tests.server.samples import attribute, create, create_pair, material, refused, values

REKEY = Operation.REKEY_KEY_PAIR
NAME = Name(name_value="mine")


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one >= V1_1], ids=str)
async def test_a_new_pair_takes_the_place_of_the_old(
    ask: InProcessClient, version: ProtocolVersion
):
    ask = ask.at(version)
    private, public = await create_pair(ask, (Tag.OBJECT_GROUP, "g"))
    made = await ask(REKEY, private_key_unique_identifier=private)
    new = made.private_key_unique_identifier, made.public_key_unique_identifier
    assert await links(ask, new[0]) == {
        LinkType.PUBLIC_KEY_LINK: new[1],
        LinkType.REPLACED_OBJECT_LINK: private,
    }
    assert await links(ask, new[1]) == {
        LinkType.PRIVATE_KEY_LINK: new[0],
        LinkType.REPLACED_OBJECT_LINK: public,
    }
    assert await links(ask, private) == {
        LinkType.PUBLIC_KEY_LINK: public,
        LinkType.REPLACEMENT_OBJECT_LINK: new[0],
    }
    assert await material(ask, private) != await material(ask, new[0])
    for key in new:
        assert await attribute(ask, key, Tag.OBJECT_GROUP) == "g"
        assert await attribute(ask, key, Tag.CRYPTOGRAPHIC_LENGTH) == 256


async def test_names_move_and_each_half_may_get_its_own(ask: InProcessClient):
    made = await ask(
        Operation.CREATE_KEY_PAIR,
        common_attributes=await _common(ask),
        private_key_attributes=Attributes([(Tag.NAME, NAME)]),
    )
    private = made.private_key_unique_identifier
    again = await ask(
        REKEY,
        private_key_unique_identifier=private,
        offset=20,
        common_attributes=Attributes([(Tag.DESCRIPTION, "both")]),
        public_key_attributes=Attributes([(Tag.DESCRIPTION, "public")]),
    )
    new = again.private_key_unique_identifier, again.public_key_unique_identifier
    assert await values(ask, new[0], Tag.NAME) == (NAME,)
    assert await values(ask, private, Tag.NAME) == ()
    assert await attribute(ask, new[0], Tag.DESCRIPTION) == "both"
    assert await attribute(ask, new[1], Tag.DESCRIPTION) == "public"
    for key in new:
        assert await attribute(ask, key, Tag.ACTIVATION_DATE) == NOW + 20


async def _common(ask: InProcessClient) -> Attributes:
    private, _ = await create_pair(ask)
    got = await ask(
        Operation.GET_ATTRIBUTES,
        unique_identifier=private,
        attribute_names=(
            Tag.CRYPTOGRAPHIC_ALGORITHM,
            Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS,
            Tag.CRYPTOGRAPHIC_USAGE_MASK,
        ),
    )
    found: Attributes = got.attributes
    return found


async def test_a_pair_is_named_by_its_private_key(ask: InProcessClient):
    private, public = await create_pair(ask)
    for key in (public, await create(ask)):
        await refused(ask, InvalidObjectType, REKEY, private_key_unique_identifier=key)
    await ask(
        Operation.DELETE_ATTRIBUTE,
        unique_identifier=private,
        attribute_reference=InstanceReference(Tag.LINK),
    )
    await refused(ask, InvalidField, REKEY, private_key_unique_identifier=private)


async def test_both_halves_must_be_there(ask: InProcessClient):
    private, public = await create_pair(ask)
    await ask(Operation.DESTROY, unique_identifier=public)
    await refused(ask, WrongKeyLifecycleState, REKEY, private_key_unique_identifier=private)
