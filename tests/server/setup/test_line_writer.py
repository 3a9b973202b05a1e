"""Lines are written by a thread: who does not take them stops nobody, and what is lost is told."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.setup import audit_trail
from server.setup.failure import Failure
from server.setup.line_writer import LineWriter, dropped_lines, write_all

SECONDS = 20.0


class Place:
    """Takes lines when it is let."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.reached = threading.Event()
        self.data = b""
        self.error: OSError | None = None

    def write(self, data: bytes) -> None:
        self.reached.set()
        self.open.wait()
        if self.error is not None:
            raise self.error
        self.data += data

    @property
    def lines(self) -> list[str]:
        return self.data.decode().splitlines()


@pytest.fixture
def place() -> Iterator[Place]:
    one = Place()
    yield one
    one.open.set()


def dropped(count: int) -> str:
    return f"{count} dropped"


def test_lines_are_written_in_their_order(place: Place) -> None:
    place.open.set()
    writer = LineWriter(place.write, dropped)
    for number in range(100):
        writer.write(f"{number}\n")
    assert writer.close(SECONDS)
    assert place.lines == [str(number) for number in range(100)]


def test_whoever_writes_does_not_wait_and_what_was_dropped_is_told_in_its_place(
    place: Place,
) -> None:
    before = dropped_lines()
    writer = LineWriter(place.write, dropped, limit=40)
    writer.write("first\n")
    place.reached.wait()
    for _ in range(3):
        writer.write("x" * 17 + "\n" + "y" * 17 + "\n")
    assert not writer.wait(0)
    place.open.set()
    assert writer.wait(SECONDS)
    writer.write("last\n")
    assert writer.close(SECONDS)
    assert place.lines == ["first", "6 dropped", "last"]
    assert dropped_lines() - before == 6


def test_what_was_dropped_last_is_told_although_no_line_follows(place: Place) -> None:
    writer = LineWriter(place.write, dropped, limit=40)
    writer.write("first\n")
    place.reached.wait()
    writer.write("second\n")
    writer.write("x" * 40 + "\n")
    place.open.set()
    assert writer.close(SECONDS)
    assert place.lines == ["first", "second", "1 dropped"]


def test_an_end_is_not_kept_waiting(place: Place) -> None:
    writer = LineWriter(place.write, dropped)
    writer.write("first\n")
    place.reached.wait()
    assert not writer.wait(0)
    assert not writer.close(0)


def test_lines_that_could_not_be_written_are_counted_as_dropped(place: Place) -> None:
    errors: list[OSError] = []
    place.error = OSError("full")
    place.open.set()
    writer = LineWriter(place.write, dropped, errors.append)
    writer.write("one\ntwo\n")
    assert writer.wait(SECONDS)
    place.error = None
    writer.write("three\n")
    assert writer.close(SECONDS)
    assert place.lines == ["2 dropped", "three"]
    assert len(errors) == 1


def test_a_descriptor_that_does_not_wait_is_written_whole() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    data, got = os.urandom(1 << 20), b""
    thread = threading.Thread(target=write_all, args=(writing, data))
    thread.start()
    while len(got) < len(data):
        got += os.read(reading, 1 << 20)
    thread.join()
    os.close(reading)
    os.close(writing)
    assert got == data


def test_an_audit_pipe_that_nobody_reads_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "audit")
    with pytest.raises(Failure, match="cannot be written"):
        audit_trail.trail(str(tmp_path / "audit"))


def test_an_audit_pipe_whose_reader_stalls_keeps_no_request_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "audit")
    reading = os.open(tmp_path / "audit", os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reading, True)
    trail = audit_trail.trail(str(tmp_path / "audit"))
    for _ in range(300):
        trail.write(["x" * 1000])
    assert os.read(reading, 1000) == b"x" * 1000
    trail.close()
    os.close(reading)
