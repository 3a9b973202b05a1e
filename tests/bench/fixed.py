"""The server that ours is measured beside: TLS and framing as ours, and nothing behind them.

It answers every message of a connection with the first message that came on it. So whoever
measures sends first a message of the size that our server's response has.
"""

import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path

import trio

from kmip.framing import Frames
from server.setup.config import Config
from server.transport.tls import reading_of_files

BACKLOG = 512
RECEIVE_BYTES = 65_536
"""Both as our server's."""


async def answer(stream: trio.SocketStream, context: ssl.SSLContext) -> None:
    """One connection, until it ends."""
    secure = trio.SSLStream(stream, context, server_side=True)
    frames = Frames()
    response = b""
    try:
        while data := await secure.receive_some(RECEIVE_BYTES):
            for message in frames.receive(bytes(data)):
                response = response or message
                await secure.send_all(response)
        await secure.aclose()
    except trio.BrokenResourceError:
        await trio.aclose_forcefully(stream)


async def serve(data: Path) -> None:
    """Serve with the certificates in `data` until killed; prints the port."""
    context = reading_of_files(Config(data=data), datetime.now(UTC)).context
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1", backlog=BACKLOG)
    print(f"serves on 127.0.0.1:{listeners[0].socket.getsockname()[1]}", flush=True)

    async def connected(stream: trio.SocketStream) -> None:
        await answer(stream, context)

    await trio.serve_listeners(connected, listeners)


if __name__ == "__main__":
    trio.run(serve, Path(sys.argv[1]))
