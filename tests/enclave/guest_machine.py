"""What several tests share: one software chip for the run, and a simulated machine with devices."""

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from enclave.insecure import SoftwareChip

needs_fuse = pytest.mark.skipif(
    not (Path("/dev/fuse").exists() and os.geteuid() == 0),
    reason="needs /dev/fuse and root, to simulate the kernel's guest interfaces",
)


@cache
def _directory() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="strongroom-test-chip-")


@cache
def software_chip() -> SoftwareChip:
    """One chip for all tests: its RSA-4096 keys take a second."""
    return SoftwareChip.open(Path(_directory().name), datetime(2030, 5, 1, tzinfo=UTC))


@cache
def other_chip() -> SoftwareChip:
    """A chip of other vendors, as old as the first."""
    return SoftwareChip.make(software_chip().made)


class GuestMachine:
    """The process of `fake_guest.py`. Set how the host and the kernel behave with `set`."""

    def __init__(self, mountpoint: Path) -> None:
        software_chip()
        self._process = subprocess.Popen(
            [
                sys.executable,
                Path(__file__).with_name("fake_guest.py"),
                mountpoint,
                _directory().name,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._commands, self._answers = self._process.stdin, self._process.stdout
        started = json.loads(self._answers.readline())
        if not started["ready"]:  # as in a container without CAP_SYS_ADMIN
            self.close()
            pytest.skip(f"cannot simulate the kernel's guest interfaces here: {started['why']}")
        root = Path(f"/proc/{self._process.pid}/root{mountpoint}")
        self.devices = root
        self.directory = root / "report"
        self.sev_guest = root / "sev-guest"
        self.tdx_guest = root / "tdx_guest"

    def set(self, **values) -> None:
        self._command({"set": values})

    def reset(self, **values) -> None:
        """Everything as it should be, except for `values`."""
        self._command({"reset": True, "set": values})

    def state(self) -> dict:
        """How many requests reached the firmware, how many configfs entries are left."""
        return self._command({})

    def close(self) -> None:
        self._commands.close()
        self._process.wait(10)
        self._answers.close()

    def _command(self, command: dict) -> dict:
        self._commands.write(json.dumps(command) + "\n")
        self._commands.flush()
        return json.loads(self._answers.readline())


@pytest.fixture(scope="module")
def booted(tmp_path_factory):
    machine = GuestMachine(tmp_path_factory.mktemp("mount"))
    yield machine
    machine.close()


@pytest.fixture
def machine(booted):
    """The machine, with a host and a kernel that behave."""
    booted.reset()
    return booted
