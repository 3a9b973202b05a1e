"""Who is the operator: by certificate, by token, and nobody else."""

import ssl
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
import trio
import trio.testing
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from enclave.client import client_context
from enclave.ratls import server_context, use_certificate
from server.access.operator_credential import key_sha256, operator_sha256, token_sha256
from server.bootstrap.operator import (
    MIN_TOKEN_CHARACTERS,
    OperatorAccess,
    check_token,
    operator_access,
)
from server.sessions.lockout import FAILURE_WINDOW_SECONDS, MAX_FAILURES
from server.setup.failure import Failure
from server.transport.acceptor import Peer
from server.transport.http import HTTPError, Request
from tests.server.unprovisioned_server import TOKEN, certificate, configured, pem


def request_with(
    token: str | None = None, certificate: bytes | None = None, address: str = "a"
) -> Request:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return Request("POST", "/start", {}, headers, b"", Peer(address, None, certificate))


def der(one) -> bytes:
    return one.public_bytes(Encoding.DER)


def status(access: OperatorAccess, request: Request) -> int:
    with pytest.raises(HTTPError) as refused:
        access.check(request)
    return refused.value.status


def test_the_digest_of_a_certificate_is_that_of_its_key():
    key, first = certificate()
    _, renewed = certificate(key, name="renewed")
    info = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert key_sha256(first) == key_sha256(renewed) == sha256(info).digest()


async def test_the_operator_presents_a_certificate_or_a_token():
    key, mine = certificate(name="operator")
    renewed = certificate(key, name="operator, renewed")[1]
    other = certificate(name="operator")[1]
    both = OperatorAccess(mine, token_sha256(TOKEN))
    assert both.check(request_with(certificate=der(mine))) == "certificate"
    assert both.check(request_with(certificate=der(renewed))) == "certificate"
    assert both.check(request_with(TOKEN)) == "token"
    assert both.check(request_with(TOKEN, der(other))) == "token"
    assert status(both, request_with(certificate=der(other))) == 401
    assert status(both, request_with()) == 401
    by_certificate = OperatorAccess(mine, None)
    assert status(by_certificate, request_with(TOKEN)) == 401
    by_token = OperatorAccess(None, token_sha256(TOKEN))
    assert status(by_token, request_with(certificate=der(mine))) == 401


async def test_the_digests_in_the_claims_tell_operators_apart():
    mine, other = certificate()[1], certificate()[1]
    token, another = token_sha256(TOKEN), token_sha256("another")
    ways = [(mine, None), (other, None), (None, token), (None, another), (mine, token)]
    digests = {OperatorAccess(*way).sha256 for way in ways}
    assert len(digests) == len(ways)
    assert OperatorAccess(mine, None).sha256 == key_sha256(mine)
    assert OperatorAccess(None, token).sha256 == token


@pytest.mark.parametrize(
    "header", ["", "Bearer", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer  {TOKEN}"]
)
async def test_other_headers_are_no_token(header):
    access = OperatorAccess(None, token_sha256(TOKEN))
    request = Request("POST", "/start", {}, {"authorization": header}, b"", Peer("a", None, None))
    assert status(access, request) == 401


async def test_the_scheme_is_in_either_case():
    access = OperatorAccess(None, token_sha256(TOKEN))
    headers = {"authorization": f"bEARER {TOKEN}"}
    assert access.check(Request("POST", "/", {}, headers, b"", Peer("a", None, None))) == "token"


async def test_guessing_is_slowed_down_and_never_keeps_the_operator_out(autojump_clock):
    access = OperatorAccess(None, token_sha256(TOKEN))
    seen = [status(access, request_with(f"guess {number}")) for number in range(MAX_FAILURES + 2)]
    assert seen == [401] * MAX_FAILURES + [429, 429]
    assert access.check(request_with(TOKEN)) == "token", (
        "strangers may share the operator's address"
    )
    assert status(access, request_with("guess again")) == 429
    await trio.sleep(FAILURE_WINDOW_SECONDS)
    assert status(access, request_with("guess again")) == 401


async def test_guesses_are_logged_and_tokens_are_not(caplog):
    access = OperatorAccess(None, token_sha256(TOKEN))
    for _ in range(MAX_FAILURES):
        status(access, request_with("hunter2", address="198.51.100.9"))
    assert "198.51.100.9" in caplog.text
    assert "hunter2" not in caplog.text
    assert TOKEN not in repr(access)


@pytest.mark.parametrize(
    "token",
    ["short", "", "x" * 1025, "with a space in the token here", "für " + "x" * 30, "\n" * 30],
)
def test_a_token_that_could_be_guessed_or_not_be_sent_is_refused(token):
    with pytest.raises(Failure):
        check_token(token)


def test_a_token_of_enough_characters_is_taken():
    check_token("x" * MIN_TOKEN_CHARACTERS)
    check_token(TOKEN)


# The settings


def test_the_settings_name_the_operator(tmp_path: Path):
    mine = certificate()[1]
    (tmp_path / "operator.pem").write_bytes(pem(mine))
    path = tmp_path / "operator.pem"
    assert operator_access(configured(tmp_path)).sha256 == token_sha256(TOKEN)
    only = configured(
        tmp_path, bootstrap_operator_certificate=path, bootstrap_operator_token_sha256=""
    )
    assert operator_access(only).sha256 == key_sha256(mine)


@pytest.mark.parametrize(
    "content,why", [(None, "cannot be read"), (b"", "not PEM"), (b"\xff", "not PEM")]
)
def test_an_operator_that_cannot_be_read_is_refused(tmp_path: Path, content, why):
    path = tmp_path / "operator.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Failure, match=why):
        operator_access(configured(tmp_path, bootstrap_operator_certificate=path))


def test_without_an_operator_there_is_no_bootstrap(tmp_path: Path):
    with pytest.raises(Failure, match="needs to know the operator"):
        operator_access(configured(tmp_path, bootstrap_operator_token_sha256=""))


def test_a_certificate_that_is_put_there_later_names_nobody(tmp_path: Path):
    """The claims name who may provision, also where the host exchanges the file in between."""
    path = tmp_path / "operator.pem"
    path.write_bytes(pem(certificate(name="host")[1]))
    config = configured(
        tmp_path, bootstrap_operator_certificate=path, bootstrap_operator_token_sha256=""
    )
    access = operator_access(config)
    path.write_bytes(pem(certificate(name="operator")[1]))
    assert operator_sha256(config) == access.sha256


@pytest.mark.parametrize("digest", ["abc", "g" * 64, "0" * 63])
def test_a_digest_that_is_none_is_refused(tmp_path: Path, digest):
    with pytest.raises(Failure, match="64 hexadecimal digits"):
        configured(tmp_path, bootstrap_operator_token_sha256=digest)


# The handshake


@pytest.fixture
def presenting(tmp_path: Path) -> Callable[..., ssl.SSLContext]:
    """A client that shows a certificate."""

    def context(key, one) -> ssl.SSLContext:
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (tmp_path / "pair.pem").write_bytes(private + pem(one))
        made = client_context()
        made.load_cert_chain(tmp_path / "pair.pem")
        return made

    return context


async def handshake(access: OperatorAccess, client: ssl.SSLContext) -> bytes | None:
    """The certificate that the server saw; raises where it broke the handshake off."""
    context = server_context()
    access.admit(context)
    own, leaf = certificate()
    use_certificate(context, own, der(leaf))
    near, far = trio.testing.memory_stream_pair()
    server = trio.SSLStream(far, context, server_side=True)
    stream = trio.SSLStream(near, client, server_hostname="x")
    found: list[bytes | None] = []

    async def serve() -> None:
        try:
            await server.do_handshake()
            found.append(server.getpeercert(binary_form=True))
            await server.send_all(b"x")
        except trio.BrokenResourceError:
            await far.aclose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        await stream.do_handshake()
        await stream.receive_some(1)
    return found[0]


async def test_the_operator_s_certificate_comes_through_the_handshake(presenting):
    key, mine = certificate(name="operator")
    access = OperatorAccess(mine, None)
    assert await handshake(access, presenting(key, mine)) == der(mine)
    assert await handshake(access, client_context()) is None, "others see evidence and status"


async def test_one_that_an_authority_signed_does_too(presenting):
    above = certificate(name="authority")
    key, mine = certificate(name="operator", issuer=above)
    assert await handshake(OperatorAccess(mine, None), presenting(key, mine)) == der(mine)


async def test_another_certificate_breaks_the_handshake_off(presenting):
    mine = certificate(name="operator")
    for other in (certificate(name="operator"), certificate(name="operator", days=-1)):
        with pytest.raises((trio.BrokenResourceError, ExceptionGroup)):
            await handshake(OperatorAccess(mine[1], None), presenting(*other))


async def test_who_the_operator_signed_for_is_not_the_operator(presenting):
    mine = certificate(name="operator")
    key, below = certificate(name="somebody", issuer=mine)
    access = OperatorAccess(mine[1], None)
    try:
        seen = await handshake(access, presenting(key, below))
    except (trio.BrokenResourceError, ExceptionGroup):
        return
    assert status(access, request_with(certificate=seen)) == 401
