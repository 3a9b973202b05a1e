"""JWTs as bearer tokens: signed by one issuer, for this server, until a time.

What is decided, and why:

* The algorithm is one that the settings name, whatever the token says; `none` and HMAC cannot be
  set. The key is one of the issuer's and of the algorithm's own type (`server.access.jwk_set`). A
  key in the token's own header, or an address of one, is not looked at.
* Issuer and audience are compared as texts. A token for several audiences is taken where one of
  them is ours.
* There must be an end, `exp`. It, `nbf` and `iat` are taken with the clocks' skew that is set.
* `typ` is JWT or that of an access token (RFC 9068), or absent: issuers sign other things with the
  same keys, such as notices of a logout (RFC 8725 section 3.11).
* A token that is bound to a key of its sender's (`cnf`, RFC 7800) is no bearer token, and refused.
* Extensions that must be understood (`crit`) are not understood, and `b64` is one of them.

The client is called `jwt:`, the issuer, a space, and the claim that the settings name: the issuer
has no space, so no other issuer's client and no client of another kind is ever called so.

Signatures and the encoding are joserfc's. What the claims must be is decided here, where the clock
is handed in.

Source: RFC 7519, RFC 7515 (JWS), RFC 8725 (best current practice).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jws import CompactSignature, JWSRegistry

from server.access.jwk_set import JWKSet

MAX_TOKEN_CHARACTERS: Final = 8192
"""Those of common issuers have one to three thousand; a request's head has twice as much."""
MAX_HEADER_BYTES: Final = 2048
"""Of the first part: issuers put a key's name there, and some a certificate's hash."""
MAX_NAME_CHARACTERS: Final = 255
"""Of the claim that names the client, as of a user's name."""
TYPES: Final = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
CLOCK_CLAIMS: Final = ("exp", "nbf", "iat")

_MALFORMED: Final = (
    *(ValueError, TypeError, KeyError, AttributeError, IndexError),
    *(OverflowError, RecursionError, UnsupportedAlgorithm),
)


class NotAccepted(Exception):
    """A token is not taken; the text says why in one clause, and has no value of the token's."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who has shown a token.

    Attributes:
        client: its name.
        until: the end of the token, seconds since 1970, skew included.
    """

    client: str
    until: float


class _Registry(JWSRegistry):
    """joserfc's algorithms without its limits and its advice, in whose place ours are.

    Args:
        allowed: the names of the algorithms.
    """

    max_header_length = MAX_HEADER_BYTES
    max_payload_length = MAX_TOKEN_CHARACTERS

    def __init__(self, allowed: frozenset[str]) -> None:
        super().__init__(algorithms=allowed, strict_check_header=False)

    def get_alg(self, name: str) -> Any:
        """An algorithm that is allowed; raises UnsupportedAlgorithmError for any other."""
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError("this algorithm is not allowed")
        return self.algorithms[name]


@dataclass(frozen=True)
class JWTIssuer:
    """One issuer whose tokens are taken.

    Attributes:
        issuer: its name, exactly as in tokens; no blank in it.
        audiences: names of this server, of which a token has one.
        algorithms: by which tokens may be signed, of `server.access.jwk_set.KIND_OF`.
        client_claim: the claim that names the client.
        skew: seconds by which the issuer's clock may differ from ours.
        keys: the issuer's.
    """

    issuer: str
    audiences: frozenset[str]
    algorithms: frozenset[str]
    client_claim: str
    skew: float
    keys: JWKSet = field(repr=False)

    async def identify(self, token: str, clock: Callable[[], float]) -> Bearer:
        """Whose token this is.

        Args:
            token: as it was sent.
            clock: gives seconds since 1970.

        Raises:
            NotAccepted: it is not the issuer's, not for us, over, or nothing of the kind.
        """
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise NotAccepted("the token is too long")
        registry = _Registry(self.algorithms)
        try:
            parsed = jws.extract_compact(token.encode("ascii"), registry=registry)
            algorithm, key_id = _checked_header(parsed.headers(), self.algorithms)
        except (JoseError, *_MALFORMED):
            raise NotAccepted("the token is no JWT of an allowed algorithm") from None
        found = await self.keys.find(key_id, algorithm)
        if found is None:
            raise NotAccepted("the token is by a key that the issuer is not known to have")
        try:
            holds = jws.validate_compact(parsed, found.key, registry=registry)
        except (JoseError, *_MALFORMED):
            holds = False
        if not holds:
            raise NotAccepted("the token's signature does not hold")
        return self._bearer(_claims(parsed), clock())

    def _bearer(self, claims: Mapping[str, Any], now: float) -> Bearer:
        """Who has shown a token with these claims, once its signature holds."""
        if claims.get("iss") != self.issuer:
            raise NotAccepted("the token is of another issuer")
        audiences = claims.get("aud")
        if isinstance(audiences, str):
            audiences = [audiences]
        if not isinstance(audiences, list) or not any(
            isinstance(each, str) and each in self.audiences for each in audiences
        ):
            raise NotAccepted("the token is for another audience")
        if "cnf" in claims:
            raise NotAccepted("the token is bound to a key, and no bearer token")
        until = self._checked_times(claims, now)
        name = claims.get(self.client_claim)
        if not _is_name(name):
            raise NotAccepted("the token does not name a client")
        return Bearer(f"jwt:{self.issuer} {name}", until)

    def _checked_times(self, claims: Mapping[str, Any], now: float) -> float:
        """The end of the token; raises NotAccepted where it is over, or not valid yet."""
        times = {name: claims[name] for name in CLOCK_CLAIMS if name in claims}
        if "exp" not in times or not all(map(_is_time, times.values())):
            raise NotAccepted("the token has no end, or times that are none")
        until = times["exp"] + self.skew
        if now >= until:
            raise NotAccepted("the token has expired")
        if now < max(times.get("nbf", now), times.get("iat", now)) - self.skew:
            raise NotAccepted("the token is not valid yet")
        return float(until)


def _checked_header(header: Mapping[str, Any], allowed: frozenset[str]) -> tuple[str, str | None]:
    """The algorithm and the name of the key.

    Raises:
        ValueError, TypeError, AttributeError: they are none, or not taken.
    """
    algorithm, key_id = header["alg"], header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in allowed:
        raise ValueError("another algorithm")
    if key_id is not None and not isinstance(key_id, str):
        raise TypeError("no name of a key")
    if "crit" in header or "b64" in header:
        raise ValueError("an extension that must be understood")
    if header.get("typ", "JWT").lower() not in TYPES:
        raise ValueError("another type of token")
    return algorithm, key_id


def _claims(parsed: CompactSignature) -> Mapping[str, Any]:
    """The claims, an object; raises NotAccepted where they are none."""
    try:
        claims = json.loads(parsed.payload)
    except (ValueError, TypeError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise NotAccepted("the token has no claims")
    return claims


def _is_time(value: object) -> bool:
    """Whether a claim is a NumericDate (RFC 7519 section 2)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and abs(value) < MAX_TIME


MAX_TIME: Final = 1 << 40
"""Beyond it times cannot be computed with; it is in some thirty thousand years."""


def _is_name(value: object) -> bool:
    """Whether a claim can name a client: a text of some length that can be printed."""
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME_CHARACTERS and value.isprintable()
