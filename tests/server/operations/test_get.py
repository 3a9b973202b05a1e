"""Get: formats, compression, and what may leave the server at all."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kmip.enums import (
    CryptographicAlgorithm,
    KeyCompressionType,
    KeyFormatType,
    KeyWrapType,
    Operation,
)
from kmip.errors import (
    ItemNotFound,
    KeyCompressionTypeNotSupported,
    KeyFormatTypeNotSupported,
    NotExtractable,
    ObjectNotFound,
    Sensitive,
)
from kmip.key_block import (
    KeyBlock,
    KeyValue,
    TransparentECPrivateKey,
    TransparentSymmetricKey,
)
from kmip.objects import PrivateKey
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_4, V2_1, ProtocolVersion
from tests.server.access.test_policy import wrapped_by
from tests.server.conftest import InProcessClient
from tests.server.samples import (
    ACTIVE,
    attribute,
    certificate,
    create,
    create_pair,
    material,
    opaque,
    refused,
    register,
)

GET = Operation.GET


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_a_key_leaves_in_the_format_asked_for(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    key = await create(ask)
    raw = await material(ask, key)
    assert await material(ask, key, key_format_type=KeyFormatType.RAW) == raw
    transparent = KeyFormatType.TRANSPARENT_SYMMETRIC_KEY
    assert await material(ask, key, key_format_type=transparent) == TransparentSymmetricKey(key=raw)
    await refused(
        ask,
        KeyFormatTypeNotSupported,
        GET,
        unique_identifier=key,
        key_format_type=KeyFormatType.X_509,
    )


async def test_the_halves_of_a_pair_have_formats_of_their_own(ask: InProcessClient):
    private, public = await create_pair(ask)
    for form, key in (
        (KeyFormatType.PKCS_8, private),
        (KeyFormatType.ECPRIVATEKEY, private),
        (KeyFormatType.X_509, public),
    ):
        assert (await material(ask, key, key_format_type=form))[0] == 0x30
    form = KeyFormatType.TRANSPARENT_EC_PRIVATE_KEY
    assert isinstance(await material(ask, private, key_format_type=form), TransparentECPrivateKey)


async def test_a_point_may_be_compressed(ask: InProcessClient):
    private, public = await create_pair(ask, algorithm=CryptographicAlgorithm.ECDSA)
    form = {"key_format_type": KeyFormatType.TRANSPARENT_EC_PUBLIC_KEY}
    plain = await material(ask, public, **form)
    compressed = KeyCompressionType.EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_PRIME
    short = await material(ask, public, key_compression_type=compressed, **form)
    assert short.q_string[1:] == plain.q_string[1:33]
    symmetric = await create(ask)
    for key, other in (
        (public, KeyFormatType.X_509),
        (private, None),
        (symmetric, None),
    ):
        await refused(
            ask,
            KeyCompressionTypeNotSupported,
            GET,
            unique_identifier=key,
            key_format_type=other,
            key_compression_type=compressed,
        )


async def test_objects_without_a_key_block_have_one_form(ask: InProcessClient):
    registered, other = await register(ask, certificate()), await register(ask, opaque())
    x509 = {"key_format_type": KeyFormatType.X_509}
    await ask(GET, unique_identifier=registered, **x509)
    await refused(ask, KeyFormatTypeNotSupported, GET, unique_identifier=other, **x509)
    raw = {"key_format_type": KeyFormatType.RAW}
    await refused(ask, KeyFormatTypeNotSupported, GET, unique_identifier=registered, **raw)


async def test_what_is_not_extractable_stays(ask: InProcessClient):
    wrapper = await create(ask, ACTIVE)
    key = await create(ask, (Tag.EXTRACTABLE, False))
    await refused(ask, NotExtractable, GET, unique_identifier=key)
    await refused(ask, NotExtractable, GET, unique_identifier=key, **wrapped_by(wrapper))
    other = await register(ask, opaque(), (Tag.EXTRACTABLE, False))
    await refused(ask, NotExtractable, GET, unique_identifier=other)


async def test_what_is_sensitive_leaves_wrapped_only(ask: InProcessClient):
    wrapper = await create(ask, ACTIVE)
    key = await create(ask, (Tag.SENSITIVE, True))
    await refused(ask, Sensitive, GET, unique_identifier=key)
    await refused(ask, Sensitive, GET, unique_identifier=key, key_wrap_type=KeyWrapType.NOT_WRAPPED)
    await ask(GET, unique_identifier=key, **wrapped_by(wrapper))


@pytest.mark.parametrize("fields", [{"unique_identifier": "nobody"}, {}])
async def test_what_is_not_there_cannot_be_given(ask: InProcessClient, fields):
    kind = ObjectNotFound if fields else ItemNotFound
    await refused(ask, kind, GET, **fields)


async def test_once_given_it_is_not_fresh(ask: InProcessClient):
    key = await create(ask)
    assert await attribute(ask, key, Tag.FRESH) is True
    await ask(GET, unique_identifier=key)
    assert await attribute(ask, key, Tag.FRESH) is False
    assert ask.version == V2_1


RSA, EC = (
    rsa.generate_private_key(65537, 2048),
    ec.generate_private_key(ec.SECP256R1()),
)
OLD, NEW = PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8
LABELS = {
    (RSA, OLD): KeyFormatType.PKCS_1,
    (RSA, NEW): KeyFormatType.PKCS_8,
    (EC, OLD): KeyFormatType.ECPRIVATEKEY,
    (EC, NEW): KeyFormatType.PKCS_8,
}


@pytest.mark.parametrize("key", [RSA, EC], ids=["rsa", "ec"])
@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM], ids=["der", "pem"])
@pytest.mark.parametrize("form", [OLD, NEW], ids=["old", "new"])
@pytest.mark.parametrize("wanted", [OLD, NEW], ids=["old", "new"])
async def test_a_form_that_is_asked_for_is_given_whatever_was_called_so(
    ask: InProcessClient, key, encoding, form, wanted
):
    """1.4 sections 2.1.3 and 4.11: clients label one encoding as another, and PEM as DER."""
    ask, label = ask.at(V1_4), LABELS[key, wanted]
    block = KeyBlock(
        key_format_type=label,
        key_value=KeyValue(key_material=key.private_bytes(encoding, form, NoEncryption())),
        cryptographic_algorithm=(
            CryptographicAlgorithm.RSA if key is RSA else CryptographicAlgorithm.EC
        ),
        cryptographic_length=key.key_size,
    )
    one = await register(ask, PrivateKey(key_block=block))
    got = await material(ask, one, key_format_type=label)
    assert got == key.private_bytes(Encoding.DER, wanted, NoEncryption())
