"""`strongroom store copy FROM TO`: a backup or a migration, sealed as the store is.

What is copied stays as it is. The copy opens with the same secret, and is verified once it is made.
A copy that was interrupted is gone on with by the same command.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Final

from server.commands import Command, config, say
from server.commands.progress import Progress
from server.commands.store_verify import verified
from server.setup import backends, explanations, open_store
from server.setup.config import Config, DatabaseType
from server.setup.failure import Failure
from storage.errors import Occupied, StorageError, Unavailable
from storage.secret import Secret

TO: Final = {
    "redis_findex_label": str,
    "redis_password_file": Path,
    "redis_tls_ca": Path,
    "redis_tls_certificate": Path,
    "redis_tls_private_key": Path,
}
"""The settings of a store in Redis that may be others where the copy is to be."""
PLACE: Final = frozenset({"store", "database_type", "database_url"})


def _arguments(parser: argparse.ArgumentParser) -> None:
    forms = "as the setting `store`: sqlite:PATH or the URL of a Redis"
    parser.add_argument("source", metavar="FROM", help=f"the store, {forms}")
    parser.add_argument("target", metavar="TO", help="where the copy is to be, likewise")
    for name, kind in TO.items():
        parser.add_argument(
            "--to-" + name.replace("_", "-"),
            dest="to_" + name,
            metavar="VALUE",
            type=kind,
            help=f"{name} at TO, where it is another",
        )


def places(arguments: argparse.Namespace) -> tuple[Config, Config]:
    """The settings for the store, and those for its copy.

    Raises:
        Failure: the two are the same, or one is no place for a copy.
    """
    settings = replace(
        config(arguments),
        store=arguments.source,
        database_url="",
        database_type=DatabaseType.SQLITE,
    )
    others = {name: getattr(arguments, "to_" + name) for name in TO}
    own = {name: value for name, value in others.items() if value is not None}
    target = replace(settings, store=arguments.target, anchor="", **own)
    if (settings.store, settings.redis_findex_label) == (target.store, target.redis_findex_label):
        raise Failure("FROM and TO are the same place.")
    for text in (settings.store, target.store):
        if not backends.parse(text).scheme.is_kept:
            raise Failure(f"A store in {text} is forgotten with its process: nothing to copy.")
    return settings, target


async def _copy(settings: Config, target: Config) -> None:
    where, to = open_store.place(settings), open_store.place(target)
    secret = open_store.secret(settings, is_new=False)
    opening = open_store.present(settings, secret)
    async with open_store.opened(settings, create=False, opening=opening) as opened:
        await _try(target)
        try:
            await opened.copy_to(to.backend(target), secret, Progress("copying"))
        except Occupied as error:
            raise Failure(f"Nothing is copied to {to}: {error}. It was left as it is.") from None
        except Unavailable as error:
            raise Failure(
                f"Copying the store {where} to {to} was interrupted: {error}. The same command "
                "goes on with it."
            ) from None
    await _verify(target, secret)


async def _try(target: Config) -> None:
    """Open the place of the copy once, to tell what is wrong there from what is wrong here.

    Raises:
        Failure: it cannot be used.
    """
    backend = open_store.place(target).backend(target)
    try:
        await backend.open()
    except StorageError as error:
        raise Failure(explanations.explain(error, target) or str(error)) from None
    finally:
        await backend.aclose()


async def _verify(target: Config, secret: Secret) -> None:
    where = str(open_store.place(target))
    opening = open_store.present(target, secret)
    try:
        async with open_store.opened(target, create=False, opening=opening) as copied:
            sentence = await verified(copied, where)
    except Unavailable as error:
        raise Failure(
            f"The copy {where} was made, and could not be verified: {error}. `strongroom store "
            "verify` does it."
        ) from None
    except StorageError as error:
        raise Failure(
            f"The copy {where} was made, and is not whole: {error}. Remove it, and copy again."
        ) from None
    say(f"{sentence} It opens with the secret of the store that was copied.")


def _run(arguments: argparse.Namespace) -> None:
    settings, target = places(arguments)
    explanations.run(settings, _copy, settings, target)


COMMAND = Command(
    "copy",
    "copy a store to another place, sealed, and verify the copy",
    _run,
    _arguments,
    settings=frozenset({"data", *open_store.SETTINGS}) - PLACE,
)
