"""Lines of HTTP as RFC 9112 writes them: each ends by CR LF, and none continues the one before.

h11 also takes a bare LF as a line's end, and joins a line that begins with white space to the
line before it (obs-fold), as sections 2.2 and 5.2 let a recipient do. Where another program
is in front and reads such lines differently, a request can be hidden in another one. None of
our clients writes them, so they are refused.

h11 has no setting for it. The buffer from which it takes a message's head and a chunked body's
trailer is replaced by one that looks at their bytes first.
"""

from __future__ import annotations

import re
from typing import Final

import h11
from h11._receivebuffer import ReceiveBuffer

END_OF_LINES: Final = re.compile(rb"\A\r?\n|\n\r?\n")
"""Where h11 sees the end of a head or a trailer."""
LOOSE_LINE: Final = re.compile(rb"(?<!\r)\n|\r(?!\n)|\n[ \t]")
"""LF without CR before it, CR without LF behind it, or a line that begins with white space."""


class StrictLines(ReceiveBuffer):
    """What a peer has sent and is not taken yet; lines are taken in their strict form only."""

    def maybe_extract_lines(self) -> list[bytearray] | None:
        """The lines up to an empty one; None: it has not come yet.

        Raises:
            h11.LocalProtocolError: a line is not in the strict form; h11 tells it of the peer.
        """
        end = END_OF_LINES.search(self._data, self._multiple_lines_search)
        if end is not None and LOOSE_LINE.search(self._data, 0, end.end()):
            raise h11.LocalProtocolError("a line does not end by CR LF, or is folded")
        return super().maybe_extract_lines()


def server_connection(max_head_bytes: int) -> h11.Connection:
    """The server's side of an HTTP connection that takes lines in their strict form only.

    Args:
        max_head_bytes: the longest head, where it comes in pieces.
    """
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=max_head_bytes)
    connection._receive_buffer = StrictLines()  # noqa: SLF001 - there is no other way to set it
    return connection
