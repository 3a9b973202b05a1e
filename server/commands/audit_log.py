"""`strongroom audit ...`: verify what servers wrote to audit files, and read what they sealed.

Both need the audit secret and the positions of all chains, which are in the store. `audit export`
writes them to a file that only its owner reads, by which files are verified elsewhere, and while a
server has the store; whoever has that file can also write lines that pass.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple, Self

from server.commands import Command, Group, config, say
from server.requests.audit_positions import AuditPositions
from server.setup import explanations, files, open_store
from server.setup.audit_chain import SECRET_BYTES, Position
from server.setup.audit_verification import Verification
from server.setup.config import Config
from server.setup.failure import Failure

MAX_EXPORT_BYTES: Final = 1 << 20
"""A thousand chains have about a hundred bytes each."""


class Exported(NamedTuple):
    """What files are verified by.

    Attributes:
        secret: 32 bytes.
        positions: of all chains, by their names.
    """

    secret: bytes
    positions: dict[str, Position]

    def write(self) -> str:
        """As a text in JSON."""
        chains = {
            each.chain: {"number": each.number, "mac": each.mac} for each in self.positions.values()
        }
        return json.dumps({"secret": self.secret.hex(), "chains": chains}, indent=1) + "\n"

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a file.

        Raises:
            Failure: it is none that `strongroom audit export` has written.
        """
        try:
            with path.open("rb") as file:
                row = json.loads(file.read(MAX_EXPORT_BYTES))
            secret = bytes.fromhex(row["secret"])
            positions = {
                str(chain): Position(str(chain), int(each["number"]), str(each["mac"]))
                for chain, each in row["chains"].items()
            }
        except OSError as error:
            raise Failure(f"{path} cannot be read: {error.strerror}.") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            secret, positions = b"", {}
        if len(secret) != SECRET_BYTES:
            raise Failure(f"{path} is not what strongroom audit export writes.")
        return cls(secret, positions)


async def _from_store(settings: Config) -> Exported:
    async with open_store.opened(settings, create=False) as opened:
        positions = AuditPositions(opened)
        return Exported(await positions.secret(), await positions.all())


def _exported(arguments: argparse.Namespace) -> Exported:
    if arguments.exported:
        return Exported.read(Path(arguments.exported))
    settings = config(arguments)
    return explanations.run(settings, _from_store, settings)


def _read(arguments: argparse.Namespace, verification: Verification) -> Iterator[bytes]:
    """The lines of all files, as they were before they were chained, while they are verified."""
    with ExitStack() as stack:
        try:
            opened = [(name, stack.enter_context(Path(name).open("rb"))) for name in arguments.file]
            for name, file in opened:
                for line in verification.add(name, file):
                    text = line.opened(verification.keys(line.position.chain))
                    if text is None:
                        verification.found.fault(f"A sealed line in {name} does not open.")
                    else:
                        yield text
        except OSError as error:
            raise Failure(f"{error.filename} cannot be read: {error.strerror}.") from None


def _verified(arguments: argparse.Namespace, *, is_printed: bool) -> str:
    """A sentence on files that hold all that was written.

    Raises:
        Failure: they do not.
    """
    exported = _exported(arguments)
    verification = Verification(exported.secret, exported.positions)
    for line in _read(arguments, verification):
        if is_printed:
            sys.stdout.buffer.write(line + b"\n")
    sys.stdout.flush()
    found = verification.finish(allow_missing_beginning=arguments.allow_missing_beginning)
    for sentence in found.faults:
        say(sentence, sys.stderr)
    if found.faulty:
        raise Failure(
            f"The audit log is not whole: {found.lines} lines are as they were written, and "
            f"{found.faulty} faults were found."
        )
    cut = f" {found.cut} were cut off when a server was killed." if found.cut else ""
    return f"All {found.lines} lines are as they were written, and in their order.{cut}"


def _verify(arguments: argparse.Namespace) -> None:
    say(_verified(arguments, is_printed=False))


def _show(arguments: argparse.Namespace) -> None:
    say(_verified(arguments, is_printed=True), sys.stderr)


def _export(arguments: argparse.Namespace) -> None:
    settings = config(arguments)
    exported = explanations.run(settings, _from_store, settings)
    files.replace(Path(arguments.out), exported.write().encode())
    say(f"{arguments.out} verifies audit files, and must be kept as secret as the store's own.")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="+", help="all files of all servers on the store")
    parser.add_argument(
        "--exported", metavar="FILE", help="what audit export has written, in place of the store"
    )
    parser.add_argument(
        "--allow-missing-beginning",
        action="store_true",
        help="older files are not given",
    )


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", metavar="FILE", help="written, for its owner only")


_SETTINGS: Final = frozenset({"data", *open_store.SETTINGS})

GROUP = Group(
    "audit",
    "verify and read audit files",
    (
        Command(
            "verify",
            "say whether files hold every line as it was written, and in its order",
            _verify,
            _arguments,
            settings=_SETTINGS,
        ),
        Command(
            "read",
            "print the lines of files, sealed ones too, and verify them",
            _show,
            _arguments,
            settings=_SETTINGS,
        ),
        Command(
            "export",
            "write what files are verified by to a file",
            _export,
            _export_arguments,
            settings=_SETTINGS,
        ),
    ),
)
