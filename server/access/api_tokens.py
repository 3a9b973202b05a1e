"""API tokens: what clients without a certificate show at the HTTPS port.

Theory of operation: a token is 32 random bytes as text, made by `strongroom token add`, printed
once, and kept by whoever uses it. `DIR/tokens.json` has the SHA-256 of each, with the client's
name, the time it ends and what it may be used for. A slow hash would protect nothing: the token is
no password but as hard to guess as a key. The server looks at the file's time and size for each
request and reads it again when it changed, so a token that was removed is refused from the next
request on.

A token is looked up by its hash. How long that takes tells something of hashes at most, and nobody
can aim at a hash.

Who shows the token NAME is the client `token:NAME`, and no certificate's or user's client is ever
called so (`server.access.client.RESERVED`). A new token under a name that there was before is the
same client again: that is how a token is replaced.

A file that cannot be read lets nobody in. A server that was provisioned reads none: its disk is the
host's.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import logging
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from kmip.enums import Operation
from server.access import user_names
from server.sessions.rights import Grant, Rights
from server.setup import files
from server.setup.failure import Failure

PREFIX: Final = "strongroom-"
"""Tells a token from a JWT, and those who look for leaked secrets what it is."""
TOKEN_BYTES: Final = 32
MAX_TOKEN_CHARACTERS: Final = 128
"""Longer ones are not hashed; ours have 54."""
MAX_TOKENS: Final = 10_000
MAX_FILE_BYTES: Final = 16 << 20
"""Of the file, more than as many tokens take: it is read while others wait."""
MAX_DAYS: Final = 3660
"""The longest time that a token can be made for: ten years, as for a device in the field."""

READ_ONLY: Final = frozenset(
    {
        *(Operation.CHECK, Operation.DISCOVER_VERSIONS, Operation.EXPORT, Operation.GET),
        *(Operation.GET_ATTRIBUTES, Operation.GET_ATTRIBUTE_LIST, Operation.LOCATE),
        *(Operation.PING, Operation.QUERY, Operation.VALIDATE),
    }
)
"""Operations that change nothing, and use no key but to wrap what they give."""

log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class APIToken:
    """What is kept of a token.

    Attributes:
        name: the client's, without its label.
        sha256: of the token's text, 32 bytes.
        since: when it was made, seconds since 1970.
        until: when it ends, seconds since 1970.
        operations: what it may be used for; None: everything that a client may do.
        rights: the same, to be asked.
    """

    name: str
    sha256: bytes = field(repr=False)
    since: int
    until: int
    operations: frozenset[Operation] | None = None
    rights: Rights | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        granted = self.operations
        rights = None if granted is None else Rights([Grant(operations=granted)])
        object.__setattr__(self, "rights", rights)

    @property
    def client(self) -> str:
        """The name of the client that shows it."""
        return f"token:{self.name}"

    @property
    def mark(self) -> str:
        """What changes when the token is replaced."""
        return self.sha256.hex()


def hash_of(token: str) -> bytes:
    """What is kept in a token's place, 32 bytes."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def add(
    path: Path,
    name: str,
    now: float,
    days: float,
    operations: frozenset[Operation] | None = None,
    *,
    replace: bool = False,
) -> str:
    """Make a token; its text, which is kept nowhere.

    Args:
        path: the file; made if absent.
        name: as `server.access.user_names` lets pass, or one that exists.
        now: seconds since 1970.
        days: how long it is good for.
        operations: what it may be used for; None: everything that a client may do.
        replace: let another token have the name from now on, and the one before be refused.

    Raises:
        Failure: the name cannot be taken, or the file not be written.
    """
    text, token = new(name, now, days, operations)
    put(path, token, replace=replace)
    return text


def put(path: Path, token: APIToken, *, replace: bool = False) -> None:
    """Let a new token in; arguments and errors as `add`."""
    name = token.name
    with _changed(path) as tokens:
        if name not in tokens:
            user_names.check("token", name, tokens)
        elif not replace:
            raise Failure(f"The token {name!r} exists; --replace makes another in its place.")
        if len(tokens.keys() | {name}) > MAX_TOKENS:
            raise Failure(f"There are {MAX_TOKENS} tokens already.")
        tokens[name] = token


def new(
    name: str, now: float, days: float, operations: frozenset[Operation] | None = None
) -> tuple[str, APIToken]:
    """A new token: its text, and what is kept of it; arguments as `add`.

    Raises:
        Failure: it would be good for too long, or not at all.
    """
    if not 0 < days <= MAX_DAYS:
        raise Failure(f"A token is good for up to {MAX_DAYS} days.")
    text = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    until = int(now + days * 86_400)
    return text, APIToken(name, hash_of(text), int(now), until, operations)


def remove(path: Path, name: str) -> None:
    """Do not let a token in any more.

    Raises:
        Failure: there is none of that name, or the file cannot be written.
    """
    with _changed(path) as tokens:
        if tokens.pop(name, None) is None:
            raise Failure(f"There is no token {name!r}.")


def read(path: Path) -> dict[str, APIToken]:
    """The tokens in the file, by name; none of it is there.

    Raises:
        Failure: the file cannot be read or is damaged.
    """
    if not files.is_there(path):
        return {}
    content = files.read(path, "The file of API tokens", MAX_FILE_BYTES)
    try:
        return decode(content)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise Failure(f"The file of API tokens {path} is damaged.") from None


def encode(tokens: Iterable[APIToken]) -> bytes:
    """Tokens as they are kept."""
    rows = {each.name: row_of(each) for each in tokens}
    return json.dumps(rows, indent=1, sort_keys=True).encode() + b"\n"


def decode(content: bytes) -> dict[str, APIToken]:
    """What `encode` wrote.

    Raises:
        ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError: it did not.
    """
    rows = json.loads(content)
    return {str(name): token_of(str(name), row) for name, row in rows.items()}


def row_of(token: APIToken) -> dict[str, Any]:
    """What is kept of a token beside its name."""
    named = None
    if token.operations is not None:
        named = sorted(each.title for each in token.operations)
    return {
        "sha256": token.sha256.hex(),
        "since": token.since,
        "until": token.until,
        "operations": named,
    }


def token_of(name: str, row: Mapping[str, Any]) -> APIToken:
    """What `row_of` wrote of the token of a name.

    Raises:
        ValueError, KeyError, TypeError, OverflowError: it did not.
    """
    digest = bytes.fromhex(row["sha256"])
    if len(digest) != hashlib.sha256().digest_size:
        raise ValueError("not a SHA-256")
    named = row["operations"]
    granted = None if named is None else frozenset(BY_TITLE[each] for each in named)
    return APIToken(name, digest, int(row["since"]), int(row["until"]), granted)


BY_TITLE: Final = {each.title: each for each in Operation}
"""Operations by their names in the specification."""


def operations_of(names: Iterable[str]) -> frozenset[Operation]:
    """The operations of these names, written as the specification does or as one word.

    Raises:
        Failure: there is none of a name.
    """
    known = {_plain(title): each for title, each in BY_TITLE.items()}
    found = set()
    for name in names:
        if _plain(name) not in known:
            raise Failure(f"There is no operation {name!r}.")
        found.add(known[_plain(name)])
    return frozenset(found)


def _plain(name: str) -> str:
    return "".join(one for one in name.casefold() if one.isalnum())


@contextmanager
def _changed(path: Path) -> Iterator[dict[str, APIToken]]:
    """The tokens, written back afterwards; two commands at once do not undo each other."""
    files.make_directory(path.parent)
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, files.PRIVATE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        tokens = read(path)
        yield tokens
        files.replace(path, encode(tokens.values()))
    finally:
        os.close(descriptor)


class Kept(Protocol):
    """Tokens that are not in a file: `server.access.kept_tokens.KeptTokens`."""

    async def is_empty(self) -> bool:
        """Whether there is none."""
        ...

    async def find(self, sha256: bytes) -> APIToken | None:
        """What is kept of the token of this hash; None: there is none."""
        ...


class APITokens:
    """The tokens of a file, and those in a store, as the server sees them: whose is this token?

    Args:
        path: the file, which may be absent, appear and change; None: there is none.
        kept: those in a store; None: there is none.
    """

    def __init__(self, path: Path | None, kept: Kept | None = None) -> None:
        self._path = path
        self._kept = kept
        self._stamp: tuple[int, int, int] | None = None
        self._is_readable = True
        self._by_hash: Mapping[bytes, APIToken] = {}

    async def is_empty(self) -> bool:
        """Whether there are none; a file that cannot be read is not empty.

        Raises:
            storage.StorageError: the store does not say.
        """
        self._refresh()
        if not self._is_readable or self._by_hash:
            return False
        return self._kept is None or await self._kept.is_empty()

    async def find(self, token: str, now: float) -> APIToken | None:
        """What is kept of a token that is good now; None where there is no such token.

        Args:
            token: as it was sent.
            now: seconds since 1970.

        Raises:
            storage.StorageError: the store does not say.
        """
        if not token.startswith(PREFIX) or len(token) > MAX_TOKEN_CHARACTERS:
            return None
        return await self._good(hash_of(token), now)

    async def holds(self, name: str, mark: str, now: float) -> bool:
        """Whether the token of a name is still the one of this mark, and good.

        Raises:
            storage.StorageError: the store does not say.
        """
        return await self.marked(name, mark, now) is not None

    async def marked(self, name: str, mark: str, now: float) -> APIToken | None:
        """The token of a name, if it is still the one of this mark, and good.

        Raises:
            storage.StorageError: the store does not say.
        """
        found = await self._good(bytes.fromhex(mark), now)
        return found if found is not None and found.name == name else None

    async def _good(self, digest: bytes, now: float) -> APIToken | None:
        """The token of this hash, if it is good now."""
        self._refresh()
        found = self._by_hash.get(digest)
        if found is None and self._kept is not None:
            found = await self._kept.find(digest)
        if found is None or not hmac.compare_digest(found.sha256, digest):
            return None
        return found if now < found.until else None

    def _refresh(self) -> None:
        if self._path is None:
            return
        stamp = files.stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp, self._is_readable = stamp, False
        self._by_hash = {}
        try:
            self._by_hash = {each.sha256: each for each in read(self._path).values()}
            self._is_readable = True
        except (Failure, OSError) as error:
            log.error("%s no API token is taken", error)  # noqa: TRY400 - the operator's to mend
