"""The mutation run makes the changes that it says, and each by itself."""

from pathlib import Path

from tests.mutation.changes import mutants

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
