"""PKCS#12 containers that are registered (1.4 sections 3.45 and 11.4; 2.1 sections 4.39, 11.46)."""

import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from kmip.attribute_values import Link
from kmip.enums import (
    CryptographicAlgorithm,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    SecretDataType,
)
from kmip.errors import InvalidField, KeyFormatTypeNotSupported, KMIPError, ServerLimitExceeded
from kmip.key_block import KeyBlock, KeyValue
from kmip.objects import Certificate, PrivateKey, SecretData
from kmip.tags import Tag
from kmip.versions import V1_4, V2_1, ProtocolVersion
from server.crypto.certificates.pkcs12 import MAX_CONTAINER, MAX_ITERATIONS
from server.keys.pkcs12_input import ContainerNotOpened
from server.keys.pkcs12_output import MAX_CHAIN
from tests.server.conftest import NOW, InProcessClient
from tests.server.keys.test_key_use import SIGNING
from tests.server.samples import (
    ACTIVE,
    STOPPED,
    attribute,
    attributes,
    destroyed,
    material,
    refused,
    register,
    secret,
    symmetric_key,
    values,
)

PASSWORD = b"open sesame"
ENCRYPTED = serialization.BestAvailableEncryption(PASSWORD)
OLD = (
    serialization.PrivateFormat.PKCS12.encryption_builder()
    .kdf_rounds(2048)
    .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
    .hmac_hash(hashes.SHA1())
    .build(PASSWORD)
)
KEY = ec.generate_private_key(ec.SECP256R1())
versions = pytest.mark.parametrize("version", [V1_4, V2_1], ids=str)


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def certified(name: str, issuer: str, key: Any = None) -> x509.Certificate:
    key = key or ec.generate_private_key(ec.SECP256R1())
    start = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=1))
        .sign(KEY, hashes.SHA256())
    )


OWN, MIDDLE, ROOT = (
    certified("own", "middle", KEY),
    certified("middle", "root"),
    certified("root", "root"),
)
CHAIN = (OWN, MIDDLE, ROOT)


def container(
    key: Any = KEY,
    chain: tuple[x509.Certificate, ...] = (OWN, ROOT, MIDDLE),
    encryption: Any = ENCRYPTED,
    name: str = "Front Door",
) -> bytes:
    own = chain[0] if chain else None
    return pkcs12.serialize_key_and_certificates(name.encode(), key, own, chain[1:], encryption)


def to(identifier: str, kind: LinkType = LinkType.PKCS_12_PASSWORD_LINK) -> tuple[Tag, Link]:
    return Tag.LINK, Link(link_type=kind, linked_object_identifier=identifier)


def boxed(data: bytes) -> PrivateKey:
    value = KeyValue(key_material=data)
    return PrivateKey(key_block=KeyBlock(key_format_type=KeyFormatType.PKCS_12, key_value=value))


async def unpacked(ask: InProcessClient, data: bytes, *pairs: Any) -> str:
    """The private key of a container whose password is registered before it."""
    password = await register(ask, secret(PASSWORD), ACTIVE)
    return await register(ask, boxed(data), ACTIVE, to(password), *pairs)


async def links(ask: InProcessClient, identifier: str) -> list[tuple[LinkType, str]]:
    found = await values(ask, identifier, Tag.LINK)
    return [(one.link_type, one.linked_object_identifier) for one in found]


async def fails(ask: InProcessClient, kind: type[KMIPError], data: bytes, *pairs: Any) -> None:
    fields = {"object_type": ObjectType.PRIVATE_KEY, "attributes": attributes(*pairs)}
    await refused(ask, kind, Operation.REGISTER, object=boxed(data), **fields)


def dumped(key: Any, encoding: Any = serialization.Encoding.DER) -> bytes:
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    data: bytes = key.private_bytes(encoding, form, plain)
    return data


@versions
@pytest.mark.parametrize("encryption", [ENCRYPTED, OLD], ids=["AES", "old"])
@pytest.mark.parametrize("key", [KEY, rsa.generate_private_key(65537, 2048)], ids=["EC", "RSA"])
async def test_the_key_is_kept(
    ask: InProcessClient, version: ProtocolVersion, encryption: Any, key: Any
):
    ask = ask.at(version)
    private = await unpacked(ask, container(key, (), encryption))
    assert await material(ask, private, key_format_type=KeyFormatType.PKCS_8) == dumped(key)
    kind = CryptographicAlgorithm.EC if key is KEY else CryptographicAlgorithm.RSA
    assert await attribute(ask, private, Tag.CRYPTOGRAPHIC_ALGORITHM) == kind
    assert await attribute(ask, private, Tag.CRYPTOGRAPHIC_LENGTH) == key.key_size


@versions
async def test_it_is_used(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    private = await unpacked(ask, container())
    made = await ask(Operation.SIGN, data=b"some data", **SIGNING.fields(private))
    KEY.public_key().verify(made.signature_data, b"some data", ec.ECDSA(hashes.SHA256()))


@versions
@pytest.mark.parametrize("encryption", [ENCRYPTED, OLD], ids=["AES", "old"])
async def test_its_certificates_are_objects_that_the_links_lead_to(
    ask: InProcessClient, version: ProtocolVersion, encryption: Any
):
    """2.1 section 6.1.19: a chain by links, from the key's own certificate upwards."""
    ask = ask.at(version)
    at = await unpacked(ask, container(encryption=encryption))
    kind = LinkType.PKCS_12_CERTIFICATE_LINK
    for certificate in CHAIN:
        (following,) = [to for each, to in await links(ask, at) if each == kind]
        got = await ask(Operation.GET, unique_identifier=following)
        assert isinstance(got.object, Certificate)
        der = certificate.public_bytes(serialization.Encoding.DER)
        assert got.object.certificate_value == der
        at, kind = following, LinkType.CERTIFICATE_LINK
    assert await links(ask, at) == []


async def test_what_is_in_no_chain_is_kept_as_well(ask: InProcessClient):
    stray = certified("stray", "nobody")
    private = await unpacked(ask, container(chain=(OWN, stray, MIDDLE)))
    got = await material(ask, private, key_format_type=KeyFormatType.PKCS_12)
    found = pkcs12.load_pkcs12(got, PASSWORD)
    assert {one.certificate for one in found.additional_certs} == {stray, MIDDLE}


@versions
async def test_get_makes_a_container_of_them_anew(ask: InProcessClient, version: ProtocolVersion):
    """2.1 section 6.1.19: "the server SHALL be able to return the key [...] in the same format"."""
    ask = ask.at(version)
    private = await unpacked(ask, container())
    got = await material(ask, private, key_format_type=KeyFormatType.PKCS_12)
    found = pkcs12.load_pkcs12(got, PASSWORD)
    assert found.key is not None
    assert dumped(found.key) == dumped(KEY)
    assert found.cert is not None
    assert found.cert.certificate == OWN
    assert found.cert.friendly_name == b"Front Door"
    assert [one.certificate for one in found.additional_certs] == [MIDDLE, ROOT]


async def test_the_friendly_name_is_recorded(ask: InProcessClient):
    """2.1 section 4.39."""
    private = await unpacked(ask, container())
    assert await attribute(ask, private, Tag.PKCS_12_FRIENDLY_NAME) == "Front Door"
    own = (Tag.PKCS_12_FRIENDLY_NAME, "front door")
    private = await unpacked(ask, container(), own)
    assert await attribute(ask, private, Tag.PKCS_12_FRIENDLY_NAME) == "front door"


async def test_a_key_of_another_name_is_not_there(ask: InProcessClient):
    password = await register(ask, secret(PASSWORD), ACTIVE)
    other = (Tag.PKCS_12_FRIENDLY_NAME, "back door")
    await fails(ask, InvalidField, container(), to(password), other)


@versions
async def test_it_opens_by_one_password(ask: InProcessClient, version: ProtocolVersion):
    """1.4 section 11.4: Invalid Field; 2.1 section 11.46: Bad Password."""
    ask = ask.at(version)
    password = await register(ask, secret(PASSWORD), ACTIVE)
    await fails(ask, ContainerNotOpened, container())
    await fails(ask, ContainerNotOpened, container(), to(password, LinkType.PARENT_LINK))
    for wrong in (
        await register(ask, secret(b"wrong"), ACTIVE),
        await register(ask, symmetric_key(bytes(16)), ACTIVE),
        await destroyed(ask),
        "nobody",
        await register(ask.named("bob"), secret(PASSWORD), ACTIVE),
    ):
        await fails(ask, ContainerNotOpened, container(), to(wrong))
    await fails(ask, ContainerNotOpened, container(), to(password), to("nobody"))
    seed = SecretData(secret_data_type=SecretDataType.SEED, key_block=secret(PASSWORD).key_block)
    await fails(ask, ContainerNotOpened, container(), to(await register(ask, seed, ACTIVE)))
    await ask(Operation.REVOKE, unique_identifier=password, **STOPPED)
    await fails(ask, ContainerNotOpened, container(), to(password))


async def test_what_has_no_password_opens_by_an_empty_one(ask: InProcessClient):
    bare = container(encryption=serialization.NoEncryption())
    empty = await register(ask, secret(b""), ACTIVE)
    await register(ask, boxed(bare), to(empty))
    await fails(ask, ContainerNotOpened, container(), to(empty))
    await fails(ask, ContainerNotOpened, bare)


async def test_a_password_need_not_be_activated_before(ask: InProcessClient):
    password = await register(ask, secret(PASSWORD))
    await register(ask, boxed(container()), to(password))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30\x00",
        b"not a container",
        container()[:-1],
        dumped(KEY),
        pkcs12.serialize_key_and_certificates(None, None, OWN, None, ENCRYPTED),
    ],
    ids=["nothing", "empty", "text", "cut short", "PKCS#8", "a certificate alone"],
)
async def test_what_is_no_container_of_a_key_is_refused(ask: InProcessClient, data: bytes):
    password = await register(ask, secret(PASSWORD), ACTIVE)
    fields = {
        "object_type": ObjectType.PRIVATE_KEY,
        "attributes": attributes(to(password)),
        "object": boxed(data),
    }
    (answer,) = await ask.batch(ask.item(Operation.REGISTER, **fields))
    kinds = (InvalidField, ContainerNotOpened)
    assert answer.result_reason in {kind("").reason(V2_1) for kind in kinds}


async def test_a_container_that_takes_too_long_is_not_opened(ask: InProcessClient):
    password = await register(ask, secret(PASSWORD), ACTIVE)
    builder = serialization.PrivateFormat.PKCS12.encryption_builder().kdf_rounds(70_000)
    data = container(chain=(), encryption=builder.build(PASSWORD))
    await register(ask, boxed(data), to(password))
    before = b"\x02\x03" + (70_000).to_bytes(3, "big")
    assert data.count(before) == 1
    endless = data.replace(before, b"\x02\x03" + (MAX_ITERATIONS + 1).to_bytes(3, "big"))
    await fails(ask, ServerLimitExceeded, endless, to(password))
    await fails(ask, ServerLimitExceeded, data + bytes(MAX_CONTAINER), to(password))


async def test_a_chain_has_an_end(ask: InProcessClient):
    password = await register(ask, secret(PASSWORD), ACTIVE)
    above = tuple(certified(f"ca {number}", "root") for number in range(MAX_CHAIN + 1))
    await fails(ask, InvalidField, container(chain=(OWN, *above)), to(password))
    await register(ask, boxed(container(chain=(OWN, *above[1:]))), to(password))


async def test_a_refused_container_leaves_nothing(ask: InProcessClient):
    password = await register(ask, secret(PASSWORD), ACTIVE)
    before = await ask(Operation.LOCATE)
    dates = ((Tag.ACTIVATION_DATE, NOW), (Tag.DEACTIVATION_DATE, NOW - 1))
    await fails(ask, InvalidField, container(), to(password), *dates)
    assert await ask(Operation.LOCATE) == before


async def test_a_container_that_is_imported_is_kept_as_it_is(ask: InProcessClient):
    """2.1 section 6.1.25: "the server SHALL store the object as provided"."""
    data = container()
    fields = {"object_type": ObjectType.PRIVATE_KEY, "attributes": attributes(ACTIVE)}
    await ask(Operation.IMPORT, unique_identifier="one", object=boxed(data), **fields)
    for form in ({}, {"key_format_type": KeyFormatType.PKCS_12}):
        assert await material(ask, "one", **form) == data


async def test_a_container_that_is_wrapped_or_secret_is_kept_as_it_is(ask: InProcessClient):
    block = boxed(container()).key_block
    kept = SecretData(secret_data_type=SecretDataType.PASSWORD, key_block=block)
    key = await register(ask, kept)
    assert await material(ask, key) == block.key_material
    form = {"key_format_type": KeyFormatType.PKCS_8}
    await refused(ask, KeyFormatTypeNotSupported, Operation.GET, unique_identifier=key, **form)
