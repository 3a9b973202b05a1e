"""Another distribution with one of our package names is refused."""

import subprocess
import sys
from pathlib import Path

import pytest

from server.setup import conflicts
from server.setup.failure import Failure


def test_alone_all_is_well() -> None:
    conflicts.check()


def test_another_provider_is_named() -> None:
    conflicts.check_distributions({"kmip": ["strongroom"], "yaml": ["PyYAML"]})
    with pytest.raises(Failure, match=r"^PyKMIP also provides the Python package 'kmip'"):
        conflicts.check_distributions({"kmip": ["PyKMIP", "strongroom"]})
    with pytest.raises(Failure, match="a and b also provides the Python package 'storage'"):
        conflicts.check_distributions({"storage": ["b", "a"]})


def run(code: str, *places: Path) -> subprocess.CompletedProcess[str]:
    """Run `code` in a Python whose path begins with `places`."""
    prelude = f"import sys; sys.path[:0] = {[str(place) for place in places]}\n"
    return subprocess.run(
        [sys.executable, "-c", prelude + code], capture_output=True, text=True, check=False
    )


COMMAND = "from server.__main__ import main; sys.exit(main(['config']))"


def test_an_installed_pykmip_is_refused_in_one_sentence(tmp_path: Path) -> None:
    information = tmp_path / "PyKMIP-0.11.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: PyKMIP\nVersion: 0.11.0\n")
    (information / "top_level.txt").write_text("kmip\n")
    ended = run(COMMAND, tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith("strongroom: PyKMIP also provides the Python package 'kmip'")
    assert ended.stderr.count("\n") == 1


def test_a_package_that_would_be_loaded_from_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kmip").mkdir()
    (tmp_path / "kmip" / "__init__.py").write_text("")
    ended = run(COMMAND, tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith(
        f"strongroom: The package 'kmip' would be loaded from {tmp_path}"
    )
    assert ended.stderr.count("\n") == 1
