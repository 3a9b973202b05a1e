"""The rules of a provisioned server's clients, followed as operators change them at any server.

What the operator says of certificates is one record of the store (`server.access.kept_rules`), and
each server on the store judges by it: `follow` looks whether the record is another than the one in
force, which costs a comparison, and takes it. It is called for each message once the store is
refreshed, so that a certificate that is refused at one server is by the next message at every
other; and every few seconds, for connections on which nothing comes.
"""

from __future__ import annotations

import logging
from typing import Final

import trio

from server.access import kept_rules
from server.objects.refreshing import refresh
from server.setup.failure import Failure
from server.transport.admission import LOOK_SECONDS, Admission
from storage import Conflict, SealedStore, StorageError

log: Final = logging.getLogger(__name__)


class FollowedRules:
    """What is in force of the record.

    Args:
        store: has the record, and is refreshed by others.
        admission: judges by it.
    """

    def __init__(self, store: SealedStore, admission: Admission) -> None:
        self._store = store
        self._admission = admission
        self._version = 0
        self._turn = trio.Lock()

    async def follow(self) -> None:
        """Judge by the record as it is known now; who is not accepted any more is cancelled.

        Rules that this server cannot use are told in the log, and the former ones are in force.

        Raises:
            storage.StorageError: the record cannot be read.
        """
        if self._store.version(kept_rules.RECORD) == self._version:
            return
        async with self._turn:
            while (version := self._store.version(kept_rules.RECORD)) != self._version:
                try:
                    kept = await kept_rules.read(self._store)
                except Conflict:  # changed again meanwhile
                    continue
                self._take(kept)
                self._version = version
        await trio.lowlevel.checkpoint()

    def _take(self, kept: kept_rules.KeptRules) -> None:
        authorities = self._admission.reading.rules.authorities
        rules = kept.rules(authorities)
        try:
            rules.revoked.check_signed(authorities)
            self._admission.judge_by(rules)
        except Failure as failure:
            log.error("what was said of certificates at another server is not taken: %s", failure)  # noqa: TRY400 - a sentence

    async def keep(self) -> None:
        """Follow what other servers are told, until this is cancelled."""
        while True:
            await trio.sleep(LOOK_SECONDS)
            try:
                await refresh(self._store)
                await self.follow()
            except StorageError as error:
                log.debug("what was said of certificates could not be read: %s", error)
