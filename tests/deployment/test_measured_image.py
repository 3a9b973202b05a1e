"""The measured image gives its host a server, or nothing: no prompt whatever is withheld or broken.

Needs QEMU and an image from docs/deployment/measured-root.sh, and is skipped without them;
CONTRIBUTING.md has the commands. There is no TEE in QEMU, so where the server is to come up the
command line says, beside what is measured, that one is simulated. The host types `id` all the
while, on the keyboard and the serial line.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest

from tests.deployment.machine import (
    POWERED_OFF,
    RESET,
    VARIABLE,
    Machine,
    data_disk,
    what_is_missing,
)

missing = what_is_missing()
pytestmark = [pytest.mark.image, pytest.mark.skipif(missing is not None, reason=str(missing))]

SIMULATED = "systemd.setenv=STRONGROOM_INSECURE_SOFTWARE_CHIP=true"
SERIAL = "console=ttyS0"
PATIENT = "systemd.default_device_timeout_sec=300"
"""Where the machine is to find its disks, however slow the emulation."""
WAITS = '"waiting for its operator"'
PROMPT = re.compile(
    r"login:|password:|press enter|control-d|you are in|for maintenance|[#$] *$",
    re.IGNORECASE | re.MULTILINE,
)
UID = "uid=0"
CORRUPTED = "dm-verity device corrupted"
FROM_HOST = "this unit is the host's"
UNIT = f"""[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/echo {FROM_HOST}
StandardOutput=tty
TTYPath=/dev/ttyS0
"""
PROBE = Path(__file__).with_name("probe.py")

Start = Callable[..., Machine]


@pytest.fixture(scope="module")
def image() -> Path:
    return Path(os.environ[VARIABLE]).absolute()


@pytest.fixture(scope="module")
def measured(image: Path) -> str:
    """The command line that is measured."""
    return (image / "cmdline").read_text("utf-8")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory with a name that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="vm-") as directory:
        yield Path(directory)


@pytest.fixture
def root(image: Path) -> Path:
    return image / "root.squashfs"


@pytest.fixture
def verity(image: Path) -> Path:
    return image / "root.verity"


@pytest.fixture
def data(place: Path) -> Path:
    return data_disk(place / "data")


@pytest.fixture
def start(place: Path, image: Path) -> Start:
    return partial(Machine, place, image)


def changed(disk: Path, to: Path, change: Callable[[bytearray], object]) -> Path:
    """A copy of a disk after this change."""
    content = bytearray(disk.read_bytes())
    change(content)
    to.write_bytes(content)
    return to


def flip(content: bytearray, step: int = 1 << 20) -> None:
    """Change one bit in each MiB."""
    for at in range(step // 2, len(content), step):
        content[at] ^= 1


def has_no_prompt(machine: Machine) -> bool:
    """Whether the host has seen neither a prompt nor what a shell would have answered."""
    seen = machine.seen()
    return UID not in seen and not PROMPT.search(seen)


def host_units(place: Path) -> list[str]:
    """QEMU's options for a host that hands systemd a unit, and has it wanted at the boot."""
    credentials = {
        "systemd.extra-unit.host.service": UNIT,
        "systemd.unit-dropin.sysinit.target": "[Unit]\nWants=host.service\n",
    }
    options = []
    for name, content in credentials.items():
        (place / name).write_text(f"io.systemd.credential:{name}={content}")
        options += ["-smbios", f"type=11,path={place / name}"]
    return options


@pytest.fixture(scope="module")
def served(image: Path, measured: str) -> Iterator[Machine]:
    """A machine whose server is up, with a disk more, whose host hands units to systemd."""
    with tempfile.TemporaryDirectory(prefix="vm-") as directory:
        place = Path(directory)
        more = data_disk(place / "more", label="root")
        disks = [image / "root.squashfs", image / "root.verity", data_disk(place / "data"), more]
        words = f"{measured} {SIMULATED} {PATIENT}"
        with Machine(place, image, disks, words, host_units(place)) as machine:
            machine.status()
            yield machine


def test_with_its_disks_the_server_waits_for_its_operator(served):
    assert WAITS in served.status()


def test_while_the_server_is_up_the_host_gets_no_prompt(served):
    for _ in range(3):
        served.type_id()
        assert WAITS in served.status()
        served.look()
    assert has_no_prompt(served), served.seen()


def test_no_key_on_the_console_commands_the_kernel(served):
    served.press("alt", "sysrq", "b")
    served.press("alt", "sysrq", "o")
    assert WAITS in served.status()
    assert served.end is None


def test_a_unit_that_the_host_hands_to_systemd_is_not_taken(served):
    assert WAITS in served.status()
    assert FROM_HOST not in served.seen()


def test_without_a_chip_the_server_refuses_in_a_sentence(start, measured, root, verity, data):
    seen = f"{measured} {PATIENT} {SERIAL} systemd.journald.forward_to_console=1"
    with start([root, verity, data], seen) as machine:
        assert machine.wait("this machine has none") is None
        said = "Bootstrap mode needs a chip that attests, and this machine has none."
        assert said in machine.seen()
        assert has_no_prompt(machine), machine.seen()


@pytest.mark.parametrize("withheld", ["everything", "root", "hashes", "data"])
def test_a_machine_whose_disks_are_withheld_powers_off_without_a_prompt(
    start, measured, root, verity, data, withheld
):
    attached = {
        "everything": [],
        "root": [verity, data],
        "hashes": [root],
        "data": [root, verity],
    }[withheld]
    with start(attached, measured) as machine:
        assert machine.wait() == POWERED_OFF
        assert has_no_prompt(machine), machine.seen()


@pytest.mark.parametrize("broken", ["other order", "blank data"])
def test_a_machine_that_does_not_find_its_disks_powers_off_without_a_prompt(
    start, measured, root, verity, data, place, broken
):
    def wipe(content: bytearray) -> None:
        content[:] = bytes(len(content))

    attached = {
        "other order": lambda: [data, root, verity],
        "blank data": lambda: [root, verity, changed(data, place / "blank", wipe)],
    }[broken]()
    with start(attached, f"{measured} {PATIENT}") as machine:
        assert machine.wait() == POWERED_OFF
        assert has_no_prompt(machine), machine.seen()


def ended_without_the_measured_root(machine: Machine) -> None:
    """The kernel panics on a block that is not the measured one, and restarts.

    Its console has to be the serial line, beside what is measured, so that no other restart counts.
    """
    end = machine.wait()
    assert end == POWERED_OFF or (end == RESET and CORRUPTED in machine.seen()), machine.seen()
    assert has_no_prompt(machine), machine.seen()


@pytest.mark.parametrize("broken", ["root", "root cut", "hashes", "hashes cut"])
def test_a_machine_with_another_root_than_the_measured_one_ends_without_a_prompt(
    start, measured, root, verity, data, place, broken
):
    def halve(content: bytearray) -> None:
        del content[len(content) // 8192 * 4096 :]

    other = place / "other"
    attached = {
        "root": lambda: [changed(root, other, flip), verity, data],
        "root cut": lambda: [changed(root, other, halve), verity, data],
        "hashes": lambda: [root, changed(verity, other, partial(flip, step=8192)), data],
        "hashes cut": lambda: [root, changed(verity, other, halve), data],
    }[broken]()
    with start(attached, f"{measured} {PATIENT} {SERIAL}") as machine:
        ended_without_the_measured_root(machine)


def test_another_hash_in_the_command_line_opens_no_root(start, measured, root, verity, data):
    """No block has that hash, not even the first of the tree."""
    other = re.sub("roothash=[0-9a-f]+", "roothash=" + "0" * 64, measured)
    assert other != measured
    with start([root, verity, data], f"{other} {PATIENT} {SERIAL}") as machine:
        ended_without_the_measured_root(machine)


@pytest.mark.parametrize(
    "words",
    [
        "rd.break=pre-mount rd.shell=1 rd.emergency=halt",
        "rd.systemd.unit=emergency.target",
        "systemd.unit=emergency.target",
        "systemd.unit=rescue.target",
    ],
)
def test_a_command_line_that_orders_a_rescue_shell_gets_none(
    start, measured, root, verity, data, words
):
    with start([root, verity], f"{measured} {words}") as machine:
        assert machine.wait() == POWERED_OFF
        assert has_no_prompt(machine), machine.seen()


@pytest.mark.parametrize("console", ["ttyS0", "tty0"])
def test_a_shell_would_have_been_seen(start, measured, root, verity, console):
    """By another command line, which is another measurement, the host has a shell."""
    with start([root, verity], f"{measured} {PATIENT} console={console} init=/bin/sh") as machine:
        assert machine.wait(UID) is None


def test_a_unit_that_was_taken_would_have_been_seen(start, measured, root, verity, data, place):
    other = measured.replace("systemd.import_credentials=no", "")
    assert other != measured
    with start([root, verity, data], f"{other} {PATIENT}", host_units(place)) as machine:
        assert machine.wait(FROM_HOST) is None


def test_the_kernel_is_locked_down_and_takes_signed_modules_only(
    start, measured, root, verity, place
):
    files = place / "files"
    files.mkdir()
    shutil.copy(PROBE, files)
    probe = f'systemd.run="/usr/bin/python3 /var/lib/strongroom/{PROBE.name}"'
    disks = [root, verity, data_disk(place / "data", files)]
    with start(disks, f"{measured} {PATIENT} {SERIAL} {probe}") as machine:
        assert machine.wait() == POWERED_OFF
        found = dict(re.findall(r"probe: (.+?) = (.+?)\r?$", machine.seen(), re.MULTILINE))
    assert found == {
        "signed modules only": "Y",
        "lockdown": "none integrity [confidentiality]",
        "sysrq": "0",
        "loading of kernels disabled": "1",
        "a signed module": "loaded",
        "an unsigned module": "EKEYREJECTED",
        "password of root": "!*",
        "disks written to": "/var/lib/strongroom",
    }


def test_the_measurement_inputs_are_those_of_the_files(image, measured):
    written = dict(line.split() for line in (image / "measurement-inputs").read_text().splitlines())
    assert written == {
        "kernel": sha256((image / "vmlinuz").read_bytes()).hexdigest(),
        "initrd": sha256((image / "initrd").read_bytes()).hexdigest(),
        "cmdline": sha256(measured.encode() + b"\0").hexdigest(),
        "root": re.search("roothash=([0-9a-f]{64}) ", measured)[1],
    }
