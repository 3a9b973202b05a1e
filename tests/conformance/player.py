"""Playing a case: its requests to a server, the answers to the judgement.

Theory: a server is a function from a message to its answer, and a clock that the player moves, so
that a case which waits for a date costs no time. A case that works on what another one left is
played after it, on the same server (R21). What differs from case to case is in tables.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from kmip.encodings import ttlv
from kmip.enums import Operation, ResultStatus
from kmip.errors import InvalidMessage
from kmip.items import Item
from kmip.tags import Tag
from tests.conformance.case_state import CaseState, Unbound
from tests.conformance.cases import Case, Exchange, all_cases, read
from tests.conformance.difference import Difference
from tests.conformance.judgement import Judgement
from tests.conformance.rules import Lists
from tests.conformance.substitutes import registrations

AFTER = {
    "SASED-M-3": ["SASED-M-2"],
    "TL-M-3": ["TL-M-2"],
    "TC-CREG-2": ["TC-CREG-1"],
    "TC-CREG-3": ["TC-CREG-1", "TC-CREG-2"],
    "TC-OTP-1": ["TC-OTP-SETUP-1"],
    "TC-OTP-2": ["TC-OTP-SETUP-1"],
    "TC-OTP-3": ["TC-OTP-SETUP-2"],
    "TC-OTP-4": ["TC-OTP-SETUP-2"],
    "TC-OTP-5": ["TC-OTP-SETUP-2"],
    "TC-OTP-CLEANUP-1": ["TC-OTP-SETUP-1"],
}
"""The cases that leave what a case works on, in their order (R21)."""

PRINTED_BY = {"TC-CREG-1": "TC-CREG-2"}
"""Where one is not here: the case that prints the objects which it leaves."""

WAITS = {("TC-92", 3): 125}
"""Seconds that pass before a request, counted from 0."""

LISTS = {
    "SUITEB_*": Lists(may_vary=True),
    "MSGENC-*": Lists(may_vary=True),
    "TC-121": Lists(may_vary=True),
    "TC-LOGIN-*": Lists(may_vary=True),
    "TC-DLOGIN-1": Lists(are_exact=True),
}
"""How Query lists are judged (R18)."""

MAY_DENY_GET = {"TC-OTP-3", "TC-OTP-4"}

PAGED = {
    ("TC-OFFSET-1", "1.3"),
    ("TC-OFFSET-1", "1.4"),
    ("TC-OFFSET-2", "1.3"),
    ("TC-OFFSET-2", "1.4"),
}
"""Cases whose pages may be counted from either end (R17)."""

NOT_PLAYED = {
    "TC-NP-*": "the server sends the requests",
    "TC-Q-S2C*": "the server sends the requests",
    "CS-BC-M-6-12": "the printed cipher text is not that of key and data",
    "CS-BC-M-6-13": "the printed cipher text is not that of key and data",
    "TC-92-10": "the Deactivation Date is sent as 2010 and expected as 2070",
}
"""Cases that no server can pass, and why; by stem or name."""


@dataclass
class Clock:
    """A clock that only the player moves.

    Attributes:
        seconds: since 1970.
    """

    seconds: float

    def __call__(self) -> float:
        """The time."""
        return self.seconds


@dataclass
class Server:
    """What a case is played against.

    Attributes:
        answer: gives the response to a request.
        clock: its clock.
    """

    answer: Callable[[bytes], Awaitable[bytes]]
    clock: Clock


def reason_not_to_play(case: Case) -> str | None:
    """Why no server can pass a case, where that is so."""
    for pattern, reason in NOT_PLAYED.items():
        if fnmatchcase(case.stem, pattern) or case.name == pattern:
            return reason
    return None


def missing(case: Case) -> str | None:
    """Why a case cannot be judged: one that goes before is not here."""
    for stem in AFTER.get(case.stem, []):
        if _prelude(case, stem) is None and _printing(case, stem) is None:
            return f"it works on what {stem} leaves, which is not here"
    return None


def is_helped(case: Case) -> bool:
    """Whether substitutes are used for a case that goes before."""
    return not missing(case) and any(
        _prelude(case, stem) is None for stem in AFTER.get(case.stem, [])
    )


def _here(version: str, stem: str) -> Case | None:
    return next((c for c in all_cases() if (c.version, c.stem) == (version, stem)), None)


def _prelude(case: Case, stem: str) -> Case | None:
    """The case that goes before, of the same version."""
    found = _here(case.version, stem)
    if found is None and stem.startswith("TC-OTP"):  # 1.4 has no set-up of its own
        return _here("1.3", stem)
    return found


def _printing(case: Case, stem: str) -> Case | None:
    """The case that prints what one leaves which is not here."""
    return _here(case.version, PRINTED_BY[stem]) if stem in PRINTED_BY else None


def preludes(case: Case) -> list[list[Exchange]]:
    """The exchanges of the cases that go before."""
    found = []
    for stem in AFTER.get(case.stem, []):
        if before := _prelude(case, stem):
            exchanges = read(before.path)
            found.append([Exchange(*(_in(case.version, m) for m in e)) for e in exchanges])
        elif printing := _printing(case, stem):
            found.append(registrations(read(printing.path)))
    return found


def _in(version: str, item: Item) -> Item:
    """A message with another minor version."""
    if item.tag == Tag.PROTOCOL_VERSION_MINOR:
        return item._replace(value=int(version[-1]))
    if not item.children:
        return item
    return item._replace(value=tuple(_in(version, child) for child in item.children))


async def play(case: Case, start: Callable[[], Awaitable[Server]]) -> None:
    """Play a case, after those that it needs.

    Args:
        case: which.
        start: gives an empty server.

    Raises:
        Difference: an answer is not as expected.
    """
    before, exchanges = preludes(case), read(case.path)
    try:
        await _play_all(case, before, exchanges, await start())
    except Difference:
        if (case.stem, case.version) not in PAGED:
            raise
        await _play_all(case, before, _from_the_other_end(exchanges), await start())


async def _play_all(
    case: Case, before: list[list[Exchange]], exchanges: list[Exchange], server: Server
) -> None:
    known = CaseState(int(server.clock()))
    for prelude in before:
        await play_exchanges(prelude, server, known)
    await play_exchanges(exchanges, server, known, case.stem)


async def play_exchanges(
    exchanges: list[Exchange], server: Server, known: CaseState, stem: str = ""
) -> None:
    """Send requests and judge the responses.

    Args:
        exchanges: of one case.
        server: to whom.
        known: from the cases before.
        stem: the case's, for what is particular to it.

    Raises:
        Difference: an answer is not as expected.
    """
    known.begin_case(int(server.clock()))
    lists = next((lists for name, lists in LISTS.items() if fnmatchcase(stem, name)), Lists())
    judgement = Judgement(
        known, lambda: int(server.clock()), lists, may_deny_get=stem in MAY_DENY_GET
    )
    answered = 0
    for number, exchange in enumerate(exchanges):
        if number < answered:
            continue
        server.clock.seconds += WAITS.get((stem, number), 0)
        try:
            request = known.resolve(exchange.request)
        except Unbound as unbound:
            raise Difference(f"request {number}: {unbound} has no value") from None
        known.note_request(exchange.request)
        got = await _exchange(server, request, number)
        expected = exchange.response
        if _is_pending(expected) and not _is_pending(got):
            answered, expected = _final(exchanges, number)
        try:
            judgement.judge(expected, got, request)
        except Difference as difference:
            raise Difference(f"request {number}: {difference}") from None


async def _exchange(server: Server, request: Item, number: int) -> Item:
    data = await server.answer(ttlv.encode(request))
    try:
        return ttlv.decode(data)
    except InvalidMessage as error:
        raise Difference(f"request {number}: no response: {error}") from None


def _is_pending(message: Item) -> bool:
    statuses = [item.first(Tag.RESULT_STATUS) for item in message.children]
    return any(item and item.value == ResultStatus.OPERATION_PENDING for item in statuses)


def _final(exchanges: list[Exchange], number: int) -> tuple[int, Item]:
    """Where a pending operation has ended, and its answer, which may also come at once (R22)."""
    end = number + 1
    while end < len(exchanges) and _operation(exchanges[end].request) in (
        Operation.POLL,
        Operation.CANCEL,
    ):
        end += 1
    return end, exchanges[end - 1].response


def _operation(message: Item) -> object:
    item = message.first(Tag.BATCH_ITEM)
    operation = item.first(Tag.OPERATION) if item else None
    return operation.value if operation else None


def _from_the_other_end(exchanges: list[Exchange]) -> list[Exchange]:
    """The case with its five objects numbered backwards in the pages that are expected."""
    return [
        Exchange(exchange.request, _renumbered(exchange.response))
        if _operation(exchange.request) == Operation.LOCATE
        else exchange
        for exchange in exchanges
    ]


def _renumbered(item: Item) -> Item:
    if isinstance(item.value, str):
        name = re.sub(
            r"(?<=^\$UNIQUE_IDENTIFIER_)[0-4]$", lambda digit: str(4 - int(digit[0])), item.value
        )
        return item._replace(
            value=re.sub(r"(?<=-key)[1-5]$", lambda digit: str(6 - int(digit[0])), name)
        )
    if not item.children:
        return item
    return item._replace(value=tuple(map(_renumbered, item.children)))
