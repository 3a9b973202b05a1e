"""Log lines: one line each, nobody else's lines, nothing secret."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from server.setup import logs
from server.setup.config import Config, LogLevel


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
