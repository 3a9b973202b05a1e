"""Where the keys of issuers of JWTs are read: an HTTPS address, or a file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import trio

from server.access import jwk_set
from server.access.jwk_set import JWKSet, NoKeys
from server.access.jwt import JWTIssuer
from server.access.jwt_issuers import JWTIssuers
from server.setup import files
from server.setup.config import Config
from server.setup.jwt_settings import JWTSettings
from server.transport.https_client import Fetch, Fetcher, FetchFailed, client_context

FETCH_SECONDS: Final = 10.0
"""For all of a reading, however slowly a reply comes."""
LOOK_SECONDS: Final = 5.0
"""How soon a changed file is seen."""
FILE: Final = "file:"


def jwt_issuers(config: Config) -> JWTIssuers:
    """The issuers that the settings name, whose keys are read once `keys.keep` of each runs.

    Raises:
        Failure: the authorities of an address cannot be read.
    """
    return JWTIssuers(map(_issuer, config.jwt_settings))


def _issuer(settings: JWTSettings) -> JWTIssuer:
    return JWTIssuer(
        issuer=settings.issuer,
        audiences=frozenset(settings.audiences),
        algorithms=frozenset(settings.algorithms),
        client_claim=settings.client_claim,
        skew=settings.skew,
        keys=_keys(settings),
    )


def _keys(settings: JWTSettings) -> JWKSet:
    place = settings.jwks_uri
    if place.startswith(FILE):
        path = Path(place.removeprefix(FILE))

        async def read() -> bytes:
            return await trio.to_thread.run_sync(files.read, path, "The JWK set", jwk_set.MAX_BYTES)

        return JWKSet(read, place, every=LOOK_SECONDS, least=1.0)
    return fetched_keys(place, Fetcher(client_context(settings.jwks_ca), FETCH_SECONDS))


def fetched_keys(url: str, fetch: Fetch) -> JWKSet:
    """The keys at an address.

    Args:
        url: with https.
        fetch: makes requests, within limits of time and length.
    """

    async def read() -> bytes:
        try:
            reply = await fetch("GET", url)
        except FetchFailed as error:
            raise NoKeys(str(error)) from None
        except UnicodeError:  # a host that can be none, of which trio says so
            raise NoKeys("its address is not that of a host") from None
        if reply.status != 200:
            raise NoKeys(f"it answers with status {reply.status}")
        return reply.body

    return JWKSet(read, url)
