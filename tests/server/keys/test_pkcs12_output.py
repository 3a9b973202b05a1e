"""PKCS#12 containers of a private key, its certificates and a password."""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from kmip.attribute_values import Link
from kmip.attributes import AttributeInstance
from kmip.enums import CertificateType, KeyFormatType, LinkType, Operation
from kmip.errors import BadPassword, InvalidField, Sensitive
from kmip.objects import Certificate
from kmip.tags import Tag
from server.keys.pkcs12_output import PasswordNotActive
from tests.server.conftest import NOW, InProcessClient
from tests.server.samples import (
    ACTIVE,
    create,
    create_pair,
    material,
    opaque,
    refused,
    register,
    secret,
)

PASSWORD = b"correct horse"
P12 = {"key_format_type": KeyFormatType.PKCS_12}


def certified(name: str, key: ec.EllipticCurvePrivateKey) -> Certificate:
    named = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.fromtimestamp(NOW, UTC))
        .not_valid_after(datetime.fromtimestamp(NOW + 86_400, UTC))
        .sign(key, hashes.SHA256())
    )
    der = made.public_bytes(serialization.Encoding.DER)
    return Certificate(certificate_type=CertificateType.X_509, certificate_value=der)


def to(kind: LinkType, identifier: str) -> tuple[Tag, Link]:
    return Tag.LINK, Link(link_type=kind, linked_object_identifier=identifier)


async def link(ask: InProcessClient, key: str, kind: LinkType, identifier: str) -> None:
    _, value = to(kind, identifier)
    new = AttributeInstance(Tag.LINK, value)
    await ask(Operation.ADD_ATTRIBUTE, unique_identifier=key, new_attribute=new)


async def sealed(ask: InProcessClient, *pairs) -> tuple[str, ec.EllipticCurvePrivateKey]:
    """A private key with a link to its password, and the key itself."""
    private, _ = await create_pair(ask, *pairs)
    der = await material(ask, private, key_format_type=KeyFormatType.PKCS_8) if not pairs else b""
    password = await register(ask, secret(PASSWORD), ACTIVE)
    await link(ask, private, LinkType.PKCS_12_PASSWORD_LINK, password)
    key = (
        serialization.load_der_private_key(der, None)
        if der
        else ec.generate_private_key(ec.SECP256R1())
    )
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return private, key


async def test_a_key_alone(ask: InProcessClient):
    private, key = await sealed(ask)
    got = pkcs12.load_pkcs12(await material(ask, private, **P12), PASSWORD)
    assert got.key is not None
    assert got.key.private_numbers() == key.private_numbers()  # type: ignore[union-attr]
    assert got.cert is None


async def test_a_key_with_its_chain_and_name(ask: InProcessClient):
    private, key = await sealed(ask)
    root = await register(ask, certified("root", ec.generate_private_key(ec.SECP256R1())))
    own = await register(ask, certified("own", key), to(LinkType.CERTIFICATE_LINK, root))
    await link(ask, private, LinkType.PKCS_12_CERTIFICATE_LINK, own)
    new = AttributeInstance(Tag.PKCS_12_FRIENDLY_NAME, "front door")
    await ask(Operation.ADD_ATTRIBUTE, unique_identifier=private, new_attribute=new)
    got = pkcs12.load_pkcs12(await material(ask, private, **P12), PASSWORD)
    assert got.cert is not None
    assert got.cert.friendly_name == b"front door"
    assert "own" in got.cert.certificate.subject.rfc4514_string()
    (above,) = got.additional_certs
    assert "root" in above.certificate.subject.rfc4514_string()


async def test_the_chain_may_hang_on_the_public_key(ask: InProcessClient):
    private, public = await create_pair(ask)
    der = await material(ask, private, key_format_type=KeyFormatType.PKCS_8)
    key = serialization.load_der_private_key(der, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    password = await register(ask, secret(PASSWORD), ACTIVE)
    await link(ask, private, LinkType.PKCS_12_PASSWORD_LINK, password)
    own = await register(ask, certified("own", key))
    await link(ask, public, LinkType.PKCS_12_CERTIFICATE_LINK, own)
    got = pkcs12.load_pkcs12(await material(ask, private, **P12), PASSWORD)
    assert got.cert is not None


async def test_without_one_good_password_there_is_no_container(ask: InProcessClient):
    private, _ = await create_pair(ask)
    wanted = {"unique_identifier": private} | P12
    await refused(ask, BadPassword, Operation.GET, **wanted)
    key = await create(ask, ACTIVE)
    for linked, kind in (
        ("nobody", BadPassword),
        (key, BadPassword),
        (await register(ask, secret(PASSWORD)), PasswordNotActive),
    ):
        private, _ = await create_pair(ask)
        await link(ask, private, LinkType.PKCS_12_PASSWORD_LINK, linked)
        await refused(ask, kind, Operation.GET, unique_identifier=private, **P12)
    private, _ = await sealed(ask)
    other = await register(ask, secret(b"other"), ACTIVE)
    await link(ask, private, LinkType.PKCS_12_PASSWORD_LINK, other)
    await refused(ask, BadPassword, Operation.GET, unique_identifier=private, **P12)


async def test_anothers_secret_is_no_password(ask: InProcessClient):
    theirs = await register(ask.named("bob"), secret(PASSWORD), ACTIVE)
    private, _ = await create_pair(ask)
    await link(ask, private, LinkType.PKCS_12_PASSWORD_LINK, theirs)
    await refused(ask, BadPassword, Operation.GET, unique_identifier=private, **P12)


async def test_a_chain_has_an_end(ask: InProcessClient):
    private, key = await sealed(ask)
    own = await register(ask, certified("own", key))
    await link(ask, own, LinkType.CERTIFICATE_LINK, own)
    await link(ask, private, LinkType.PKCS_12_CERTIFICATE_LINK, own)
    await refused(ask, InvalidField, Operation.GET, unique_identifier=private, **P12)


async def test_a_chain_is_of_certificates_of_this_key(ask: InProcessClient):
    private, _ = await sealed(ask)
    other = await register(ask, opaque())
    await link(ask, private, LinkType.PKCS_12_CERTIFICATE_LINK, other)
    await refused(ask, InvalidField, Operation.GET, unique_identifier=private, **P12)
    private, _ = await sealed(ask)
    foreign = await register(ask, certified("foreign", ec.generate_private_key(ec.SECP256R1())))
    await link(ask, private, LinkType.PKCS_12_CERTIFICATE_LINK, foreign)
    await refused(ask, InvalidField, Operation.GET, unique_identifier=private, **P12)


async def test_a_container_is_no_way_around_sensitive(ask: InProcessClient):
    private, _ = await sealed(ask, (Tag.SENSITIVE, True))
    await refused(ask, Sensitive, Operation.GET, unique_identifier=private, **P12)
