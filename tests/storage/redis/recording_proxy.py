"""Between a store and its Redis: a proxy that keeps all that passes."""

import trio


class RecordingProxy:
    """Passes everything on.

    Attributes:
        recorded: all bytes of both directions, in the order in which they came.
    """

    def __init__(self, target):
        self._target = target
        self.recorded = b""
        self.port = 0

    async def run(self, *, task_status):
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        await trio.serve_listeners(self._pass, listeners, task_status=task_status)

    async def _pass(self, client):
        redis = await trio.open_unix_socket(self._target)
        async with client, redis, trio.open_nursery() as nursery:
            nursery.start_soon(self._copy, client, redis, nursery.cancel_scope)
            nursery.start_soon(self._copy, redis, client, nursery.cancel_scope)

    async def _copy(self, source, target, scope):
        async for data in source:
            self.recorded += data
            await target.send_all(data)
        scope.cancel()
