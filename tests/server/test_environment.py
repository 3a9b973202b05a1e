"""The script that makes Python environments tells what a machine lacks."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


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
