"""Runs pytest in a child of this process, which may be ended."""

import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

OPTIONS: Final = ("-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not slow")
PROFILE: Final = "mutation"
"""Of hypothesis: what fails is not looked into further."""
PRELOADED: Final = ("pytest", "coverage", "trio", "cryptography")
"""What every child would load first; not pytest's plugins, which it loads in its own way."""


def preload() -> None:
    """Loads what every child needs."""
    for module in PRELOADED:
        importlib.import_module(module)


class _Profile:
    """Loads PROFILE in place of what the tests have loaded, before they are collected."""

    @staticmethod
    def pytest_sessionstart() -> None:
        from hypothesis import Phase, settings

        phases = (Phase.explicit, Phase.generate)
        settings.register_profile(PROFILE, deadline=None, derandomize=True, phases=phases)
        settings.load_profile(PROFILE)


def run_pytest(
    words: Sequence[str],
    seconds: float,
    *,
    first: Callable[[], None] | None = None,
    environment: Mapping[str, str] | None = None,
    plugins: Sequence[Any] = (),
    output: Path | None = None,
) -> int | None:
    """The exit status of pytest in a child of this process; None: it had to be ended.

    Args:
        words: of the command line.
        seconds: that it may take.
        first: what the child does before anything else.
        environment: what the child has beside ours.
        plugins: of pytest.
        output: where what it prints is kept.
    """

    def run() -> int:
        os.environ.update(environment or {})
        redirect(output)
        if first is not None:
            first()
        import pytest

        return int(pytest.main([*OPTIONS, *words], plugins=[_Profile(), *plugins]))

    return run_child(run, seconds)


def run_child(work: Callable[[], int], seconds: float) -> int | None:
    """The exit status that a child of this process takes from `work`; None: it had to be ended."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            os.setpgid(0, 0)
            status = work()
        except BaseException:  # noqa: BLE001 - the child ends here, whatever it is
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    deadline = time.monotonic() + seconds
    pause = 0.001
    while time.monotonic() < deadline:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            _end_group(child)
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause)
        pause = min(2 * pause, 0.02)
    _end_group(child)
    os.waitpid(child, 0)
    return None


def _end_group(child: int) -> None:
    """Ends a child with whatever it has started."""
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        return


def redirect(output: Path | None) -> None:
    """Leaves the standard streams to a file, or to nobody."""
    flags = os.O_RDWR | (os.O_CREAT | os.O_TRUNC if output else 0)
    file = os.open(output or os.devnull, flags, 0o600)
    for descriptor in (0, 1, 2):
        os.dup2(file, descriptor)
    sys.stdout.flush()
