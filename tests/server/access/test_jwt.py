"""JWTs: which are taken, and as whose."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from server.access.jwt import MAX_NAME_CHARACTERS, MAX_TOKEN_CHARACTERS, NotAccepted
from server.setup.config import Config
from server.setup.failure import Failure
from tests.server.access import issuer as issuers
from tests.server.access.issuer import (
    AUDIENCE,
    CLAIMS,
    EC,
    EDWARDS,
    NAME,
    OTHER_EC,
    RSA,
    Published,
    forged,
    issuer,
    jwk_set,
    part,
    public,
    signed,
    token,
)
from tests.server.conftest import NOW


async def refusal(text: str, now: float = NOW, **more: Any) -> str:
    """Why a token is refused."""
    with pytest.raises(NotAccepted) as raised:
        await (await issuer(**more)).identify(text, lambda: now)
    return str(raised.value)


@pytest.mark.parametrize(
    "key, algorithm, key_id",
    [
        (EC, "ES256", "ec"),
        (RSA, "RS256", "rsa"),
        (RSA, "RS512", "rsa"),
        (RSA, "PS256", "rsa"),
        (EDWARDS, "EdDSA", "ed"),
        (EDWARDS, "Ed25519", "ed"),
    ],
)
async def test_a_token_of_each_algorithm_is_its_subject_s(key, algorithm: str, key_id: str):
    found = await (await issuer()).identify(token(key, algorithm, key_id), lambda: NOW)
    assert found.client == f"jwt:{NAME} alice"
    assert found.until == NOW + 660


async def test_issuers_subjects_are_never_confused():
    longer = await issuer(issuer=NAME + "2")
    found = await longer.identify(token(iss=NAME + "2", sub="3 alice"), lambda: NOW)
    other = await issuer(issuer=NAME)
    also = await other.identify(token(sub="23 alice"), lambda: NOW)
    assert found.client != also.client


async def test_another_claim_names_the_client_where_the_settings_say_so():
    by_mail = await issuer(client_claim="email")
    found = await by_mail.identify(token(email="alice@example.com"), lambda: NOW)
    assert found.client == f"jwt:{NAME} alice@example.com"
    assert "name a client" in await refusal(token(), client_claim="email")


@pytest.mark.parametrize(
    "name",
    ["", None, 1, True, ["alice"], {"a": 1}, "a\nb", "a\x00", "\ud800", "\u202ea", "x" * 256],
)
async def test_a_client_is_named_by_a_text_that_can_be_printed(name):
    assert "name a client" in await refusal(token(sub=name))


async def test_a_client_s_name_has_some_length_at_most():
    found = await (await issuer()).identify(token(sub="x" * MAX_NAME_CHARACTERS), lambda: NOW)
    assert found.client.endswith("x" * MAX_NAME_CHARACTERS)


# Algorithms and keys


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
@pytest.mark.parametrize("signature", ["", "AA"])
async def test_a_token_without_a_signature_is_refused(algorithm: str, signature: str):
    text = f"{part({'alg': algorithm, 'kid': 'ec'})}.{part(dict(CLAIMS))}.{signature}"
    assert "allowed algorithm" in await refusal(text)


async def test_an_algorithm_that_is_not_set_is_refused():
    assert "allowed algorithm" in await refusal(
        token(RSA, "RS256", "rsa"), algorithms=frozenset({"ES256"})
    )


@pytest.mark.parametrize("algorithm", ["HS256", "ES256", "RS256"])
async def test_a_public_key_is_never_a_secret(algorithm: str):
    for encoding in (Encoding.PEM, Encoding.DER):
        secret = RSA.public_key.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
        assert await refusal(forged({"alg": algorithm, "kid": "rsa"}, secret))
    secret = json.dumps(public(RSA, "rsa")).encode()
    assert await refusal(forged({"alg": algorithm, "kid": "rsa"}, secret))


async def test_a_symmetric_key_that_an_issuer_publishes_is_none():
    row = {"kty": "oct", "k": part(b"0" * 32), "kid": "secret", "alg": "HS256"}
    published = Published(jwk_set(row, public(EC, "ec")))
    text = forged({"alg": "HS256", "kid": "secret"}, b"0" * 32)
    assert "allowed algorithm" in await refusal(text, published=published)


@pytest.mark.parametrize(
    "algorithm, key, key_id", [("ES256", EC, "rsa"), ("RS256", RSA, "ec"), ("EdDSA", EDWARDS, "ec")]
)
async def test_a_key_of_another_type_is_not_tried(algorithm: str, key, key_id: str):
    assert "key that the issuer is not known" in await refusal(token(key, algorithm, key_id))


async def test_a_key_for_another_algorithm_is_not_tried():
    published = Published(jwk_set(public(RSA, "rsa", alg="PS256")))
    assert await refusal(token(RSA, "RS256", "rsa"), published=published)
    taken = await issuer(published)
    found = await taken.identify(token(RSA, "PS256", "rsa"), lambda: NOW)
    assert found.client == f"jwt:{NAME} alice"


@pytest.mark.parametrize(
    "more", [{"use": "enc"}, {"key_ops": ["sign"]}, {"key_ops": 1}, {"use": 1}]
)
async def test_a_key_for_another_purpose_is_not_tried(more):
    published = Published(jwk_set(public(EC, "ec", **more), public(RSA, "rsa")))
    assert await refusal(token(), published=published)


async def test_a_signature_of_another_key_does_not_hold():
    assert "signature" in await refusal(token(OTHER_EC))


async def test_a_key_in_the_token_is_not_looked_at():
    row = public(OTHER_EC, "mine")
    for more in (
        {"jwk": row},
        {"jku": "https://attacker.example/keys"},
        {"x5u": "https://attacker.example/chain"},
        {"x5c": ["AA=="]},
    ):
        assert await refusal(token(OTHER_EC, header=more))
        assert await refusal(token(OTHER_EC, key_id="mine", header=more))


@pytest.mark.parametrize(
    "key_id",
    [
        "../../etc/passwd",
        "ec' OR '1'='1",
        "",
        "EC",
        "ec\0",
        "x" * 1000,
        1,
        None,
        ["ec"],
        {"a": 1},
    ],
)
async def test_a_name_of_a_key_is_a_name_and_nothing_more(key_id):
    assert await refusal(token(header={"kid": key_id}, key_id=None))


async def test_without_a_name_the_one_key_of_the_algorithm_is_meant():
    assert await (await issuer()).identify(token(key_id=None), lambda: NOW)
    published = Published(jwk_set(public(EC, "one"), public(OTHER_EC, "two")))
    assert await refusal(token(key_id=None), published=published)


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False},
        {"crit": []},
        {"b64": True},
        {"typ": "logout+jwt"},
        {"typ": "secevent+jwt"},
        {"typ": 1},
        {"typ": None},
    ],
)
async def test_what_changes_the_meaning_of_a_token_is_refused(header):
    assert "allowed algorithm" in await refusal(token(header=header))


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"])
async def test_what_says_that_it_is_a_token_is_taken(kind: str):
    more = {"typ": kind, "x5t": "AAAA", "nonce": "of another sort"}
    found = await (await issuer()).identify(token(header=more), lambda: NOW)
    assert found.client == f"jwt:{NAME} alice"


# Claims


@pytest.mark.parametrize("name", ["https://issuer.example", NAME + "/", NAME.upper(), None, [NAME]])
async def test_another_issuer_s_token_is_refused(name):
    assert "another issuer" in await refusal(token(iss=name))
    assert "another issuer" in await refusal(token(without=("iss",)))


@pytest.mark.parametrize(
    "audience", ["other", AUDIENCE.upper(), AUDIENCE + " ", "", None, 1, [], [1], [[AUDIENCE]], {}]
)
async def test_a_token_for_another_audience_is_refused(audience):
    assert "another audience" in await refusal(token(aud=audience))
    assert "another audience" in await refusal(token(without=("aud",)))


async def test_a_token_for_several_audiences_is_taken():
    assert await (await issuer()).identify(token(aud=["other", AUDIENCE]), lambda: NOW)


async def test_a_token_ends_and_begins_within_the_skew():
    text = token(nbf=NOW + 100, iat=NOW, exp=NOW + 600)
    taken = await issuer()
    for now in (NOW + 40, NOW + 659.9):
        assert await taken.identify(text, lambda now=now: now)
    assert "not valid yet" in await refusal(text, NOW + 39)
    assert "has expired" in await refusal(text, NOW + 660)
    assert "not valid yet" in await refusal(token(iat=NOW + 61))


@pytest.mark.parametrize(
    "end", [None, "1900000000", True, [], float("nan"), float("inf"), -float("inf"), 1 << 80]
)
async def test_an_end_is_a_number(end):
    for claim in ("exp", "nbf", "iat"):
        assert "no end" in await refusal(token(**{claim: end}))
    assert "no end" in await refusal(token(without=("exp",)))


async def test_a_token_that_is_bound_to_a_key_is_no_bearer_token():
    assert "bound" in await refusal(token(cnf={"x5t#S256": "AAAA"}))


# Form


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b'"alice"', b"null", b"{", b"\xff", b"[" * 5000, b'{"a":' * 1000]
)
async def test_claims_are_an_object(payload: bytes):
    text = signed(EC, "ES256", {"alg": "ES256", "kid": "ec"}, payload)
    assert "no claims" in await refusal(text)


@pytest.mark.parametrize("head", [[], "x", 1, None, {}, {"alg": 1}, {"alg": ["ES256"]}])
async def test_a_header_is_an_object_with_an_algorithm(head):
    text = signed(EC, "ES256", head, json.dumps(dict(CLAIMS)).encode())
    assert "allowed algorithm" in await refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c.d",
        "a.b.c.d.e",
        "ä.b.c",
        "\ud800",
        "{}",
        "=.=.=",
        "x" * (MAX_TOKEN_CHARACTERS + 1),
        "x" * 10_000_000,
        f"{part(b'[' * 1000)}.e30.AA",
        f"{part({'alg': 'ES256', 'kid': 'ec', 'x': 'y' * 3000})}.e30.AA",
    ],
)
async def test_what_is_no_token_is_refused(text: str):
    assert await refusal(text)


@given(st.text(alphabet="ab.=-_{}\x00é\ud800", max_size=60))
async def test_whatever_comes_is_refused_in_a_clause(text: str):
    assert await refusal(text)


@given(st.data())
async def test_a_token_with_one_changed_character_is_refused_or_the_same(data):
    text = token()
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("Aa0-_."))
    changed = text[:place] + letter + text[place + 1 :]
    if changed != text:
        assert await refusal(changed)


async def test_a_refusal_has_nothing_of_the_token():
    for text in (token(OTHER_EC), token(aud="secret-name"), token(sub="secret\nname")):
        said = await refusal(text)
        assert "secret" not in said
        assert text.split(".")[2] not in said


async def test_an_issuer_is_printed_without_its_keys():
    printed = repr(await issuer())
    assert "JWKSet" not in printed


# Settings


def settings_of(**more: Any) -> Config:
    fields: dict[str, Any] = {
        "jwt_issuer_uri": NAME,
        "jwks_uri": "https://issuer.example/keys",
        "jwt_audience": (AUDIENCE,),
    }
    return Config(**{**fields, **more})


@pytest.mark.parametrize(
    "more",
    [
        {"jwt_audience": ()},
        {"jwt_audience": ("",)},
        {"jwt_issuer_uri": ""},
        {"jwks_uri": ""},
        {"jwks_uri": "http://issuer.example/keys"},
        {"jwks_uri": "/etc/keys"},
        {"jwt_issuer_uri": "two words"},
        {"jwt_algorithms": ("none",)},
        {"jwt_algorithms": ("HS256",)},
        {"jwt_algorithms": ("ES256", "HS512")},
        {"jwt_algorithms": ()},
        {"jwt_client_claim": ""},
        {"use_bootstrap_server": True, "jwks_uri": "file:/etc/keys"},
        {"use_bootstrap_server": True, "jwks_ca": issuers.__file__},
    ],
)
def test_settings_that_would_let_in_anybody_are_refused(more):
    settings_of()
    with pytest.raises(Failure):
        settings_of(**more)


OTHER = "issuer=https://b.example jwks=https://b.example/keys"


def test_what_an_issuer_does_not_say_is_as_for_the_first():
    first, other = settings_of(jwt_issuers=(OTHER,), jwt_skew_seconds=9).jwt_settings
    assert (first.issuer, other.issuer) == (NAME, "https://b.example")
    assert (other.audiences, other.skew) == ((AUDIENCE,), 9)
    assert other.algorithms == first.algorithms


def test_there_may_be_more_issuers_and_no_first():
    (only,) = Config(jwt_issuers=(f"{OTHER} audience=a",)).jwt_settings
    assert only.audiences == ("a",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "issuer=https://b.example",
        "jwks=https://b.example/keys",
        f"{OTHER} keys=https://b.example",
        f"{OTHER} jwks=https://c.example/keys",
        f"{OTHER} algorithm=none",
        f"{OTHER} algorithm=ES256 algorithm=HS256",
        f"{OTHER} skew=601",
        f"{OTHER} skew=-1",
        f"{OTHER} skew=nan",
        f"{OTHER} skew=soon",
        f"{OTHER} audience=",
        f"issuer={NAME} jwks=https://b.example/keys",
        "issuer=https://b.example jwks=http://b.example/keys",
    ],
)
def test_a_further_issuer_that_would_let_in_anybody_is_refused(text):
    with pytest.raises(Failure):
        settings_of(jwt_issuers=(text,))


def test_an_issuer_without_any_audience_is_refused():
    with pytest.raises(Failure):
        Config(jwt_issuers=(OTHER,))


def test_no_file_of_a_further_issuer_is_read_where_the_disk_is_the_host_s():
    for more in ("jwks=file:/etc/keys", "jwks=https://b.example/keys ca=/etc/ca.pem"):
        with pytest.raises(Failure, match="host"):
            settings_of(
                use_bootstrap_server=True, jwt_issuers=(f"issuer=https://b.example {more}",)
            )


def test_there_are_not_more_issuers_than_can_be_kept():
    texts = [f"issuer=https://{n}.example jwks=https://x.example/{n}" for n in range(16)]
    with pytest.raises(Failure, match="more than"):
        settings_of(jwt_issuers=tuple(texts))
    settings_of(jwt_issuers=tuple(texts[1:]))
