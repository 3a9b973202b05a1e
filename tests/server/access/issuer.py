"""An issuer of JWTs for tests: keys of each kind, tokens of any form, good or forged."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from server.access.jwk_set import JWKSet, NoKeys
from server.access.jwt import JWTIssuer
from server.setup.jwt_settings import JWT_ALGORITHMS
from tests.server.conftest import NOW

NAME: Final = "https://issuer.example/realm"
AUDIENCE: Final = "strongroom"

EC: Final = ECKey.generate_key("P-256", private=True)
OTHER_EC: Final = ECKey.generate_key("P-256", private=True)
RSA: Final = RSAKey.generate_key(2048, private=True)
EDWARDS: Final = OKPKey.generate_key("Ed25519", private=True)
KEYS: Final = {"ec": EC, "rsa": RSA, "ed": EDWARDS}


def public(key: Any, key_id: str | None, **more: Any) -> dict[str, Any]:
    """A row of a JWK set."""
    row = {**key.as_dict(private=False), **more}
    row.pop("kid", None)
    return row if key_id is None else {**row, "kid": key_id}


def jwk_set(*rows: Mapping[str, Any]) -> bytes:
    """The set of these rows; without any, of all keys."""
    every = rows or [public(key, name) for name, key in KEYS.items()]
    return json.dumps({"keys": every}).encode()


class Published:
    """What an issuer publishes, as a test sets it, and how often it was read."""

    def __init__(self, content: bytes | None = None) -> None:
        self.content = jwk_set() if content is None else content
        self.reads = 0
        self.fails = False

    async def __call__(self) -> bytes:
        self.reads += 1
        if self.fails:
            raise NoKeys("the test says so")
        return self.content


async def issuer(published: Published | None = None, **more: Any) -> JWTIssuer:
    """An issuer whose keys were read once."""
    keys = JWKSet(published or Published(), "https://issuer.example/keys")
    await keys.read()
    fields: dict[str, Any] = {
        "issuer": NAME,
        "audiences": frozenset({AUDIENCE}),
        "algorithms": frozenset(JWT_ALGORITHMS),
        "client_claim": "sub",
        "skew": 60.0,
        "keys": keys,
    }
    return JWTIssuer(**{**fields, **more})


CLAIMS: Final[Mapping[str, Any]] = {
    "iss": NAME,
    "aud": AUDIENCE,
    "sub": "alice",
    "iat": NOW,
    "exp": NOW + 600,
}


def part(value: Any) -> str:
    """A part of a token: JSON, or bytes as they are."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def token(
    key: Any = EC,
    algorithm: str = "ES256",
    key_id: str | None = "ec",
    header: Mapping[str, Any] | None = None,
    without: tuple[str, ...] = (),
    **claims: Any,
) -> str:
    """A signed token; `without` names claims that it lacks."""
    head = {"alg": algorithm, **({} if key_id is None else {"kid": key_id}), **(header or {})}
    fields = {name: each for name, each in {**CLAIMS, **claims}.items() if name not in without}
    return signed(key, algorithm, head, json.dumps(fields).encode())


def signed(key: Any, algorithm: str, head: Any, payload: bytes) -> str:
    """A token of any header and payload, with a signature that holds."""
    text = f"{part(head)}.{part(payload)}"
    model = jws.JWSRegistry.algorithms[algorithm]
    return f"{text}.{part(model.sign(text.encode(), key))}"


def forged(head: Mapping[str, Any], secret: bytes) -> str:
    """A token with an HMAC by some bytes that everybody knows, such as a public key."""
    text = f"{part(head)}.{part(dict(CLAIMS))}"
    return f"{text}.{part(hmac.digest(secret, text.encode(), hashlib.sha256))}"
