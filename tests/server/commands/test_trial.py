"""The client in a few lines, against a real server and against servers that misbehave."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio

from kmip.encodings import ttlv
from kmip.enums import Operation, ResultReason, ResultStatus
from kmip.messages import ResponseBatchItem, ResponseHeader, ResponseMessage
from kmip.payloads.destroy import DestroyRequest, DestroyResponse
from kmip.structures import to_item
from kmip.tags import Tag
from server import service
from server.__main__ import main
from server.commands import one_operation, serve, trial
from server.setup.config import Config
from server.setup.failure import Failure
from server.sources import DiskSources


async def test_it_makes_fetches_and_destroys_a_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = Config(data=tmp_path, kmip_port=0, store="memory:")
    serve.prepare(config, datetime.now(UTC))
    ports: list[str] = []
    stop = trio.Event()

    async def exercise() -> None:
        words = ["try", "--data", str(tmp_path), "--kmip-host", "0.0.0.0", "--kmip-port", ports[0]]
        assert await trio.to_thread.run_sync(main, words) == 0
        assert await trio.to_thread.run_sync(main, [*words, "--client", "nobody"]) == 1
        stop.set()

    async with trio.open_nursery() as nursery:

        def started(up: service.Up) -> None:
            ports.append(up.kmip[0].rpartition(":")[2])
            nursery.start_soon(exercise)

        await service.serve(config, DiskSources(config), started=started, stop=stop)
    said = capsys.readouterr()
    assert "connected to 0.0.0.0 port" in said.out
    assert "a key of 256 bits" in said.out
    assert said.out.endswith("Destroy  done\n")
    assert said.err.startswith("strongroom: 0.0.0.0 port")


def message(*items: ResponseBatchItem) -> bytes:
    header = ResponseHeader(
        protocol_version=one_operation.VERSION, time_stamp=0, batch_count=len(items)
    )
    response = ResponseMessage(response_header=header, batch_item=items)
    return ttlv.encode(to_item(response, Tag.RESPONSE_MESSAGE, one_operation.VERSION))


REFUSED = ResponseBatchItem(
    result_status=ResultStatus.OPERATION_FAILED,
    result_reason=ResultReason.PERMISSION_DENIED,
    result_message="not you",
)


def test_a_refusal_is_told() -> None:
    with pytest.raises(Failure, match=r"^The server refused: not you\.$"):
        one_operation.response(message(REFUSED), DestroyResponse)


def test_an_answer_with_another_number_of_items_is_told() -> None:
    for items in ((), (REFUSED, REFUSED)):
        with pytest.raises(Failure, match="does not have one item"):
            one_operation.response(message(*items), DestroyResponse)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    with here, there:
        yield here, there


def perform(here: socket.socket) -> None:
    session = trial.Session(here)
    session.perform(Operation.DESTROY, DestroyRequest(), DestroyResponse)


def test_a_connection_that_ends_is_told(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    there.sendall(message(REFUSED)[:20])
    there.shutdown(socket.SHUT_WR)
    with pytest.raises(Failure, match="closed the connection"):
        perform(here)


def test_an_answer_may_come_in_parts(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    whole = message(REFUSED)
    there.sendall(whole[:5])
    there.sendall(whole[5:])
    with pytest.raises(Failure, match="not you"):
        perform(here)
