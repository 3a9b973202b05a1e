"""Create Split Key, and Join Split Key that undoes it."""

import pytest

from kmip.enums import (
    CryptographicAlgorithm,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    SplitKeyMethod,
)
from kmip.errors import (
    CryptographicFailure,
    InvalidField,
    InvalidObjectType,
    MissingField,
    NotExtractable,
    Sensitive,
)
from kmip.masks import CryptographicUsageMask as Mask
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_2, V1_4, V2_1, V3_0, ProtocolVersion
from tests.server.conftest import InProcessClient
from tests.server.operations.test_rekey import links
from tests.server.samples import (
    aes,
    attribute,
    attributes,
    create,
    material,
    opaque,
    refused,
    register,
    secret,
    symmetric_key,
    values,
)

SPLIT, JOIN = Operation.CREATE_SPLIT_KEY, Operation.JOIN_SPLIT_KEY
RAW = bytes(range(32))
KEY = ObjectType.SYMMETRIC_KEY


def parts(method: SplitKeyMethod, number: int, threshold: int, **fields):
    return {
        "object_type": ObjectType.SPLIT_KEY,
        "split_key_method": method,
        "split_key_parts": number,
        "split_key_threshold": threshold,
        "attributes": aes(),
    } | fields


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one >= V1_2], ids=str)
@pytest.mark.parametrize(
    "method,threshold",
    [(SplitKeyMethod.XOR, 3), (SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8, 2)],
    ids=["xor", "polynomial"],
)
async def test_enough_parts_make_the_whole(
    ask: InProcessClient, version: ProtocolVersion, method: SplitKeyMethod, threshold: int
):
    ask = ask.at(version)
    whole = await register(ask, symmetric_key(RAW))
    made = await ask(SPLIT, **parts(method, 3, threshold, unique_identifier=whole))
    shares = made.unique_identifier
    assert len(shares) == 3
    assert RAW not in [await material(ask, share) for share in shares]
    for chosen in {shares, shares[:threshold], shares[-threshold:]}:
        joined = await ask(JOIN, object_type=KEY, unique_identifier=chosen, attributes=aes())
        assert await material(ask, joined.unique_identifier) == RAW
    assert await links(ask, shares[0]) == {
        LinkType.NEXT_LINK: shares[1],
        LinkType.PARENT_LINK: whole,
    }
    assert (await links(ask, shares[2]))[LinkType.PREVIOUS_LINK] == shares[1]


async def test_random_material_is_split_where_no_key_is_given(ask: InProcessClient):
    made = await ask(SPLIT, **parts(SplitKeyMethod.XOR, 2, 2))
    fields = {
        "object_type": ObjectType.SECRET_DATA,
        "unique_identifier": made.unique_identifier,
        "attributes": attributes(),
    }
    joined = await ask(JOIN, **fields)
    assert len(await material(ask, joined.unique_identifier)) == 32


async def test_what_does_not_belong_together_is_not_joined(ask: InProcessClient):
    one = (await ask(SPLIT, **parts(SplitKeyMethod.XOR, 2, 2))).unique_identifier
    other = (await ask(SPLIT, **parts(SplitKeyMethod.XOR, 3, 3))).unique_identifier
    fields = {"object_type": KEY, "attributes": aes()}
    await refused(ask, CryptographicFailure, JOIN, unique_identifier=(one[0], other[1]), **fields)
    await refused(ask, CryptographicFailure, JOIN, unique_identifier=(), **fields)
    await refused(ask, InvalidObjectType, JOIN, unique_identifier=(await create(ask),), **fields)
    fields["object_type"] = ObjectType.OPAQUE_OBJECT
    await refused(ask, InvalidField, JOIN, unique_identifier=one, **fields)


async def test_too_few_are_not_enough(ask: InProcessClient):
    made = await ask(SPLIT, **parts(SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8, 3, 3))
    fields = {"object_type": KEY, "attributes": aes()}
    (answer,) = await ask.batch(
        ask.item(JOIN, unique_identifier=made.unique_identifier[:2], **fields)
    )
    assert answer.result_reason is not None


async def test_a_transparent_key_is_no_bytes_to_split(ask: InProcessClient):
    form = (Tag.KEY_FORMAT_TYPE, KeyFormatType.TRANSPARENT_SYMMETRIC_KEY)
    fields = parts(SplitKeyMethod.XOR, 2, 2, unique_identifier=await create(ask, form))
    await refused(ask, InvalidObjectType, SPLIT, **fields)
    fields["unique_identifier"] = await register(ask, opaque())
    await refused(ask, InvalidObjectType, SPLIT, **fields)


async def test_what_is_left_out_of_a_split_key_is_supplied(ask: InProcessClient):
    """2.1 section 4, Table 28; up to 1.4 it is required."""
    fields = parts(SplitKeyMethod.XOR, 2, 2, attributes=attributes())
    made = await ask(SPLIT, **fields)
    for key in made.unique_identifier:
        assert await attribute(ask, key, Tag.CRYPTOGRAPHIC_ALGORITHM) == CryptographicAlgorithm.AES
        assert await attribute(ask, key, Tag.CRYPTOGRAPHIC_LENGTH) == 256
    await refused(ask.at(V1_4), MissingField, SPLIT, **fields)


async def test_a_joined_key_is_of_an_algorithm(ask: InProcessClient):
    """2.1 section 4.12: always has a value. Parts of secret data have none."""
    whole = await register(ask, secret(RAW))
    fields = {"unique_identifier": whole, "attributes": attributes()}
    shares = (await ask(SPLIT, **parts(SplitKeyMethod.XOR, 2, 2, **fields))).unique_identifier
    fields = {"object_type": KEY, "unique_identifier": shares}
    await refused(ask, MissingField, JOIN, **fields)
    joined = await ask(JOIN, **fields, attributes=aes())
    assert await material(ask, joined.unique_identifier) == RAW


async def test_parts_and_what_is_joined_are_guarded_as_the_whole_is(ask: InProcessClient):
    for guard, kind in (
        ((Tag.SENSITIVE, True), Sensitive),
        ((Tag.EXTRACTABLE, False), NotExtractable),
    ):
        whole = await create(ask, guard)
        lifted = aes((guard[0], not guard[1]))
        fields = parts(SplitKeyMethod.XOR, 2, 2, unique_identifier=whole, attributes=lifted)
        shares = (await ask(SPLIT, **fields)).unique_identifier
        joined = await ask(JOIN, object_type=KEY, unique_identifier=shares, attributes=lifted)
        for key in (*shares, joined.unique_identifier):
            await refused(ask, kind, Operation.GET, unique_identifier=key)


@pytest.mark.parametrize("version", [V1_4, V2_1], ids=str)
@pytest.mark.parametrize("method", [SplitKeyMethod.XOR, SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8])
async def test_parts_have_the_attributes_of_their_key_and_a_joined_key_those_of_its_parts(
    ask: InProcessClient, version: ProtocolVersion, method: SplitKeyMethod
):
    """1.4 section 4.38: the key's take precedence; 2.1 section 4: some always have a value."""
    ask = ask.at(version)
    whole = await create(ask, mask=Mask.ENCRYPT, length=128)
    fields = {"unique_identifier": whole, "attributes": attributes(mask=Mask.SIGN)}
    made = await ask(SPLIT, **parts(method, 2, 2, **fields))
    joined = await ask(JOIN, object_type=KEY, unique_identifier=made.unique_identifier)
    for key in (*made.unique_identifier, joined.unique_identifier):
        assert await attribute(ask, key, Tag.CRYPTOGRAPHIC_ALGORITHM) == CryptographicAlgorithm.AES
        assert await attribute(ask, key, Tag.CRYPTOGRAPHIC_LENGTH) == 128
        assert await attribute(ask, key, Tag.CRYPTOGRAPHIC_USAGE_MASK) == Mask.ENCRYPT
    assert await material(ask, joined.unique_identifier) == await material(ask, whole)


async def test_3_0_says_what_was_split_and_joined(ask: InProcessClient):
    ask = ask.at(V3_0)
    whole = await create(ask)
    shares = (
        await ask(SPLIT, **parts(SplitKeyMethod.XOR, 2, 2, unique_identifier=whole))
    ).unique_identifier
    for share in shares:
        assert await values(ask, share, Tag.SPLIT_KEY_BASE_LINK) == (whole,)
    joined = (await ask(JOIN, object_type=KEY, unique_identifier=shares)).unique_identifier
    assert await values(ask, joined, Tag.JOINED_SPLIT_KEY_PARTS_LINK) == tuple(shares)
    assert await values(ask, whole, Tag.SPLIT_KEY_BASE_LINK) == ()
