"""Every pin has its reason, and the lock files agree with the pins and with each other."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PAGE = (ROOT / "docs" / "dependencies.md").read_text()
LOCKS = (
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-build.lock",
    "tests/interop/requirements-pykmip.lock",
)


def pins(lines: list[str]) -> dict[str, str]:
    return dict(line.split("==") for line in lines)


def locked(name: str) -> dict[str, str]:
    found = re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE)
    return {name.lower(): version for name, version in found}


def explained(heading: str) -> set[str]:
    part = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| ([a-z0-9-]+) \|", part, re.MULTILINE)) - {"distribution", "---"}


@pytest.mark.parametrize(
    "heading, names",
    [
        ("The server", set(pins(PROJECT["dependencies"]))),
        ("Development", set(pins(PROJECT["optional-dependencies"]["dev"]))),
        ("Building", set(locked("requirements-build.lock")) & {"hatchling", "editables"}),
    ],
)
def test_every_pin_is_explained_and_nothing_else(heading: str, names: set[str]) -> None:
    assert explained(heading) == names


def test_the_locks_hold_the_pins() -> None:
    wanted = pins(PROJECT["dependencies"])
    assert wanted.items() <= locked("requirements.lock").items()
    development = wanted | pins(PROJECT["optional-dependencies"]["dev"])
    assert development.items() <= locked("requirements-dev.lock").items()


def test_an_environment_made_from_the_larger_lock_serves_for_the_smaller() -> None:
    larger = locked("requirements-dev.lock")
    assert locked("requirements.lock").items() <= larger.items()
    building = locked("requirements-build.lock")
    assert all(larger.get(name, version) == version for name, version in building.items())


@pytest.mark.parametrize("name", LOCKS)
def test_locks_pin_by_hash_and_name_no_registry(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "http" not in text
    assert "index-url" not in text
    for entry in re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]:
        assert re.match(r"[a-zA-Z0-9._-]+==\S+ \\\n", entry)
        assert "--hash=sha256:" in entry
