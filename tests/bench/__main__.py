"""`./bench`: requests per second and latencies of Strongroom, each as a ratio to a bare server.

Both servers run at the same time, and are asked by turns (ours, the fixed one, ours, ...), so that
whatever else the machine does meanwhile meets both alike.
"""

import argparse
import contextlib
import json
import shutil
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from kmip.enums import ItemType
from kmip.tags import Tag
from tests.bench import proof, request_messages, servers
from tests.bench.load import Caller, Taken, Visitor, drive, session_with, visit
from tests.bench.report import HEADING, Row, line, machine
from tests.bench.servers import Process

SMALL = 1_000
LARGE = 100_000
QUICK_LARGE = 10_000
SLICE_SECONDS = 0.5
"""How long one server is asked before the other's turn."""
WARM_SECONDS = 0.2
LOADERS = 4
"""Connections that load a store: enough that the server never waits."""


@dataclass
class Store:
    """A real server and the objects in its store.

    Attributes:
        data: its directory.
        count: of its objects.
        process: the server.
        identifiers: of the first objects.
        was_loaded: by this process; else they were kept from before.
    """

    data: Path
    count: int
    process: Process
    identifiers: list[str] = field(default_factory=list)
    was_loaded: bool = False


@dataclass
class Bench:
    """One run.

    Attributes:
        options: of the command line.
        directory: for the servers' data.
        small: the server of the small store.
        large: the server of the large one; None where nothing asked for it.
        fixed: the other server.
        context: the client's TLS settings.
        facts: what else was found: memory and starts.
    """

    options: argparse.Namespace
    directory: Path
    small: Store
    large: Store | None
    fixed: Process
    context: ssl.SSLContext
    facts: dict[str, object]


Requests = Callable[[Store], list[bytes]]


@dataclass(frozen=True)
class MeasuredOperation:
    """An operation to be measured.

    Attributes:
        name: in the table.
        requests: makes its messages.
        large: whether the large store is asked.
    """

    name: str
    requests: Requests
    large: bool = False


def _locate(store: Store) -> list[bytes]:
    return request_messages.locate(store.count // request_messages.GROUP)


OPERATIONS = (
    MeasuredOperation("Query", lambda store: request_messages.query()),
    MeasuredOperation("Get", lambda store: request_messages.get(store.identifiers)),
    MeasuredOperation(
        "Batch of 10 Gets", lambda store: request_messages.get_ten(store.identifiers)
    ),
    MeasuredOperation("Encrypt", lambda store: request_messages.encrypt(store.identifiers)),
    MeasuredOperation("Locate in {small}", _locate),
    MeasuredOperation("Locate in {large}", _locate, large=True),
    MeasuredOperation("Locate broadly in {small}", lambda store: request_messages.locate_broadly()),
    MeasuredOperation(
        "Locate broadly in {large}", lambda store: request_messages.locate_broadly(), large=True
    ),
    # The last: it makes the store larger.
    MeasuredOperation("Create", lambda store: request_messages.create()),
)
HANDSHAKES = {"Handshake": False, "Handshake, resumed": True}


def main() -> None:
    """Measure what the command line asks for."""
    options = _options()
    if options.proof:
        print("\n".join(proof.table(options.seconds)))
        return
    if options.redis:
        redis_writers, redis_store = redis_parts()
        for row in (*redis_store.rows(options.seconds), *redis_writers.rows(options.seconds)):
            print(row, flush=True)
        return
    with contextlib.ExitStack() as stack:
        if options.keep is None:
            name = stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp"))
            directory = Path(name)
        else:
            directory = options.keep
            directory.mkdir(parents=True, exist_ok=True)
        rows: list[Row] = []
        facts: dict[str, object] = machine(directory)
        for name, value in facts.items():
            say(options, f"{name}: {value}")
        bench = _started(stack, options, directory, facts)
        say(options, "\n" + HEADING)
        for row in _rows(bench):
            say(options, line(row))
            rows.append(row)
    say(options, "")
    for name, value in facts.items():
        if name.startswith(("memory", "start")):
            say(options, f"{name}: {value}")
    if options.json:
        whole = {"facts": facts, "rows": [row.numbers() for row in rows]}
        print(json.dumps(whole, indent=2))


def redis_parts() -> tuple[ModuleType, ModuleType]:
    """The modules that measure a store in Redis; they need what only developers have installed."""
    from tests.bench import redis_store, redis_writers

    return redis_writers, redis_store


def say(options: argparse.Namespace, text: str) -> None:
    """Print for people, unless JSON is wanted."""
    print(text, file=sys.stderr if options.json else sys.stdout, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the objects and the time")
    parser.add_argument(
        "--only", metavar="WORDS", action="append", help="operations whose name has these words"
    )
    parser.add_argument(
        "--connections", metavar="NUMBERS", default="1,8,64", help="such as 1,8,64 (default)"
    )
    parser.add_argument(
        "--seconds", type=float, help="for each server, operation and number of connections"
    )
    parser.add_argument(
        "--proof", action="store_true", help="what verifying evidence costs, and nothing else"
    )
    parser.add_argument(
        "--redis", action="store_true", help="a store in Valkey and its durabilities, nothing else"
    )
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    parser.add_argument(
        "--keep", metavar="DIRECTORY", type=Path, help="keep the stores here, and use them again"
    )
    parser.add_argument(
        "--profile", metavar="FILE", type=Path, help="what cProfile sees in the server"
    )
    options = parser.parse_args()
    options.connections = [int(number) for number in options.connections.split(",")]
    options.seconds = options.seconds or (0.5 if options.quick else 3.0)
    options.large = QUICK_LARGE if options.quick else LARGE
    names = [_title(operation.name, options) for operation in OPERATIONS] + list(HANDSHAKES)
    options.chosen = {
        name
        for name in names
        if not options.only or any(words.lower() in name.lower() for words in options.only)
    }
    if not options.chosen:
        parser.error(f"--only takes words of: {'; '.join(names)}")
    return options


def _title(name: str, options: argparse.Namespace) -> str:
    return name.format(
        small=f"{SMALL:_}".replace("_", " "), large=f"{options.large:_}".replace("_", " ")
    )


def _client(data: Path) -> ssl.SSLContext:
    """A client's TLS settings."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(data / "tls/ca.pem")
    context.load_cert_chain(data / "tls/client.pem", data / "tls/client.key")
    return context


def _started(
    stack: contextlib.ExitStack,
    options: argparse.Namespace,
    directory: Path,
    facts: dict[str, object],
) -> Bench:
    """All servers, with their stores loaded."""
    small = _store(stack, directory / f"store-{SMALL}", SMALL, options)
    large = None
    if any(
        operation.large and _title(operation.name, options) in options.chosen
        for operation in OPERATIONS
    ):
        large = _large(stack, directory, options, facts)
    fixed = stack.enter_context(servers.fixed(small.data))
    return Bench(options, directory, small, large, fixed, _client(small.data), facts)


def _store(
    stack: contextlib.ExitStack, data: Path, count: int, options: argparse.Namespace
) -> Store:
    """A server with `count` objects, loaded unless they are kept from before."""
    profile = options.profile and options.profile.with_suffix(f".{count}.prof")
    process = stack.enter_context(servers.strongroom(data, profile))
    store = Store(data, count, process)
    names = data / "identifiers.json"
    if not names.exists():
        store.was_loaded = True
        names.write_text(json.dumps(_load(store, count)))
    # Every second key has 256 bits: what is got of them has one length.
    store.identifiers = json.loads(names.read_text())[1::2]
    return store


def _large(
    stack: contextlib.ExitStack,
    directory: Path,
    options: argparse.Namespace,
    facts: dict[str, object],
) -> Store:
    """The large store, started anew after it was loaded; what it costs is noted in `facts`."""
    data = directory / f"store-{options.large}"
    if not data.exists():  # one client and one authority for all servers
        shutil.copytree(directory / f"store-{SMALL}" / "tls", data / "tls")
    with contextlib.ExitStack() as first:
        with servers.strongroom(directory / "store-0") as empty:
            before, start = empty.memory, empty.seconds
        loaded = _store(first, data, options.large, options)
        after = loaded.process.memory
    store = _store(stack, data, options.large, options)
    of = f"of {_title('{large}', options)} objects"
    if loaded.was_loaded:
        facts[f"memory {of}, MiB, after loading"] = _mebibytes(after - before)
    facts[f"memory {of}, MiB, after a cold start"] = _mebibytes(store.process.memory - before)
    each = (store.process.memory - before) / options.large
    facts["memory of an object, bytes, after a cold start"] = round(each)
    facts["memory of an empty server, MiB"] = _mebibytes(before)
    facts["start of an empty server, s"] = round(start, 2)
    facts[f"start {of}, s more"] = round(store.process.seconds - start, 2)
    return store


def _mebibytes(number: int) -> float:
    return round(number / 2**20, 1)


def _load(store: Store, count: int) -> list[str]:
    """Make `count` objects; the identifiers of the first `SMALL` of them."""
    context = _client(store.data)
    messages = request_messages.loading(count)
    first = messages[: SMALL // request_messages.LOADED_AT_ONCE]
    caller = Caller(store.process.port, context, messages)
    identifiers = [
        answer.unique_identifier  # type: ignore[attr-defined]
        for message in first
        for answer in request_messages.answers(caller.ask(message))
    ]
    # The first Get of an object changes it: it is not Fresh any more.
    for message in request_messages.get(identifiers):
        caller.expected = 0
        request_messages.answers(caller.ask(message))
    caller.close()
    rest = messages[len(first) :]
    share = -(-len(rest) // LOADERS)
    parts = [rest[at : at + share] for at in range(0, len(rest), share)] if rest else []
    callers = [Caller(store.process.port, context, part) for part in parts]
    for place in range(share):
        busy = [caller for caller, part in zip(callers, parts, strict=True) if place < len(part)]
        drive(busy, 0)
    for caller in callers:
        caller.close()
    return identifiers


def _rows(bench: Bench) -> Iterator[Row]:
    options = bench.options
    for name, resumes in HANDSHAKES.items():
        for connections in options.connections if name in options.chosen else ():
            yield _handshakes(bench, name, connections, resumes=resumes)
    for operation in OPERATIONS:
        name = _title(operation.name, options)
        for connections in options.connections if name in options.chosen else ():
            yield _operation(bench, name, operation, connections)


def _handshakes(bench: Bench, name: str, connections: int, *, resumes: bool) -> Row:
    ours, fixed = (
        _visitors(port, bench.context, connections, resumes=resumes)
        for port in (bench.small.process.port, bench.fixed.port)
    )
    parts = _by_turns(
        bench,
        bench.small.process,
        lambda seconds: visit(ours, seconds),
        lambda seconds: visit(fixed, seconds),
    )
    return Row(name, connections, *parts)


def _visitors(
    port: int, context: ssl.SSLContext, connections: int, *, resumes: bool
) -> list[Visitor]:
    session = session_with(port, context, request_messages.query()[0]) if resumes else None
    return [Visitor(port, context, session) for _ in range(connections)]


def _operation(bench: Bench, name: str, operation: MeasuredOperation, connections: int) -> Row:
    store = bench.large if operation.large else bench.small
    assert store is not None
    requests = operation.requests(store)
    ours = _callers(store.process.port, bench.context, requests, connections)
    response = ours[0].ask(requests[0])
    request_messages.answers(response)
    for caller in ours:
        caller.expected = len(response)
    fixed = _callers(bench.fixed.port, bench.context, requests, connections)
    for caller in fixed:
        caller.ask(_message_of(len(response)))
    parts = _by_turns(
        bench,
        store.process,
        lambda seconds: drive(ours, seconds),
        lambda seconds: drive(fixed, seconds),
    )
    for caller in (*ours, *fixed):
        caller.close()
    return Row(name, connections, *parts)


def _callers(
    port: int, context: ssl.SSLContext, requests: Sequence[bytes], connections: int
) -> list[Caller]:
    """Connections that each begin elsewhere in the list of requests."""
    shift = [place * len(requests) // connections for place in range(connections)]
    return [Caller(port, context, [*requests[at:], *requests[:at]]) for at in shift]


def _message_of(length: int) -> bytes:
    """A message of `length` bytes: the fixed server answers with the first that it gets."""
    start = (int(Tag.REQUEST_MESSAGE) << 8 | ItemType.STRUCTURE).to_bytes(4)
    return start + (length - 8).to_bytes(4) + bytes(length - 8)


Stretch = Callable[[float], Taken]


def _by_turns(
    bench: Bench, server: Process, ours: Stretch, fixed: Stretch
) -> tuple[list[Taken], list[Taken]]:
    """Both servers by turns: ours, the fixed one, ours, ..."""
    turns = max(1, round(bench.options.seconds / SLICE_SECONDS))
    ours(WARM_SECONDS)
    fixed(WARM_SECONDS)
    taken: tuple[list[Taken], list[Taken]] = ([], [])
    for _ in range(turns):
        taken[0].append(_stretch(server, ours))
        taken[1].append(_stretch(bench.fixed, fixed))
    return taken


def _stretch(server: Process, stretch: Stretch) -> Taken:
    before = server.computed
    taken = stretch(SLICE_SECONDS)
    taken.computed = server.computed - before
    return taken


if __name__ == "__main__":
    main()
