"""Create Key Pair."""

import pytest

from kmip.attributes import Attributes
from kmip.cryptographic_parameters import CryptographicDomainParameters
from kmip.enums import (
    CryptographicAlgorithm,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    RecommendedCurve,
)
from kmip.errors import MissingField, ProtectionStorageUnavailable
from kmip.key_block import TransparentECPrivateKey, TransparentECPublicKey
from kmip.masks import CryptographicUsageMask as Mask
from kmip.masks import ProtectionStorageMask
from kmip.payloads.protection_storage import ProtectionStorageMasks
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_4, V2_0, ProtocolVersion
from server.state import Server
from tests.server.conftest import InProcessClient
from tests.server.samples import attribute, attributes, create_pair, material, refused, values

ED25519 = (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.ED25519)


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_both_halves_know_each_other(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    private, public = await create_pair(ask)
    for own, other, kind, link in (
        (private, public, ObjectType.PRIVATE_KEY, LinkType.PUBLIC_KEY_LINK),
        (public, private, ObjectType.PUBLIC_KEY, LinkType.PRIVATE_KEY_LINK),
    ):
        assert await attribute(ask, own, Tag.OBJECT_TYPE) == kind
        assert await attribute(ask, own, Tag.CRYPTOGRAPHIC_LENGTH) == 256
        found = await attribute(ask, own, Tag.LINK)
        assert (found.link_type, found.linked_object_identifier) == (link, other)


async def test_each_half_has_its_own_attributes_before_those_of_both(ask: InProcessClient):
    made = await ask(
        Operation.CREATE_KEY_PAIR,
        common_attributes=Attributes(
            [ED25519, (Tag.OBJECT_GROUP, "both"), (Tag.DESCRIPTION, "both")]
        ),
        private_key_attributes=attributes((Tag.DESCRIPTION, "private"), mask=Mask.SIGN),
        public_key_attributes=attributes(mask=Mask.VERIFY),
    )
    private, public = made.private_key_unique_identifier, made.public_key_unique_identifier
    assert await attribute(ask, private, Tag.DESCRIPTION) == "private"
    assert await attribute(ask, public, Tag.DESCRIPTION) == "both"
    assert await attribute(ask, private, Tag.CRYPTOGRAPHIC_USAGE_MASK) == Mask.SIGN
    assert await attribute(ask, public, Tag.CRYPTOGRAPHIC_USAGE_MASK) == Mask.VERIFY
    for key in (private, public):
        assert await attribute(ask, key, Tag.OBJECT_GROUP) == "both"


async def test_the_formats_may_be_asked_for(ask: InProcessClient):
    private, public = await create_pair(
        ask, (Tag.OBJECT_GROUP, "x"), algorithm=CryptographicAlgorithm.ECDSA
    )
    for own, form, kind in (
        (private, KeyFormatType.TRANSPARENT_EC_PRIVATE_KEY, TransparentECPrivateKey),
        (public, KeyFormatType.TRANSPARENT_EC_PUBLIC_KEY, TransparentECPublicKey),
    ):
        assert isinstance(await material(ask, own, key_format_type=form), kind)
    made = await ask(
        Operation.CREATE_KEY_PAIR,
        common_attributes=attributes(ED25519),
        private_key_attributes=Attributes([(Tag.KEY_FORMAT_TYPE, KeyFormatType.PKCS_8)]),
    )
    private = made.private_key_unique_identifier
    assert await attribute(ask, private, Tag.KEY_FORMAT_TYPE) == KeyFormatType.PKCS_8


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one < V2_0], ids=str)
async def test_the_algorithm_is_needed_up_to_1_4(ask: InProcessClient, version: ProtocolVersion):
    """1.4 sections 4.2 and 11.3: REQUIRED, and Invalid Message where it is missing."""
    ask = ask.at(version)
    await refused(ask, MissingField, Operation.CREATE_KEY_PAIR, common_attributes=attributes())
    await refused(ask, MissingField, Operation.CREATE_KEY_PAIR)


P_384 = CryptographicDomainParameters(recommended_curve=RecommendedCurve.P_384)


@pytest.mark.parametrize(
    "pairs,expected",
    [
        ([], (CryptographicAlgorithm.RSA, 3072)),
        ([(Tag.CRYPTOGRAPHIC_LENGTH, 2048)], (CryptographicAlgorithm.RSA, 2048)),
        ([(Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS, P_384)], (CryptographicAlgorithm.EC, 384)),
        (
            [(Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.ECDSA)],
            (CryptographicAlgorithm.ECDSA, 256),
        ),
    ],
    ids=["nothing", "a length", "a curve", "an algorithm"],
)
async def test_what_is_left_out_is_supplied(ask: InProcessClient, pairs, expected):
    """2.1 section 4, Table 28: "KMIP servers SHALL supply values"."""
    made = await ask(Operation.CREATE_KEY_PAIR, common_attributes=Attributes(pairs))
    tags = (Tag.CRYPTOGRAPHIC_ALGORITHM, Tag.CRYPTOGRAPHIC_LENGTH)
    for key in (made.private_key_unique_identifier, made.public_key_unique_identifier):
        assert tuple([await attribute(ask, key, tag) for tag in tags]) == expected
    key = made.private_key_unique_identifier
    assert await attribute(ask, key, Tag.CRYPTOGRAPHIC_USAGE_MASK)


async def test_a_length_is_supplied_in_1_x_as_well(ask: InProcessClient):
    """1.4 section 4.2, Table 168."""
    ask = ask.at(V1_4)
    rsa = (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.RSA)
    made = await ask(Operation.CREATE_KEY_PAIR, common_attributes=attributes(rsa))
    key = made.private_key_unique_identifier
    assert await attribute(ask, key, Tag.CRYPTOGRAPHIC_LENGTH) == 3072


async def test_both_or_neither(ask: InProcessClient, server: Server):
    hardware = ProtectionStorageMasks(protection_storage_mask=(ProtectionStorageMask.HARDWARE,))
    for which in ("common", "private", "public"):
        await refused(
            ask,
            ProtectionStorageUnavailable,
            Operation.CREATE_KEY_PAIR,
            common_attributes=attributes(ED25519),
            **{f"{which}_protection_storage_masks": hardware},
        )
    assert server.store.count == 0


async def test_of_several_values_each_half_has_its_own_and_those_of_both(ask: InProcessClient):
    """2.1 section 6.1.9: the union SHALL be used; 6.1.47 likewise."""
    groups = {
        "common_attributes": Attributes(
            [ED25519, (Tag.OBJECT_GROUP, "both"), (Tag.OBJECT_GROUP, "either")]
        ),
        "private_key_attributes": attributes(
            (Tag.OBJECT_GROUP, "private"), (Tag.OBJECT_GROUP, "either"), mask=Mask.SIGN
        ),
    }
    made = await ask(Operation.CREATE_KEY_PAIR, **groups)
    private = made.private_key_unique_identifier
    expected = ("private", "either", "both")
    assert await values(ask, private, Tag.OBJECT_GROUP) == expected
    groups["common_attributes"] = Attributes([(Tag.OBJECT_GROUP, "again")])
    made = await ask(
        Operation.REKEY_KEY_PAIR,
        private_key_unique_identifier=private,
        common_attributes=groups["common_attributes"],
        private_key_attributes=Attributes([(Tag.OBJECT_GROUP, "new")]),
    )
    new = made.private_key_unique_identifier
    assert await values(ask, new, Tag.OBJECT_GROUP) == (*expected, "new", "again")


async def test_a_pair_is_replaced_only_where_it_can_be_kept_as_asked(ask: InProcessClient):
    """2.1 section 6.1.47: Protection Storage Unavailable."""
    private, _ = await create_pair(ask)
    hardware = ProtectionStorageMasks(protection_storage_mask=(ProtectionStorageMask.HARDWARE,))
    for which in ("common", "private", "public"):
        await refused(
            ask,
            ProtectionStorageUnavailable,
            Operation.REKEY_KEY_PAIR,
            private_key_unique_identifier=private,
            **{f"{which}_protection_storage_masks": hardware},
        )
