"""The mutation run makes the changes that it says, and each by itself."""

from dataclasses import replace
from pathlib import Path

from tests.mutation.changes import ROOT, Mutant, mutants
from tests.mutation.known import KINDS, Known, entry, known

MODULE = """
def check(one: int = -1, other: bool | None = None) -> bool:
    if not one <= 2 or other is None and "ä" == "b":
        raise ValueError("or == <=")
    verify(one)
    return True
"""


def test_each_change_is_a_single_one(tmp_path: Path):
    path = tmp_path / "module.py"
    path.write_text(MODULE)
    found = list(mutants(path))
    assert sorted((one.line, one.what) for one in found) == [
        (2, "- -> nothing"),
        (3, "<= -> <"),
        (3, "== -> !="),
        (3, "and -> or"),
        (3, "is -> is not"),
        (3, "not -> nothing"),
        (3, "or -> and"),
        (4, 'raise ValueError("or == <=") -> pass'),
        (5, "verify(one) -> pass"),
        (6, "True -> False"),
    ]
    for one in found:
        compile(one.source, "module", "exec")
        before, after = MODULE.splitlines(), one.source.splitlines()
        assert [old == new for old, new in zip(before, after, strict=True)].count(False) == 1
    assert len({one.source for one in found}) == len(found)


def test_what_only_the_type_checker_reads_is_left_alone(tmp_path: Path):
    path = tmp_path / "module.py"
    path.write_text(
        "@dataclass(frozen=True)\nclass A:\n    one: int | None\n    two: Literal[True]\n"
    )
    assert list(mutants(path)) == []


SAME = """
class A:
    def check(self) -> None:
        if self.one < 2:
            raise ValueError("too small")
        if self.other < 2:
            raise ValueError("too small")

def check(size: int = -1) -> None:
    if size < 2:
        raise ValueError("too small")
"""


def changed(path: Path, source: str) -> list[Mutant]:
    path.write_text(source)
    return [replace(one, path=ROOT / "server/a.py") for one in mutants(path)]


def test_a_change_is_known_by_what_is_written_there_and_not_by_its_line(tmp_path: Path):
    before = changed(tmp_path / "module.py", SAME)
    (one,) = [each for each in before if each.what == "< -> <=" and "other" in each.before]
    entry_of_it = Known("server/a.py", one.before, "equivalent", "It is.", one.place, one.after)
    assert (one.place, one.in_function) == ("A.check", True)
    moved = changed(tmp_path / "module.py", f"import one\n\n{SAME}")
    assert [each.line - 2 for each in moved if entry_of_it.names(each)] == [one.line]
    edited = changed(tmp_path / "module.py", SAME.replace("self.other < 2", "self.other < 3"))
    assert not any(entry_of_it.names(each) for each in edited)


def test_an_entry_without_a_line_after_is_for_all_changes_of_such_lines(tmp_path: Path):
    entry_of_them = Known("server/*", "if *< 2:", "performance", "It is.")
    found = [each for each in changed(tmp_path / "a.py", SAME) if entry_of_them.names(each)]
    assert [each.what for each in found] == ["< -> <="] * 3
    other = Known("storage/*", "if *< 2:", "performance", "It is.")
    assert not any(other.names(each) for each in found)


def test_what_runs_while_a_module_loads_is_told_from_what_is_called(tmp_path: Path):
    by_what = {each.what: each.in_function for each in changed(tmp_path / "a.py", SAME)}
    assert by_what["- -> nothing"] is False
    assert by_what['raise ValueError("too small") -> pass'] is True


def test_each_survivor_that_is_known_has_a_kind_and_a_reason():
    assert known()
    for one in known():
        assert one.kind in KINDS
        assert one.why.endswith(".")


def test_an_entry_to_fill_in_is_read_back(tmp_path: Path):
    source = 'def check(a):\n    if a < "\'":\n        raise ValueError(f"a \\"b\\" {a!r}\\n")\n'
    file = tmp_path / "known.toml"
    for one in changed(tmp_path / "module.py", source):
        file.write_text(entry(one))
        (read,) = known(file)
        assert read.names(one)
        assert read.kind == read.why == ""
