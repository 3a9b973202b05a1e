"""Each fault a few times; `python -m tests.faults` does it as often as is wanted."""

import pytest

from tests.faults.faults import FAULTS, do
from tests.faults.places import Skipped

ROUNDS = {
    "a server is killed": 3, "Redis is killed": 3, "a server is killed whose store is spread": 3,
}  # fmt: skip
LONG = {
    "Sentinels fail over", "a Cluster fails over", "a node of a Cluster fails over that has blobs",
    "a slot moves", "slots of a spread store move",
}  # fmt: skip
"""These have tests of their own in `tests/storage/redis`, once each."""


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(FAULTS) - LONG))
async def test_nothing_acknowledged_is_lost_and_no_answer_is_wrong(name, tmp_path):
    try:
        run = await do(name, tmp_path / "f", ROUNDS.get(name, 1), seed=0)
    except Skipped as reason:
        pytest.skip(str(reason))
    assert run.done == ROUNDS.get(name, 1)
    assert run.lost == 0
    assert run.wrong == []
