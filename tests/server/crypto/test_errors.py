import pytest

from kmip.enums import ResultReason
from kmip.versions import V1_0, V2_1
from server.crypto import errors


@pytest.mark.parametrize(
    "kind, old, new",
    [
        (errors.InvalidKey, ResultReason.INVALID_FIELD, ResultReason.INVALID_FIELD),
        (
            errors.LegacyRefused,
            ResultReason.INVALID_FIELD,
            ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
        ),
        (
            errors.MissingParameters,
            ResultReason.INVALID_FIELD,
            ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS,
        ),
        (
            errors.InvalidTagLength,
            ResultReason.GENERAL_FAILURE,
            ResultReason.GENERAL_FAILURE,
        ),
    ],
)
def test_a_refusal_carries_a_reason_of_the_version(kind, old, new):
    assert (kind("x").reason(V1_0), kind("x").reason(V2_1)) == (old, new)


def test_legacy_passes_only_where_it_is_allowed():
    errors.refuse_legacy("it", legacy=False, allow_legacy=False)
    errors.refuse_legacy("it", legacy=True, allow_legacy=True)
    with pytest.raises(errors.LegacyRefused, match="it is refused"):
        errors.refuse_legacy("it", legacy=True, allow_legacy=False)
