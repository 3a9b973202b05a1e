"""Log lines: one line each, nobody else's lines, nothing secret."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from server.setup import logs
from server.setup.config import Config, LogFormat, LogLevel


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The root logger as it was, which belongs to the whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def configure(**settings: Any) -> io.StringIO:
    stream = io.StringIO()
    logs.configure(Config(**settings), stream)
    return stream


def test_a_line_tells_time_level_origin_and_message() -> None:
    stream = configure()
    logging.getLogger("server.service").warning("refused %s", "192.0.2.1")
    assert stream.getvalue()[23:] == (
        'Z level=warning from=server.service message="refused 192.0.2.1"\n'
    )


@pytest.mark.parametrize("text", ["a\nb", "a\r\x1b[31m", "a\u2028b", 'a" level="error', "a\x85b"])
def test_nobody_can_write_a_line_of_their_own(text: str) -> None:
    stream = configure()
    logging.getLogger("x").warning("name %s", text)
    assert len(stream.getvalue().splitlines()) == 1
    assert stream.getvalue().isprintable() or stream.getvalue().rstrip("\n").isprintable()
    assert stream.getvalue().count(' level="error') == 0


def test_an_exception_shows_its_type_and_place_but_not_its_text() -> None:
    stream = configure()
    try:
        raise ValueError("the key is 0123")
    except ValueError:
        logging.getLogger("x").exception("failed")
    assert "error=ValueError@" in stream.getvalue()
    assert "0123" not in stream.getvalue()
    assert "traceback" not in stream.getvalue()


def test_at_debug_the_traceback_follows_on_the_same_line() -> None:
    stream = configure(log_level=LogLevel.DEBUG)
    try:
        raise ValueError("why")
    except ValueError:
        logging.getLogger("x").exception("failed")
    assert 'traceback="Traceback' in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_an_exception_that_was_never_raised_has_no_place() -> None:
    stream = configure()
    logging.getLogger("x").warning("failed", exc_info=ValueError("0123"))
    assert stream.getvalue().endswith('message="failed" error=ValueError\n')


def test_the_level_is_that_of_the_settings() -> None:
    stream = configure(log_level=LogLevel.ERROR)
    logging.getLogger("x").warning("not this")
    assert stream.getvalue() == ""


# As JSON


def test_a_line_of_json_tells_the_same_and_always_has_a_request() -> None:
    stream = configure(log_format=LogFormat.JSON)
    logging.getLogger("server.service").warning("up")
    before = logs.origin.set(logs.Origin(7, "192.0.2.1", "alice"))
    try:
        logging.getLogger("server.service").warning("refused %s", "x")
    finally:
        logs.origin.reset(before)
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first.pop("time").endswith("Z")
    assert first == {"level": "warning", "from": "server.service", "message": "up", "request": None}
    del second["time"]
    assert second == first | {
        "message": "refused x",
        "request": 7,
        "address": "192.0.2.1",
        "client": "alice",
    }


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31m", "\u2028", 'a", "level": "error', "\ud800"])
def test_whatever_a_client_is_named_a_line_of_json_is_one_object(text: str) -> None:
    stream = configure(log_format=LogFormat.JSON)
    before = logs.origin.set(logs.Origin(1, "192.0.2.1", text))
    try:
        logging.getLogger("x").warning("name %s", text)
    finally:
        logs.origin.reset(before)
    assert stream.getvalue().isascii()
    (line,) = stream.getvalue().splitlines()
    found = json.loads(line)
    assert (found["level"], found["client"], found["message"]) == ("warning", text, f"name {text}")


def test_an_exception_in_json_shows_its_type_and_place_but_not_its_text() -> None:
    stream = configure(log_format=LogFormat.JSON)
    try:
        raise ValueError("the key is 0123")
    except ValueError:
        logging.getLogger("x").exception("failed")
    assert json.loads(stream.getvalue())["error"].startswith("ValueError@")
    assert "0123" not in stream.getvalue()


@pytest.mark.parametrize("form", LogFormat)
def test_the_line_that_tells_of_dropped_ones_has_the_form_of_the_others(form: LogFormat) -> None:
    line = logs.dropped(logs.FORMATTERS[form](), 3)
    assert "3 lines were dropped" in line
    assert line.startswith("{") == (form is LogFormat.JSON)
