"""A server for one input after another, made anew after some hundreds of them.

A fuzzer calls a plain function for each input, in the main thread. The server's event loop runs in
a thread beside it, which each call asks.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from queue import SimpleQueue

import trio

from kmip.encodings.codec import CODECS
from server import operations
from server.access.users import Users
from server.setup.config import Config, LegacyAlgorithms
from server.state import Server
from storage import KeyFile, MemoryBackend, open_store
from tests.fuzzing.examined import CLIENT, Wrong, examine_answer, examine_ckms, examine_http
from tests.fuzzing.seeds import import_objects
from tests.server.conftest import Clock, InProcessClient

RENEWED_AFTER = 300
"""Inputs: what a server has made of them is little, and what one leaves others may meet."""

LONGEST_SECONDS = 20.0
"""Of one input, on a machine that has other things to do: an RSA key of 8192 bits may take ten."""


async def examine(target: str, server: Server, data: bytes) -> None:
    """Whatever must hold of an input of a target does.

    Raises:
        Wrong: it does not.
        Exception: the code under test raised it.
    """
    with trio.move_on_after(LONGEST_SECONDS) as scope:
        if target in CODECS:
            await examine_answer(server, CODECS[target], data)
        elif target == "HTTP":
            await examine_http(server, data)
        else:
            await examine_ckms(server, data)
    if scope.cancelled_caught:
        raise Wrong("it hangs")


class Host:
    """Servers in a thread, for one target.

    Args:
        target: a key of `tests.fuzzing.seeds.SEEDS`.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self._ready: SimpleQueue[trio.lowlevel.TrioToken] = SimpleQueue()
        self._server: Server
        self._is_up = trio.Event()
        self._renew: Callable[[], None] = lambda: None
        self._inputs = 0
        threading.Thread(target=trio.run, args=[self._serve], daemon=True).start()
        self._token = self._ready.get()

    async def _serve(self) -> None:
        operations.load()
        is_first = True
        while True:
            with tempfile.TemporaryDirectory() as place:
                config = Config(
                    data=Path(place), audit="none", legacy_algorithms=LegacyAlgorithms.ALLOW
                )
                key = KeyFile(bytes(32))
                async with open_store(MemoryBackend(), key, create=True) as store:
                    server = Server(config, store, Users(config.users_file), Clock())
                    await import_objects(InProcessClient(server, CLIENT))
                    renewal = trio.Event()
                    self._server, self._inputs, self._renew = server, 0, renewal.set
                    self._is_up.set()
                    if is_first:
                        self._ready.put(trio.lowlevel.current_trio_token())
                        is_first = False
                    await renewal.wait()

    def examine(self, data: bytes) -> None:
        """See `examine`, at the server that there is now."""
        self._run(self._examine, data)

    async def _examine(self, data: bytes) -> None:
        await self._is_up.wait()
        self._inputs += 1
        try:
            await examine(self.target, self._server, data)
        finally:
            if self._inputs >= RENEWED_AFTER:
                self._is_up = trio.Event()
                self._renew()

    def _run(self, call: Callable[[bytes], Awaitable[None]], data: bytes) -> None:
        trio.from_thread.run(call, data, trio_token=self._token)
