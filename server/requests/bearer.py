"""From the bearer token of an HTTPS request to a `Client`.

    API token   `server.access.api_tokens`
    JWT         `server.access.jwt`, of the issuers that the settings name

Whoever shows a token is the token's client, whatever certificate they show besides; a wrong token
is refused, although the certificate holds. Where no token of any kind is taken, a token beside a
certificate is passed over, as passwords are (`server.requests.authentication`).

Source: RFC 6750 section 2.1 (the Authorization header; the other two ways are not taken, since
bodies and addresses are written down more easily than headers).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from kmip.errors import AuthenticationNotSuccessful
from server.access import api_tokens
from server.access.api_tokens import APIToken
from server.access.client import Client
from server.access.jwt import NotAccepted
from server.objects.refreshing import refresh
from server.objects.transaction import Transaction
from server.sessions.identification import Identification, Means
from server.sessions.issued import Issued
from server.sessions.permission import Permission
from server.state import Server

SCHEME: Final = "bearer"


def token_in(authorization: str) -> str | None:
    """The token in an Authorization header; None where it is of another scheme.

    Schemes are the same in upper and lower case (RFC 9110 section 11.1).
    """
    scheme, _, token = authorization.partition(" ")
    return token.strip(" ") if scheme.lower() == SCHEME else None


async def are_taken(server: Server) -> bool:
    """Whether any bearer token is taken here.

    Raises:
        storage.StorageError: the store does not say.
    """
    return bool(server.jwt_issuers) or not await server.api_tokens.is_empty()


async def identify(server: Server, token: str, *, anew: bool) -> Client:
    """The client of a token.

    Args:
        server: knows the tokens.
        token: as `token_in` gives it.
        anew: first ask the store what other servers have done, so that a token that was removed at
            one of them is refused; else only where the token is not known.

    Raises:
        NotAccepted: it is nobody's, or not any more.
        storage.StorageError: the store does not say.
    """
    if not token.startswith(api_tokens.PREFIX) and server.jwt_issuers:
        found, issuer = await server.jwt_issuers.identify(token, server.clock)
        identified = Identification(Means.JWT, found.client, issuer, until=found.until)
        return Client(found.client, "jwt", identification=identified)
    kept = None if anew else await server.api_tokens.find(token, server.clock())
    if kept is None:
        await refresh(server.store)
        kept = await server.api_tokens.find(token, server.clock())
    if kept is None:
        raise NotAccepted("the token is nobody's, or not any more")
    return of_api_token(server, kept)


@dataclass(slots=True)
class TokenPermission(Permission):
    """What a message that shows an API token of some operations may do; nothing is counted."""

    called: ClassVar[str] = "token"

    def check_open(self, objects: Transaction, now: int) -> None:
        """Refuse a token that has ended since the message came; see `Permission.check_open`.

        Raises:
            AuthenticationNotSuccessful: it has.
        """
        if self.issued.until <= now:
            raise AuthenticationNotSuccessful("the token has ended")


def of_api_token(server: Server, token: APIToken) -> Client:
    """The client of a token that is good."""
    permission = None
    if token.rights is not None:
        issued = Issued(token.client, token.until, rights=token.rights)
        permission = TokenPermission(issued, server.tickets)
    identified = Identification(Means.API_TOKEN, token.name, token.mark, until=token.until)
    return Client(token.client, "token", permission, identification=identified)
