"""A measured image in QEMU, seen as its host sees it: disks, screen, keyboard, serial line, power.

The host is who the image must withstand, so all of this is used against it. The screen is read from
the memory of the VGA text mode, which is where the kernel's console writes.
"""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

PROGRAM = "qemu-system-x86_64"
VARIABLE = "STRONGROOM_IMAGE"
CPU = "max,erms=off,fsrm=off,la57=off"
"""Everything that can be emulated, but for what makes emulated copies of memory slow."""
LIMIT_SECONDS = 1800
"""Longest wait for one thing. Boots take minutes in emulation, and more on a busy machine."""
LOOK_SECONDS = 3
"""From one look at the screen to the next."""
TEXT_MODE = 0xB8000
COLUMNS, ROWS = 80, 25
POWERED_OFF, RESET = "guest-shutdown", "guest-reset"


def what_is_missing() -> str | None:
    """Why no machine can be started here; None where one can."""
    for program in (PROGRAM, "mkfs.ext4"):
        if not shutil.which(program):
            return f"{program} is not installed"
    if VARIABLE not in os.environ:
        return f"{VARIABLE} does not say where measured-root.sh has put an image"
    return None


def free_port() -> int:
    """A TCP port of this machine's that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def data_disk(path: Path, files: Path | None = None, label: str = "strongroom-data") -> Path:
    """Make an ext4 image of 64 MiB with this label, and in it what the directory `files` has."""
    with path.open("wb") as disk:
        disk.truncate(64 << 20)
    inside = ("-d", str(files)) if files else ()
    subprocess.run(["mkfs.ext4", "-q", "-L", label, *inside, path], check=True, timeout=60)
    return path


class Machine:
    """One start of the image, until the guest ends it or the test does.

    Args:
        directory: for sockets and logs; a short path.
        image: what measured-root.sh has made.
        disks: what the host attaches, in order; all are writable, in memory only.
        command_line: the kernel's.
        options: more for QEMU.
    """

    def __init__(
        self,
        directory: Path,
        image: Path,
        disks: Sequence[Path],
        command_line: str,
        options: Sequence[str] = (),
    ) -> None:
        self.port = free_port()
        self.log = directory / "serial.log"
        self.memory = directory / "screen"
        self.screens: set[str] = set()
        self.end: str | None = None
        drives = [
            word
            for number, disk in enumerate(disks)
            for word in (
                *("-drive", f"file={disk},format=raw,if=none,id=d{number},snapshot=on"),
                *("-device", f"virtio-blk-pci,drive=d{number}"),
            )
        ]
        serial = self.log.open("wb")
        self.process = subprocess.Popen(
            [
                *(PROGRAM, "-machine", "q35,accel=tcg", "-cpu", CPU, "-m", "1024"),
                *("-nodefaults", "-display", "none", "-vga", "std", "-no-reboot", "-no-shutdown"),
                *("-qmp", f"unix:{directory}/qmp,server=on,wait=off"),
                *("-chardev", "stdio,id=serial,signal=off", "-serial", "chardev:serial"),
                *("-kernel", image / "vmlinuz", "-initrd", image / "initrd"),
                *("-append", command_line),
                *("-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-:9998"),
                *("-device", "virtio-net-pci,netdev=net"),
                *drives, *options,
            ],
            stdin=subprocess.PIPE, stdout=serial, stderr=subprocess.PIPE,
        )  # fmt: skip
        serial.close()
        self.control = socket.socket(socket.AF_UNIX)
        self.received = b""

    def __enter__(self) -> Self:
        try:
            self._connect(self.memory.with_name("qmp"))
            self._message(LIMIT_SECONDS)  # the greeting
            self.command("qmp_capabilities")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        self.control.close()

    def _connect(self, path: Path) -> None:
        deadline = time.monotonic() + LIMIT_SECONDS
        while True:
            try:
                self.control.connect(str(path))
            except (FileNotFoundError, ConnectionRefusedError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    _, said = self.process.communicate()
                    raise AssertionError(f"QEMU does not start: {said.decode()}") from None
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(0.1)
            else:
                return

    def _message(self, seconds: float) -> dict[str, Any] | None:
        """The next message of QEMU's within so many seconds; notes how the guest has ended."""
        self.control.settimeout(seconds)
        while b"\n" not in self.received:
            try:
                got = self.control.recv(65536)
            except TimeoutError:
                return None
            except ConnectionResetError:
                got = b""
            if not got:
                _, said = self.process.communicate()
                raise AssertionError(f"QEMU has ended: {said.decode()}")
            self.received += got
        line, _, self.received = self.received.partition(b"\n")
        message = json.loads(line)
        if message.get("event") == "SHUTDOWN":
            self.end = message["data"]["reason"]
        return message

    def command(self, name: str, **arguments: object) -> None:
        """Have QEMU do something."""
        self.control.sendall(json.dumps({"execute": name, "arguments": arguments}).encode())
        while True:
            message = self._message(LIMIT_SECONDS)
            assert message is not None, f"QEMU does not answer {name}"
            assert "error" not in message, message
            if "return" in message:
                return

    def press(self, *keys: str) -> None:
        """Press keys of the keyboard together."""
        self.command("send-key", keys=[{"type": "qcode", "data": key} for key in keys])

    def type_id(self) -> None:
        """Type on keyboard and serial line what a shell would answer."""
        for key in ("ret", "i", "d", "ret"):
            self.press(key)
        assert self.process.stdin
        os.write(self.process.stdin.fileno(), b"\rid\r")

    def look(self) -> None:
        """Add what the screen shows to `screens`."""
        size = 2 * COLUMNS * ROWS
        self.command("pmemsave", val=TEXT_MODE, size=size, filename=str(self.memory))
        characters = self.memory.read_bytes()[::2].decode("cp437")
        self.screens |= {
            characters[at : at + COLUMNS].rstrip() for at in range(0, COLUMNS * ROWS, COLUMNS)
        }

    def seen(self) -> str:
        """All that the machine has shown on screen and serial line so far."""
        return "\n".join([*sorted(self.screens), self.log.read_text("utf-8", errors="replace")])

    def wait(self, until: str | None = None) -> str | None:
        """Type and look until the guest has ended the machine, or has shown this text.

        Returns:
            How it ended: `POWERED_OFF` or `RESET`; None: it has not, and has shown the text.
        """
        deadline = time.monotonic() + LIMIT_SECONDS
        while self.end is None:
            assert time.monotonic() < deadline, f"it goes on; seen:\n{self.seen()}"
            self.type_id()
            self.look()
            if until is not None and until in self.seen():
                return None
            self._message(LOOK_SECONDS)
        self.look()
        return self.end

    def status(self) -> str:
        """What the server says of itself, once it does. Its evidence is not verified."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        deadline = time.monotonic() + LIMIT_SECONDS
        while True:
            assert self.end is None, f"the machine has ended: {self.end}; seen:\n{self.seen()}"
            assert time.monotonic() < deadline, f"no answer; seen:\n{self.seen()}"
            connection = http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=LOOK_SECONDS, context=context
            )
            try:
                connection.request("GET", "/status")
                return connection.getresponse().read().decode()
            except (OSError, http.client.HTTPException):
                self.look()
                self._message(LOOK_SECONDS)
            finally:
                connection.close()
