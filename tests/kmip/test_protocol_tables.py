"""The pages about the protocol say what the declarations say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from kmip import errors
from kmip.attribute_rules import RULES
from kmip.enums import Operation
from kmip.errors import KMIPError
from kmip.lifecycle import TRANSITIONS
from kmip.tags import WORDS

DOCS = Path(__file__).resolve().parents[2] / "docs"


def rows(page):
    """The first two cells of every row of the page's tables."""
    text = (DOCS / page).read_text("utf-8")
    return [
        tuple(cells) for cells in re.findall(r"^\| ([^|]*?) \| ([^|]*?) \|", text, re.MULTILINE)
    ]


@pytest.mark.slow
def test_the_tables_are_current():
    command = [sys.executable, DOCS / "protocol_tables.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_diagram_has_every_transition_and_no_other():
    text = (DOCS / "lifecycle.md").read_text("utf-8")
    arrows = re.findall(r"^    (\S+) --> (\w+): (\d+) (\w+)$", text, re.MULTILINE)

    def drawn(state):
        return "[*]" if state is None else state.name.replace("_", " ").title().replace(" ", "")

    assert set(arrows) == {
        (drawn(origin), drawn(to.state), str(to.number), event.value)
        for (origin, event), to in TRANSITIONS.items()
    }
    assert len(arrows) == len(TRANSITIONS)


def test_every_error_has_its_row():
    kinds = {
        f"`{name}`"
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, KMIPError)
    }
    assert kinds == {name for name, _ in rows("errors.md") if name.startswith("`")}


def test_every_operation_and_attribute_has_its_row():
    found = rows("protocol.md")
    assert {f"0x{operation:02X}" for operation in Operation} <= {number for _, number in found}
    assert {WORDS[tag] for tag in RULES} <= {name for name, _ in found}
