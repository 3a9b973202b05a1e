"""How far a long command is, on standard error.

On a terminal one line is written again and again; elsewhere, as in a log, there is a line for each
tenth. The result of a command is on standard output, which this leaves alone.
"""

import sys
import time
from collections.abc import Callable
from typing import Final, TextIO

SECONDS: Final = 0.1
"""Between two changes of the line on a terminal: nobody reads faster."""
_REST_OF_LINE: Final = "\x1b[K"


class Progress:
    """Is told how many are done, of how many; see `storage.progress.Tell`.

    Args:
        doing: what is done, such as "copying".
        stream: where to; None: standard error.
        now: the clock, in seconds.
    """

    def __init__(
        self,
        doing: str,
        stream: TextIO | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._doing = doing
        self._stream = sys.stderr if stream is None else stream
        self._now = now
        self._rewrites = self._stream.isatty()
        self._written_at: float | None = None
        self._tenths = -1

    def __call__(self, done: int, total: int) -> None:
        """So many are done. The last call has done equal to total."""
        if self._rewrites:
            self._rewrite(done, total)
        elif total and done * 10 // total > self._tenths:
            self._tenths = done * 10 // total
            self._write(self._text(done, total) + "\n")

    def _rewrite(self, done: int, total: int) -> None:
        is_last, now = done == total, self._now()
        if is_last or self._written_at is None or now - self._written_at >= SECONDS:
            self._written_at = now
            end = "\n" if is_last else ""
            self._write(f"\r{self._text(done, total)}{_REST_OF_LINE}{end}")

    def _text(self, done: int, total: int) -> str:
        share = 100 * done // total if total else 100
        return f"{self._doing}: {done} of {total} records, {share} %"

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
