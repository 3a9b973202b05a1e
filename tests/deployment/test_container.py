"""The container's files, without an engine: what its entry point starts, and what the build takes.

The entry point is run by `sh` as the container runs it, with the same settings file; the build's
instructions are read, since what they name must be in the repository.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEPLOYMENT = ROOT / "docs" / "deployment"
CONTAINERFILE = (DEPLOYMENT / "Containerfile").read_text("utf-8")
START = DEPLOYMENT / "container" / "start"
SETTINGS = DEPLOYMENT / "container" / "strongroom.toml"
TOKEN_DIGEST = "ab" * 32


def start(program: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the entry point where `program` is the directory that `strongroom` is found in."""
    return subprocess.run(
        [START, *words],
        env={"PATH": f"{program}:{os.environ['PATH']}"} | variables,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    """Where a `strongroom` is that prints its arguments, each on a line."""
    program = tmp_path / "strongroom"
    program.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit 3\n")
    program.chmod(0o755)
    return tmp_path


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Where the real `strongroom` is, of this checkout."""
    program = tmp_path / "strongroom"
    program.write_text(
        f"#!/bin/sh\ncd {shlex.quote(str(ROOT))}\n"
        f'exec {shlex.quote(sys.executable)} -m server "$@"\n'
    )
    program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    "words, run",
    [
        ([], ["serve"]),
        (["--use-bootstrap-server"], ["serve", "--use-bootstrap-server"]),
        (["--deployment", "two words"], ["serve", "--deployment", "two words"]),
        (["serve", "--use-bootstrap-server"], ["serve", "--use-bootstrap-server"]),
        (["client-certificate", "billing"], ["client-certificate", "billing"]),
        (["verify", "--help"], ["verify", "--help"]),
        (["--help"], ["--help"]),
        (["-h"], ["-h"]),
        (["--version"], ["--version"]),
    ],
)
def test_options_alone_start_the_server_and_a_command_runs_as_it_is(echo, words, run):
    done = start(echo, *words)
    assert done.stdout.splitlines() == run
    assert done.returncode == 3, "the program's own status"


def test_a_bootstrap_server_is_started_by_its_option_alone(program, tmp_path):
    done = start(
        program,
        *("--use-bootstrap-server", "--bootstrap-operator-token-sha256", TOKEN_DIGEST),
        STRONGROOM_CONFIG=str(SETTINGS),
        STRONGROOM_DATA=str(tmp_path / "data"),
    )
    assert done.returncode == 1
    assert "Bootstrap mode needs a chip that attests, and this machine has none." in done.stderr


def test_the_container_listens_on_every_address_and_keeps_its_state_in_the_volume(program):
    done = start(program, "config", STRONGROOM_CONFIG=str(SETTINGS))
    settings = dict(re.findall(r"^(\w+) = (.*?)  #", done.stdout, re.MULTILINE))
    assert settings["kmip_host"] == "0.0.0.0"
    assert f"VOLUME {settings['data']}\n" in CONTAINERFILE
    assert f"EXPOSE {settings['kmip_port']} {settings['https_port']}\n" in CONTAINERFILE


def test_a_variable_of_the_container_wins_over_its_file(program):
    variables = {"STRONGROOM_CONFIG": str(SETTINGS), "STRONGROOM_KMIP_HOST": "127.0.0.1"}
    assert "kmip_host = 127.0.0.1  #" in start(program, "config", **variables).stdout


def test_the_build_copies_what_is_there():
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE, re.MULTILINE)
    for name in " ".join(copied).split():
        assert (ROOT / name).exists(), name
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "docs"}
    assert packages <= set(" ".join(copied).split())


def test_the_build_takes_only_what_the_locks_name_by_hash():
    commands = CONTAINERFILE.replace("\\\n", " ")
    for install in re.findall(r"pip install[^&;\n]*", commands):
        assert "--no-deps" in install
        assert ("--require-hashes" in install) != install.rstrip().endswith("/src")


def test_both_stages_stand_on_the_base_that_the_build_is_given():
    assert re.findall(r"^FROM (\S+)", CONTAINERFILE, re.MULTILINE) == ["${BASE}", "${BASE}"]


def test_the_server_does_not_run_as_root():
    last = CONTAINERFILE.rpartition("\nFROM ")[2]
    user = re.findall(r"^USER (\d+):(\d+)$", last, re.MULTILINE)
    assert user
    assert all(int(number) > 0 for number in user[-1])
    assert f"--uid {user[-1][0]} " in last
    assert last.rindex("\nRUN ") < last.index("\nUSER ") < last.index("\nENTRYPOINT ")
