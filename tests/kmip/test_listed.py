"""What each version has of a list, looked for once."""

from typing import NamedTuple

import pytest

from kmip.listed import Listed
from kmip.versions import ALWAYS, INTERNAL, V1_0, V1_4, V2_1, Span, since, until


class Thing(NamedTuple):
    name: str
    span: Span


THINGS = (Thing("old", until(V1_4)), Thing("new", since(V2_1)), Thing("any", ALWAYS))


@pytest.mark.parametrize(
    "version, names",
    [(V1_0, ["old", "any"]), (V2_1, ["new", "any"]), (INTERNAL, ["old", "new", "any"])],
)
def test_a_version_has_those_whose_span_covers_it_in_their_order(version, names):
    listed = Listed(THINGS)
    assert [thing.name for thing in listed.of(version)] == names
    assert listed.of(version) is listed.of(version)
