"""The store's part of the audit log: the secret of its chains, and how far each has come.

Records of the store's own (`server.objects.own_records`), of the kind "audit":

    secret          32 random bytes, made once
    chain | NAME    JSON: number and mac of the last line that was in the file, and when

A chain is written at its beginning, with number 0, before anything is served; every `SECONDS` if it
has come further; and at a graceful stop, once all lines are in the file. So what a host can cut off
unseen is what was written since the last of these before a kill, and nothing after a graceful stop.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Final

import trio

from server.objects.own_records import OwnRecords
from server.requests import audit
from server.setup.audit_chain import SECRET_BYTES, ChainedLines, Position
from server.setup.audit_trail import Queued
from storage import Put, Record, Remove, SealedStore, StorageError

log: Final = logging.getLogger(__name__)

KIND: Final = b"audit"
SECRET: Final = b"secret"
CHAIN: Final = b"chain "
CHAINS: Final = "chains"
"""How the records of chains are found."""
SECONDS: Final = 5.0
"""Between two looks at how far the chain has come; one commit each, if it has."""
STOP_SECONDS: Final = 0.5
"""At a stop, for the last lines to come to the file."""
MAX_CHAINS: Final = 1000
"""Chains that are known: one for each start of a server. The oldest is forgotten."""


class AuditPositions:
    """What a store keeps of the audit logs of its servers.

    Args:
        store: where it is kept.
    """

    def __init__(self, store: SealedStore) -> None:
        self._records = OwnRecords(store, KIND)

    async def secret(self) -> bytes:
        """The audit secret, 32 bytes, which is made where there is none.

        Raises:
            storage.StorageError: the store does not give it or take it.
        """
        found = secrets.token_bytes(SECRET_BYTES)

        def decide(record: Record | None) -> Put | None:
            nonlocal found
            if record is None:
                return self._records.put(SECRET, found, 0)
            found = record.meta
            return None

        await self._records.change(SECRET, decide)
        return found

    async def keep(self, position: Position, now: float) -> None:
        """Write how far a chain has come.

        Args:
            position: of the chain.
            now: seconds since 1970.

        Raises:
            storage.StorageError: it cannot be written.
        """
        key = CHAIN + position.chain.encode()
        row = {"number": position.number, "mac": position.mac, "seen": now}
        content = json.dumps(row).encode()

        async def decide() -> Sequence[Put | Remove]:
            record = await self._records.read(key)
            if record is not None:
                return [self._records.put(key, content, record.version, whose=CHAINS)]
            return [*await self._oldest(), self._records.put(key, content, 0, whose=CHAINS)]

        await self._records.commit_decided(decide)

    async def _oldest(self) -> list[Remove]:
        """What forgets the chain that was written longest ago, where there are too many."""
        if await self._records.count(CHAINS) < MAX_CHAINS:
            return []
        chains = await self._records.all(CHAINS)
        oldest = min(chains, key=lambda record: float(json.loads(record.meta)["seen"]))
        return [Remove(oldest.name, oldest.version)]

    async def all(self) -> dict[str, Position]:
        """How far each chain has come, by its name.

        Raises:
            storage.StorageError: the store does not give it.
        """
        positions = {}
        for record in await self._records.all(CHAINS):
            row = json.loads(record.meta)
            chain = self._records.key(record.name).removeprefix(CHAIN).decode()
            positions[chain] = Position(chain, row["number"], row["mac"])
        return positions


class KeptChain:
    """This process's chain, whose position is kept while it goes on.

    Args:
        file: that they go to.
        chained: the lines.
        positions: of the store.
        clock: gives seconds since 1970.
    """

    def __init__(
        self,
        file: Queued,
        chained: ChainedLines,
        positions: AuditPositions,
        clock: Callable[[], float],
    ) -> None:
        self._file = file
        self._chained = chained
        self._positions = positions
        self._clock = clock
        self._kept: Position | None = None

    async def write(self) -> None:
        """Write the position if it has changed; one of a chain that went on as another, at last.

        Raises:
            storage.StorageError: it cannot be written.
        """
        position = self._chained.position
        if position != self._kept:
            await self._positions.keep(position, self._clock())
            self._kept = position

    async def keep(self) -> None:
        """Write the position every `SECONDS`, until this is cancelled."""
        while True:
            await trio.sleep(SECONDS)
            try:
                await self.write()
            except StorageError as error:
                log.warning("how far the audit log has come is written later: %s", error)

    async def finish(self) -> None:
        """Write the position of the last line, once it is in the file."""
        if not await trio.to_thread.run_sync(self._file.wait, STOP_SECONDS):
            log.warning("the audit log's last lines are not in the file yet")
        try:
            await self.write()
        except StorageError as error:
            log.warning("how far the audit log has come is not written: %s", error)


async def begin(
    store: SealedStore, clock: Callable[[], float], *, is_sealed: bool
) -> KeptChain | None:
    """Have the lines of the audit file chained under the store's secret from now on.

    Args:
        store: of the server.
        clock: gives seconds since 1970.
        is_sealed: whether lines are encrypted as well.

    Returns:
        The chain, whose beginning is in the store; None: there is no audit file.

    Raises:
        storage.StorageError: the store does not take it.
    """
    file = audit.file()
    if file is None:
        return None
    positions = AuditPositions(store)
    chained = file.chain(await positions.secret(), is_sealed=is_sealed)
    kept = KeptChain(file, chained, positions, clock)
    await kept.write()
    return kept
