"""Users of KMIP 3.0 and what lets them in: proofs, one-time passwords, certificates."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import trio
import trio.testing

from kmip.attribute_values import Name, RevocationReason
from kmip.attributes import Attributes
from kmip.enums import (
    CertificateType,
    CredentialType,
    HashingAlgorithm,
    Operation,
    OTPAlgorithm,
    ResultReason,
    RevocationReasonCode,
)
from kmip.messages import (
    Authentication,
    Credential,
    HashedPassword,
    OneTimePassword,
    TicketCredential,
    UsernameAndPassword,
)
from kmip.objects import (
    Certificate,
    HashedPasswordCredential,
    OTPCredential,
    PasswordCredential,
)
from kmip.tags import Tag
from kmip.versions import V2_0, V3_0
from server.access.client import Client, of_certificate
from server.access.hashed_passwords import SKEW_SECONDS, halves_of
from server.access.one_time_passwords import generator_of
from server.access.users import Users
from server.objects.own_records import SWEEP_GRACE, sweep
from server.requests import kmip_credentials, kmip_users
from server.sessions.lockout import MAX_FAILURES
from tests.server.conftest import NOW, Clock, InProcessClient
from tests.server.operations.certified_keys import certified
from tests.server.operations.test_create_user import CHEAP, PASSWORD
from tests.server.transport.test_kmip_https_identity import aes

Op = Operation
WRONG = ResultReason.AUTHENTICATION_NOT_SUCCESSFUL
MICRO = 1_000_000
SEED = b"12345678901234567890"
TOTP = OTPCredential(otp_algorithm=OTPAlgorithm.TOTP, otp_seed=SEED)
HOTP = OTPCredential(otp_algorithm=OTPAlgorithm.HOTP, otp_seed=SEED, otp_counter=5)
BY_OTP = CredentialType.ONE_TIME_PASSWORD


@pytest.fixture
def admin(ask: InProcessClient) -> InProcessClient:
    ask.server.users = Users(ask.server.config.users_file, CHEAP)
    ask.server.users.look_into(ask.server.store)
    return ask.at(V3_0).named("administrator")


async def made(admin: InProcessClient, kind: CredentialType, content: Any) -> str:
    fields = {"credential_type": kind, "object": content}
    return str((await admin(Op.CREATE_CREDENTIAL, **fields)).unique_identifier)


async def password(admin: InProcessClient) -> str:
    return str((await admin(Op.CREATE_CREDENTIAL, **PASSWORD)).unique_identifier)


async def user(admin: InProcessClient, *credentials: str, name: str = "fred") -> str:
    attributes = Attributes([(Tag.NAME, Name(name_value=name))])
    for each in credentials:
        attributes.add(Tag.CREDENTIAL_LINK, each)
    return str((await admin(Op.CREATE_USER, attributes=attributes)).unique_identifier)


class Person:
    """Sends credentials, on a connection of a certificate's or of nobody's."""

    def __init__(self, admin: InProcessClient, client: Client | None) -> None:
        self.ask = InProcessClient(admin.server, client, V3_0)

    async def message(self, *values: tuple[CredentialType, Any], at: Any = V3_0) -> Any:
        credentials = tuple(
            Credential(credential_type=kind, credential_value=value) for kind, value in values
        )
        header = {"authentication": Authentication(credential=credentials)}
        ask = InProcessClient(self.ask.server, self.ask.client, at, header)
        return await ask.message(ask.item(Op.LOGIN))

    async def reason(self, *values: tuple[CredentialType, Any]) -> ResultReason | None:
        """Why it is refused; None: it is not."""
        (item,) = (await self.message(*values)).batch_item
        return item.result_reason


@pytest.fixture
def laptop(admin: InProcessClient) -> Person:
    return Person(admin, Client("laptop"))


@pytest.fixture
def nobody(admin: InProcessClient) -> Person:
    return Person(admin, None)


def plain(secret: str | None = "correct horse", name: str = "fred") -> tuple[CredentialType, Any]:
    value = UsernameAndPassword(username=name, password=secret)
    return CredentialType.USERNAME_AND_PASSWORD, value


def otp(
    code: str, secret: str | None = "correct horse", name: str = "fred"
) -> tuple[CredentialType, Any]:
    return BY_OTP, OneTimePassword(username=name, password=secret, one_time_password=code)


def totp(now: float = NOW) -> str:
    return generator_of(TOTP).password(int(now) // 30)


def hotp(number: int) -> str:
    return generator_of(HOTP).password(number)


def proof(
    timestamp: int = NOW * MICRO,
    secret: str = "correct horse",
    name: str = "fred",
    algorithm: HashingAlgorithm | None = None,
    digest: str = "sha256",
    **more: Any,
) -> tuple[CredentialType, Any]:
    """A hashed password, made from the specification's formula and not from the server's code."""
    s1 = hashlib.new(digest, name.encode() + secret.encode()).digest()
    s2 = hashlib.new(digest, secret.encode() + name.encode()).digest()
    first = hashlib.new(digest, s1 + timestamp.to_bytes(8, signed=True)).digest()
    fields = {
        "username": name,
        "timestamp": timestamp,
        "hashing_algorithm": algorithm,
        "hashed_password": first + s2,
    }
    return CredentialType.HASHED_PASSWORD, HashedPassword(**{**fields, **more})


# One-time passwords


async def test_password_and_one_time_password_let_their_user_in(admin, nobody):
    identifier = await user(admin, await password(admin), await made(admin, BY_OTP, TOTP))
    (item,) = (await nobody.message(otp(totp()))).batch_item
    assert item.result_reason is None
    ticket = nobody.ask.payload(item).ticket
    presented = TicketCredential(ticket=ticket)
    header = {
        "authentication": Authentication(
            credential=(
                Credential(credential_type=CredentialType.TICKET, credential_value=presented),
            )
        )
    }
    theirs = InProcessClient(admin.server, None, V3_0, header)
    key = (await theirs(Op.CREATE, **aes())).unique_identifier
    owner = InProcessClient(admin.server, Client(f"user:{identifier}"), V3_0)
    assert (await owner(Op.LOCATE)).unique_identifier == (key,)


async def test_a_one_time_password_is_good_once(admin, nobody, clock: Clock):
    await user(admin, await password(admin), await made(admin, BY_OTP, TOTP))
    assert await nobody.reason(otp(totp())) is None
    assert await nobody.reason(otp(totp())) == WRONG
    assert await nobody.reason(otp(totp(NOW - 30))) == WRONG  # from before one that was taken
    clock.now += 30
    assert await nobody.reason(otp(totp(clock.now))) is None


async def test_of_two_that_show_the_same_at_once_one_comes_in(admin, nobody):
    await user(admin, await password(admin), await made(admin, BY_OTP, TOTP))
    other = Person(admin, Client("another"))
    reasons = []

    async def show(person: Person) -> None:
        reasons.append(await person.reason(otp(totp())))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(show, nobody)
        nursery.start_soon(show, other)
    assert sorted(reasons, key=str) == sorted([None, WRONG], key=str)


async def test_a_counter_goes_up_in_the_store(admin, nobody):
    credential = await made(admin, BY_OTP, HOTP)
    await user(admin, await password(admin), credential)
    for number, reason in ((4, WRONG), (5, None), (5, WRONG), (9, None), (8, WRONG), (10, None)):
        assert await nobody.reason(otp(hotp(number))) == reason, number
    records = kmip_credentials.OwnRecords(admin.server.store, kmip_credentials.ONE_TIME_PASSWORDS)
    record = await records.read(credential.encode())
    assert record is not None
    assert int.from_bytes(record.meta) == 11


async def test_a_step_that_was_taken_is_remembered_while_it_is_good(admin, nobody, clock: Clock):
    await user(admin, await password(admin), await made(admin, BY_OTP, TOTP))
    code = totp(NOW + 30)
    assert await nobody.reason(otp(code)) is None
    for _ in range(3):
        clock.now += 30
        await sweep(admin.server.store, clock.now + SWEEP_GRACE)
        assert await nobody.reason(otp(code)) == WRONG


@pytest.mark.parametrize(
    "presented",
    [
        otp("000000"),
        otp(""),
        otp(totp(), "wrong"),
        otp(totp(), None),
        otp(totp(), ""),
        otp(totp(), name="eve"),
        otp(totp(NOW + 90)),
        otp(totp(NOW - 90)),
        otp("x" * 100_000),
        plain(),
        proof(),
    ],
)
async def test_nothing_else_lets_a_user_with_a_generator_in(admin, nobody, laptop, presented):
    await user(admin, await password(admin), await made(admin, BY_OTP, TOTP))
    assert await nobody.reason(presented) == WRONG
    assert await laptop.reason(presented) == WRONG


async def test_a_revoked_generator_makes_no_password_suffice(admin, nobody):
    credential = await made(admin, BY_OTP, TOTP)
    await user(admin, await password(admin), credential)
    reason = RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE)
    await admin(Op.REVOKE, unique_identifier=credential, revocation_reason=reason)
    assert await nobody.reason(plain()) == WRONG
    assert await nobody.reason(otp(totp())) == WRONG


async def test_a_generator_behind_many_links_makes_no_password_suffice(admin, nobody):
    links = [await password(admin) for _ in range(kmip_users.MAX_CANDIDATES)]
    await user(admin, *links, await made(admin, BY_OTP, TOTP))
    assert await nobody.reason(plain()) == WRONG


async def test_digits_alone_suffice_on_a_connection_with_a_certificate_only(admin, nobody, laptop):
    await user(admin, await made(admin, BY_OTP, TOTP))
    assert await nobody.reason(otp(totp(), None)) == WRONG
    assert await laptop.reason(otp(totp(), None)) is None


async def test_another_user_s_password_is_not_what_digits_alone_need(admin, nobody):
    await user(admin, await password(admin), name="bob")
    await user(admin, await made(admin, BY_OTP, TOTP))
    assert await nobody.reason(plain(name="bob"), otp(totp(), None)) == WRONG


async def test_guesses_at_one_time_passwords_are_limited(admin, laptop):
    await user(admin, await password(admin), await made(admin, BY_OTP, TOTP))
    for _ in range(MAX_FAILURES):
        assert await laptop.reason(otp("000000")) == WRONG
    assert await laptop.reason(otp(totp())) == WRONG
    assert await Person(admin, Client("desk")).reason(otp(totp())) is None


async def test_a_ticket_ends_with_either_credential(admin, nobody):
    for place in (0, 1):
        name = f"user {place}"
        links = [await password(admin), await made(admin, BY_OTP, TOTP)]
        await user(admin, *links, name=name)
        (item,) = (await nobody.message(otp(totp(), name=name))).batch_item
        ticket = TicketCredential(ticket=nobody.ask.payload(item).ticket)
        presented = (CredentialType.TICKET, ticket)
        (item,) = (await nobody.message(presented)).batch_item
        assert item.result_reason == ResultReason.PERMISSION_DENIED  # no ticket for a ticket
        reason = RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE)
        await admin(Op.REVOKE, unique_identifier=links[place], revocation_reason=reason)
        (item,) = (await nobody.message(presented)).batch_item
        assert item.result_reason == ResultReason.INVALID_TICKET


@pytest.mark.parametrize(
    "content",
    [
        OTPCredential(otp_algorithm=OTPAlgorithm.TOTP, otp_seed=b"short"),
        OTPCredential(otp_algorithm=OTPAlgorithm.TOTP, otp_seed=SEED, otp_digits=1),
        OTPCredential(otp_seed=SEED),
    ],
)
async def test_a_generator_that_is_not_safe_is_not_made(admin, content):
    fields = {"credential_type": BY_OTP, "object": content}
    (item,) = await admin.batch(admin.item(Op.CREATE_CREDENTIAL, **fields))
    assert item.result_reason == ResultReason.INVALID_FIELD


# Hashed passwords


@pytest.mark.parametrize(
    "algorithm, digest",
    [
        (None, "sha256"),
        (HashingAlgorithm.SHA_256, "sha256"),
        (HashingAlgorithm.SHA_384, "sha384"),
        (HashingAlgorithm.SHA_512, "sha512"),
    ],
)
async def test_a_proof_of_the_password_lets_its_user_in(admin, nobody, algorithm, digest):
    await user(admin, await password(admin))
    presented = proof(algorithm=algorithm, digest=digest)
    response = await nobody.message(presented)
    assert response.batch_item[0].result_reason is None
    s1 = hashlib.new(digest, b"fredcorrect horse").digest()
    s2 = hashlib.new(digest, b"correct horsefred").digest()
    stamp = (NOW * MICRO).to_bytes(8)
    expected = hashlib.new(digest, stamp + s1 + hashlib.new(digest, s2).digest()).digest()
    assert response.response_header.server_hashed_password == expected


async def test_the_server_answers_no_proof_to_who_has_shown_none(admin, nobody):
    await user(admin, await password(admin))
    for presented in (plain(), proof(secret="wrong")):
        response = await nobody.message(presented)
        assert response.response_header.server_hashed_password is None


async def test_a_password_that_is_known_only_hashed_lets_its_user_in(admin, nobody):
    halves = halves_of("fred", "correct horse", "sha256")
    content = HashedPasswordCredential(
        hashed_username_password=halves.first, hashed_password_username=halves.second
    )
    await user(admin, await made(admin, CredentialType.HASHED_PASSWORD, content))
    assert await nobody.reason(proof()) is None
    assert await nobody.reason(plain()) == WRONG


@pytest.mark.parametrize(
    "halves", [(None, b"p" * 32), (b"p" * 32, None), (None, None)], ids=["no S1", "no S2", "none"]
)
async def test_half_of_a_hashed_password_lets_nobody_in(admin, nobody, halves):
    first, second = halves
    content = HashedPasswordCredential(
        hashed_username_password=first,
        hashed_password_username=second,
        salted_password=b"s" * 32,
    )
    await user(admin, await made(admin, CredentialType.HASHED_PASSWORD, content))
    stamp = hashlib.sha256((first or b"") + (NOW * MICRO).to_bytes(8)).digest()
    assert await nobody.reason(proof(hashed_password=stamp + (second or b""))) == WRONG


async def test_a_proof_is_taken_once_and_time_goes_forward(admin, nobody, clock: Clock):
    await user(admin, await password(admin))
    assert await nobody.reason(proof(NOW * MICRO)) is None
    assert await nobody.reason(proof(NOW * MICRO)) == WRONG
    assert await nobody.reason(proof(NOW * MICRO - 1)) == WRONG
    assert await nobody.reason(proof(NOW * MICRO + 1)) is None


async def test_a_proof_of_another_time_is_refused(admin, nobody, clock: Clock):
    await user(admin, await password(admin))
    for seconds in (-SKEW_SECONDS - 1, SKEW_SECONDS + 1):
        assert await nobody.reason(proof((NOW + seconds) * MICRO)) == WRONG
    for extreme in (0, -1, (1 << 63) - 1, -(1 << 63)):
        assert await nobody.reason(proof(extreme)) == WRONG
    assert await nobody.reason(proof((NOW + SKEW_SECONDS) * MICRO)) is None
    assert await nobody.reason(proof(NOW * MICRO)) == WRONG  # earlier than the last one


async def test_a_time_that_was_taken_is_remembered_while_it_is_present(admin, nobody, clock: Clock):
    await user(admin, await password(admin))
    presented = proof((NOW + SKEW_SECONDS) * MICRO)
    assert await nobody.reason(presented) is None
    clock.now += 2 * SKEW_SECONDS
    await sweep(admin.server.store, clock.now + SWEEP_GRACE)
    assert await nobody.reason(presented) == WRONG


@pytest.mark.parametrize(
    "presented",
    [
        proof(secret="wrong"),
        proof(name="eve"),
        proof(hashed_password=b""),
        proof(hashed_password=b"x" * 64),
        proof(hashed_password=proof()[1].hashed_password[:32]),
        proof(hashed_password=proof()[1].hashed_password[32:]),
        proof(algorithm=HashingAlgorithm.SHA_512),
        proof(algorithm=HashingAlgorithm.MD5, digest="md5"),
        proof(algorithm=HashingAlgorithm.SHA_1, digest="sha1"),
    ],
)
async def test_what_is_no_proof_is_refused(admin, nobody, presented):
    await user(admin, await password(admin))
    assert await nobody.reason(presented) == WRONG


async def test_a_wrong_proof_writes_nothing_of_its_time(admin, nobody):
    await user(admin, await password(admin))
    assert await nobody.reason(proof((NOW + 100) * MICRO, secret="wrong")) == WRONG
    assert await nobody.reason(proof(NOW * MICRO)) is None


async def test_proofs_are_shown_in_the_versions_that_have_them(admin, nobody):
    await user(admin, await password(admin))
    response = await nobody.message(proof(), at=V2_0)
    assert response.batch_item[0].result_reason is None
    assert response.response_header.server_hashed_password is not None


# Certificates


async def certificate_of(admin: InProcessClient, der: bytes) -> str:
    content = Certificate(certificate_type=CertificateType.X_509, certificate_value=der)
    return await made(admin, CredentialType.CERTIFICATE, content)


async def test_a_certificate_is_its_user_s_where_the_message_names_the_user(admin):
    der, other = certified("fred").der, certified("eve").der
    identifier = await user(admin, await certificate_of(admin, der), name="fred")
    theirs = Person(admin, of_certificate({"subject": ()}, der))
    (item,) = (await theirs.message(plain(None))).batch_item
    assert item.result_reason is None
    issued = await admin.server.tickets.find(theirs.ask.payload(item).ticket.ticket_value, NOW)
    assert issued.client == f"user:{identifier}"
    for person in (
        Person(admin, of_certificate({"subject": ()}, other)),
        Person(admin, Client("fred")),
        Person(admin, None),
    ):
        assert await person.reason(plain(None)) == WRONG
    assert await theirs.reason(plain(None, name="eve")) == WRONG
    assert await theirs.reason(plain("a password")) == WRONG


async def test_without_a_name_in_the_message_the_certificate_s_name_stays(admin):
    der = certified("fred").der
    await user(admin, await certificate_of(admin, der))
    client = of_certificate({"subject": ((("commonName", "fred"),),)}, der)
    assert client is not None
    await InProcessClient(admin.server, client, V3_0)(Op.CREATE, **aes())
    located = await InProcessClient(admin.server, Client("fred"), V3_0)(Op.LOCATE)
    assert len(located.unique_identifier) == 1


async def test_a_user_with_a_generator_does_not_come_in_by_a_certificate_alone(admin):
    der = certified("fred").der
    await user(admin, await certificate_of(admin, der), await made(admin, BY_OTP, TOTP))
    theirs = Person(admin, of_certificate({"subject": ()}, der))
    assert await theirs.reason(plain(None)) == WRONG
    assert await theirs.reason(otp(totp(), None)) is None


# Several


async def test_of_several_credentials_each_must_hold_and_the_last_one_names(admin, laptop):
    await user(admin, await password(admin), name="fred")
    identifier = await user(
        admin, await password(admin), await made(admin, BY_OTP, TOTP), name="grete"
    )
    good = otp(totp(), name="grete")
    assert await laptop.reason(plain("wrong"), good) == WRONG
    (item,) = (await laptop.message(plain(), good)).batch_item
    assert item.result_reason is None
    issued = await admin.server.tickets.find(laptop.ask.payload(item).ticket.ticket_value, NOW)
    assert issued.client == f"user:{identifier}"


async def test_the_log_names_who_tried_and_nothing_of_a_secret(admin, nobody, caplog):
    await user(admin, await password(admin), await made(admin, BY_OTP, TOTP))
    for presented in (otp("123987"), proof(secret="wrong")):
        await nobody.reason(presented)
    assert "user 'fred'" in caplog.text
    for secret in ("123987", "correct horse", proof(secret="wrong")[1].hashed_password.hex()):
        assert secret not in caplog.text


@pytest.mark.parametrize(
    "content",
    [
        OTPCredential(otp_algorithm=OTPAlgorithm.TOTP, otp_seed=b""),
        OTPCredential(),
        PasswordCredential(password="correct horse"),
    ],
)
async def test_a_generator_that_was_kept_before_it_was_refused_lets_nobody_in(admin, content):
    linked = kmip_users.Linked("identifier", content)
    assert not await kmip_credentials._is_taken(admin.server, linked, "000000")
