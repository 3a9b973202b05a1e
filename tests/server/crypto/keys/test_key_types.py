import pytest

from server.crypto.keys.key_types import PrivateKey, PublicKey, public_half
from tests.server.crypto.samples import KINDS, NAMES, private_key


@pytest.mark.parametrize("algorithm, curve", KINDS, ids=NAMES)
def test_both_halves_lead_to_the_public_one(algorithm, curve):
    key = private_key(algorithm, curve)
    public = public_half(key)
    assert isinstance(key, PrivateKey)
    assert isinstance(public, PublicKey)
    assert not isinstance(public, PrivateKey)
    assert public_half(public) == public == key.public_key()
