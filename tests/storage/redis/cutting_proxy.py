"""Between a store and its Redis: a proxy that cuts the connection at a chosen moment."""

from functools import partial

import trio


class CuttingProxy:
    """Passes everything on, until it is told not to.

    Attributes:
        cut_reply_to: a word; the next request with it reaches Redis, and its reply nobody.
        drop_request: a word; the next request with it reaches nobody.
        cuts: how many connections were cut.
    """

    def __init__(self, target):
        self._target = target
        self.cut_reply_to = self.drop_request = None
        self.cuts = 0
        self.port = 0

    async def run(self, *, task_status):
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        await trio.serve_listeners(self._pass, listeners, task_status=task_status)

    async def _pass(self, client):
        async with client, await trio.open_unix_socket(self._target) as redis:
            silent = trio.Event()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(self._up, client, redis, silent, nursery.cancel_scope))
                nursery.start_soon(partial(self._down, client, redis, silent, nursery.cancel_scope))

    async def _up(self, client, redis, silent, scope):
        async for data in client:
            if self.drop_request is not None and self.drop_request in data:
                self.drop_request = None
                break
            if self.cut_reply_to is not None and self.cut_reply_to in data:
                self.cut_reply_to = None
                silent.set()
            await redis.send_all(data)
        self.cuts += 1
        scope.cancel()

    async def _down(self, client, redis, silent, scope):
        async for data in redis:
            if silent.is_set():
                self.cuts += 1
                break
            await client.send_all(data)
        scope.cancel()
