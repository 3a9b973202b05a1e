"""`strongroom refuse-certificate add|remove|list`: whose certificate is refused before its end.

With the operator's credential it is told to a provisioned server that runs, which takes nothing
from its disk.
"""

import argparse
from pathlib import Path

import trio
from cryptography import x509

from server.access import refused_certificates
from server.access.kept_rules import MAX_LINE_CHARACTERS
from server.access.refused_certificates import printable
from server.commands import Command, config, say
from server.commands.operator_options import (
    add_running_server_options,
    at_running_server,
    running_server,
)
from server.setup import files
from server.setup.failure import Failure
from server.setup.logs import quoted


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=sorted(_ACTIONS))
    parser.add_argument(
        "certificate",
        nargs="?",
        default="",
        help="the certificate's file (PEM or DER), or sha256:HEX of it, or serial:HEX",
    )
    add_running_server_options(parser)


def _entry(arguments: argparse.Namespace) -> tuple[str, str]:
    """The entry that is meant, and whom its certificate names; empty where that is not known."""
    text = arguments.certificate
    if not text:
        raise Failure("Name a certificate's file, or sha256:HEX, or serial:HEX.")
    if text.lower().startswith(("sha256:", "serial:")):
        return refused_certificates.normal(text), ""
    content = files.read(Path(text), "The certificate")
    certificate = refused_certificates.parsed(content)
    return refused_certificates.entry_of(certificate), _subject(certificate)


def _subject(certificate: x509.Certificate) -> str:
    try:
        return certificate.subject.rfc4514_string()
    except ValueError:
        return ""


def _add(arguments: argparse.Namespace) -> None:
    entry, subject = _entry(arguments)
    added = refused_certificates.add(config(arguments).refused_certificates_file, entry, subject)
    say(f"{entry} {'is refused from now on' if added else 'was refused already'}.")


def _remove(arguments: argparse.Namespace) -> None:
    entry, _ = _entry(arguments)
    if not refused_certificates.remove(config(arguments).refused_certificates_file, entry):
        raise Failure(f"{entry} is not refused.")
    say(f"{entry} is not refused any more.")


def _list(arguments: argparse.Namespace) -> None:
    for line in refused_certificates.listed(config(arguments).refused_certificates_file):
        say(line)


PATH = "/refused-certificates"
_ACTIONS = {"add": _add, "remove": _remove, "list": _list}


async def _tell(arguments: argparse.Namespace) -> None:
    """The same at a provisioned server that runs."""
    if arguments.action == "list":
        async with running_server(arguments) as server:
            for line in (await server.ask("GET", PATH))["refused"]:
                say(quoted(str(line))[1:-1])
        return
    entry, subject = _entry(arguments)
    note = f"  # {printable(subject)}" if subject and arguments.action == "add" else ""
    line = (entry + note)[:MAX_LINE_CHARACTERS]
    async with running_server(arguments) as server:
        await server.ask("POST", PATH, {arguments.action: [line]})
    what = "refused from now on" if arguments.action == "add" else "not refused any more"
    say(f"{entry} is {what}.")


def _run(arguments: argparse.Namespace) -> None:
    if at_running_server(arguments):
        trio.run(_tell, arguments)
    else:
        _ACTIONS[arguments.action](arguments)


COMMAND = Command(
    "refuse-certificate", "say which client certificates are refused", _run, _arguments
)
