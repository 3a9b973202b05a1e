"""Re-Provision: another certificate for the connection, and none for the one before."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key
from cryptography.x509.oid import NameOID

from kmip.enums import (
    BatchErrorContinuationOption,
    CertificateRequestType,
    CertificateType,
    CredentialType,
    KeyFormatType,
    LinkType,
    Operation,
    QueryFunction,
    ResultReason,
    ResultStatus,
)
from kmip.messages import Authentication, TicketCredential
from kmip.objects import Certificate, CertificateRequest
from kmip.tags import Tag
from kmip.versions import V2_0, V2_1, V3_0
from server.access.client import of_certificate
from server.access.client_certificates import Rules
from server.access.refused_certificates import RefusedCertificates
from server.access.replaced_certificates import FETCH_SECONDS
from server.pki import local_authority
from server.setup.config import Config
from server.state import Server
from tests.server.access.authorities import Issuer
from tests.server.conftest import Clock, InProcessClient
from tests.server.requests.test_authentication import credential
from tests.server.samples import COMPROMISED, STOPPED, create, register

Op = Operation
DAY = timedelta(days=1)
DENIED = ResultReason.PERMISSION_DENIED
NOT_IN = ResultReason.AUTHENTICATION_NOT_SUCCESSFUL
versions = pytest.mark.parametrize("version", [V2_0, V2_1, V3_0], ids=str)


@dataclass
class Deployment:
    """A server whose clients have certificates of its own authority, as after a first start."""

    server: Server
    authority: x509.Certificate
    rules: Rules

    def connected(self, *chain: x509.Certificate, version: Any = V2_1) -> InProcessClient:
        """A client that has connected by a certificate."""
        der = chain[0].public_bytes(Encoding.DER)
        names = chain[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        subject = {"subject": ((("commonName", str(names[0].value)),),)} if names else {}
        self.rules.check(chain, datetime.fromtimestamp(self.server.clock(), UTC))
        return InProcessClient(self.server, of_certificate(subject, der, chain), version)

    def client(self, name: str = "alice", version: Any = V2_1) -> InProcessClient:
        """One with a certificate that the operator has made."""
        now = datetime.fromtimestamp(self.server.clock(), UTC)
        made = local_authority.ensure_client(self.server.config.tls_directory, name, now)
        certificate = x509.load_pem_x509_certificate(made.certificate.read_bytes())
        return self.connected(certificate, self.authority, version=version)


@pytest.fixture
def deployment(server: Server, config: Config, clock: Clock) -> Deployment:
    clock.now = int(datetime.now(UTC).timestamp())
    now = datetime.fromtimestamp(clock.now, UTC)
    local_authority.ensure_client(config.tls_directory, "alice", now)
    authority = x509.load_pem_x509_certificate((config.tls_directory / "ca.pem").read_bytes())
    made = Deployment(server, authority, Rules([authority]))
    server.certificate_rules = lambda: made.rules
    return made


def in_der(value: bytes) -> CertificateRequest:
    kind = CertificateRequestType.PKCS_10
    return CertificateRequest(certificate_request_type=kind, certificate_request_value=value)


def request_for(key: Any, name: str | None = None) -> CertificateRequest:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else []
    built = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(parts))
    value = built.sign(key, SHA256()).public_bytes(Encoding.DER)
    return in_der(value)


def brought(certificate: x509.Certificate) -> Certificate:
    value = certificate.public_bytes(Encoding.DER)
    return Certificate(certificate_type=CertificateType.X_509, certificate_value=value)


async def fetched(ask: InProcessClient, identifier: str) -> x509.Certificate:
    got = await ask(Op.GET, unique_identifier=identifier)
    return x509.load_der_x509_certificate(got.object.certificate_value)


async def refusal(ask: InProcessClient, operation: Operation = Op.QUERY, **fields: Any) -> Any:
    (item,) = (await ask.message(ask.item(operation, **fields))).batch_item
    return item.result_reason


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@versions
async def test_a_request_is_signed_for_the_same_client(deployment: Deployment, version):
    alice = deployment.client(version=version)
    owned = await create(alice)
    key = new_key()
    made = await alice(Op.REPROVISION, certificate_request=request_for(key, "alice"))
    certificate = await fetched(alice, made.unique_identifier)
    assert certificate.public_key() == key.public_key()
    again = deployment.connected(certificate, deployment.authority, version=version)
    assert again.client is not None
    assert again.client.name == "alice"
    assert await refusal(again, Op.GET, unique_identifier=owned) is None
    assert await refusal(alice, Op.GET, unique_identifier=owned) == ResultReason.NOT_AUTHORISED


@versions
async def test_without_parameters_a_pair_and_its_certificate_are_made(
    deployment: Deployment, version
):
    alice = deployment.client(version=version)
    made = await alice(Op.REPROVISION)
    wanted = {"key_format_type": KeyFormatType.PKCS_8}
    got = await alice(Op.GET, unique_identifier=made.unique_identifier, **wanted)
    private = load_der_private_key(got.object.key_block.key_material, None)
    names = (Tag.LINK,)
    found = await alice.at(V2_1)(
        Op.GET_ATTRIBUTES, unique_identifier=made.unique_identifier, attribute_names=names
    )
    links = {each.link_type: each for each in found.attributes.all(Tag.LINK)}
    identifier = links[LinkType.CERTIFICATE_LINK].linked_object_identifier
    certificate = await fetched(alice, identifier)
    assert certificate.public_key() == private.public_key()
    again = deployment.connected(certificate, deployment.authority)
    assert again.client is not None
    assert again.client.name == "alice"


async def test_what_is_made_is_fetched_in_the_same_message(deployment: Deployment):
    alice = deployment.client()
    items = await alice.batch(
        alice.item(Op.REPROVISION, certificate_request=request_for(new_key())), alice.item(Op.GET)
    )
    assert [each.result_status for each in items] == [ResultStatus.SUCCESS] * 2


async def test_a_certificate_of_the_authority_takes_the_place_of_the_present_one(
    deployment: Deployment, config: Config, clock: Clock
):
    alice = deployment.client()
    now = datetime.fromtimestamp(clock.now, UTC)
    own = config.tls_directory
    new = local_authority.certify_client(own, "alice", new_key().public_key(), now)
    made = await alice(Op.REPROVISION, certificate=brought(new))
    again = deployment.connected(new, deployment.authority)
    assert await fetched(again, made.unique_identifier) == new
    assert await refusal(alice) == NOT_IN
    assert await refusal(alice, Op.GET, unique_identifier=made.unique_identifier) == NOT_IN


async def test_an_intermediate_of_the_present_certificate_may_have_signed_the_new_one(
    deployment: Deployment,
):
    root = Issuer.root("root")
    issuing = root.issuing("issuing")
    deployment.rules = Rules([root.certificate])
    chain = (issuing.certificate, root.certificate)
    old, new = issuing.client("alice").certificate, issuing.client("alice").certificate
    alice = deployment.connected(old, *chain)
    await alice(Op.REPROVISION, certificate=brought(new))
    assert await refusal(deployment.connected(new, *chain)) is None
    assert await refusal(alice) == NOT_IN


async def test_the_replaced_certificate_fetches_what_was_made_and_for_some_minutes(
    deployment: Deployment, clock: Clock
):
    alice = deployment.client()
    owned = await create(alice)
    made = (await alice(Op.REPROVISION)).unique_identifier
    assert await refusal(alice, Op.GET, unique_identifier=made) is None
    for operation, fields in (
        (Op.GET, {"unique_identifier": owned}),
        (Op.DESTROY, {"unique_identifier": made}),
        (Op.LOCATE, {}),
        (Op.LOGIN, {}),
        (Op.REPROVISION, {}),
        (Op.QUERY, {"query_function": (QueryFunction.QUERY_OPERATIONS,)}),
    ):
        assert await refusal(alice, operation, **fields) == ResultReason.NOT_AUTHORISED, operation
    clock.now += FETCH_SECONDS
    assert await refusal(alice, Op.GET, unique_identifier=made) == NOT_IN


async def test_no_credential_helps_where_the_certificate_is_replaced(
    deployment: Deployment,
):
    alice = deployment.client()
    logged_in = await alice(Op.LOGIN)
    await alice(Op.REPROVISION)
    ticket = credential(CredentialType.TICKET, TicketCredential(ticket=logged_in.ticket), V2_1)
    presented = Authentication(credential=(ticket,))
    response = await alice.message(alice.item(Op.QUERY), authentication=presented)
    assert response.batch_item[0].result_reason == NOT_IN
    bob = deployment.client("bob")
    response = await bob.message(bob.item(Op.QUERY), authentication=presented)
    assert response.batch_item[0].result_reason == ResultReason.INVALID_TICKET


async def test_another_client_and_another_certificate_of_the_name_are_left_alone(
    deployment: Deployment, config: Config, clock: Clock
):
    now = datetime.fromtimestamp(clock.now, UTC)
    own = config.tls_directory
    second = local_authority.certify_client(own, "alice", new_key().public_key(), now)
    other = deployment.connected(second, deployment.authority)
    await deployment.client()(Op.REPROVISION)
    assert await refusal(other) is None
    assert await refusal(deployment.client("bob")) is None


# What is refused


@pytest.mark.parametrize(
    "request_of, reason",
    [
        (lambda: request_for(new_key(), "bob"), ResultReason.INVALID_CSR),
        (lambda: request_for(ec.generate_private_key(ec.SECP192R1())), ResultReason.INVALID_CSR),
        (lambda: request_for(rsa.generate_private_key(65537, 1024)), ResultReason.INVALID_CSR),
        (
            lambda: in_der(b"x"),
            ResultReason.INVALID_CSR,
        ),
    ],
    ids=["another's name", "short curve", "short RSA", "none"],
)
async def test_a_request_that_would_not_serve_the_client_is_refused(
    deployment: Deployment, request_of, reason
):
    alice = deployment.client()
    assert await refusal(alice, Op.REPROVISION, certificate_request=request_of()) == reason
    assert await refusal(alice) is None


async def test_a_request_whose_signature_does_not_hold_is_refused(deployment: Deployment):
    alice = deployment.client()
    made = request_for(new_key())
    value = made.certificate_request_value[:-1] + bytes([made.certificate_request_value[-1] ^ 1])
    reason = await refusal(alice, Op.REPROVISION, certificate_request=in_der(value))
    assert reason == ResultReason.INVALID_CSR


async def test_the_present_key_is_not_certified_again(deployment: Deployment, config: Config):
    alice = deployment.client()
    key = local_authority._read_key(config.tls_directory / "alice.key")
    reason = await refusal(alice, Op.REPROVISION, certificate_request=request_for(key))
    assert reason == ResultReason.INVALID_CSR


async def test_no_certificate_is_taken_that_connects_nobody_or_another(deployment: Deployment):
    root = Issuer.root("root")
    stranger = Issuer.root("root")
    deployment.rules = Rules([root.certificate])
    old = root.client("alice").certificate
    ended = root.client("alice", start=datetime.now(UTC) - 3 * DAY, end=datetime.now(UTC) - DAY)
    refused = root.client("alice").certificate
    alice = deployment.connected(old, root.certificate)
    fingerprint = refused.fingerprint(SHA256())
    deployment.rules = Rules(
        [root.certificate], refused=RefusedCertificates(frozenset({fingerprint}), is_there=True)
    )
    for certificate in (
        old,
        root.client("bob").certificate,
        stranger.client("alice").certificate,
        root.issuing("alice").certificate,
        ended.certificate,
        refused,
    ):
        reason = await refusal(alice, Op.REPROVISION, certificate=brought(certificate))
        assert reason in (DENIED, ResultReason.INVALID_FIELD), certificate.subject
    nothing = Certificate(certificate_type=CertificateType.X_509, certificate_value=b"none")
    reason = await refusal(alice, Op.REPROVISION, certificate=nothing)
    assert reason == ResultReason.INVALID_FIELD
    assert await refusal(alice) is None


async def test_a_request_and_a_certificate_together_are_refused(deployment: Deployment):
    alice = deployment.client()
    both = {
        "certificate": brought(deployment.authority),
        "certificate_request": request_for(new_key()),
    }
    assert await refusal(alice, Op.REPROVISION, **both) == ResultReason.INVALID_FIELD


@pytest.mark.parametrize("why", [STOPPED, COMPROMISED], ids=["stopped", "compromised"])
async def test_a_certificate_that_its_client_has_revoked_is_not_replaced(
    deployment: Deployment, clock: Clock, why
):
    alice = deployment.client()
    assert alice.client is not None
    assert alice.client.identification is not None
    present = brought(alice.client.identification.chain[0])
    identifier = await register(alice, present, (Tag.ACTIVATION_DATE, int(clock.now) - 10))
    await alice(Op.REVOKE, unique_identifier=identifier, **why)
    assert await refusal(alice, Op.REPROVISION) == DENIED


async def test_a_certificate_that_the_operator_refuses_is_not_replaced(deployment: Deployment):
    alice = deployment.client()
    deployment.rules = Rules([])
    assert await refusal(alice, Op.REPROVISION) == DENIED


async def test_who_has_not_come_by_a_certificate_replaces_none(ask: InProcessClient):
    assert await refusal(ask, Op.REPROVISION) == DENIED


async def test_a_server_without_the_clients_authority_takes_certificates_only(
    deployment: Deployment, config: Config, tmp_path: Path
):
    alice = deployment.client()
    (config.tls_directory / "ca.key").rename(tmp_path / "elsewhere")
    assert await refusal(alice, Op.REPROVISION) == ResultReason.FEATURE_NOT_SUPPORTED
    wanted = {"certificate_request": request_for(new_key())}
    assert await refusal(alice, Op.REPROVISION, **wanted) == ResultReason.FEATURE_NOT_SUPPORTED
    assert await refusal(alice) is None


async def test_a_message_replaces_a_certificate_once(deployment: Deployment):
    alice = deployment.client()
    first, second = await alice.batch(alice.item(Op.REPROVISION), alice.item(Op.REPROVISION))
    assert first.result_status == ResultStatus.SUCCESS
    assert second.result_reason == DENIED


async def test_of_two_messages_at_once_one_replaces_the_certificate(deployment: Deployment):
    alice = deployment.client()
    reasons = []

    async def replace() -> None:
        reasons.append(await refusal(alice, Op.REPROVISION))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(replace)
    assert reasons.count(None) == 1
    assert set(reasons) <= {None, DENIED, NOT_IN, ResultReason.NOT_AUTHORISED}


async def test_what_is_undone_has_replaced_nothing(deployment: Deployment):
    alice = deployment.client()
    await alice.batch(
        alice.item(Op.REPROVISION),
        alice.item(Op.GET, unique_identifier="absent"),
        option=BatchErrorContinuationOption.UNDO,
    )
    assert await refusal(alice) is None
