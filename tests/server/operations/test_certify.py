"""Certify and Re-certify: what a certificate says, what links to what, and who signs it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kmip.attribute_values import CertificateSubject, Link, Name, RevocationReason
from kmip.attributes import AttributeInstance, Attributes
from kmip.enums import (
    CertificateRequestType,
    CertificateType,
    CryptographicAlgorithm,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    ResultReason,
    RevocationReasonCode,
    ValidityIndicator,
)
from kmip.key_block import KeyBlock, KeyValue
from kmip.masks import CryptographicUsageMask as Mask
from kmip.objects import Certificate, CertificateRequest, PrivateKey
from kmip.tags import Tag
from kmip.versions import V1_0, V1_4, V2_0, V2_1, V3_0
from tests.server.conftest import NOW, Clock, InProcessClient
from tests.server.operations.certified_keys import CertifiedKey, certificate_request, certified
from tests.server.operations.test_login import reason_of

Op = Operation
R = ResultReason
PKCS_10 = CertificateRequestType.PKCS_10


@pytest.fixture
def own(ask: InProcessClient) -> InProcessClient:
    """A client of a server that makes its own authority."""
    ask.server.config = replace(ask.server.config, issuer="own:")
    return ask


async def make_pair(
    ask: InProcessClient, algorithm=CryptographicAlgorithm.EC, length=256
) -> tuple[str, str]:
    """The identifiers of a public and a private key."""
    common = Attributes([(Tag.CRYPTOGRAPHIC_ALGORITHM, algorithm)])
    common.set(Tag.CRYPTOGRAPHIC_LENGTH, length)
    pair = await ask(
        Op.CREATE_KEY_PAIR,
        common_attributes=common,
        public_key_attributes=Attributes([(Tag.CRYPTOGRAPHIC_USAGE_MASK, Mask.VERIFY)]),
        private_key_attributes=Attributes([(Tag.CRYPTOGRAPHIC_USAGE_MASK, Mask.SIGN)]),
    )
    return pair.public_key_unique_identifier, pair.private_key_unique_identifier


async def certificate(ask: InProcessClient, identifier: str) -> x509.Certificate:
    got = await ask(Op.GET, unique_identifier=identifier)
    return x509.load_der_x509_certificate(got.object.certificate_value)


async def attributes_of(ask: InProcessClient, identifier: str) -> Attributes:
    certificate_attributes: Attributes = (
        await ask(Op.GET_ATTRIBUTES, unique_identifier=identifier)
    ).attributes
    return certificate_attributes


async def links_of(ask: InProcessClient, identifier: str) -> list[tuple[LinkType, str]]:
    links = (await attributes_of(ask, identifier)).all(Tag.LINK)
    return [(link.link_type, link.linked_object_identifier) for link in links]


def subject(common_name: str) -> Attributes:
    return Attributes([(Tag.CERTIFICATE_SUBJECT_CN, common_name)])


@pytest.mark.parametrize("version", [V1_0, V1_4, V2_0, V2_1, V3_0], ids=str)
async def test_a_public_key_is_certified(own: InProcessClient, version):
    ask = own.at(version)
    public, _ = await make_pair(ask)
    made = await ask(
        Op.CERTIFY,
        unique_identifier=public,
        attributes=Attributes([(Tag.CERTIFICATE_TYPE, CertificateType.X_509)]),
    )
    found = await certificate(ask, made.unique_identifier)
    assert found.subject.rfc4514_string() == f"CN={public}"
    assert found.issuer.rfc4514_string() == "CN=Strongroom issuer"
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert found.not_valid_before_utc <= datetime.fromtimestamp(NOW, UTC)
    assert (found.not_valid_after_utc - found.not_valid_before_utc).days == 365


async def test_certificate_and_public_key_point_to_each_other(own: InProcessClient):
    public, private = await make_pair(own)
    made = (await own(Op.CERTIFY, unique_identifier=public)).unique_identifier
    assert await links_of(own, made) == [(LinkType.PUBLIC_KEY_LINK, public)]
    assert sorted(await links_of(own, public)) == sorted(
        [(LinkType.PRIVATE_KEY_LINK, private), (LinkType.CERTIFICATE_LINK, made)]
    )
    certificate_attributes = await attributes_of(own, made)
    assert certificate_attributes.get(Tag.CRYPTOGRAPHIC_USAGE_MASK) == Mask.VERIFY
    assert certificate_attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM) == CryptographicAlgorithm.EC


@pytest.mark.parametrize(
    "algorithm, length",
    [
        (CryptographicAlgorithm.RSA, 2048),
        (CryptographicAlgorithm.EC, 521),
        (CryptographicAlgorithm.ED25519, 256),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
async def test_keys_of_many_kinds_are_certified(own: InProcessClient, algorithm, length):
    public, _ = await make_pair(own, algorithm, length)
    made = (await own(Op.CERTIFY, unique_identifier=public)).unique_identifier
    answer = await own(Op.VALIDATE, unique_identifier=(made,))
    assert answer.validity_indicator in (ValidityIndicator.VALID, ValidityIndicator.INVALID)


async def test_the_same_authority_signs_again(own: InProcessClient):
    public, _ = await make_pair(own)
    one = await certificate(
        own, (await own(Op.CERTIFY, unique_identifier=public)).unique_identifier
    )
    two = await certificate(
        own, (await own(Op.CERTIFY, unique_identifier=public)).unique_identifier
    )
    key = x509.AuthorityKeyIdentifier
    assert one.extensions.get_extension_for_class(key) == two.extensions.get_extension_for_class(
        key
    )
    assert one.serial_number != two.serial_number


@pytest.mark.parametrize(
    "attributes, expected",
    [
        (subject("printer"), "CN=printer"),
        (
            Attributes(
                [
                    (
                        Tag.CERTIFICATE_SUBJECT,
                        CertificateSubject(
                            certificate_subject_distinguished_name="CN=printer,O=ACME"
                        ),
                    )
                ]
            ),
            "CN=printer,O=ACME",
        ),
    ],
    ids=["2.x", "1.0"],
)
async def test_attributes_name_the_subject(own: InProcessClient, attributes, expected):
    ask = own if Tag.CERTIFICATE_SUBJECT_CN in attributes else own.at(V1_0)
    public, _ = await make_pair(ask)
    made = await ask(Op.CERTIFY, unique_identifier=public, attributes=attributes)
    found = await certificate(ask, made.unique_identifier)
    assert found.subject.rfc4514_string() == expected


async def test_a_key_with_a_name_is_certified_by_it(own: InProcessClient):
    public, _ = await make_pair(own)
    await own(
        Op.SET_ATTRIBUTE,
        unique_identifier=public,
        new_attribute=AttributeInstance(Tag.NAME, Name(name_value="printer" * 20)),
    )
    made = await own(Op.CERTIFY, unique_identifier=public)
    found = await certificate(own, made.unique_identifier)
    assert found.subject.rfc4514_string() == "CN=" + ("printer" * 20)[:64]


@pytest.mark.parametrize("form", [Encoding.DER, Encoding.PEM], ids=["DER", "PEM"])
async def test_a_certificate_request_says_who_it_is_for(own: InProcessClient, form):
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName("printer.example")])
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name.from_rfc4514_string("CN=printer"))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    kind = PKCS_10 if form == Encoding.DER else CertificateRequestType.PEM
    made = await own(
        Op.CERTIFY,
        certificate_request_type=kind,
        certificate_request_value=request.public_bytes(form),
        attributes=subject("somebody else"),
    )
    found = await certificate(own, made.unique_identifier)
    assert found.subject.rfc4514_string() == "CN=printer"
    assert found.public_key() == key.public_key()
    assert found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value == names
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert await links_of(own, made.unique_identifier) == []


async def test_a_certificate_request_in_the_store_is_certified(own: InProcessClient):
    key = ec.generate_private_key(ec.SECP256R1())
    registered = await own(
        Op.REGISTER,
        object_type=ObjectType.CERTIFICATE_REQUEST,
        object=CertificateRequest(
            certificate_request_type=PKCS_10,
            certificate_request_value=certificate_request("printer", key),
        ),
    )
    made = await own(Op.CERTIFY, unique_identifier=registered.unique_identifier)
    found = await certificate(own, made.unique_identifier)
    assert found.subject.rfc4514_string() == "CN=printer"
    new = own.at(V3_0)
    certificate_attributes = await attributes_of(new, made.unique_identifier)
    assert certificate_attributes.get(Tag.CERTIFICATE_REQUEST_LINK) == registered.unique_identifier


async def test_a_request_for_another_key_is_refused(own: InProcessClient):
    public, _ = await make_pair(own)
    value = certificate_request("printer", ec.generate_private_key(ec.SECP256R1()))
    fields = {"certificate_request_type": PKCS_10, "certificate_request_value": value}
    assert await reason_of(own, Op.CERTIFY, unique_identifier=public, **fields) == R.INVALID_CSR
    made = (await own(Op.CERTIFY, unique_identifier=public)).unique_identifier
    assert await reason_of(own, Op.RECERTIFY, unique_identifier=made, **fields) == R.INVALID_CSR


async def test_what_is_no_request_is_refused(own: InProcessClient):
    key = ec.generate_private_key(ec.SECP256R1())
    value = certificate_request("printer", key)
    damaged = value[:-1] + bytes([value[-1] ^ 1])
    for kind, data, reason in (
        (PKCS_10, damaged, R.INVALID_CSR),
        (PKCS_10, b"", R.INVALID_CSR),
        (CertificateRequestType.CRMF, value, R.INVALID_CSR),
        (None, value, R.INVALID_FIELD),
    ):
        fields = {"certificate_request_type": kind, "certificate_request_value": data}
        assert await reason_of(own, Op.CERTIFY, **fields) == reason


async def test_a_compromised_key_is_not_certified(own: InProcessClient):
    public, _ = await make_pair(own)
    reason = RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE)
    await own(Op.REVOKE, unique_identifier=public, revocation_reason=reason)
    refused = await reason_of(own, Op.CERTIFY, unique_identifier=public)
    assert refused == R.WRONG_KEY_LIFECYCLE_STATE


async def test_only_public_keys_and_requests_are_certified(own: InProcessClient):
    _, private = await make_pair(own)
    refused = await reason_of(own, Op.CERTIFY, unique_identifier=private)
    assert refused == R.INVALID_OBJECT_TYPE
    assert await reason_of(own, Op.CERTIFY, unique_identifier="none") == R.ITEM_NOT_FOUND
    refused = await reason_of(own, Op.RECERTIFY, unique_identifier=private)
    assert refused == R.INVALID_OBJECT_TYPE


async def test_without_an_authority_nothing_is_signed(ask: InProcessClient):
    public, _ = await make_pair(ask)
    refused = await reason_of(ask, Op.CERTIFY, unique_identifier=public)
    assert refused == R.FEATURE_NOT_SUPPORTED


async def test_a_batch_makes_a_pair_and_certifies_it(own: InProcessClient):
    common = Attributes([(Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.EC)])
    common.set(Tag.CRYPTOGRAPHIC_LENGTH, 256)
    key = ec.generate_private_key(ec.SECP256R1())
    fields = {
        "certificate_request_type": PKCS_10,
        "certificate_request_value": certificate_request("printer", key),
    }
    items = await own.batch(own.item(Op.CERTIFY, **fields), own.item(Op.GET))
    made, got = [own.payload(item) for item in items]
    assert got.unique_identifier == made.unique_identifier


# Re-certify


async def test_a_new_certificate_takes_the_place_of_the_old(own: InProcessClient, clock: Clock):
    public, private = await make_pair(own)
    attributes = Attributes([(Tag.NAME, Name(name_value="cert"))])
    made = await own(Op.CERTIFY, unique_identifier=public, attributes=attributes)
    old = made.unique_identifier
    clock.now += 86_400
    new = (await own(Op.RECERTIFY, unique_identifier=old)).unique_identifier
    before, after = await certificate(own, old), await certificate(own, new)
    assert after.subject == before.subject
    assert after.public_key() == before.public_key()
    assert after.not_valid_after_utc > before.not_valid_after_utc
    assert after.serial_number != before.serial_number
    assert sorted(await links_of(own, public)) == sorted(
        [(LinkType.PRIVATE_KEY_LINK, private), (LinkType.CERTIFICATE_LINK, new)]
    )
    assert (LinkType.REPLACEMENT_OBJECT_LINK, new) in await links_of(own, old)
    links = await links_of(own, new)
    assert (LinkType.REPLACED_OBJECT_LINK, old) in links
    assert (LinkType.PUBLIC_KEY_LINK, public) in links
    certificate_attributes = await attributes_of(own, new)
    assert [name.name_value for name in certificate_attributes.all(Tag.NAME)] == ["cert"]
    assert Tag.NAME not in await attributes_of(own, old)
    serial = certificate_attributes.get(Tag.X_509_CERTIFICATE_IDENTIFIER).certificate_serial_number
    assert serial.endswith(after.serial_number.to_bytes(20, "big").lstrip(b"\0"))
    assert certificate_attributes.get(Tag.DIGEST) != (await attributes_of(own, old)).get(Tag.DIGEST)


async def test_a_registered_certificate_is_renewed_by_a_request(own: InProcessClient):
    certified_key = certified("printer")
    managed = Certificate(
        certificate_type=CertificateType.X_509, certificate_value=certified_key.der
    )
    old = await own(Op.REGISTER, object_type=ObjectType.CERTIFICATE, object=managed)
    new = await own(
        Op.RECERTIFY,
        unique_identifier=old.unique_identifier,
        certificate_request_type=PKCS_10,
        certificate_request_value=certificate_request("scanner", certified_key.key),
        offset=60,
    )
    found = await certificate(own, new.unique_identifier)
    assert found.subject.rfc4514_string() == "CN=scanner"
    certificate_attributes = await attributes_of(own, new.unique_identifier)
    assert certificate_attributes.get(Tag.ACTIVATION_DATE) == NOW + 60


# Where the authority is


async def test_a_file_holds_the_authority(ask: InProcessClient, tmp_path):
    certified_key = certified("ACME", is_authority=True, days=10)
    file = tmp_path / "issuer.pem"
    file.write_bytes(pem(certified_key))
    file.chmod(0o600)
    ask.server.config = replace(ask.server.config, issuer=f"file:{file}", issued_days=1000)
    public, _ = await make_pair(ask)
    made = (await ask(Op.CERTIFY, unique_identifier=public)).unique_identifier
    found = await certificate(ask, made)
    found.verify_directly_issued_by(certified_key.certificate)
    assert found.not_valid_after_utc == certified_key.certificate.not_valid_after_utc
    answer = await ask(Op.VALIDATE, unique_identifier=(made,))
    assert answer.validity_indicator == ValidityIndicator.VALID


def pem(certified_key: CertifiedKey, other: CertifiedKey | None = None) -> bytes:
    key = certified_key.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key + (other or certified_key).certificate.public_bytes(Encoding.PEM)


async def test_a_file_that_is_no_authority_is_not_used(ask: InProcessClient, tmp_path, caplog):
    one, two = certified("ACME", is_authority=True), certified("ACME", is_authority=True)
    file = tmp_path / "issuer.pem"
    ask.server.config = replace(ask.server.config, issuer=f"file:{file}")
    public, _ = await make_pair(ask)
    for content in (None, b"", pem(one, two)):
        if content is not None:
            file.write_bytes(content)
            file.chmod(0o600)
        refused = await reason_of(ask, Op.CERTIFY, unique_identifier=public)
        assert refused == R.GENERAL_FAILURE
    assert "PRIVATE KEY" not in caplog.text


async def test_objects_in_the_store_are_the_authority(ask: InProcessClient):
    certified_key = certified("ACME", is_authority=True)
    admin = ask.named("somebody")
    block = KeyBlock(
        key_format_type=KeyFormatType.PKCS_8,
        key_value=KeyValue(
            key_material=certified_key.key.private_bytes(
                Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
            )
        ),
        cryptographic_algorithm=CryptographicAlgorithm.EC,
        cryptographic_length=256,
    )
    mask = Attributes([(Tag.CRYPTOGRAPHIC_USAGE_MASK, Mask.CERTIFICATE_SIGN)])
    private = await admin(
        Op.REGISTER,
        object_type=ObjectType.PRIVATE_KEY,
        object=PrivateKey(key_block=block),
        attributes=mask,
    )
    link = Link(
        link_type=LinkType.PRIVATE_KEY_LINK, linked_object_identifier=private.unique_identifier
    )
    authority = await admin(
        Op.REGISTER,
        object_type=ObjectType.CERTIFICATE,
        object=Certificate(
            certificate_type=CertificateType.X_509, certificate_value=certified_key.der
        ),
        attributes=Attributes([(Tag.LINK, link)]),
    )
    issuer = f"object:{authority.unique_identifier}"
    ask.server.config = replace(ask.server.config, issuer=issuer)
    public, _ = await make_pair(ask)
    refused = await reason_of(ask, Op.CERTIFY, unique_identifier=public)
    assert refused == R.GENERAL_FAILURE  # the private key is not Active
    await admin(Op.ACTIVATE, unique_identifier=private.unique_identifier)
    made = await ask(Op.CERTIFY, unique_identifier=public)
    found = await certificate(ask, made.unique_identifier)
    found.verify_directly_issued_by(certified_key.certificate)


async def test_an_object_that_is_none_is_not_used(ask: InProcessClient):
    public, private = await make_pair(ask)
    for identifier in ("none", public, private):
        ask.server.config = replace(ask.server.config, issuer=f"object:{identifier}")
        refused = await reason_of(ask, Op.CERTIFY, unique_identifier=public)
        assert refused == R.GENERAL_FAILURE
