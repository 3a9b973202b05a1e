"""What a directory may say, and what becomes of it: a certificate, or one sentence."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.acme.client import Challenge, Client, certificate_id
from server.acme.jose import base64url, jwk, sign, thumbprint
from server.acme.replies import ACMEError, Refused, detail_of, retry_after
from server.acme.session import NONCE_ATTEMPTS, Session
from server.transport.https_client import Reply
from tests.server.acme.fake_directory import FakeDirectory, authority_pair, unbase64url

NAME = "kms.example.test"
NOW = datetime(2030, 1, 1, tzinfo=UTC)
ACCOUNT = ec.derive_private_key(7, ec.SECP256R1())
KEY = ec.derive_private_key(8, ec.SECP256R1())


class TrustedChallenge:
    """A challenge that needs no answer, since this directory believes everything."""

    kind = "http-01"
    condition = "it must be mended"

    def answered(self, challenge: Challenge) -> "TrustedChallenge":
        return self

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *error: object) -> None:
        pass


async def believe(kind: str, name: str, token: str, authorization: str) -> str:
    return ""


def directory(**changes: Any) -> FakeDirectory:
    return FakeDirectory(believe, lambda: NOW, **changes)


async def order(fake: FakeDirectory, email: str = "") -> Any:
    session = Session(fake.url, ACCOUNT, fake.fetch, lambda: NOW)
    return await Client(session, email).certificate(NAME, KEY, TrustedChallenge())


async def test_a_certificate_for_the_key_and_those_above_it(autojump_clock):
    fake = directory()
    leaf, root = await order(fake, "owner@example.test")
    assert leaf == fake.issued[0]
    assert root == fake.root
    assert fake.contact == ["mailto:owner@example.test"]


async def test_nobody_need_be_written_to(autojump_clock):
    fake = directory()
    await order(fake)
    assert fake.contact is None


async def test_nonces_may_be_refused_now_and_then_but_not_for_ever(autojump_clock):
    await order(directory(refuse_nonces=2))
    fake = directory(refuse_nonces=1)
    with pytest.raises(ACMEError, match="answers 400: a nonce of another server"):
        await order(fake)
    assert fake.requests.count("/newAccount") == NONCE_ATTEMPTS


async def test_an_account_that_was_forgotten_is_made_anew(autojump_clock):
    fake = directory()
    client = Client(Session(fake.url, ACCOUNT, fake.fetch, lambda: NOW))
    await client.certificate(NAME, KEY, TrustedChallenge())
    fake._accounts.clear()
    with pytest.raises(Refused) as caught:
        await client.certificate(NAME, KEY, TrustedChallenge())
    assert caught.value.kind == "accountDoesNotExist"
    await client.certificate(NAME, KEY, TrustedChallenge())


def edited(part: str, change: Callable[[dict[str, Any]], object]) -> Callable[[str, Reply], Reply]:
    """Replies of one kind, changed."""

    def spoil(path: str, reply: Reply) -> Reply:
        if not path.startswith(part) or reply.status >= 400 or not reply.body:
            return reply
        document = json.loads(reply.body)
        change(document)
        return Reply(reply.status, reply.headers, json.dumps(document).encode())

    return spoil


def without_headers(part: str) -> Callable[[str, Reply], Reply]:
    def spoil(path: str, reply: Reply) -> Reply:
        return Reply(reply.status, {}, reply.body) if path.startswith(part) else reply

    return spoil


def bodies(part: str, body: bytes) -> Callable[[str, Reply], Reply]:
    def spoil(path: str, reply: Reply) -> Reply:
        return Reply(reply.status, reply.headers, body) if path.startswith(part) else reply

    return spoil


def foreign() -> bytes:
    return authority_pair("another", NOW)[1].public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    "spoil,sentence",
    [
        (bodies("/dir", b"<html>"), "no JSON object"),
        (bodies("/dir", b"[" * 100_000), "no JSON object"),
        (bodies("/dir", b"{}"), "has no newAccount"),
        (edited("/dir", lambda document: document.update(newOrder=7)), "has no newOrder"),
        (without_headers("/new"), "no nonce"),
        (
            edited("/newOrder", lambda document: document.pop("authorizations")),
            "has no authorizations",
        ),
        (
            edited("/newOrder", lambda document: document.update(authorizations=[1])),
            "no authorizations",
        ),
        (edited("/authorization", lambda document: document.pop("challenges")), "takes no http-01"),
        (
            edited("/authorization", lambda document: document.update(challenges=3)),
            "takes no http-01",
        ),
        (
            edited(
                "/authorization", lambda document: document["challenges"][1].update(token="../../x")
            ),
            "the token of http-01 is none",
        ),
        (
            edited("/authorization", lambda document: document["challenges"][1].pop("url")),
            "has no url",
        ),
        (
            edited("/authorization", lambda document: document.update(status="revoked")),
            "was not found to be this server by http-01: it does not say why "
            r"\(it must be mended\)",
        ),
        (edited("/order", lambda document: document.update(status="invalid")), "was refused"),
        (edited("/order", lambda document: document.pop("finalize", 0)), "has no finalize"),
        (bodies("/certificate", b"none"), "no certificate that can be read"),
        (bodies("/certificate", foreign()), "no certificate that can be used"),
        (bodies("/certificate", foreign() * 11), "gave 11 certificates"),
    ],
)
async def test_what_cannot_be_used_is_an_error(autojump_clock, spoil, sentence):
    with pytest.raises(ACMEError, match=sentence) as caught:
        await order(directory(spoil=spoil))
    assert "\n" not in str(caught.value)


async def test_a_certificate_for_another_key_is_refused(autojump_clock):
    fake = directory()
    await order(fake)
    pem = fake._resources["/certificate/0"]["pem"].encode()
    session = Session(fake.url, ACCOUNT, directory(spoil=bodies("/cert", pem)).fetch, lambda: NOW)
    other = ec.derive_private_key(9, ec.SECP256R1())
    with pytest.raises(ACMEError, match="another key"):
        await Client(session).certificate(NAME, other, TrustedChallenge())
    with pytest.raises(ACMEError, match="other names"):
        await Client(session).certificate("other.test", KEY, TrustedChallenge())


async def test_an_undecided_directory_is_left(autojump_clock):
    spoil = edited("/authorization", lambda document: document.update(status="pending"))
    with pytest.raises(ACMEError, match="did not decide in time"):
        await order(directory(spoil=spoil))


async def test_a_directory_that_cannot_be_reached_is_an_error(autojump_clock):
    with pytest.raises(ACMEError, match=f"no certificate for {NAME}: .* cannot be reached"):
        await order(directory(down=True))


PARTS = ["/dir", "/newNonce", "/newAccount", "/newOrder", "/auth", "/chall", "/final", "/order"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    part=st.sampled_from([*PARTS, "/certificate"]),
    body=st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "status",
                        "type",
                        "detail",
                        "error",
                        "challenges",
                        "finalize",
                        "authorizations",
                    ]
                ),
                inner,
            )
        ),
        max_leaves=8,
    ).map(lambda document: json.dumps(document).encode()),
    status=st.sampled_from([200, 201, 301, 400, 403, 429, 500]),
)
async def test_whatever_it_says_ends_properly(autojump_clock, part, body, status):
    def spoil(path: str, reply: Reply) -> Reply:
        if not path.startswith(part):
            return reply
        return Reply(status, reply.headers, body)

    try:
        await order(directory(spoil=spoil))
    except ACMEError as error:
        assert "\n" not in str(error)  # noqa: PT017


async def test_renewal_information_of_any_form(autojump_clock):
    def window(certificate):
        return NOW + timedelta(days=2), NOW + timedelta(days=1)

    fake = directory(window=window)
    leaf, root = await order(fake)
    client = Client(Session(fake.url, ACCOUNT, fake.fetch, lambda: NOW))
    with pytest.raises(ACMEError, match="ends before it starts"):
        await client.renewal_window(leaf)
    assert await client.renewal_window(root) is None  # it names no authority
    for body in (b"", b"{}", b'{"suggestedWindow": 1}', b'{"suggestedWindow": {"start": "now"}}'):
        fake.spoil = bodies("/renewal", body)
        with pytest.raises(ACMEError):
            await client.renewal_window(leaf)
    fake.window = None
    other = Client(Session(fake.url, ACCOUNT, fake.fetch, lambda: NOW))
    assert await other.renewal_window(leaf) is None


def test_the_number_in_a_certificates_id_is_as_in_der():
    # RFC 9773 section 4.1 has this example.
    name = x509.Name([])
    authority = bytes.fromhex("69885b6b87464041e1b37b847ba0ae2cde01c8d4")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(0x87654321)
        .not_valid_before(NOW)
        .not_valid_after(NOW)
        .add_extension(x509.AuthorityKeyIdentifier(authority, None, None), critical=False)
        .sign(KEY, SHA256())
    )
    assert certificate_id(certificate) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"


@pytest.mark.parametrize(
    "text,seconds",
    [
        ("120", 120),
        (" 5 ", 5),
        ("Tue, 01 Jan 2030 00:01:00 GMT", 60),
        ("Mon, 31 Dec 2029 00:00:00 GMT", 0),
        ("soon", 0),
        ("-5", 0),
        ("²", 0),
        ("", 0),
    ],
)
def test_retry_after(text, seconds):
    assert retry_after(Reply(503, {"retry-after": text}), NOW) == seconds


def test_what_a_directory_says_stays_on_one_line():
    assert detail_of({"detail": "a\nb\x1b[31mc."}) == "a b [31mc"
    assert len(detail_of({"detail": "x" * 10_000})) == 400
    assert detail_of({"detail": 3}) == detail_of([]) == "it does not say why"


def test_keys_and_signatures_as_others_write_them():
    # RFC 7515 appendix A.3 has this key.
    x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
    y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
    d = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
    key = ec.derive_private_key(int.from_bytes(unbase64url(d), "big"), ec.SECP256R1())
    assert jwk(key.public_key()) == {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    assert thumbprint(key.public_key()) == "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"
    document = json.loads(sign(key, {"nonce": "n"}, None))
    assert document["payload"] == ""
    assert json.loads(unbase64url(document["protected"])) == {"alg": "ES256", "nonce": "n"}
    assert len(unbase64url(document["signature"])) == 64


@given(st.binary(max_size=40))
def test_base64url_comes_back(data):
    assert unbase64url(base64url(data)) == data
    assert "=" not in base64url(data)
