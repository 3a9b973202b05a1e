"""The audit log: one line for each batch item, saying who did what to which object and how it went.

Lines are JSON objects with the same keys always; they never contain an attribute, a key or data.
Identifiers they do contain, since without them a line says nothing.

They do not go through `logging`, which would take as long as all the rest of a small request. Like
the log itself, an audit log that cannot be written does not keep the server from answering; that it
cannot is in the log. They are written by a thread (`server.setup.line_writer`), in their order and
some moments later: a process that is killed loses those that were not written yet, and so may say
less than was done, never more. In a file, each is chained to the one before it by a key of the
store's (`server.setup.audit_chain`), so that nobody edits it unseen.

Texts that a client chose are cut, so that a line has a bounded length.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as quoted
from typing import Final

from kmip.enums import Operation, ResultReason, ResultStatus
from server.access.client import Client
from server.setup import logs
from server.setup.audit_trail import Nowhere, Queued, Trail, failed


def line(
    now: float,
    client: Client,
    operation: Operation | int | str,
    identifier: str | None,
    status: ResultStatus,
    reason: ResultReason | None,
    request: int | None = None,
) -> str:
    """The line of one batch item.

    Args:
        now: seconds since 1970.
        client: who asked.
        operation: what was asked; a number where no version has it, a text where KMIP has none.
        identifier: the object made or used, where it is known.
        status: how it went.
        reason: why it failed.
        request: the number of the message, by which the log's lines are joined with it.
    """
    when = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    if isinstance(operation, Operation):
        named = operation.title
    else:
        named = operation if isinstance(operation, str) else hex(operation)
    return (
        f'{{"time": "{when}", "request": {"null" if request is None else request}, '
        f'"client": {quoted(logs.cut(client.name))}, "how": "{client.how}", '
        f'"shown_by": {_quoted_or_null(client.shown_by)}, '
        f'"operation": "{named}", "object": {_quoted_or_null(identifier)}, '
        f'"status": "{status.title}", '
        f'"reason": {_quoted_or_null(reason.title if reason is not None else None)}}}'
    )


def event(
    now: float, who: str, how: str, what: str, *, shown_by: str | None = None, reason: str = ""
) -> str:
    """The line of something that no request asked for; its keys are the same.

    Args:
        now: seconds since 1970.
        who: had it happen.
        how: by what they are known.
        what: happened, in words as an operation's name.
        shown_by: where they connect from.
        reason: why it failed; empty: it did not.
    """
    when = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    status = ResultStatus.OPERATION_FAILED if reason else ResultStatus.SUCCESS
    return (
        f'{{"time": "{when}", "request": null, "client": {quoted(logs.cut(who))}, '
        f'"how": {quoted(how)}, "shown_by": {_quoted_or_null(shown_by)}, '
        f'"operation": {quoted(what)}, "object": null, "status": "{status.title}", '
        f'"reason": {_quoted_or_null(reason or None)}}}'
    )


def _quoted_or_null(text: str | None) -> str:
    return "null" if text is None else quoted(logs.cut(text, MAX_IDENTIFIER))


MAX_IDENTIFIER: Final = 128
"""Characters of an identifier that are kept: the server's have 36."""


class _Kept:
    trail: Trail = Nowhere()


def send_to(trail: Trail) -> None:
    """Write audit lines there from now on; what they went to before is closed."""
    before, _Kept.trail = _Kept.trail, trail
    before.close()


def write(lines: Iterable[str]) -> None:
    """Write the lines of one message."""
    try:
        _Kept.trail.write(lines)
    except OSError as error:
        failed(error)


def file() -> Queued | None:
    """The file that audit lines go to; None: they go to no file."""
    return _Kept.trail if isinstance(_Kept.trail, Queued) else None


def look_now() -> None:
    """See before the next line whether the audit file was moved away."""
    if (there := file()) is not None:
        there.look_now()
