"""What a directory says, read with care; and its refusals as sentences.

Everything here is given what came over the network. Whatever cannot be read is an `ACMEError`.

Source: RFC 8555 section 6.7 (errors), RFC 7807 (problem documents), RFC 9110 section 10.2.3
(Retry-After), RFC 3339 (times).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from server.transport.https_client import Reply

ERRORS: Final = "urn:ietf:params:acme:error:"
MAX_DETAIL: Final = 400
"""Letters of a directory's own words that are told: two lines of a log."""

TRANSIENT: Final = frozenset({"badNonce", "serverInternal"})


class ACMEError(Exception):
    """There is no certificate now; the text is a sentence without its full stop.

    Attributes:
        kind: what the directory calls it, without the prefix; empty where it is no word of its own.
        retry_after: seconds for which the directory wants to be left alone.
    """

    def __init__(self, sentence: str, *, kind: str = "", retry_after: float = 0.0) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.retry_after = retry_after


class Refused(ACMEError):
    """The directory decided against it: asked again at once, it would say the same."""


class Unusable(ACMEError):
    """The directory issued something that cannot be used: asked again, it would issue once more."""


def json_object(reply: Reply) -> dict[str, Any]:
    """The JSON object in a reply.

    Raises:
        ACMEError: it holds none.
    """
    try:
        document = json.loads(reply.body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise ACMEError("the directory's reply is no JSON object")
    return document


def string(document: Mapping[str, Any], name: str) -> str:
    """A member that is a string.

    Raises:
        ACMEError: there is none.
    """
    found = document.get(name)
    if not isinstance(found, str):
        raise ACMEError(f"the directory's reply has no {name}")
    return found


def strings(document: Mapping[str, Any], name: str) -> list[str]:
    """A member that is a list of strings, at least one.

    Raises:
        ACMEError: there is none.
    """
    found = document.get(name)
    if not isinstance(found, list) or not found or not all(isinstance(one, str) for one in found):
        raise ACMEError(f"the directory's reply has no {name}")
    return found


def objects(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in a member that is a list; none where it is not."""
    found = document.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def location(reply: Reply) -> str:
    """Where the directory put what it made.

    Raises:
        ACMEError: it does not say.
    """
    if "location" not in reply.headers:
        raise ACMEError("the directory does not say where it put what it made")
    return reply.headers["location"]


def moment(document: Mapping[str, Any], name: str) -> datetime:
    """A member that is a time.

    Raises:
        ACMEError: it is none.
    """
    try:
        found = datetime.fromisoformat(string(document, name))
        if found.utcoffset() is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ACMEError(f"the {name} in the directory's reply is no time")


def retry_after(reply: Reply, now: datetime) -> float:
    """Seconds for which the directory wants to be left alone; 0 where it does not say."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return 0.0


def kind_of(problem: object) -> str:
    """What the directory calls a problem, without the prefix."""
    kind = problem.get("type") if isinstance(problem, dict) else None
    return kind.removeprefix(ERRORS) if isinstance(kind, str) else ""


def detail_of(problem: object) -> str:
    """A problem's own words, fit for one line of a log."""
    text = problem.get("detail") if isinstance(problem, dict) else None
    if not isinstance(text, str) or not text.strip():
        return "it does not say why"
    printable = "".join(letter if letter.isprintable() else " " for letter in text[:MAX_DETAIL])
    return printable.strip().rstrip(".")


def refusal(who: str, reply: Reply, now: datetime) -> ACMEError:
    """What a reply that is no success says, to be raised."""
    try:
        problem = json_object(reply)
    except ACMEError:
        problem = {}
    kind = kind_of(problem)
    decided = 400 <= reply.status < 500 and kind not in TRANSIENT
    return (Refused if decided else ACMEError)(
        f"{who} answers {reply.status}: {detail_of(problem)}",
        kind=kind,
        retry_after=retry_after(reply, now),
    )
