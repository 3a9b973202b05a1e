"""What ends the server, told to the person who started it.

One table from exceptions to sentences. What it does not hold is a fault of ours and is not
explained away.
"""

import errno
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

import trio

from server.setup import open_store
from server.setup.config import Config
from server.setup.failure import Failure
from storage import errors

P = ParamSpec("P")
T = TypeVar("T")
Sentence = Callable[[Any, Config], str | None]

_OF_PORTS: Final = {
    errno.EADDRINUSE: "is in use by another program",
    errno.EACCES: "may not be opened by this user",
    errno.EADDRNOTAVAIL: "is not an address of this machine",
}


def _port(error: OSError, config: Config) -> str | None:
    place = f"{config.kmip_host} port {config.kmip_port}"
    problem = _OF_PORTS.get(error.errno or 0)
    return f"{place} {problem}." if problem else None


SENTENCES: Final[tuple[tuple[type[BaseException], Sentence], ...]] = (
    (Failure, lambda error, config: str(error)),
    (
        errors.InUse,
        lambda error, config: f"The store {open_store.place(config)} is in use by another process.",
    ),
    (
        errors.Rotated,
        lambda error, config: (
            f"The keys of the store {open_store.place(config)} were rotated by another server: "
            "start again, with the secret that opens the store now."
        ),
    ),
    (
        errors.RotationUnderway,
        lambda error, config: (
            f"Another rotation of the keys of the store {open_store.place(config)} is not "
            "finished, or was first; nothing was changed."
        ),
    ),
    (
        errors.WrongSecret,
        lambda error, config: (
            f"The store {open_store.place(config)} does not open with "
            f"{open_store.secret_name(config)}."
        ),
    ),
    (
        errors.OlderThanIndex,
        lambda error, config: (
            f"The store {open_store.place(config)} is damaged or was tampered with: {error}, as "
            "its saved index tells of commits that it has not. It was not changed; restore a copy, "
            "or, if a failover has lost them for good, see `strongroom store drop-index`."
        ),
    ),
    (
        errors.Tampered,
        lambda error, config: (
            f"The store {open_store.place(config)} is damaged or was tampered with: {error}. It "
            "was not changed; restore a copy."
        ),
    ),
    (
        errors.Missing,
        lambda error, config: f"There is no store at {open_store.place(config)}.",
    ),
    (
        errors.Unsuitable,
        lambda error, config: f"The store {open_store.place(config)} cannot be used: {error}.",
    ),
    (
        errors.Unavailable,
        lambda error, config: f"The store {open_store.place(config)} cannot be reached: {error}.",
    ),
    (ssl.SSLError, lambda error, config: f"The certificates cannot be used: {error.strerror}."),
    (
        socket.gaierror,
        lambda error, config: f"{config.kmip_host!r} is not an address: {error.strerror}.",
    ),
    (OSError, _port),
)


def explain(error: BaseException, config: Config) -> str | None:
    """The sentence for `error`, or None where it has none.

    Args:
        error: an exception, or a group, all of whose members must have a sentence; the first
            member's is told.
        config: the settings of the server that it ended.
    """
    sentences = [_sentence(one, config) for one in _leaves(error)]
    return sentences[0] if None not in sentences else None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error


def _sentence(error: BaseException, config: Config) -> str | None:
    for kind, sentence in SENTENCES:
        if isinstance(error, kind):
            return sentence(error, config)
    return None


def run(config: Config, main: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `main` under trio; gives what it returns.

    Raises:
        Failure: it ended with something that has a sentence.
    """
    try:
        return trio.run(partial(main, *args, **kwargs))
    except BaseException as error:
        sentence = explain(error, config)
        if sentence is None:
            raise
        raise Failure(sentence) from None
