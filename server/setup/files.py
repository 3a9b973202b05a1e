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
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server.setup.failure import Failure

PRIVATE = 0o600
PUBLIC = 0o644
MAX_BYTES = 16 << 20
"""Of a file that is read whole: keys, certificates and settings have a thousandth of it."""

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


def read(path: Path, what: str, limit: int = MAX_BYTES, *, pipes: bool = False) -> bytes:
    """The contents of `path`.

    Args:
        path: the file.
        what: what it is, to begin the sentence with, such as "The private key".
        limit: bytes that it has at most.
        pipes: whether it may be a pipe, as a shell gives one to a command. A server waits for
            nobody at the other end.

    Raises:
        Failure: it cannot be read, is no plain file, or is longer.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (0 if pipes else os.O_NONBLOCK))
        try:
            mode = os.fstat(descriptor).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or pipes):
                raise Failure(f"{what} {path} cannot be read: it is not a plain file.")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(limit + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Failure(f"{what} {path} cannot be read: {error.strerror}.") from None
    if len(content) > limit:
        raise Failure(f"{what} {path} cannot be read: it is longer than {limit} bytes.")
    return content


def stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when the file does: its time, size and place; None where it cannot be seen."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def warn_of_directory(path: Path, what: str) -> None:
    """Warn where others can put files into a directory, or it is elsewhere than it seems.

    Args:
        path: the directory, which may be absent.
        what: what it is, to begin the warning with.
    """
    if path.is_symlink():
        log.warning("%s %s is a link to %s, and is written to there", what, path, path.readlink())
    if path.is_dir() and path.stat().st_mode & 0o022:
        log.warning("%s %s can be written to by other users of this machine", what, path)


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
