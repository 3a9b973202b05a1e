"""`./check` says at its start what it will do, and in its last line how that went."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = {
    "format": ".venv/bin/ruff",
    "types": ".venv/bin/mypy",
    "imports": ".venv/bin/lint-imports",
    "generated: docs/x_table.py": ".venv/bin/python",
    "tests": ".venv/bin/pytest",
    "environment": ".ci/environment",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the script, among tools that do nothing."""
    shutil.copy(ROOT / "check", tmp_path)
    for place in (*TOOLS.values(), "docs/x_table.py", "docs/spec/generate.py"):
        write(tmp_path / place, "exit 0")
    return tmp_path


def write(tool: Path, command: str) -> None:
    tool.parent.mkdir(parents=True, exist_ok=True)
    tool.write_text(f"#!/bin/sh\n{command}\n")
    tool.chmod(0o755)


def check(checkout: Path, *arguments: str) -> tuple[int, list[str]]:
    ended = subprocess.run(
        ["./check", *arguments],
        cwd=checkout,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout.splitlines()


@pytest.mark.parametrize("what", ["all", "fast", "fix"])
def test_it_names_its_plan_and_time_first_and_success_last(checkout: Path, what: str) -> None:
    status, said = check(checkout, what)
    assert status == 0
    assert said[0].startswith(f"./check {what}: ")
    assert "format" in said[0]
    assert ("minutes on two cores" in said[0]) == (what != "fix")
    assert said[-1] == f"./check {what}: all is well"


@pytest.mark.parametrize("what", ["all", "fast"])
@pytest.mark.parametrize("step", TOOLS)
def test_it_names_the_step_that_failed_last(checkout: Path, what: str, step: str) -> None:
    write(checkout / TOOLS[step], "exit 3")
    status, said = check(checkout, what)
    assert status == 3
    assert said[-1] == f'./check {what}: failed at the step "{step}"'
    assert said[-3] == f"== {step}"


def test_a_step_that_is_interrupted_is_named_too(checkout: Path) -> None:
    write(checkout / TOOLS["types"], "kill -TERM $PPID")
    status, said = check(checkout)
    assert status == 143
    assert said[-1] == './check all: failed at the step "types"'


def test_continuous_integration_runs_the_same() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        'exec "$(dirname -- "$0")/../check"'
    ]
