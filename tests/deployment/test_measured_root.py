"""What can be said of the measured image without building it: its files, and its page.

tests/deployment/test_measured_image.py boots it.
"""

import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEPLOYMENT = ROOT / "docs" / "deployment"
SCRIPT = DEPLOYMENT / "measured-root.sh"
OVERLAY = DEPLOYMENT / "measured-root"
PAGE = DEPLOYMENT / "measured-image.md"


def command_line() -> list[str]:
    """The words of the measured command line, as the script writes them."""
    written = re.findall(r'^cmdline="(?:\$cmdline )?(.*)"$', SCRIPT.read_text(), re.MULTILINE)
    return " ".join(written).split()


def test_the_command_line_has_what_the_page_says_of_it():
    section = PAGE.read_text().split("## What the host gets")[1].split("### Try it")[0]
    quoted = " ".join(re.findall(r"`([^`]+)`", section)).split()
    promised = {word for word in quoted if re.fullmatch(r"[a-z_.]+=\w+", word)}
    assert len(promised) >= 4
    assert promised <= set(command_line())


@pytest.mark.parametrize(
    "word",
    [
        "systemd.verity_root_options=panic-on-corruption",
        "systemd.import_credentials=no",
        "efi=noruntime",
        "systemd.gpt_auto=no",
        "sysctl.kernel.sysrq=0",
    ],
)
def test_the_command_line_closes_each_other_way_in(word):
    assert word in command_line()


def test_in_place_of_the_emergency_shell_the_machine_powers_off():
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str
    unit.read(OVERLAY / "etc/systemd/system/emergency.service")
    assert unit["Unit"]["SuccessAction"] == unit["Unit"]["FailureAction"] == "poweroff-force"
    assert dict(unit["Service"]) == {"Type": "oneshot"}


def test_a_data_disk_that_does_not_open_ends_the_boot_and_runs_nothing():
    lines = [line.split() for line in (OVERLAY / "etc/fstab").read_text().splitlines()]
    (options,) = [line[3].split(",") for line in lines if line[0] == "LABEL=strongroom-data"]
    assert "nofail" not in options
    assert {"nosuid", "nodev", "noexec"} <= set(options)
