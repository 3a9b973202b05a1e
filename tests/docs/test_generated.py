"""What the scripts under docs/ have in common."""

import runpy
import sys
from pathlib import Path

import pytest

GENERATED = runpy.run_path(str(Path(__file__).resolve().parents[2] / "docs" / "generated.py"))
with_tables, write_or_check = GENERATED["with_tables"], GENERATED["write_or_check"]
PAGE = "before\n<!-- one: made by docs/x.py -->\nold\n<!-- end -->\nafter\n"


def test_a_table_replaces_what_stood_in_its_place():
    wanted = PAGE.replace("old", "new")
    assert with_tables(PAGE, "x.py", {"one": lambda: "new\n"}) == wanted
    assert with_tables(wanted, "x.py", {"one": lambda: "new\n"}) == wanted


@pytest.mark.parametrize("titles", [[], ["other"], ["one", "two"]])
def test_each_table_has_one_place(titles: list[str]):
    with pytest.raises(ValueError, match="places"):
        with_tables(PAGE, "x.py", dict.fromkeys(titles, str))


def test_the_tables_of_another_script_are_left_alone():
    assert with_tables(PAGE, "y.py", {}) == PAGE


def test_files_are_written_or_only_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "page.md"
    monkeypatch.setattr(sys, "argv", ["x.py", "--check"])
    assert write_or_check({path: "text"}, "docs/x.py") == 1
    assert capsys.readouterr().out == "not current, run python docs/x.py: page.md\n"
    assert not path.exists()
    monkeypatch.setattr(sys, "argv", ["x.py"])
    assert write_or_check({path: "text"}, "docs/x.py") == 0
    assert path.read_text() == "text"
    monkeypatch.setattr(sys, "argv", ["x.py", "--check"])
    assert write_or_check({path: "text"}, "docs/x.py") == 0
