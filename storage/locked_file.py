"""The file of a store, held by one store at a time.

Theory of operation: the file is locked (flock) for as long as it is open, and the path is compared
with what is open whenever something is about to be acknowledged. A file that was removed or
replaced meanwhile goes on taking writes, and all of them are lost when the last process that has it
open ends: device and inode tell it from any other.
"""

import contextlib
import fcntl
import os
from pathlib import Path

from storage.errors import Damaged, InUse, Missing, Unavailable

_Identity = tuple[int, int]


class LockedFile:
    """A file that nobody else holds.

    Args:
        path: of the file.
        create: make it, with mode 0600, where it is not there.

    Attributes:
        path: of the file.
        is_made: whether it was made here, and `keep` was not called yet.

    Raises:
        Missing: it is not there, and `create` is False.
        InUse: somebody holds it.
        Damaged: it is there and empty.
        Unavailable: it cannot be opened.
    """

    def __init__(self, path: Path, *, create: bool) -> None:
        self.path = path
        self.is_made = False
        self._watched: dict[Path, _Identity] = {}
        self._descriptor = self._open(create)
        try:
            self._lock()
        except BaseException:
            os.close(self._descriptor)
            raise

    def _open(self, create: bool) -> int:
        flags = os.O_RDWR | os.O_CLOEXEC
        making = os.O_CREAT | os.O_EXCL if create else 0
        try:
            try:
                descriptor = os.open(self.path, flags | making, 0o600)
                self.is_made = create
            except FileExistsError:
                descriptor = os.open(self.path, flags)
        except OSError as error:
            if not create and isinstance(error, FileNotFoundError):
                raise Missing("there is no store here") from None
            raise Unavailable(f"the store's file cannot be opened: {error.strerror}") from None
        return descriptor

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            status = os.fstat(self._descriptor)
        except BlockingIOError:
            raise InUse("another process has this store open") from None
        except OSError as error:
            raise Unavailable(f"the store's file cannot be locked: {error.strerror}") from None
        if status.st_size == 0 and not self.is_made:
            raise Damaged(
                "the store's file is empty: it was cut short, or making it was interrupted;"
                " remove it to begin anew"
            )
        self._watched[self.path] = _identity(status)

    def keep(self) -> None:
        """Leave the file where it is when it is closed, also if it was made here."""
        self.is_made = False

    def watch(self, path: Path) -> None:
        """Let `check` look at another file too, which is open by now.

        Raises:
            Unavailable: it cannot be looked at.
        """
        try:
            self._watched[path] = _identity(path.stat())
        except OSError as error:
            raise Unavailable(f"{path.name} cannot be looked at: {error.strerror}") from None

    def check(self) -> None:
        """Refuse to acknowledge what went into files that nobody will find again.

        Raises:
            Damaged: a path names another file than the one that is open.
        """
        for path, opened in self._watched.items():
            if _found(path) != opened:
                raise Damaged(f"{path.name} was removed or replaced while the store was open")

    def close(self) -> None:
        """Let go of the file, and remove it if it was made here and never kept.

        An empty file would be in the way of the next start.
        """
        if self.is_made and _found(self.path) == self._watched.get(self.path):
            with contextlib.suppress(OSError):
                self.path.unlink()
        os.close(self._descriptor)


def _identity(status: os.stat_result) -> _Identity:
    """What tells one file from any other: device and inode."""
    return status.st_dev, status.st_ino


def _found(path: Path) -> _Identity | None:
    try:
        return _identity(path.stat())
    except OSError:
        return None
