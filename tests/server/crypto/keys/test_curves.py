import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from kmip.enums import RecommendedCurve as C
from kmip.errors import UnsupportedCryptographicParameters
from server.crypto.keys.curves import BY_LENGTH, CURVES, curve, recommended_curve


def test_every_curve_of_the_library_that_the_protocol_names_is_there():
    assert {make().name for make in CURVES.values()} == {
        (make if isinstance(make, ec.EllipticCurve) else make()).name
        for make in ec._CURVE_TYPES.values()
    }


@pytest.mark.parametrize("named", CURVES)
def test_a_curve_and_its_name_are_one(named):
    assert recommended_curve(curve(named)) == named


def test_a_length_names_the_nist_curve_of_that_length():
    assert all(curve(named).key_size == length for length, named in BY_LENGTH.items())


def test_curves_the_library_dropped_are_refused():
    for named in (C.K_163, C.B_571, C.SECP112R1, C.BRAINPOOLP256T1, C.ANSIX9P192V2):
        with pytest.raises(UnsupportedCryptographicParameters):
            curve(named)


def test_a_curve_the_protocol_does_not_name_is_refused():
    class Other(ec.SECP256R1):
        name = "other"

    with pytest.raises(UnsupportedCryptographicParameters):
        recommended_curve(Other())
