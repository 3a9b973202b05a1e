"""What holds of all operations together."""

import re
from pathlib import Path

import pytest

from server import registry

OPERATIONS = Path(__file__).parents[2] / "server" / "operations"
MODULES = sorted(OPERATIONS.glob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_handler_knows_a_version(path: Path):
    text = path.read_text()
    assert not re.search(r"\bV[123]_[0-4]\b|\b_version\b|INTERNAL\b.*version", text)
    imported = re.findall(r"from kmip\.versions import (.*)", text)
    allowed = {"discover_versions": {"SUPPORTED"}, "adjust_attribute": {"INTERNAL"}}
    names = {name.strip() for line in imported for name in line.split(",")}
    assert names <= allowed.get(path.stem, set())


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_operation_imports_another(path: Path):
    assert "server.operations" not in re.sub(r'"""[\s\S]*?"""', "", path.read_text())


def test_each_operation_stands_in_the_module_of_its_name():
    for operation, route in registry.ROUTES.items():
        module = route.handler.__module__.rpartition(".")[2]
        assert module.rstrip("_") == operation.name.lower()
