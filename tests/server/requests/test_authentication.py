"""Who a message is from: a certificate, a credential, or nobody."""

import json
from typing import Any

import pytest

from kmip.enums import CredentialType, Operation, ResultReason
from kmip.messages import Authentication, Credential, Device, OneTimePassword, UsernameAndPassword
from kmip.structures import to_item
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_1, V1_4, V2_1, V3_0, ProtocolVersion
from server.access.password_file import Cost, Kind, add
from server.access.users import Users
from server.requests.authentication import MAX_CREDENTIALS
from server.sessions.lockout import MAX_FAILURES
from server.sessions.refusals import BURST, PER_SECOND
from server.state import Server
from tests.server.conftest import NOW, Clock, InProcessClient
from tests.server.operations.test_create_user import make_user
from tests.server.samples import create

QUICK = Cost(memory_kib=8, iterations=1, lanes=1)
WRONG = ResultReason.AUTHENTICATION_NOT_SUCCESSFUL


def credential(kind: CredentialType, value: Any, version: ProtocolVersion) -> Credential:
    return Credential(
        credential_type=kind, credential_value=to_item(value, Tag.CREDENTIAL_VALUE, version)
    )


def user(name: str, password: str | None, version: ProtocolVersion = V2_1) -> Credential:
    value = UsernameAndPassword(username=name, password=password)
    return credential(CredentialType.USERNAME_AND_PASSWORD, value, version)


def device(serial: str | None, password: str | None, version: ProtocolVersion = V2_1) -> Credential:
    value = Device(device_serial_number=serial, password=password)
    return credential(CredentialType.DEVICE, value, version)


async def refusal(ask: InProcessClient, *credentials: Credential) -> ResultReason | None:
    """Why a question with these credentials is refused."""
    authentication = Authentication(credential=credentials) if credentials else None
    response = await ask.message(ask.item(Operation.QUERY), authentication=authentication)
    (item,) = response.batch_item
    return item.result_reason


@pytest.fixture
def nobody(ask: InProcessClient) -> InProcessClient:
    """A connection without a client certificate."""
    return InProcessClient(ask.server, None)


@pytest.fixture
def users(server: Server) -> None:
    path = server.config.users_file
    add(path, Kind.USER, "bob", "hunter2", cost=QUICK)
    add(path, Kind.DEVICE, "sn-7", "hunter3", cost=QUICK)
    server.users = Users(path, QUICK)


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_a_user_comes_in_by_the_password(
    nobody: InProcessClient, users: None, version: ProtocolVersion
):
    nobody = nobody.at(version)
    assert await refusal(nobody, user("bob", "hunter2", version)) is None
    for wrong in (user("bob", "hunter3", version), user("eve", "hunter2", version)):
        assert await refusal(nobody, wrong) == WRONG
    assert await refusal(nobody, user("bob", None, version)) == WRONG
    assert await refusal(nobody) == WRONG


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one >= V1_1], ids=str)
async def test_a_device_too(nobody: InProcessClient, users: None, version: ProtocolVersion):
    nobody = nobody.at(version)
    assert await refusal(nobody, device("sn-7", "hunter3", version)) is None
    assert await refusal(nobody, device("sn-7", "hunter2", version)) == WRONG
    assert await refusal(nobody, device(None, "hunter3", version)) == WRONG
    assert await refusal(nobody, user("sn-7", "hunter3", version)) == WRONG
    assert await refusal(nobody, device("bob", "hunter2", version)) == WRONG


async def test_a_credential_comes_before_the_certificate(
    ask: InProcessClient, nobody: InProcessClient, users: None
):
    credential = {"authentication": Authentication(credential=(user("bob", "hunter2"),))}
    theirs = InProcessClient(ask.server, ask.client, header=credential)
    key = await create(theirs)
    mine = await ask(Operation.LOCATE)
    assert mine.unique_identifier == ()
    without = InProcessClient(ask.server, None, header=credential)
    assert (await without(Operation.LOCATE)).unique_identifier == (key,)


async def test_a_wrong_one_fails_although_the_certificate_holds(ask: InProcessClient, users: None):
    assert await refusal(ask, user("bob", "wrong")) == WRONG


async def test_where_nobody_is_configured_passwords_are_passed_over(
    ask: InProcessClient, nobody: InProcessClient
):
    assert await refusal(ask, user("example", "example")) is None
    assert await refusal(nobody, user("example", "example")) == WRONG


async def test_other_types_are_not_taken(ask: InProcessClient, users: None):
    other = Credential(
        credential_type=CredentialType.ATTESTATION,
        credential_value=to_item(UsernameAndPassword(username="x"), Tag.CREDENTIAL_VALUE, V1_4),
    )
    assert await refusal(ask.at(V1_4), other) == ResultReason.INVALID_MESSAGE
    once = OneTimePassword(username="bob", password="hunter2", one_time_password="1")
    assert await refusal(ask, credential(CredentialType.ONE_TIME_PASSWORD, once, V2_1)) == WRONG


async def test_a_message_tries_so_many_and_no_more(ask: InProcessClient, users: None):
    good = user("bob", "hunter2")
    assert await refusal(ask, *[good] * 2) is None
    assert await refusal(ask, *[good] * MAX_CREDENTIALS) is None
    assert await refusal(ask, *[good] * (MAX_CREDENTIALS + 1)) == WRONG


async def test_a_user_of_a_reserved_name_is_no_other_client(nobody: InProcessClient, users: None):
    """A file may have such a name from before they were refused."""
    path = nobody.server.config.users_file
    table = {"device": {"77": QUICK.verifier("a")}, "user": {"device:77": QUICK.verifier("b")}}
    path.write_text(json.dumps(table))
    by_device = {"authentication": Authentication(credential=(device("77", "a"),))}
    by_user = {"authentication": Authentication(credential=(user("device:77", "b"),))}
    key = await create(InProcessClient(nobody.server, None, header=by_device))
    found = await InProcessClient(nobody.server, None, header=by_user)(Operation.LOCATE)
    assert found.unique_identifier == ()
    mine = await InProcessClient(nobody.server, None, header=by_device)(Operation.LOCATE)
    assert mine.unique_identifier == (key,)


class Counting(Users):
    """Counts the derivations that it makes: what an answer costs, and so its time."""

    derivations = 0

    def _matches(self, verifier: str | None, password: str) -> bool:
        self.derivations += 1
        return super()._matches(verifier, password)


async def test_a_refusal_costs_the_same_wherever_a_user_is_or_is_not(ask: InProcessClient):
    """In the file, made by an administrator, or nowhere; also once there were too many failures."""
    path = ask.server.config.users_file
    add(path, Kind.USER, "bob", "hunter2", cost=QUICK)
    ask.server.users = counting = Counting(path, QUICK)
    await make_user(ask.at(V3_0).named("administrator"), "fred")
    for name in ("bob", "fred", "nobody"):
        counting.derivations = 0
        for _ in range(MAX_FAILURES + 3):
            assert await refusal(ask, user(name, "wrong")) == WRONG
        assert counting.derivations == MAX_FAILURES, name


@pytest.mark.parametrize("name, password", [("bob", "hunter2"), ("fred", "correct horse")])
async def test_the_right_password_forgets_failures_wherever_the_user_is(
    ask: InProcessClient, users: None, name: str, password: str
):
    """Listed in the file, or made through KMIP."""
    await make_user(ask.at(V3_0).named("administrator"), "fred")
    for _ in range(2):
        for _ in range(MAX_FAILURES - 1):
            assert await refusal(ask, user(name, "wrong")) == WRONG
        assert await refusal(ask, user(name, password)) is None


async def test_refused_passwords_leave_lines_with_the_name_and_not_without_end(
    ask: InProcessClient, users: None, clock: Clock, caplog: pytest.LogCaptureFixture
):
    name = "bob\n" + "x" * 500
    for _ in range(2 * BURST):
        assert await refusal(ask, user(name, "hunter2"), device("sn-8", "hunter2")) == WRONG
    clock.now = NOW + 1 / PER_SECOND
    assert await refusal(ask, user(name, "hunter2")) == WRONG
    lines = [text for text in caplog.messages if "a client was refused" in text]
    assert len(lines) == BURST + 1
    assert "as user 'bob\\nxxx" in lines[0]
    assert "device 'sn-8'" in lines[0]
    assert f"{BURST} more were refused" in lines[-1]
    assert "hunter2" not in caplog.text
    assert max(map(len, lines)) < 500
