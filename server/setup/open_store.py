"""The sealed store that the settings name: where it is, what opens it, and opening it.

The secret is a password, or the content of a key file, which is made for a new store and never for
one that exists: for that, another key would be no use. Whether a store is new is asked of its back
end once that is open.
"""

import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import trio

from server.setup import backends, files, redis_store
from server.setup.backends import Place
from server.setup.config import Config, DatabaseType
from server.setup.failure import Failure
from server.setup.password_input import read_password
from storage import resume
from storage.ledger import Anchor
from storage.secret import MIN_KEY_FILE_BYTES, KeyFile, Password, Secret
from storage.status import Status, read_status
from storage.store import SealedStore, open_store

log = logging.getLogger(__name__)

SETTINGS = (
    "store",
    "anchor",
    "store_key_file",
    "store_password_file",
    "store_password_prompt",
    "database_type",
    "database_url",
    "redis_master_password_file",
    *redis_store.SETTINGS,
)
"""The settings that say where a store is and what opens it."""


def place(config: Config) -> Place:
    """Where the store is.

    Raises:
        Failure: the setting names no kind of store.
    """
    where = backends.parse(config.store or config.database_url or backends.default(config.data))
    if config.database_type is DatabaseType.REDIS_FINDEX and not where.scheme.is_url:
        raise Failure("database_type redis-findex needs the URL of a Redis as the store.")
    return where


def is_shared(config: Config) -> bool:
    """Whether several servers may have the store open, and so a command while they run.

    Raises:
        Failure: the setting names no kind of store.
    """
    return place(config).scheme.is_url


def secret_name(config: Config) -> str:
    """What opens the store, for a sentence."""
    if _has_password(config):
        return "the password given"
    if not _has_key_file(config):
        return "a key that is not kept"
    return f"the key file {config.key_file}"


def secret(config: Config, is_new: bool) -> Secret:
    """What opens the store.

    Args:
        config: says whether that is a password or a key file.
        is_new: whether there is no store yet; its key file is then made where it is missing.

    Raises:
        Failure: it cannot be read, or the key file of an existing store is missing.
    """
    where = place(config)
    if _has_password(config):
        path = config.password_file
        file = None if path is None else str(path)
        question = f"Password of the store {where}"
        return password(read_password(file, question, twice=is_new))
    if not _has_key_file(config):
        return KeyFile(secrets.token_bytes(MIN_KEY_FILE_BYTES))
    path = config.key_file
    if not files.is_there(path):
        if not is_new:
            raise Failure(
                f"The store {where} is there and its key file {path} is not: put the key file "
                "back, or give the store's password."
            )
        files.make_directory(path.absolute().parent)
        files.create(path, secrets.token_bytes(MIN_KEY_FILE_BYTES))
    return key_file(path)


def _has_password(config: Config) -> bool:
    return config.store_password_prompt or config.password_file is not None


def _has_key_file(config: Config) -> bool:
    """Whether the key is in a file: not where the store is forgotten, unless the settings ask."""
    return config.store_key_file is not None or place(config).scheme.is_kept


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
        redis: for a store in Redis, what holds in place of its settings.
    """

    store: str
    secret: Secret
    anchor: Anchor | None = None
    redis: redis_store.RedisAccess | None = None


def present(config: Config, secret: Secret) -> Opening:
    """The store that the settings name, where its secret was read already."""
    return Opening("", secret, anchor(config))


def anchor(config: Config) -> Anchor | None:
    """The least state that the settings accept; None: any."""
    return Anchor.parse(config.anchor) if config.anchor else None


async def status(config: Config) -> Status:
    """What the store that the settings name says of itself.

    Raises:
        Failure: the settings cannot be used.
        storage.errors.StorageError: as `storage.status.read_status`, or opening its back end.
    """
    backend = place(config).backend(config)
    try:
        await backend.open(create=False)
        return await read_status(backend, secret(config, is_new=False), anchor(config))
    finally:
        with trio.CancelScope(shield=True):
            await backend.aclose()


async def drop_index(config: Config) -> None:
    """Drop the saved index of the store that the settings name, once its head is proved.

    Raises:
        Failure, storage.errors.StorageError: as `status`; nothing was dropped then, unless the back
            end stopped answering half way.
    """
    backend = place(config).backend(config)
    try:
        await backend.open(create=False)
        await read_status(backend, secret(config, is_new=False), anchor(config))
        await resume.drop_index(backend)
    finally:
        with trio.CancelScope(shield=True):
            await backend.aclose()


@asynccontextmanager
async def opened(
    config: Config,
    *,
    create: bool = True,
    opening: Opening | None = None,
    follows: bool = False,
) -> AsyncIterator[SealedStore]:
    """The store, for the length of an `async with` block.

    Args:
        config: says where it is and what opens it.
        create: make a new one where there is none.
        opening: what holds in place of the settings.
        follows: this is a server, which goes on when another one rotates the keys.

    Raises:
        Failure: the settings cannot be used.
        storage.errors.StorageError: as `storage.store.open_store`.
    """
    if opening is not None and opening.store:
        config = replace(
            config, store=opening.store, database_url="", database_type=DatabaseType.SQLITE
        )
    where = place(config)
    had_key = (
        _has_key_file(config) and not _has_password(config) and files.is_there(config.key_file)
    )
    opening_store = open_store(
        where.backend(config, None if opening is None else opening.redis),
        partial(secret, config) if opening is None else opening.secret,
        create=create,
        anchor=anchor(config) if opening is None else opening.anchor,
        cache_bytes=config.store_cache_bytes,
        follows=follows,
    )
    del opening  # its secret is not needed while the store is open
    async with opening_store as store:
        if store.is_new and had_key:  # or somebody has taken the store away
            log.warning("made a new store %s: its key file was there, and no store", where)
        elif store.is_new:
            log.info("made a new store %s", where)
        if store.index_fault:
            log.warning("read all records, as %s", store.index_fault)
        yield store
