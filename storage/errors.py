"""What can go wrong in the store, by what the caller should do about it.

No message carries a name, a value or key material; what a program needs to tell cases apart is in
the type and in the attributes.
"""

from enum import StrEnum


class StorageError(Exception):
    """Anything this package raises on purpose."""


class Unavailable(StorageError):
    """The back end did not answer: try again later.

    A commit that ended so may or may not have happened; it is never half done. `refresh`, or the
    next commit, finds out which.
    """


class StorageFull(Unavailable):
    """The back end has no room for a commit; what is there can still be read."""


class Unsuitable(Unavailable):
    """The back end answers, but is not set up to keep a store, or not as durably as is asked."""


class InUse(StorageError):
    """Another process, or another store in this one, holds the back end."""


class Missing(StorageError):
    """There is no store at this place, and the caller did not ask for a new one."""


class Occupied(StorageError):
    """There is something where a copy is to be made; it was left as it is."""


class WrongSecret(StorageError):
    """No key slot opens with this secret; the header itself is whole."""


class Rotated(WrongSecret):
    """Another server has rotated the keys, and the new ones were not sealed for this one.

    The store opens anew with the secret that the rotation left.
    """

    def __init__(self) -> None:
        super().__init__("another server has rotated the keys: open the store again")


class RotationUnderway(StorageError):
    """Another rotation of the keys is not finished, or was first; nothing of this one was done."""

    def __init__(self) -> None:
        super().__init__("another rotation of the keys is under way, or was first")


class Conflict(StorageError):
    """A record is not at the version the caller expected, so nothing of the commit was done."""

    def __init__(self, name: bytes) -> None:
        super().__init__("the record has been changed, made or removed meanwhile")
        self.name = name


class Part(StrEnum):
    """What of the store failed its check."""

    HEADER = "key header"
    HEAD = "head"
    RECORD = "record"
    BODY = "record body"
    LOG = "log entry"
    STORE = "store"


class Reason(StrEnum):
    """How it differs from what was written."""

    DAMAGED = "cannot be read: the file is cut short, overwritten or not ours"
    EDITED = "was changed: it does not open under its key"
    SWAPPED = "is in the place of another"
    REPLAYED = "was put back in an older version"
    DROPPED = "is missing although it was never removed"
    ROLLED_BACK = "is older than a state already seen"
    FORKED = "has another history than the one already seen"


class Tampered(StorageError):
    """What the back end holds is not what was written there: stop, and look at the disk.

    Attributes:
        part: what failed its check.
        reason: how, as far as it can be told.
    """

    def __init__(self, part: Part, reason: Reason) -> None:
        super().__init__(f"the {part} {reason}")
        self.part = part
        self.reason = reason


class OlderThanIndex(Tampered):
    """The head is older than the saved index, which tells of commits that are gone."""

    def __init__(self) -> None:
        super().__init__(Part.HEAD, Reason.ROLLED_BACK)


class Damaged(Tampered):
    """The back end cannot make sense of its own file: cut short, overwritten, or not ours."""

    def __init__(self, problem: str | None = None) -> None:
        super().__init__(Part.STORE, Reason.DAMAGED)
        if problem is not None:
            self.args = (problem,)
