"""Where an issuer's keys are read: over real TLS, and from files."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from server.access.jwt import NotAccepted
from server.setup.config import Config
from server.setup.failure import Failure
from server.transport.https_client import Fetcher, client_context
from server.transport.issuer_keys import fetched_keys, jwt_issuers
from tests.server.access.issuer import AUDIENCE, EC, NAME, OTHER_EC, jwk_set, public, token
from tests.server.conftest import NOW
from tests.server.transport.test_https_client import saying, serving, vouched

__all__ = ["vouched"]


def reply(body: bytes, status: bytes = b"200 OK", more: bytes = b"") -> bytes:
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, more, len(body), body)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        data=tmp_path,
        jwt_issuer_uri=NAME,
        jwt_audience=(AUDIENCE,),
        jwks_uri=f"file:{tmp_path / 'keys.json'}",
    )


def test_without_settings_there_is_no_issuer(tmp_path: Path):
    assert not jwt_issuers(Config(data=tmp_path))


def test_authorities_that_cannot_be_read_end_the_start(config: Config):
    with pytest.raises(Failure, match="absent"):
        jwt_issuers(replace(config, jwks_uri="https://localhost/", jwks_ca=Path("/absent")))


async def test_a_changed_file_is_seen(config: Config, tmp_path: Path, nursery, autojump_clock):
    (tmp_path / "keys.json").write_bytes(jwk_set(public(EC, "ec")))
    (issuer,) = jwt_issuers(config)
    await issuer.keys.read()
    assert (await issuer.identify(token(), lambda: NOW)).client == f"jwt:{NAME} alice"
    (tmp_path / "keys.json").write_bytes(jwk_set(public(OTHER_EC, "ec")))
    await issuer.keys.read()
    assert (await issuer.identify(token(OTHER_EC), lambda: NOW)).client == f"jwt:{NAME} alice"


async def test_keys_are_fetched_from_who_is_vouched_for(vouched):
    identity, fetch = vouched
    async with serving(identity, saying(reply(jwk_set(public(EC, "ec"))))) as url:
        keys = fetched_keys(f"{url}/keys", fetch)
        await keys.read()
    assert await keys.find("ec", "ES256") is not None


async def test_who_is_not_vouched_for_gives_no_keys(vouched, tmp_path: Path):
    identity, _ = vouched
    async with serving(identity, saying(reply(jwk_set()))) as url:
        keys = fetched_keys(f"{url}/keys", Fetcher(client_context()))
        await keys.read()
    assert await keys.find("ec", "ES256") is None


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"x" * (10 << 20)),
        reply(jwk_set(), b"404 Not Found"),
        reply(b"", b"302 Found", b"Location: https://attacker.example/keys\r\n"),
        reply(b"not JSON"),
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{",
    ],
    ids=["10 MiB", "404", "elsewhere", "no JSON", "no HTTP", "cut"],
)
async def test_what_is_no_set_of_keys_leaves_none(vouched, answer: bytes):
    identity, fetch = vouched
    async with serving(identity, saying(answer)) as url:
        keys = fetched_keys(f"{url}/keys", fetch)
        await keys.read()
    assert await keys.find("ec", "ES256") is None


async def test_a_reply_that_comes_byte_by_byte_ends_in_time(vouched):
    identity, fetch = vouched

    async def slow(stream: trio.abc.Stream, request: bytes) -> None:
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            await stream.send_all(b" ")
            await trio.sleep(0.01)

    async with serving(identity, slow) as url:
        keys = fetched_keys(f"{url}/keys", replace(fetch, seconds=0.2))
        with trio.fail_after(10):
            await keys.read()
    assert await keys.find("ec", "ES256") is None


async def test_an_address_that_can_be_none_leaves_no_keys(vouched):
    _, fetch = vouched
    keys = fetched_keys(f"https://{'x' * 100}.example/keys", fetch)
    await keys.read()
    assert await keys.find("ec", "ES256") is None


async def test_each_issuer_has_keys_and_settings_of_its_own(config: Config, tmp_path: Path):
    other = tmp_path / "other.json"
    (tmp_path / "keys.json").write_bytes(jwk_set(public(EC, "ec")))
    other.write_bytes(jwk_set(public(OTHER_EC, "ec")))
    words = f"issuer=https://b.example jwks=file:{other} audience=x audience=y algorithm=ES256"
    issuers = jwt_issuers(replace(config, jwt_issuers=(f"{words} claim=email skew=5",)))
    for each in issuers:
        await each.keys.read()
    first = await issuers.identify(token(), lambda: NOW)
    assert first[0].client == f"jwt:{NAME} alice"
    claims: dict[str, Any] = {"iss": "https://b.example", "aud": ["y"], "email": "a@b"}
    claims["exp"] = NOW + 1
    bearer, issuer = await issuers.identify(token(OTHER_EC, **claims), lambda: NOW)
    assert (bearer.client, bearer.until) == ("jwt:https://b.example a@b", NOW + 6)
    assert issuer == "https://b.example"
    for text in (
        token(EC, **claims),  # by the other issuer's key
        token(OTHER_EC),
        token(OTHER_EC, **{**claims, "aud": AUDIENCE}),
        token(OTHER_EC, **{**claims, "iss": "https://c.example"}),
        "a.b.c",
        "a..c",
        "é.é.é",
        "x",
    ):
        with pytest.raises(NotAccepted):
            await issuers.identify(text, lambda: NOW)
