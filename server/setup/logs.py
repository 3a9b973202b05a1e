"""Where the log goes, and the form of its lines.

A line is `time level=… from=… message="…"`. Whatever a client chose (a name, an identifier) is
quoted with its control characters escaped, so that nobody can write a line of their own. An
exception shows as its type and the place that raised it, not its text, which may quote values; at
level debug the whole traceback follows on the same line.

Audit lines go their own way (`server.requests.audit`).
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import TextIO

from server.setup.config import Config


class Line(logging.Formatter):
    """A record as one line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        text = (
            f"{time.removesuffix('+00:00')}Z level={record.levelname.lower()} from={record.name} "
            f"message={quoted(record.getMessage())}"
        )
        if record.exc_info and record.exc_info[1] is not None:
            text += f" error={_place(record.exc_info[1])}"
            if logging.getLogger().isEnabledFor(logging.DEBUG):
                text += (
                    f" traceback={quoted(''.join(traceback.format_exception(record.exc_info[1])))}"
                )
        return text


def quoted(text: str) -> str:
    r"""`text` in double quotes, with everything escaped that is not printable (`\n`, `\u001b`)."""
    inner = json.dumps(text, ensure_ascii=False)
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in inner)


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f"@{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + where


def configure(config: Config, stream: TextIO | None = None) -> None:
    """Send the log to standard error (or `stream`), from the level that `config` says."""
    stream = stream or sys.stderr
    root = logging.getLogger()
    root.setLevel(config.log_level.upper())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Line())
    root.handlers[:] = [handler]
