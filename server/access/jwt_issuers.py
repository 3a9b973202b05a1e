"""The issuers whose JWTs are taken, each with keys, audiences and algorithms of its own.

Which issuer's a token claims to be is read from it before anything is verified, and decides only by
whose keys it is judged: that issuer then compares the name again, in what was signed. So no
issuer's key vouches for another issuer's clients.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from server.access.jwt import MAX_TOKEN_CHARACTERS, Bearer, JWTIssuer, NotAccepted

UNKNOWN: Final = "the token is of another issuer"


class JWTIssuers:
    """Those whose tokens are taken.

    Args:
        issuers: each of another name.
    """

    def __init__(self, issuers: Iterable[JWTIssuer] = ()) -> None:
        self._issuers = {each.issuer: each for each in issuers}

    def __bool__(self) -> bool:
        """Whether any token is taken."""
        return bool(self._issuers)

    def __iter__(self) -> Iterator[JWTIssuer]:
        """Each of them."""
        return iter(self._issuers.values())

    def __contains__(self, name: object) -> bool:
        """Whether the tokens of an issuer of this name are taken."""
        return name in self._issuers

    async def identify(self, token: str, clock: Callable[[], float]) -> tuple[Bearer, str]:
        """Whose token this is, and the name of its issuer; see `JWTIssuer.identify`.

        Raises:
            NotAccepted: it is no such issuer's, or that one does not take it.
        """
        issuer = self._issuers.get(_claimed_issuer(token))
        if issuer is None:
            raise NotAccepted(UNKNOWN)
        return await issuer.identify(token, clock), issuer.issuer


def _claimed_issuer(token: str) -> str:
    """The issuer that a token names, of which nothing is verified."""
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise NotAccepted("the token is too long")
    try:
        part = token.encode("ascii").split(b".")[1]
        claimed = json.loads(urlsafe_b64decode(part + b"=" * (-len(part) % 4)))["iss"]
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        raise NotAccepted("the token is no JWT of an issuer") from None
    return claimed if isinstance(claimed, str) else ""
