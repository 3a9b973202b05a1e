"""Reading a password from where nobody else can read it."""

import getpass
import sys
from pathlib import Path

from server.setup.failure import Failure


def read_password(file: str | None, prompt: str, *, twice: bool) -> str:
    """A password from a file, standard input or the terminal; never from the command line.

    Args:
        file: the file; `-` is standard input; None asks on the terminal, or reads standard input
            where that is no terminal.
        prompt: the question, without its colon.
        twice: whether to ask a second time, because nothing tells a slip from the real one.

    Returns:
        The text, without the line end that closes it.

    Raises:
        Failure: it cannot be read, is not UTF-8, is empty, or two answers differ.
    """
    if file is None and sys.stdin is not None and sys.stdin.isatty():
        return _from_terminal(prompt, twice=twice)
    try:
        content = sys.stdin.buffer.read() if file in {None, "-"} else Path(str(file)).read_bytes()
        text = content.decode()
    except OSError as error:
        raise Failure(f"The password file {file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Failure("The password is not UTF-8.") from None
    password = text.removesuffix("\n").removesuffix("\r")
    if not password:
        raise Failure("The password is empty.")
    return password


def _from_terminal(prompt: str, *, twice: bool) -> str:
    password = getpass.getpass(f"{prompt}: ")
    if twice and getpass.getpass(f"{prompt}, again: ") != password:
        raise Failure("The two passwords differ.")
    if not password:
        raise Failure("The password is empty.")
    return password
