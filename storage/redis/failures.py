"""What the errors of Redis and of its client mean, in an operator's words.

Redis is not trusted, and its texts go into logs: they are cut short, and what cannot be printed is
left out. The client's own texts name the user's password in no case, but they are not used either.
"""

import ssl
from typing import Final

from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from storage.errors import Damaged, StorageError, StorageFull, Unavailable, Unsuitable

MAX_TEXT: Final = 160  # characters of a text of Redis: its own errors are shorter

ELSEWHERE: Final = (
    MovedError,
    AskError,
    TryAgainError,
    ClusterDownError,
    BusyLoadingError,
    ReadOnlyError,
)
"""Errors of a node that has done nothing, as another one is to be asked, or the same one later."""

_BEGINNINGS: Final[tuple[tuple[str, type[Unavailable | Damaged], str], ...]] = (
    ("MISCONF", StorageFull, "Redis cannot write its own files"),
    ("NOREPLICAS", Unavailable, "Redis has too few replicas (min-replicas-to-write)"),
    ("WRONGTYPE", Damaged, "a key of the store in Redis is of another type"),
    ("BUSY", Unavailable, "Redis is busy with another script"),
    ("The user executing", Unsuitable, "the Redis user lacks a right that the scripts need"),
    ("UNKILLABLE", Unavailable, "Redis is busy with another script"),
)
_KINDS: Final[tuple[tuple[type[Exception], type[Unavailable], str], ...]] = (
    (OutOfMemoryError, StorageFull, "the memory that Redis may use is full (maxmemory)"),
    (AuthenticationError, Unsuitable, "Redis refuses the user or the password"),
    (BusyLoadingError, Unavailable, "Redis is still loading its data"),
    (ReadOnlyError, Unavailable, "this Redis is a replica, and its primary is not known"),
    (ClusterDownError, Unavailable, "the Redis Cluster is down"),
    (TryAgainError, Unavailable, "the keys of the store are being moved in the Redis Cluster"),
    (RedisTimeoutError, Unavailable, "Redis does not answer in time"),
)


def printable(text: object) -> str:
    """A text of Redis, short and on one line."""
    return "".join(one for one in str(text)[:MAX_TEXT] if one.isprintable())


def _tls_refusal(error: BaseException) -> str | None:
    """Why one side has ended the TLS handshake, where one has; a lost connection is no reason."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError) and not isinstance(
            cause, ssl.SSLEOFError | ssl.SSLZeroReturnError
        ):
            return printable(cause.reason or "TLS")
        cause = cause.__cause__ or cause.__context__
    return None


def translated(error: Exception) -> StorageError:
    """The store's own error for one of the client's, or of the system's.

    Args:
        error: a `RedisError`, an `OSError`, or what a reply made the client's parser raise.
    """
    if isinstance(error, StorageError):
        return error
    if isinstance(error, NoPermissionError):
        return Unsuitable(f"the Redis user lacks a right: {printable(error)}")
    for kind, of_kind, sentence in _KINDS:
        if isinstance(error, kind):
            return of_kind(sentence)
    refused = _tls_refusal(error)
    if refused is not None:
        return Unsuitable(f"the TLS of Redis is not accepted, or does not accept: {refused}")
    text = printable(error)
    for beginning, meaning, sentence in _BEGINNINGS:
        if text.startswith(beginning):
            return meaning(sentence)
    if isinstance(error, RedisConnectionError):
        return Unavailable(f"Redis cannot be reached: {text}")
    if isinstance(error, OSError):
        return Unavailable(f"Redis cannot be reached: {printable(error.strerror or error)}")
    if isinstance(error, RedisError):
        return Unavailable(f"Redis does not do what it is asked: {text}")
    return Unavailable("the answer of Redis cannot be read")
