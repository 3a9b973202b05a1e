"""`strongroom serve`: the server.

A first start makes what it needs (certificates, the store and its key file); a later one finds it.
The first SIGTERM or SIGINT stops gracefully: no new requests, those in flight are answered. A
second one stops at once.
"""

import argparse
import importlib.metadata
import logging
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import trio

from server import certificates, explanations, files, listener, logs
from server.commands import Command, config, say
from server.config import Config

log = logging.getLogger(__name__)

FIRST_CLIENT = "client"


def prepare(config: Config, now: datetime) -> None:
    """Make or check the files that the listener needs.

    Raises:
        Failure: one is missing, unreadable, expired, or cannot be made.
    """
    files.make_directory(config.data)
    if config.makes_own_certificate:
        names = certificates.own_names(config.kmip_host, config.server_names)
        certificates.ensure_server(config.tls_directory, names, now)
    if config.tls_client_ca is None:
        certificates.ensure_client(config.tls_directory, FIRST_CLIENT, now)
    own = certificates.Pair(config.certificate_file, config.private_key_file)
    certificates.check_given(own, config.client_ca_file, now)


def banner(config: Config, addresses: Sequence[str]) -> str:
    """What a person reads when the server is up.

    Args:
        config: the settings.
        addresses: where it listens, as `host:port`.
    """
    program = f"{_program()} {{}} --data {shlex.quote(str(config.data))}"
    lines = [
        f"Strongroom {importlib.metadata.version('strongroom')} serves KMIP on "
        + ", ".join(addresses)
    ]
    if config.tls_client_ca is None:
        port = addresses[0].rpartition(":")[2]
        lines += [
            f"  certificates  {config.tls_directory}: ca.pem, client.pem, client.key",
            f"  try it        {program.format('try')} --kmip-port {port}",
            f"  more clients  {program.format('client-certificate NAME')}",
        ]
    if config.insecure_allow_no_client_certificate:
        lines.append("  INSECURE      clients need no certificate")
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


async def _serve(config: Config) -> None:
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(_stop_on_signal, stop)
        await listener.serve(
            config, started=lambda addresses: say(banner(config, addresses)), stop=stop
        )
        nursery.cancel_scope.cancel()
    log.info("stopped")


async def _stop_on_signal(
    stop: trio.Event, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for number in signals:
            if stop.is_set():
                os._exit(128 + number)
            log.info("stopping on %s", signal.Signals(number).name)
            stop.set()


def _run(arguments: argparse.Namespace) -> None:
    settings = config(arguments)
    logs.configure(settings)
    prepare(settings, datetime.now(UTC))
    explanations.run(settings, _serve, settings)


COMMAND = Command("serve", "start the server", _run, settings=None)
