"""A node that answers nonsense, or too much, costs little and is told."""

import socket
import threading

import pytest

from storage import Unavailable
from storage.redis import RedisBackend, RedisPlace, link

LIMIT = 1 << 20


@pytest.fixture
def node():
    """Listens, and answers every connection with the same bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answers = []

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        while connection.recv(1 << 16):
                            connection.sendall(answers[0])
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], answers.append
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"$%d\r\n" % (LIMIT + 1), id="a string that is too long"),
        pytest.param(b"$-5\r\n", id="a negative length"),
        pytest.param(b"$99999999999999999999999\r\n", id="a length beyond all memory"),
        pytest.param(b"*1000000\r\n" + b":1\r\n" * 1_000_000, id="too many elements"),
        pytest.param(b"*1\r\n" * 100_000, id="arrays within arrays"),
        pytest.param(b"+" + b"x" * (2 * LIMIT), id="a line without an end"),
        pytest.param(b":" + b"9" * 60_000 + b"\r\n", id="a number of many digits"),
        pytest.param(b"*x\r\n", id="a length that is no number"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="another protocol"),
        pytest.param(b"\0" * 100 + b"\r\n", id="noise"),
        pytest.param(b"*-1\r\n*-1\r\n", id="nothing"),
        pytest.param(b"-ERR \x1b[31m no\r\n", id="an error with an escape sequence"),
        pytest.param(b"-MOVED 1 h:x\r\n", id="a redirection that leads nowhere"),
    ],
)
async def test_an_answer_that_cannot_be_used_is_an_error_of_the_store(node, answer, monkeypatch):
    monkeypatch.setattr(link, "MAX_REPLY_BYTES", LIMIT)
    monkeypatch.setattr(link, "SILENCE_S", 0.2)
    port, give = node
    give(answer)
    place = RedisPlace.parse(f"redis://127.0.0.1:{port}")
    backend = RedisBackend(place, "x", patience_s=0)
    try:
        with pytest.raises(Unavailable) as caught:
            await backend.open()
        assert "\x1b" not in str(caught.value)
    finally:
        await backend.aclose()
