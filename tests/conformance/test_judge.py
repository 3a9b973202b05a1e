"""The independent judge against the real server process, by every door and in every encoding."""

import pytest

from tests.conformance import outcomes, unsupported
from tests.conformance.cases import JUDGE
from tests.conformance.judge import results
from tests.conformance.player import is_helped

LONGEST_SECONDS = 300
"""Of a whole run, which takes half a minute where nothing else runs."""


@pytest.mark.slow
@pytest.mark.interop
@pytest.mark.skipif(
    not JUDGE.is_file(), reason=f"no judge at {JUDGE}: STRONGROOM_SHARED says where it is"
)
@pytest.mark.parametrize("door", outcomes.DOORS, ids=lambda door: door.title)
def test_the_judge_finds_what_is_recorded(tmp_path, door):
    """Every case passes that is not listed, and none that is; `outcomes.json` says the same."""
    found = results(tmp_path, door.encoding, LONGEST_SECONDS)
    recorded, place = outcomes.recorded(), outcomes.TITLES.index(door.title)
    letters = {str(case): letters[place] for case, letters in recorded.items()}
    wrong, otherwise = {}, {}
    for case in outcomes.judged_cases():
        result = found[case.name]
        if (result["status"] == "fail") is not bool(unsupported.reason(case)):
            wrong[str(case)] = [result["where"], result["expected"], result["got"]]
        if letters.get(str(case)) != outcomes.letter(case, found):
            otherwise[str(case)] = result["status"]
    assert not {name: why for name, why in wrong.items() if letters.get(name) != "-"}
    assert not otherwise, "run docs/conformance_tables.py --play"


def test_what_is_substituted_is_judged_in_process_alone():
    for case, letters in outcomes.recorded().items():
        assert set(letters[1:]) <= set("PF") or set(letters[1:]) == {"-"}, case
        assert letters[0] in "PF", case


def test_a_case_that_is_helped_is_not_judged_at_a_door():
    for case in outcomes.judged_cases():
        assert not is_helped(case) or outcomes.letter(case, {}) == outcomes.NOT_JUDGED
