"""The newest state of the store and the highest time, sealed beside the provisioning as they move.

A store cannot tell by itself that its file was put back. `Head` is what a start compares it with:
sealed under the chip's key when a service starts, every `SECONDS` while it runs if the store has
moved or a minute has passed, and at a graceful stop. What a host can still undo is what was
committed since the last of these, after a kill; or everything, by putting back both files of one
moment, which no machine without a counter notices and the pins of users do (`enclave.pinned`).

    number   that of the provisioning which it belongs to; an older head does not fit a newer one
    anchor   the store's
    time     the highest that the server's clock, or the operator's at `/start`, has shown
    lineage  that of the provisioning: another server's of the same operator does not fit

The file is `DATA/store-head.sealed`, JSON under `Purpose.STORE_HEAD`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import trio

from enclave.keys import DerivedKey, Purpose, seal, unseal
from enclave.tee import Tee
from server.setup import files
from server.setup.failure import Failure
from storage import SealedStore

log: Final = logging.getLogger(__name__)

FILE_NAME: Final = "store-head.sealed"
MAX_FILE_BYTES: Final = 4096
SECONDS: Final = 5.0
"""Between two looks at the store; a sealing costs one small synchronised file."""
TIME_SECONDS: Final = 60.0
"""After which the time is worth a sealing of its own."""
MAX_STEP: Final = timedelta(minutes=5)
"""How far back a clock may go: what a machine's own clock and a time service may differ by."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest state that was sealed.

    Attributes:
        number: of the provisioning.
        anchor: of the store, as `str(Anchor)`.
        time: seconds since 1970.
        lineage: of the provisioning, in hexadecimal.
    """

    number: int
    anchor: str
    time: int
    lineage: str

    def seal(self, sk: DerivedKey) -> bytes:
        """As a sealed file."""
        return seal(sk, Purpose.STORE_HEAD, json.dumps(asdict(self)).encode())

    def check_time(self, now: datetime) -> None:
        """Let pass a clock that has not gone back.

        Raises:
            Failure: it is more than `MAX_STEP` below the highest time.
        """
        highest = datetime.fromtimestamp(self.time, UTC)
        if now < highest - MAX_STEP:
            raise Failure(
                f"The clock says {now:%Y-%m-%d %H:%M:%S} UTC, and was at "
                f"{highest:%Y-%m-%d %H:%M:%S} before: what has expired would be valid again."
            )


async def recall(data: Path, tee: Tee, minimum_tcb: bytes | None) -> Head:
    """The head that was sealed last in a data directory.

    Raises:
        EnclaveError, Failure, OSError, ValueError: there is none, or it does not open.
    """
    path = data / FILE_NAME
    if path.stat().st_size > MAX_FILE_BYTES:
        raise Failure("it is too long")
    sealed = files.read_private(path, "It")
    opened = await unseal(tee, Purpose.STORE_HEAD, sealed, minimum_tcb=minimum_tcb)
    members = json.loads(opened.plaintext)
    if not isinstance(members, dict) or members.keys() != {one.name for one in fields(Head)}:
        raise ValueError("not a head of this version")
    return Head(**members)


@dataclass(slots=True)
class SealedHead:
    """Keeps the head of an open store sealed.

    Attributes:
        data: the data directory.
        sk: the chip's key, which is held so that the chip is not asked each time.
        store: the store.
        head: what was sealed last.
        now: the clock.
    """

    data: Path
    sk: DerivedKey = field(repr=False)
    store: SealedStore
    head: Head
    now: Callable[[], datetime]
    _turn: trio.Lock = field(default_factory=trio.Lock, repr=False)

    async def seal(self) -> None:
        """Seal the present state, if it is another than the last.

        That it cannot be written now, as on a full disk, is logged and ends nothing.
        """
        async with self._turn:
            time = max(self.head.time, int(self.now().timestamp()))
            head = replace(self.head, anchor=str(self.store.anchor), time=time)
            if head == self.head:
                return
            content = head.seal(self.sk)
            try:
                await trio.to_thread.run_sync(files.replace, self.data / FILE_NAME, content)
            except Failure as failure:
                log.warning("the store's newest state is not sealed: %s", failure)
                return
            self.head = head

    async def keep(self, gone_back: Callable[[], None]) -> None:
        """Seal it as it moves, for ever.

        Args:
            gone_back: callback, once, when the clock has gone back below what was sealed; it ends
                the service.
        """
        while True:
            await trio.sleep(SECONDS)
            now = self.now()
            try:
                self.head.check_time(now)
            except Failure as failure:
                log.critical("the service ends: %s", failure)
                gone_back()
                return
            moved = self.head.anchor != str(self.store.anchor)
            if moved or now.timestamp() - self.head.time >= TIME_SECONDS:
                await self.seal()
