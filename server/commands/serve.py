"""`strongroom serve`: the server.

A first start makes what it needs (certificates, the store and its key file); a later one finds it.
What it does on signals is in `server.commands.signals`.
"""

import argparse
import gc
import logging
import os
import resource
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import trio

from server import service
from server.access import ended_tickets, password_file
from server.bootstrap import start
from server.commands import Command, config, say, signals
from server.pki import local_authority
from server.requests import audit
from server.service import Up
from server.sessions.thread_shares import under_way
from server.setup import audit_trail, explanations, files, logs, open_store
from server.setup.config import Config
from server.setup.release import VERSION
from server.sources import DiskSources, check_certificates, renew_server
from server.transport import kmip_https

log = logging.getLogger(__name__)

FIRST_CLIENT: Final = "client"
OTHER_FILES: Final = 100
"""Files that are open besides connections: the store, the log, modules being loaded."""
LAST_SECONDS: Final = 0.5
"""At the end, the log's last lines are waited for so long."""
COLLECTED_AT: Final = 2_000
"""New objects that may hold others, from which on cycles among them are looked for. Every tenth
time ten times as many are looked at, which holds everybody up: some milliseconds."""
TURN_SECONDS: Final = 0.0005
"""After so long a thread that computes in Python lets the event loop go on. The loop gives the
interpreter up several times for each request, whenever it reads, writes or seals; with Python's
own 5 ms each of them would wait as long, ten times what the request takes."""


def prepare(config: Config, now: datetime) -> None:
    """Make or check the files that the listener needs.

    Raises:
        Failure: one is missing, unreadable, expired, or cannot be made.
    """
    files.make_directory(config.data)
    files.warn_of_directory(config.data, "The data directory")
    if config.use_bootstrap_server:
        return  # nothing on this disk is to be trusted
    password_file.read(config.users_file)
    ended_tickets.read(config.ended_tickets_file)
    files.warn_of_directory(config.tls_directory, "The directory of keys")
    renew_server(config, now)
    if config.tls_client_ca is None:
        local_authority.ensure_client(config.tls_directory, FIRST_CLIENT, now)
    check_certificates(config, now)


def banner(config: Config, up: Up) -> str:
    """What a person reads when the server is up.

    Args:
        config: the settings.
        up: where it listens.
    """
    program = f"{_program()} {{}} --data {shlex.quote(str(config.data))}"
    lines = [
        f"Strongroom {VERSION} serves KMIP on " + ", ".join(up.kmip),
    ]
    if not config.use_bootstrap_server:
        opener = open_store.secret_name(config)
        lines.append(f"  store         {open_store.place(config)}, opened by {opener}")
    if config.tls_client_ca is None and not config.use_bootstrap_server:
        port = up.kmip[0].rpartition(":")[2]
        lines += [
            f"  certificates  {config.tls_directory}: ca.pem, client.pem, client.key",
            f"  try it        {program.format('try')} --kmip-port {port}",
            f"  more clients  {program.format('client-certificate NAME')}",
        ]
    if up.https and up.attested:
        kind = "SIMULATED, proves nothing" if up.simulated else "by this machine's chip"
        lines.append(f"  attestation   https://{up.https[0]}/quote, {kind}")
    if up.https:
        lines.append(f"  over HTTPS    https://{up.https[0]}{kmip_https.PATH}")
    if up.metrics:
        lines.append(f"  metrics       http://{up.metrics[0]}/metrics")
    if config.insecure_allow_no_client_certificate:
        lines.append("  INSECURE      clients need no certificate")
    return "\n".join(lines)


def waiting_banner(config: Config, addresses: Sequence[str], simulated: bool) -> str:
    """What a person reads when the server waits for its operator; nothing of it is secret.

    Args:
        config: the settings.
        addresses: where it waits, as `host:port`.
        simulated: whether its evidence is.
    """
    lines = [
        f"Strongroom {VERSION} waits for its operator on "
        + ", ".join(f"https://{address}" for address in addresses),
    ]
    if simulated:
        lines.append("  attestation   SIMULATED, proves nothing")
    return "\n".join(lines)


def _program() -> str:
    """How to call this program again from here."""
    found = shutil.which("strongroom")
    own = Path(sys.argv[0]).absolute()
    if found and Path(found).resolve() == own.resolve():
        return "strongroom"
    if own.is_relative_to(Path.cwd()):
        own = own.relative_to(Path.cwd())
    return shlex.quote(str(own))


def allow_open_files(wanted: int) -> None:
    """Raise this process's own limit of open files to `wanted`, or as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        if most < wanted:
            log.warning("only %d files may be open, %d are wanted", most, wanted)


def forbid_core_dumps() -> None:
    """Have a crash of this process write no image of its memory, which holds keys."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def collect_seldom() -> None:
    """Spare the garbage collector what lives as long as the process, such as the store's table.

    Requests leave few cycles behind, and every collection looks at all that is new since the last.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_AT)


def let_the_loop_go_on() -> None:
    """Have threads that compute give the interpreter up often, for all of this process."""
    sys.setswitchinterval(TURN_SECONDS)


async def run(config: Config, tell: Callable[[str], None] = say) -> None:
    """Serve until a signal comes.

    Args:
        config: the settings.
        tell: callback(the banner), when the server is up or waits for its operator.
    """
    stop = trio.Event()
    hangups, heard = trio.open_memory_channel[None](1)

    def hangup() -> None:
        log.info("SIGHUP: certificates and log files are read again")
        with suppress(trio.WouldBlock):  # one that waits is enough
            hangups.send_nowait(None)

    def started(up: Up) -> None:
        collect_seldom()
        tell(banner(config, up))
        log.info("serving KMIP on %s", ", ".join(up.kmip))

    with signals.handled(stop, hangup, config.stop_seconds + signals.CLOSING_SECONDS):
        if config.use_bootstrap_server:
            callbacks = start.Callbacks(
                lambda addresses, simulated: tell(waiting_banner(config, addresses, simulated)),
                started,
            )
            await start.serve(config, callbacks, stop, heard)
        else:
            sources = DiskSources(config)
            await service.serve(config, sources, started=started, stop=stop, hangups=heard)
    log.info("stopped")


def _run(arguments: argparse.Namespace) -> None:
    settings = config(arguments)
    lines = logs.standard_error(settings)
    logs.configure(settings, lines)
    audit.send_to(audit_trail.trail(settings.audit, lines))
    try:
        prepare(settings, datetime.now(UTC))
        forbid_core_dumps()
        let_the_loop_go_on()
        allow_open_files(settings.max_connections + OTHER_FILES)
        explanations.run(settings, run, settings)
    finally:
        audit.send_to(audit_trail.Nowhere())
        lines.wait(LAST_SECONDS)
    if under_way():
        # Python would end beside threads that compute, and native code does not take that well.
        os._exit(0)


COMMAND = Command("serve", "start the server", _run, settings=None)
