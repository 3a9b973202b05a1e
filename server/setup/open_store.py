"""The sealed store that the settings name: where it is, what opens it, and opening it.

A back end is a row of `BACKENDS`: the scheme with which the setting `store` begins, and what makes
the back end of the rest. The secret is a password, or the content of a key file, which is made
beside a new store and never beside one that exists: for that, another key would be no use.
"""

import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from server.setup import files
from server.setup.config import Config
from server.setup.failure import Failure
from server.setup.password_input import read_password
from storage.backend import Backend
from storage.ledger import Anchor
from storage.memory import MemoryBackend
from storage.secret import MIN_KEY_FILE_BYTES, KeyFile, Password, Secret
from storage.sqlite import SQLiteBackend
from storage.store import SealedStore, open_store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """Where a store is.

    Attributes:
        scheme: a key of `BACKENDS`.
        rest: what it makes a back end of, such as a path.
    """

    scheme: str
    rest: str

    def __str__(self) -> str:
        return self.rest or f"in {self.scheme}"

    @property
    def is_new(self) -> bool:
        """Whether nothing is there yet, as far as can be told without opening it."""
        return self.scheme != "sqlite" or not files.is_there(Path(self.rest))


def _sqlite(rest: str) -> Backend:
    files.make_directory(Path(rest).absolute().parent)
    return SQLiteBackend(rest)


BACKENDS: Final[dict[str, Callable[[str], Backend]]] = {
    "sqlite": _sqlite,
    "memory": lambda rest: MemoryBackend(),
}


def place(config: Config) -> Place:
    """Where the store is.

    Raises:
        Failure: the setting names no kind of store.
    """
    if not config.store:
        return Place("sqlite", str(config.data / "store.db"))
    scheme, colon, rest = config.store.partition(":")
    if scheme not in BACKENDS or not colon or (scheme == "memory") != (not rest):
        raise Failure(f"store must be sqlite:PATH or memory:, not {config.store!r}.")
    return Place(scheme, rest)


def secret_name(config: Config) -> str:
    """What opens the store, for a sentence."""
    if _has_password(config):
        return "the password given"
    if config.store_key_file is None and place(config).scheme == "memory":
        return "a key that is not kept"
    return f"the key file {config.key_file}"


def secret(config: Config) -> Secret:
    """What opens the store; a key file is made where there is neither it nor a store.

    Raises:
        Failure: it cannot be read, or the key file of an existing store is missing.
    """
    where = place(config)
    if _has_password(config):
        given = config.store_password_file
        file = None if given is None else str(given)
        question = f"Password of the store {where}"
        return password(read_password(file, question, twice=where.is_new))
    if where.scheme == "memory" and config.store_key_file is None:
        return KeyFile(secrets.token_bytes(MIN_KEY_FILE_BYTES))
    path = config.key_file
    if not files.is_there(path):
        if not where.is_new:
            raise Failure(
                f"The store {where} is there and its key file {path} is not: put the key file "
                "back, or give the store's password."
            )
        files.make_directory(path.absolute().parent)
        files.create(path, secrets.token_bytes(MIN_KEY_FILE_BYTES))
    return key_file(path)


def _has_password(config: Config) -> bool:
    return config.store_password_prompt or config.store_password_file is not None


def password(text: str) -> Password:
    """A password as a secret.

    Raises:
        Failure: it is too long.
    """
    try:
        return Password(text)
    except ValueError as error:
        raise Failure(f"The store's password cannot be used: {error}.") from None


def key_file(path: Path) -> KeyFile:
    """The content of a key file as a secret.

    Raises:
        Failure: it cannot be read, or is too short or too long.
    """
    try:
        return KeyFile(files.read_private(path, "The key file"))
    except ValueError as error:
        raise Failure(f"The key file {path} cannot be used: {error}.") from None


@dataclass(frozen=True)
class Opening:
    """How to open a store other than by the settings.

    Attributes:
        store: as the setting `store`; empty: the setting itself.
        secret: what opens it.
        anchor: the least state to accept.
    """

    store: str
    secret: Secret
    anchor: Anchor | None = None


@asynccontextmanager
async def opened(
    config: Config, *, create: bool = True, opening: Opening | None = None
) -> AsyncIterator[SealedStore]:
    """The store, for the length of an `async with` block.

    Args:
        config: says where it is and what opens it.
        create: make a new one where there is none.
        opening: what holds in place of the settings.

    Raises:
        Failure: the settings cannot be used.
        storage.errors.StorageError: as `storage.store.open_store`.
    """
    if opening is not None and opening.store:
        config = replace(config, store=opening.store)
    where = place(config)
    is_new = where.is_new
    by_key_file = where.scheme != "memory" and not _has_password(config)
    had_key = by_key_file and files.is_there(config.key_file)
    with_secret = secret(config) if opening is None else opening.secret
    async with open_store(
        BACKENDS[where.scheme](where.rest),
        with_secret,
        create=create,
        anchor=None if opening is None else opening.anchor,
        cache_bytes=config.store_cache_bytes,
    ) as store:
        if is_new and had_key:  # or somebody has taken the store away
            log.warning("made a new store %s: its key file was there, and no store", where)
        elif is_new:
            log.info("made a new store %s", where)
        yield store
