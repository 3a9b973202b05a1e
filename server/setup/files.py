"""Files that are private from the moment they exist, and whole or absent whatever happens.

Theory of operation: contents go to a new temporary file in the same directory, created with mode
0600 (never made first and restricted later), are synchronised to disk, and reach their name in one
step, after which the directory is synchronised too. `replace` puts them there whatever was there
before; `create` only where nothing was, so that of two processes that start together one makes the
key and the other finds it.
"""

import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server.setup.failure import Failure

PRIVATE = 0o600
PUBLIC = 0o644

log = logging.getLogger(__name__)


def make_directory(path: Path) -> None:
    """Make `path`, and each missing parent, for its owner only (mode 0700).

    Raises:
        Failure: it cannot be made, or something else has that name.
    """
    try:
        for directory in [*reversed(path.parents), path]:
            if not directory.is_dir():
                directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise Failure(f"The directory {path} cannot be made: {error.strerror}.") from None


def is_there(path: Path) -> bool:
    """Whether something has that name.

    `Path.exists` will not do: from Python 3.14 on it also says no where it cannot look.

    Raises:
        OSError: that cannot be told.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def replace(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Put `content` at `path`, in place of what was there.

    Raises:
        Failure: it cannot be written; what was there is still there.
    """
    with _written(path, content, mode) as temporary:
        temporary.replace(path)


def create(path: Path, content: bytes, mode: int = PRIVATE) -> bool:
    """Put `content` at `path` unless something is there; whether it was put.

    Raises:
        Failure: it cannot be written.
    """
    with _written(path, content, mode) as temporary:
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return False
    return True


def read(path: Path, what: str) -> bytes:
    """The contents of `path`.

    Args:
        path: the file.
        what: what it is, to begin the sentence with, such as "The private key".

    Raises:
        Failure: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failure(f"{what} {path} cannot be read: {error.strerror}.") from None


def read_private(path: Path, what: str) -> bytes:
    """The contents of `path`, which should be readable by its owner only; else the log warns.

    Raises:
        Failure: it cannot be read.
    """
    content = read(path, what)
    if path.stat().st_mode & 0o077:
        log.warning("%s %s is open to other users of this machine", what, path)
    return content


@contextmanager
def _written(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    """A temporary file beside `path`, on disk, to be given its name in the block."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)
        _synchronise(path.parent)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}.") from None


def _synchronise(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
