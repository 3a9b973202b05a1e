from itertools import pairwise

import pytest

from kmip import errors
from kmip.enums import ResultReason
from kmip.errors import InvalidMessage, KMIPError
from kmip.versions import INTERNAL, SUPPORTED, V1_0, V1_4, V2_0, V2_1, V3_0


def kinds(cls=KMIPError):
    """Every class of error of the protocol."""
    yield cls
    for kind in cls.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from kinds(kind)


KINDS = list(kinds())


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_has_a_reason_that_the_version_has(kind, version):
    error = kind("it does not work")
    assert isinstance(error.reason(version), ResultReason)
    assert error.reason(version).span.covers(version)
    assert str(error) == "it does not work"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_reasons_stand_oldest_first_and_from_the_first_version_on(kind):
    versions = [version for version, _ in kind.reasons]
    assert versions == sorted(set(versions))
    assert versions[0] == V1_0


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_keeps_its_reason_until_another_row_begins(kind):
    rows = [*kind.reasons, (V3_0, None)]
    for (first, reason), (following, _) in pairwise(rows):
        reasons = {kind("").reason(v) for v in SUPPORTED if first <= v < following}
        assert reasons <= {reason}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_of_no_version_has_its_oldest_reason(kind):
    assert kind("").reason(INTERNAL) == kind.reasons[0][1]


@pytest.mark.parametrize(
    "kind,older,newer",
    [
        (errors.WrongKeyLifecycleState, (V2_0, "PERMISSION_DENIED"), (V2_1, None)),
        (errors.ReadOnlyAttribute, (V1_4, "PERMISSION_DENIED"), (V2_0, None)),
        (errors.AttributeReadOnly, (V1_4, "PERMISSION_DENIED"), (V2_0, "ATTRIBUTE_READ_ONLY")),
        (errors.ObjectAlreadyExists, (V1_0, "INVALID_FIELD"), (V1_4, None)),
    ],
)
def test_later_versions_get_more_precise_reasons(kind, older, newer):
    words = "".join(f"_{c}" if c.isupper() else c for c in kind.__name__).strip("_").upper()
    for version, name in (older, newer):
        assert kind("").reason(version) == ResultReason[name or words]


def test_an_invalid_message_tells_the_place():
    assert str(InvalidMessage("is missing", "Request/Operation")) == "Request/Operation: is missing"
    assert str(InvalidMessage("is missing")) == "is missing"
