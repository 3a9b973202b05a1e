"""Where the log goes, and the form of its lines.

With `log_format` logfmt a line is `time level=… from=… message="…"`; with json, an object with the
same keys, and `time` and `request` in each. Whatever a client chose (a name, an identifier) is
quoted with its control characters escaped, so that nobody can write a line of their own. An
exception shows as its type and the place that raised it, not its text, which may quote values; at
level debug the whole traceback follows on the same line.

A line has a bounded length: what is longer is cut, with a mark that tells how long it was. A line
that is written while a request is answered bears the request's number, which the audit lines of
that request bear too, and where it came from.

Audit lines go their own way (`server.requests.audit`).
"""

import json
import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple, TextIO

from server.setup.config import Config, LogFormat
from server.setup.line_writer import LineWriter, write_all

MAX_TEXT: Final = 1000
"""Characters of a message that are kept; the server's own are shorter, the rest is a client's."""
MAX_TRACEBACK: Final = 20_000
"""Characters of a traceback that are kept: hundreds of frames."""


class Origin(NamedTuple):
    """Where the request that is being answered comes from.

    Attributes:
        request: its number, from 1, since the process started.
        address: of the connection; "": unknown.
        client: whom the certificate names; "": it shows none.
    """

    request: int
    address: str
    client: str


origin: Final[ContextVar[Origin | None]] = ContextVar("origin", default=None)
"""Of the request that this task answers; None: none."""


def request_number() -> int | None:
    """The number of the request that this task answers, by which lines of log and audit join."""
    request = origin.get()
    return None if request is None else request.request


Fields = dict[str, str | int | None]


def fields_of(record: logging.LogRecord) -> Fields:
    """What a line tells, in its order; texts are cut."""
    time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    fields: Fields = {
        "time": f"{time.removesuffix('+00:00')}Z",
        "level": record.levelname.lower(),
        "from": record.name,
        "message": cut(record.getMessage(), MAX_TEXT),
        "request": None,
    }
    if (request := origin.get()) is not None:
        fields["request"] = request.request
        if request.address:
            fields["address"] = request.address
        if request.client:
            fields["client"] = cut(request.client)
    if record.exc_info and record.exc_info[1] is not None:
        fields["error"] = _place(record.exc_info[1])
        if logging.getLogger().isEnabledFor(logging.DEBUG):
            trace = "".join(traceback.format_exception(record.exc_info[1]))
            fields["traceback"] = cut(trace, MAX_TRACEBACK)
    return fields


class Line(logging.Formatter):
    """A record as one line of logfmt."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        fields = fields_of(record)
        time = fields.pop("time")
        written = (
            f"{name}={quoted(str(value)) if name in QUOTED else value}"
            for name, value in fields.items()
            if value is not None
        )
        return f"{time} {' '.join(written)}"


QUOTED: Final = frozenset({"message", "client", "traceback"})
"""What others choose, or has blanks."""


class JSONLine(logging.Formatter):
    """A record as one line of JSON in ASCII; `request` is null where it belongs to none."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        return json.dumps(fields_of(record))


FORMATTERS: Final = {LogFormat.LOGFMT: Line, LogFormat.JSON: JSONLine}


MAX_NAME: Final = 255
"""Characters of a name or identifier that are kept."""


def cut(text: str, limit: int = MAX_NAME) -> str:
    """`text`, of which at most `limit` characters are kept, and a mark where more were."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def quoted(text: str) -> str:
    r"""`text` in double quotes, with everything escaped that is not printable (`\n`, `\u001b`)."""
    inner = json.dumps(text, ensure_ascii=False)
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in inner)


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f"@{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + where


def standard_error(config: Config) -> LineWriter:
    """Writes lines to standard error, for log and audit alike, and keeps nobody waiting."""
    formatter = FORMATTERS[config.log_format]()
    return LineWriter(lambda data: write_all(2, data), partial(dropped, formatter))


def dropped(formatter: logging.Formatter, count: int) -> str:
    """The line that tells of so many lines that were dropped."""
    record = logging.LogRecord(
        __name__, logging.WARNING, "", 0, "%d lines were dropped, nobody took them", (count,), None
    )
    return formatter.format(record)


def configure(config: Config, stream: TextIO | LineWriter | None = None) -> None:
    """Send the log to standard error (or `stream`), in the form and from the level of `config`."""
    stream = stream or sys.stderr
    root = logging.getLogger()
    root.setLevel(config.log_level.upper())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(FORMATTERS[config.log_format]())
    root.handlers[:] = [handler]
