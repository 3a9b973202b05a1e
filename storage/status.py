"""What a store says of itself in its header and head, without reading its records.

Both are proved by the secret. Whether the records are what the head vouches for is found out by
opening the store.
"""

import struct
from dataclasses import dataclass

from storage.backend import Backend
from storage.copy_mark import check_finished
from storage.errors import Missing, Part, Reason, StorageError, Tampered
from storage.header import Header, Unlocked
from storage.keyring import Keyring
from storage.ledger import Anchor, State
from storage.manifest import MANIFEST_NAME, Manifest
from storage.scheduling import in_thread
from storage.secret import Secret
from storage.slot import Slot


@dataclass(frozen=True, slots=True)
class Status:
    """What the header and the head say.

    Attributes:
        records: how many there are.
        anchor: of the state; its number is that of the last commit.
        oldest: number of the oldest log entry kept.
        slots: the key slots.
        slot: number of the one that was opened.
        epoch: the current one.
        is_rotating: whether records may still be under keys that are being given up.
        followers: servers that follow a rotation, and some that were killed since they came.
        saved: the commit as of which the index is saved; None: it is not, or not for these keys.
        segments: how many segments of it are saved.
        is_spread: whether records and bodies are on all nodes of a Cluster.
        unsettled: attempts at commits, under way or left by servers that ended, that have blobs
            there.
    """

    records: int
    anchor: Anchor
    oldest: int
    slots: tuple[Slot, ...]
    slot: int
    epoch: int
    is_rotating: bool
    followers: int
    saved: int | None = None
    segments: int = 0
    is_spread: bool = False
    unsettled: int = 0


async def read_status(backend: Backend, secret: Secret, anchor: Anchor | None = None) -> Status:
    """The status of a store.

    Args:
        backend: open.
        secret: opens one of the key slots.
        anchor: the least state to accept.

    Raises:
        Missing: there is no store.
        WrongSecret: no key slot opens.
        Tampered: what is there was not written there, or is older than `anchor`.
        Unavailable: the back end does not answer.
    """
    header, head = await backend.load()
    if header is None and head is None:
        if anchor is not None:
            raise Tampered(Part.STORE, Reason.ROLLED_BACK)
        raise Missing("there is no store here")
    check_finished(header, head)
    if header is None:
        raise Tampered(Part.HEADER, Reason.DROPPED)
    if head is None:
        raise Tampered(Part.HEAD, Reason.DROPPED)
    try:
        unlocked = await in_thread(Unlocked.open, Header.parse(header), secret, backend.label)
    except StorageError as error:
        raise error.with_traceback(None) from None
    finally:
        del secret  # an error, which somebody may keep, refers to the variables of functions
    keyring = unlocked.keyring()
    state = State.open(keyring, head)
    if state.header != unlocked.header.digest:
        raise Tampered(Part.HEADER, Reason.REPLAYED)
    if anchor is not None and anchor.number > state.number:
        raise Tampered(Part.STORE, Reason.ROLLED_BACK)
    if anchor is not None and anchor.number == state.number and anchor != state.anchor:
        raise Tampered(Part.STORE, Reason.FORKED)
    spread = backend.spread
    unsettled = [] if spread is None else await spread.unsettled()
    saved, segments = await _saved_index(backend, keyring)
    return Status(
        records=state.count,
        anchor=state.anchor,
        oldest=state.oldest,
        slots=unlocked.header.slots,
        slot=unlocked.slot,
        epoch=unlocked.header.current,
        is_rotating=len(unlocked.header.roots) > 1,
        followers=len(unlocked.header.recipients),
        saved=saved,
        segments=segments,
        is_spread=spread is not None,
        unsettled=len({attempt.name for attempt in unsettled}),
    )


async def _saved_index(backend: Backend, keyring: Keyring) -> tuple[int | None, int]:
    (blob,) = await backend.read_index([MANIFEST_NAME])
    if blob is None:
        return None, 0
    try:
        manifest = Manifest.open(keyring, blob)
    except (ValueError, struct.error):
        return None, 0
    return manifest.number, len(manifest.segments)
