"""API tokens that are kept in the store, for all servers on it.

Two records for each, written and removed as one:

    name   by the hash of what names that look alike have in common: which token has the name
    hash   by the SHA-256 of the token: whose it is, until when, and what for

So a token that is shown is found by one look, and of two names that look alike one is taken, also
where two servers are asked for them at once. `strongroom token` writes these records where several
servers share a store, and the operator at a provisioned server (`server.operator_routes`). A token
that is removed is refused by the next request at any server.
"""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import Any, Final

from server.access import api_tokens, user_names
from server.access.api_tokens import MAX_TOKENS, APIToken
from server.objects.own_records import OwnRecords
from server.setup.failure import Failure
from storage import Put, Remove, SealedStore

KIND: Final = b"API token"
NAMES: Final = "names"
"""How the records by name are found, apart from those by hash."""


class KeptTokens:
    """The API tokens in a store.

    Args:
        store: where they are kept.
    """

    def __init__(self, store: SealedStore) -> None:
        self._records = OwnRecords(store, KIND)

    async def is_empty(self) -> bool:
        """Whether there is none."""
        return not await self._records.count(NAMES)

    async def find(self, sha256: bytes) -> APIToken | None:
        """What is kept of the token of this hash; None: there is none.

        Raises:
            storage.StorageError: the store does not give it.
        """
        record = await self._records.read(_by_hash(sha256))
        return None if record is None else _token(json.loads(record.meta))

    async def add(self, token: APIToken, *, replace: bool = False) -> None:
        """Let a token in.

        Args:
            token: its name as `server.access.user_names` lets pass, or one that exists.
            replace: let it have the name of one that exists, which is refused from now on.

        Raises:
            Failure: the name cannot be taken, or there are too many.
            storage.StorageError: it cannot be kept.
        """
        user_names.check("token", token.name)
        await self._records.commit_decided(partial(self._added, token, replace=replace))

    async def _added(self, token: APIToken, *, replace: bool) -> list[Put | Remove]:
        record = await self._records.read(_by_name(token.name))
        changes: list[Put | Remove] = []
        if record is None:
            if await self._records.count(NAMES) >= MAX_TOKENS:
                raise Failure(f"There are {MAX_TOKENS} tokens already.")
        else:
            row = json.loads(record.meta)
            user_names.check("token", token.name, [row["name"]])
            if not replace:
                raise Failure(f"The token {token.name!r} exists; --replace makes another.")
            changes += await self._removed(bytes.fromhex(row["sha256"]))
        content = json.dumps({"name": token.name, "sha256": token.sha256.hex()}).encode()
        expected = 0 if record is None else record.version
        whole = json.dumps({"name": token.name, **api_tokens.row_of(token)}).encode()
        return [
            *changes,
            self._records.put(_by_name(token.name), content, expected, whose=NAMES),
            self._records.put(_by_hash(token.sha256), whole, 0),
        ]

    async def remove(self, name: str) -> None:
        """Do not let a token in any more.

        Raises:
            Failure: there is none of that name.
            storage.StorageError: that cannot be kept.
        """

        async def decide() -> list[Put | Remove]:
            record = await self._records.read(_by_name(name))
            row = {} if record is None else json.loads(record.meta)
            if record is None or row["name"] != name:
                raise Failure(f"There is no token {name!r}.")
            changes = await self._removed(bytes.fromhex(row["sha256"]))
            return [*changes, Remove(record.name, record.version)]

        await self._records.commit_decided(decide)

    async def _removed(self, sha256: bytes) -> list[Put | Remove]:
        record = await self._records.read(_by_hash(sha256))
        return [] if record is None else [Remove(record.name, record.version)]

    async def all(self) -> list[APIToken]:
        """All tokens, by name.

        Raises:
            storage.StorageError: the store does not give them.
        """
        found = []
        for record in await self._records.all(NAMES):
            token = await self.find(bytes.fromhex(json.loads(record.meta)["sha256"]))
            found += [] if token is None else [token]
        return sorted(found, key=lambda token: token.name)


def _token(row: dict[str, Any]) -> APIToken:
    return api_tokens.token_of(str(row["name"]), row)


def _by_hash(sha256: bytes) -> bytes:
    return b"hash " + sha256


def _by_name(name: str) -> bytes:
    text = user_names.skeleton(name)
    return b"name " + hashlib.sha256(text.encode(errors="surrogatepass")).digest()
