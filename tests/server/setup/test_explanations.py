"""What ends the server is told in one sentence, or not explained away."""

import errno
import socket
import ssl
from pathlib import Path

import pytest

from server.setup.config import Config
from server.setup.explanations import explain
from server.setup.failure import Failure
from storage import errors

CONFIG = Config(data=Path("/d"), kmip_port=5)


@pytest.mark.parametrize(
    "error, sentence",
    [
        (Failure("A sentence."), "A sentence."),
        (OSError(errno.EADDRINUSE, ""), "127.0.0.1 port 5 is in use by another program."),
        (OSError(errno.EACCES, ""), "127.0.0.1 port 5 may not be opened by this user."),
        (OSError(errno.EADDRNOTAVAIL, ""), "127.0.0.1 port 5 is not an address of this machine."),
        (socket.gaierror(-2, "unknown"), "'127.0.0.1' is not an address: unknown."),
        (ssl.SSLError(1, "x"), "The certificates cannot be used: x."),
        (errors.InUse("x"), "The store /d/store.db is in use by another process."),
        (
            errors.WrongSecret("x"),
            "The store /d/store.db does not open with the key file /d/store.key.",
        ),
        (
            errors.Rotated(),
            "The keys of the store /d/store.db were rotated by another server: start again, with "
            "the secret that opens the store now.",
        ),
        (
            errors.RotationUnderway(),
            "Another rotation of the keys of the store /d/store.db is not finished, or was first; "
            "nothing was changed.",
        ),
        (errors.Missing("x"), "There is no store at /d/store.db."),
        (errors.Unavailable("disk full"), "The store /d/store.db cannot be reached: disk full."),
        (
            errors.Tampered(errors.Part.RECORD, errors.Reason.EDITED),
            "The store /d/store.db is damaged or was tampered with: the record was changed: it "
            "does not open under its key. It was not changed; restore a copy.",
        ),
    ],
)  # fmt: skip
def test_sentences(error: Exception, sentence: str) -> None:
    assert explain(error, CONFIG) == sentence
    assert explain(ExceptionGroup("", [ExceptionGroup("", [error])]), CONFIG) == sentence


@pytest.mark.parametrize("error", [ValueError("x"), OSError(errno.EIO, ""), KeyboardInterrupt()])
def test_faults_of_ours_are_not_explained(error: BaseException) -> None:
    assert explain(error, CONFIG) is None


def test_a_group_with_a_fault_of_ours_is_not_explained() -> None:
    assert explain(ExceptionGroup("", [Failure("A sentence."), ValueError()]), CONFIG) is None
