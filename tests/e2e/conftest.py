"""Server processes that several tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.program import Program, running


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A server with the default settings, for all tests of a module."""
    data: Path = tmp_path_factory.mktemp("server") / "data"
    with running(data) as started:
        yield started
