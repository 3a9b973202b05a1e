"""How Python environments are made: by whom, from what, and what a machine may change about it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALLER = str(ROOT / "requirements-installer.lock")


def refusal(tmp_path: Path, interpreter: Path) -> str:
    ended = subprocess.run(
        [ROOT / ".ci" / "environment", tmp_path / "environment", ROOT / "requirements.lock"],
        env={"PATH": "/usr/bin:/bin", "PYTHON": str(interpreter)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert not (tmp_path / "environment").exists()
    return ended.stderr


def test_no_python_or_one_that_is_too_old(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    assert refusal(tmp_path, absent) == (
        f"Strongroom needs Python 3.11 or newer (tried: {absent}).\n"
    )


def test_a_python_without_what_makes_environments(tmp_path: Path) -> None:
    """As Debian's, unless python3-venv is installed."""
    interpreter = tmp_path / "python3"
    interpreter.write_text('#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; esac\nexit 0\n')
    interpreter.chmod(0o755)
    assert refusal(tmp_path, interpreter) == (
        f"{interpreter} lacks the modules venv and ensurepip; on Debian and Ubuntu: "
        "apt install python3-venv\n"
    )


class Machine:
    """One whose only Python writes down what it is asked, and does nothing."""

    def __init__(self, directory: Path) -> None:
        self.environment = directory / "environment"
        self._commands = directory / "asked"
        self._interpreter = directory / "python3"
        self._fails = directory / "fails"
        self._interpreter.write_text(
            "#!/bin/sh\n"
            f'echo "$*" >>{self._commands}\n'
            '[ "$4" != --clear ] || { mkdir -p "$5/bin" && cp "$0" "$5/bin/python"; }\n'
            f'case "$*" in *" $(cat {self._fails})") exit 1 ;; esac\n'
        )
        self._interpreter.chmod(0o755)

    def make(self, *locks: Path, fails: str = "nothing") -> tuple[int, list[list[str]]]:
        """Ask for an environment: the exit status, and what pip was asked."""
        self._commands.write_text("")
        self._fails.write_text(fails)
        ended = subprocess.run(
            [ROOT / ".ci" / "environment", self.environment, *locks],
            env={"PATH": "/usr/bin:/bin", "PYTHON": str(self._interpreter)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        commands = [line.split() for line in self._commands.read_text().splitlines()]
        script = ["-I", str(ROOT / ".ci" / "pip.py"), "--quiet", "--no-input"]
        return ended.returncode, [words[5:] for words in commands if words[:4] == script]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "some.lock"
    path.write_text("attrs==1 --hash=sha256:00\n")
    return path


def test_the_pip_that_python_brings_installs_the_pinned_one_and_that_all_else(
    machine: Machine, lock: Path
) -> None:
    closed = ["install", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--requirement"]
    status, commands = machine.make(lock)
    assert status == 0
    assert commands == [
        [*closed, INSTALLER],
        ["uninstall", "--quiet", "--yes", "setuptools"],
        [*closed, str(lock)],
        ["check"],
    ]


def test_an_environment_is_made_once_and_anew_when_its_lock_changes(
    machine: Machine, lock: Path
) -> None:
    machine.make(lock)
    assert machine.make(lock) == (0, [])
    lock.write_text("attrs==2 --hash=sha256:00\n")
    status, commands = machine.make(lock)
    assert status == 0
    assert commands[-2:] == [[*commands[0][:-1], str(lock)], ["check"]]


def test_a_second_list_goes_into_the_environment_that_is_there(
    machine: Machine, lock: Path, tmp_path: Path
) -> None:
    larger = tmp_path / "larger.lock"
    larger.write_text("attrs==1 --hash=sha256:00\nidna==1 --hash=sha256:00\n")
    machine.make(lock)
    status, commands = machine.make(larger)
    assert status == 0
    assert [words[-1] for words in commands] == [str(larger), "check"]
    assert machine.make(lock) == (0, [])


def test_an_environment_that_lacks_something_is_refused_and_made_anew(
    machine: Machine, lock: Path
) -> None:
    assert machine.make(lock, fails="check")[0] == 1
    status, commands = machine.make(lock)
    assert status == 0
    assert commands[0][-1] == INSTALLER


def test_settings_of_the_machine_say_how_to_fetch_and_nothing_else(tmp_path: Path) -> None:
    configuration = tmp_path / "pip.conf"
    configuration.write_text(
        "[global]\n"
        "index-url = https://index.example/simple\n"
        "cert = weaker.pem\n"
        "constraint = constraints.txt\n"
        "[install]\n"
        "find-links =\n    first\n    second\n"
        "user = true\n"
        "no-binary = :all:\n"
    )
    variables = {
        "PIP_CONFIG_FILE": str(configuration),
        "PIP_CERT": "stronger.pem",
        "PIP_TARGET": str(tmp_path / "elsewhere"),
        "PIP_QUIET": "3",
        "PYTHONPATH": str(tmp_path),
    }
    others = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    listed = subprocess.run(
        [sys.executable, "-I", ROOT / ".ci" / "pip.py", "config", "list"],
        env=others | {"HOME": str(tmp_path)} | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(listed.stdout.splitlines()) == {
        f":env:.config-file='{os.devnull}'",
        ":env:.cert='stronger.pem'",
        ":env:.find-links='\\nfirst\\nsecond'",
        ":env:.index-url='https://index.example/simple'",
    }
