"""Create User, Create Credential and Create Group: who may, who comes in by them, what stays in."""

from dataclasses import replace

import pytest

from kmip.attribute_values import Name, RevocationReason
from kmip.attributes import Attributes
from kmip.enums import (
    CertificateType,
    CredentialType,
    HashingAlgorithm,
    ObjectClass,
    ObjectType,
    Operation,
    OTPAlgorithm,
    ResultReason,
    RevocationReasonCode,
    UniqueIdentifier,
)
from kmip.messages import Authentication, Credential, UsernameAndPassword
from kmip.objects import (
    Certificate,
    DeviceCredential,
    HashedPasswordCredential,
    OTPCredential,
    PasswordCredential,
)
from kmip.tags import Tag
from kmip.versions import V2_1, V3_0
from server.access import password_file
from server.access.password_file import Cost
from server.access.users import Users
from server.sessions.lockout import FAILURE_WINDOW_SECONDS, MAX_FAILURES, FailedLogins
from tests.server.conftest import Clock, Failed, InProcessClient
from tests.server.operations.certified_keys import certified
from tests.server.operations.test_login import CREATE, reason_of, showing

Op = Operation
R = ResultReason
PASSWORD = {
    "credential_type": CredentialType.PASSWORD,
    "object": PasswordCredential(password="correct horse"),
}
CHEAP = Cost(memory_kib=32, iterations=1, lanes=1)


@pytest.fixture
def admin(ask: InProcessClient) -> InProcessClient:
    """The administrator; passwords cost little."""
    ask.server.users = Users(ask.server.config.users_file, CHEAP)
    return ask.at(V3_0).named("administrator")


def as_user(
    ask: InProcessClient, name: str, password: str, certificate: str = "laptop"
) -> InProcessClient:
    """Whoever shows a name and a password."""
    value = UsernameAndPassword(username=name, password=password)
    credential = Credential(
        credential_type=CredentialType.USERNAME_AND_PASSWORD, credential_value=value
    )
    header = {"authentication": Authentication(credential=(credential,))}
    return InProcessClient(ask.server, ask.named(certificate).client, ask.version, header)


async def make_user(admin: InProcessClient, *names: str, credential: object = None) -> str:
    """A user, by default with a password credential of its own."""
    if credential is None:
        credential = (await admin(Op.CREATE_CREDENTIAL, **PASSWORD)).unique_identifier
    attributes = Attributes([(Tag.CREDENTIAL_LINK, credential)])
    for name in names:
        attributes.add(Tag.NAME, Name(name_value=name))
    return str((await admin(Op.CREATE_USER, attributes=attributes)).unique_identifier)


async def test_a_user_comes_in_by_name_and_password(admin: InProcessClient):
    await make_user(admin, "fred", "frederic")
    key = (await as_user(admin, "fred", "correct horse")(Op.CREATE, **CREATE)).unique_identifier
    for name in ("fred", "frederic"):
        await as_user(admin, name, "correct horse").at(V2_1)(Op.GET, unique_identifier=key)


@pytest.mark.parametrize(
    "name, password", [("fred", "wrong"), ("fred", ""), ("barney", "correct horse")]
)
async def test_nobody_comes_in_otherwise(admin: InProcessClient, name, password):
    await make_user(admin, "fred")
    refused = await reason_of(as_user(admin, name, password), Op.QUERY)
    assert refused == R.AUTHENTICATION_NOT_SUCCESSFUL


async def test_a_user_is_nobody_else_of_its_name(admin: InProcessClient):
    """An administrator does not get at a client's keys by making a user of its name."""
    key = (await admin.named("alice")(Op.CREATE, **CREATE)).unique_identifier
    await make_user(admin, "alice")
    false = as_user(admin, "alice", "correct horse")
    assert await reason_of(false, Op.GET, unique_identifier=key) == R.OBJECT_NOT_FOUND
    await make_user(admin, "administrator")
    false = as_user(admin, "administrator", "correct horse")
    assert await reason_of(false, Op.CREATE_CREDENTIAL, **PASSWORD) == R.PERMISSION_DENIED


async def test_users_of_the_file_come_in_beside_a_user_of_their_name(admin: InProcessClient):
    password_file.add(
        admin.server.config.users_file, password_file.Kind.USER, "fred", "file", cost=CHEAP
    )
    identifier = await make_user(admin, "fred")
    made = await as_user(admin, "fred", "file")(Op.CREATE, **CREATE)
    await admin.named("fred")(Op.GET, unique_identifier=made.unique_identifier)
    made = await as_user(admin, "fred", "correct horse")(Op.CREATE, **CREATE)
    await admin.named(f"user:{identifier}")(Op.GET, unique_identifier=made.unique_identifier)


@pytest.mark.parametrize("which", ["user", "credential"])
@pytest.mark.parametrize("operation", [Op.REVOKE, Op.DESTROY])
async def test_nobody_comes_in_by_what_is_over(admin: InProcessClient, which, operation):
    credential = (await admin(Op.CREATE_CREDENTIAL, **PASSWORD)).unique_identifier
    user = await make_user(admin, "fred", credential=credential)
    await as_user(admin, "fred", "correct horse")(Op.QUERY)
    gone = {"user": user, "credential": credential}[which]
    why = RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE)
    fields = {"revocation_reason": why} if operation == Op.REVOKE else {}
    await admin(operation, unique_identifier=gone, **fields)
    password_file.add(
        admin.server.config.users_file, password_file.Kind.USER, "somebody", "else", cost=CHEAP
    )
    refused = await reason_of(as_user(admin, "fred", "correct horse"), Op.QUERY)
    assert refused == R.AUTHENTICATION_NOT_SUCCESSFUL


async def test_users_end_with_the_office_of_who_made_them(admin: InProcessClient):
    await make_user(admin, "fred")
    password_file.add(
        admin.server.config.users_file, password_file.Kind.USER, "somebody", "else", cost=CHEAP
    )
    admin.server.config = replace(admin.server.config, administrators=("root",))
    refused = await reason_of(as_user(admin, "fred", "correct horse"), Op.QUERY)
    assert refused == R.AUTHENTICATION_NOT_SUCCESSFUL


async def test_guesses_are_limited_for_the_guesser_alone(admin: InProcessClient, clock: Clock):
    await make_user(admin, "fred")
    for number in range(MAX_FAILURES):
        await reason_of(as_user(admin, "fred", f"guess {number}"), Op.QUERY)
    right = as_user(admin, "fred", "correct horse")
    assert await reason_of(right, Op.QUERY) == R.AUTHENTICATION_NOT_SUCCESSFUL
    await as_user(admin, "fred", "correct horse", certificate="desktop")(Op.QUERY)
    clock.now += FAILURE_WINDOW_SECONDS
    await right(Op.QUERY)


def test_the_memory_of_guesses_is_bounded(monkeypatch):
    monkeypatch.setattr("server.sessions.lockout.MAX_PAIRS", 3)
    failed_logins = FailedLogins()
    for number in range(5):
        failed_logins.count("somebody", str(number), 0.0)
    assert len(failed_logins._failures) == 3


@pytest.mark.parametrize("client", ["alice", "user:administrator", "device:administrator"])
@pytest.mark.parametrize(
    "operation, fields",
    [
        (Op.CREATE_CREDENTIAL, PASSWORD),
        (Op.CREATE_USER, {"attributes": Attributes()}),
        (Op.CREATE_GROUP, {"attributes": Attributes()}),
    ],
)
async def test_only_administrators_make_them(admin: InProcessClient, client, operation, fields):
    assert await reason_of(admin.named(client), operation, **fields) == R.PERMISSION_DENIED


async def test_an_administrators_ticket_is_not_an_administrator(admin: InProcessClient):
    bearer = showing(admin, (await admin(Op.LOGIN)).ticket)
    assert await reason_of(bearer, Op.CREATE_CREDENTIAL, **PASSWORD) == R.PERMISSION_DENIED


OBJECTS = [
    (CredentialType.PASSWORD, PasswordCredential(password="p" * 8)),
    (CredentialType.USERNAME_AND_PASSWORD, PasswordCredential(password="p" * 8)),
    (CredentialType.DEVICE, DeviceCredential(device_serial_number="1", password="p" * 8)),
    (
        CredentialType.ONE_TIME_PASSWORD,
        OTPCredential(otp_algorithm=OTPAlgorithm.TOTP, otp_seed=b"s" * 20, otp_digits=6),
    ),
    (
        CredentialType.HASHED_PASSWORD,
        HashedPasswordCredential(
            hashed_password_username=b"p" * 32,
            salted_password=b"s" * 32,
            password_salt_algorithm=HashingAlgorithm.SHA_256,
        ),
    ),
]


@pytest.mark.parametrize("kind, managed", OBJECTS, ids=lambda value: getattr(value, "name", ""))
async def test_the_secret_of_a_credential_never_leaves(admin: InProcessClient, kind, managed):
    made = await admin(Op.CREATE_CREDENTIAL, credential_type=kind, object=managed)
    identifier = made.unique_identifier
    for operation in (Op.GET, Op.EXPORT):
        refused = await reason_of(admin, operation, unique_identifier=identifier)
        assert refused == R.NOT_EXTRACTABLE
    user_attributes = (await admin(Op.GET_ATTRIBUTES, unique_identifier=identifier)).attributes
    assert user_attributes.get(Tag.CREDENTIAL_TYPE) == kind
    assert user_attributes.get(Tag.OBJECT_CLASS) == ObjectClass.SYSTEM
    assert Tag.DIGEST not in user_attributes
    record = await admin.server.store.read(b"object/" + identifier.encode())
    assert record is not None
    assert b"p" * 8 not in record.meta
    assert b"s" * 20 not in record.meta


async def test_one_time_passwords_tell_their_parameters(admin: InProcessClient):
    kind, managed = OBJECTS[3]
    made = await admin(Op.CREATE_CREDENTIAL, credential_type=kind, object=managed)
    user_attributes = await admin(Op.GET_ATTRIBUTES, unique_identifier=made.unique_identifier)
    assert user_attributes.attributes.get(Tag.OTP_ALGORITHM) == OTPAlgorithm.TOTP
    assert user_attributes.attributes.get(Tag.OTP_DIGITS) == 6


async def test_a_certificate_is_a_credential_that_anybody_may_read(admin: InProcessClient):
    certificate = Certificate(
        certificate_type=CertificateType.X_509, certificate_value=certified("fred").der
    )
    made = await admin(
        Op.CREATE_CREDENTIAL,
        credential_type=CredentialType.CERTIFICATE,
        object=certificate,
    )
    got = await admin(Op.GET, unique_identifier=made.unique_identifier)
    assert got.object == certificate
    await make_user(admin, "fred", credential=made.unique_identifier)


@pytest.mark.parametrize(
    "kind, managed, reason",
    [
        (CredentialType.DEVICE, PasswordCredential(password="p"), R.INVALID_OBJECT_TYPE),
        (CredentialType.TICKET, PasswordCredential(password="p"), R.INVALID_FIELD),
        (CredentialType.PASSWORD, PasswordCredential(password=""), R.INVALID_FIELD),
        (CredentialType.PASSWORD, PasswordCredential(password="p" * 1025), R.INVALID_FIELD),
    ],
)
async def test_what_is_no_credential_is_refused(admin: InProcessClient, kind, managed, reason):
    refused = await reason_of(admin, Op.CREATE_CREDENTIAL, credential_type=kind, object=managed)
    assert refused == reason


async def test_a_user_links_only_to_credentials_of_its_maker(admin: InProcessClient):
    theirs = (await admin.named("alice")(Op.CREATE, **CREATE)).unique_identifier
    own = (await admin(Op.CREATE, **CREATE)).unique_identifier
    for identifier, reason in ((theirs, R.OBJECT_NOT_FOUND), (own, R.INVALID_OBJECT_TYPE)):
        with pytest.raises(Failed) as failure:
            await make_user(admin, "fred", credential=identifier)
        assert failure.value.reason == reason


async def test_a_user_links_to_the_credential_that_its_batch_has_made(admin: InProcessClient):
    attributes = Attributes(
        [
            (Tag.CREDENTIAL_LINK, UniqueIdentifier.ID_PLACEHOLDER),
            (Tag.NAME, Name(name_value="fred")),
        ]
    )
    items = await admin.batch(
        admin.item(Op.CREATE_CREDENTIAL, **PASSWORD),
        admin.item(Op.CREATE_USER, attributes=attributes),
    )
    credential, user = [admin.payload(item).unique_identifier for item in items]
    user_attributes = await admin(Op.GET_ATTRIBUTES, unique_identifier=user)
    assert user_attributes.attributes.all(Tag.CREDENTIAL_LINK) == (credential,)
    await as_user(admin, "fred", "correct horse")(Op.QUERY)


async def test_users_and_groups_are_objects_without_material(admin: InProcessClient):
    group = (await admin(Op.CREATE_GROUP, attributes=Attributes())).unique_identifier
    for identifier in (await make_user(admin, "fred"), group):
        refused = await reason_of(admin, Op.GET, unique_identifier=identifier)
        assert refused == R.INVALID_OBJECT_TYPE
    filters = Attributes([(Tag.OBJECT_TYPE, ObjectType.GROUP)])
    assert (await admin(Op.LOCATE, attributes=filters)).unique_identifier == (group,)


async def test_users_are_of_the_newest_version_only(admin: InProcessClient):
    refused = await reason_of(admin.at(V2_1), Op.CREATE_USER, attributes=Attributes())
    assert refused == R.OPERATION_NOT_SUPPORTED


async def test_an_ordinary_client_makes_no_user(admin: InProcessClient):
    """Only what administrators own is looked at, and nothing else is taken for a User."""
    await make_user(admin, "fred")
    refused = await reason_of(
        admin.named("alice"),
        Op.IMPORT,
        unique_identifier="wilma",
        object_type=ObjectType.USER,
        attributes=Attributes([(Tag.NAME, Name(name_value="wilma"))]),
        object=PasswordCredential(password="alices"),
    )
    assert refused == R.INVALID_OBJECT_TYPE
