"""Every pin has its reason, and the lock files agree with the pins and with each other."""

import functools
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PAGE = (ROOT / "docs" / "dependencies.md").read_text()
PYKMIP_LIBRARIES = [*(ROOT / ".venvs/pykmip/lib").glob("python3.*/site-packages")]
PYKMIP = "tests/interop/requirements-pykmip.lock"
LOCKS = (
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-build.lock",
    "requirements-installer.lock",
    "requirements-resolver.lock",
    PYKMIP,
)


def pins(lines: list[str]) -> dict[str, str]:
    requirements = [Requirement(line) for line in lines]
    return {each.name: str(each.specifier).removeprefix("==") for each in requirements}


def lines(name: str) -> list[str]:
    """A lock's lines without their hashes."""
    text = (ROOT / name).read_text()
    return [line.removesuffix(" \\") for line in text.splitlines() if not line.startswith(" ")]


def locked(name: str) -> dict[str, str]:
    return pins(lines(name))


def explained(heading: str) -> set[str]:
    part = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| ([a-z0-9-]+) \|", part, re.MULTILINE)) - {"distribution", "---"}


@pytest.mark.parametrize(
    "heading, names",
    [
        ("The server", set(pins(PROJECT["dependencies"]))),
        ("Development", set(pins(PROJECT["optional-dependencies"]["dev"]))),
        ("Building", set(locked("requirements-build.lock")) & {"hatchling", "editables"}),
        ("Installing", set(locked("requirements-installer.lock"))),
        ("Locking", set(locked("requirements-resolver.lock"))),
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
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==[0-9a-z.]+( ; [^\\]+)? \\\n", entry)
        assert "--hash=sha256:" in entry


@functools.cache
def installed(name: str) -> dict[str, list[Requirement]]:
    """What is installed where this lock is, and what that requires."""
    path = [str(each) for each in PYKMIP_LIBRARIES] if name == PYKMIP else sys.path
    return {
        canonicalize_name(each.name): [Requirement(text) for text in each.requires or ()]
        for each in metadata.distributions(path=path)
    }


def lacking(name: str, locked: list[str], environment: dict[str, str]) -> list[str]:
    """What distributions of a lock require under these markers, and the lines do not hold."""
    requirements = [Requirement(line) for line in locked]
    by_name = {each.name: each for each in requirements if applies(each, environment)}
    found = []
    for line in by_name.values():
        if line.name not in installed(name):  # only another Python or system has it
            assert line.marker is not None
            continue
        for wanted in installed(name)[line.name]:
            extras = {"", *line.extras}
            if any(applies(wanted, environment | {"extra": extra}) for extra in extras) and not (
                serves(by_name.get(canonicalize_name(wanted.name)), wanted)
            ):
                found.append(f"{line.name} requires {wanted}")
    return found


def serves(line: Requirement | None, wanted: Requirement) -> bool:
    if line is None or not wanted.extras <= line.extras:
        return False
    return wanted.specifier.contains(str(line.specifier).removeprefix("=="))


def applies(requirement: Requirement, environment: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(environment)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("version", ["3.11.0", "3.11.15", "3.12.0", "3.13.0", "3.14.0"])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.interop) if name == PYKMIP else name
        for name in LOCKS
        if name != "requirements-resolver.lock"  # which is not installed here, and requires nothing
    ],
)
def test_locks_are_closed_for_every_python_and_machine(
    name: str, version: str, machine: str
) -> None:
    environment = {
        "python_full_version": version,
        "python_version": version.rpartition(".")[0],
        "platform_machine": machine,
    }
    assert lacking(name, lines(name), environment) == []


def test_a_lock_without_a_requirement_or_its_extra_is_not_closed() -> None:
    name = "requirements-dev.lock"
    older = [line for line in lines(name) if not line.startswith("idna==")]
    assert lacking(name, older, {}) == ["trio requires idna"]
    plain = [line.replace("coverage[toml]", "coverage") for line in lines(name)]
    (found,) = lacking(name, plain, {})
    assert found.startswith("pytest-cov requires coverage[toml]")
