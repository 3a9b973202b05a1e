"""An issuer's keys: read, kept, changed, and never fetched without end."""

from __future__ import annotations

import json
import logging

import pytest
import trio
import trio.testing
from joserfc.jwk import ECKey, RSAKey

from server.access.jwk_set import (
    LEAST_SECONDS,
    MAX_BYTES,
    MAX_KEYS,
    READ_SECONDS,
    STALE_SECONDS,
    WAIT_SECONDS,
    JWKSet,
    NoKeys,
    keys_in,
)
from tests.server.access.issuer import EC, KEYS, OTHER_EC, RSA, Published, jwk_set, part, public

WHERE = "https://issuer.example/keys"


@pytest.fixture
def published() -> Published:
    return Published(jwk_set(public(EC, "first")))


# What a set may be


def test_public_keys_of_each_kind_are_read():
    assert [each.key_id for each in keys_in(jwk_set())] == list(KEYS)


def test_a_private_key_that_is_published_by_mistake_is_taken_without_its_private_part():
    (key,) = keys_in(jwk_set({**EC.as_dict(private=True), "kid": "ec"}))
    assert not key.key.is_private


@pytest.mark.parametrize(
    "row",
    [
        1,
        None,
        [],
        {},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "AKP", "kid": "x"},
        {"kty": ["EC"]},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-1", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": 1, "y": 2},
        {"kty": "RSA", "n": "", "e": "AQAB"},
        {"kty": "RSA", "n": "é", "e": "AQAB"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
        {**public(EC, "x"), "kid": 1},
        {**public(EC, "x"), "kid": "x" * 300},
    ],
)
def test_a_key_that_cannot_be_used_is_passed_over(row):
    assert [each.key_id for each in keys_in(jwk_set(row, public(EC, "good")))] == ["good"]
    with pytest.raises(NoKeys):
        keys_in(jwk_set(row))


def test_a_weak_or_slow_rsa_key_is_passed_over():
    with pytest.warns(match="2048"):
        weak = RSAKey.generate_key(1024, private=False)
    huge = {"kty": "RSA", "n": part(b"\xff" * 2000), "e": "AQAB"}
    slow = {**public(RSA, "slow"), "e": part(b"\xff" * 8)}
    for row in (weak.as_dict(), huge, slow):
        with pytest.raises(NoKeys):
            keys_in(jwk_set({**row, "kid": "x"}))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": null}',
        b"\xff",
        b"<html>",
        b"[" * 100_000,
        b" " * (MAX_BYTES + 1),
        b"x" * (10 << 20),
        json.dumps({"keys": [public(EC, str(n)) for n in range(MAX_KEYS + 1)]}).encode(),
    ],
)
def test_what_is_no_set_is_refused(content: bytes):
    with pytest.raises(NoKeys):
        keys_in(content)


# When it is read


async def known(keys: JWKSet, key_id: str) -> bool:
    return await keys.find(key_id, "ES256") is not None


async def test_keys_are_read_again_after_a_while(published: Published, nursery, autojump_clock):
    keys = JWKSet(published, WHERE)
    nursery.start_soon(keys.keep)
    await trio.testing.wait_all_tasks_blocked()
    assert await known(keys, "first")
    published.content = jwk_set(public(OTHER_EC, "second"))
    await trio.sleep(READ_SECONDS - 1)
    assert await known(keys, "first")
    await trio.sleep(2)
    assert not await known(keys, "first")
    assert await known(keys, "second")


async def test_a_token_by_a_new_key_waits_for_a_reading(
    published: Published, nursery, autojump_clock
):
    keys = JWKSet(published, WHERE)
    nursery.start_soon(keys.keep)
    await trio.testing.wait_all_tasks_blocked()
    published.content = jwk_set(public(EC, "first"), public(OTHER_EC, "second"))
    await trio.sleep(LEAST_SECONDS)
    assert await known(keys, "second")
    assert published.reads == 2


async def test_nobody_makes_the_server_read_without_end(
    published: Published, nursery, autojump_clock
):
    keys = JWKSet(published, WHERE)
    nursery.start_soon(keys.keep)
    await trio.testing.wait_all_tasks_blocked()
    began = trio.current_time()
    for number in range(1000):
        assert not await known(keys, f"unknown {number}")
    assert trio.current_time() == began  # they are refused at once
    assert published.reads == 1
    await trio.sleep(LEAST_SECONDS)
    async with trio.open_nursery() as strangers:
        for number in range(1000):
            strangers.start_soon(known, keys, f"unknown {number}")
    assert published.reads == 2


async def test_a_slow_issuer_holds_up_nobody_whose_key_is_known(nursery, autojump_clock):
    published = Published(jwk_set(public(EC, "first")))

    async def read() -> bytes:
        content = await published()
        if published.reads > 1:
            await trio.sleep(3600)
        return content

    keys = JWKSet(read, WHERE)
    nursery.start_soon(keys.keep)
    await trio.sleep(LEAST_SECONDS)
    began = trio.current_time()
    assert not await known(keys, "unknown")
    assert trio.current_time() == began + WAIT_SECONDS
    assert await known(keys, "first")
    assert trio.current_time() == began + WAIT_SECONDS
    assert published.reads == 2


async def test_a_token_that_comes_before_the_first_reading_waits_for_it(
    published: Published, nursery, autojump_clock
):
    async def read() -> bytes:
        await trio.sleep(1)
        return await published()

    keys = JWKSet(read, WHERE)
    nursery.start_soon(keys.keep)
    await trio.testing.wait_all_tasks_blocked()
    assert await known(keys, "first")


async def test_who_leaves_while_they_wait_does_not_stop_the_reading(
    published: Published, nursery, autojump_clock
):
    async def read() -> bytes:
        await trio.sleep(1)
        return await published()

    keys = JWKSet(read, WHERE)
    nursery.start_soon(keys.keep)
    with trio.move_on_after(0.5):
        await known(keys, "first")
    await trio.sleep(1)
    assert published.reads == 1
    assert await known(keys, "first")


async def test_an_issuer_that_is_not_heard_is_told_once_and_its_keys_stay_for_a_while(
    published: Published, nursery, autojump_clock, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING)
    keys = JWKSet(published, WHERE)
    nursery.start_soon(keys.keep)
    await trio.testing.wait_all_tasks_blocked()
    published.fails = True
    await trio.sleep(STALE_SECONDS)
    assert await known(keys, "first")
    assert caplog.text.count("cannot be read") == 1
    await trio.sleep(1)
    assert not await known(keys, "first")
    published.fails = False
    await trio.sleep(LEAST_SECONDS)
    assert await known(keys, "first")


async def test_a_set_without_a_usable_key_does_not_take_the_place_of_one(
    published: Published, autojump_clock
):
    keys = JWKSet(published, WHERE)
    await keys.read()
    published.content = b'{"keys": []}'
    await keys.read()
    assert await known(keys, "first")


def test_nothing_of_a_key_is_printed():
    (key,) = keys_in(jwk_set(public(ECKey.generate_key("P-256"), "ec")))
    assert repr(key) == "IssuerKey(key_id='ec', algorithm=None)"
