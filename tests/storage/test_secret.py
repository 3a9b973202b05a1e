import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from storage import Cost, KeyFile, Password
from storage.secret import NO_COST
from tests.storage.stores import CHEAP


def test_a_password_is_stretched_by_argon2id():
    """The inputs reach the right parameters: Argon2id's own library, called directly."""
    salt = b"\1" * 32
    plain = Argon2id(salt=salt, length=32, iterations=2, lanes=3, memory_cost=128)
    assert Password("pass").stretch(salt, Cost(128, 2, 3)) == plain.derive(b"pass")


def test_salt_and_cost_matter():
    password = Password("x")
    keys = {
        password.stretch(bytes(32), CHEAP),
        password.stretch(b"\1" * 32, CHEAP),
        password.stretch(bytes(32), Cost(64, 2, 1)),
        Password("y").stretch(bytes(32), CHEAP),
    }
    assert len(keys) == 4


def test_the_same_characters_open_however_they_are_composed():
    composed, decomposed = Password("caf\u00e9"), Password("cafe\u0301")
    assert composed.stretch(bytes(32), CHEAP) == decomposed.stretch(bytes(32), CHEAP)


def test_key_file_depends_on_salt():
    key = KeyFile(bytes(32))
    assert key.stretch(bytes(32), NO_COST) != key.stretch(b"\1" * 32, NO_COST)
    assert len(key.stretch(bytes(32), NO_COST)) == 32


@pytest.mark.parametrize(
    "cost", [Cost(7, 1, 1), Cost(64, 0, 1), Cost(64, 17, 1), Cost(64, 1, 0), Cost((1 << 20) + 1)]
)
def test_cost_is_bounded(cost):
    with pytest.raises(ValueError, match="cost"):
        Password("x", cost)


@pytest.mark.parametrize(
    "cost", [Cost(8, 1, 1), Cost(128, 16, 16), Cost(1 << 20, 1, 1)], ids=["least", "most", "1 GiB"]
)
def test_costs_within_the_limits_are_taken(cost):
    assert Password("x", cost).cost == cost


@pytest.mark.parametrize("cost", [Cost(1024, 1, 17), Cost(127, 1, 16)])
def test_lanes_are_bounded_and_each_has_8_kib(cost):
    """RFC 9106 section 3.1: memory of at least 8 KiB for each lane."""
    assert not cost.is_bounded


def test_passwords_and_key_files_within_the_limits_are_taken():
    for text in ("x", "x" * 1024):
        assert Password(text).text == text
    for size in (32, 1 << 20):
        assert len(KeyFile(bytes(size)).key) == size


@pytest.mark.parametrize("text", ["", "x" * 1025, "\u00e9" * 513])
def test_password_length(text):
    with pytest.raises(ValueError, match="1 to 1024"):
        Password(text)


def test_key_file_length():
    for key in (bytes(31), bytes((1 << 20) + 1)):
        with pytest.raises(ValueError, match="32 bytes to 1 MiB"):
            KeyFile(key)


def test_repr_shows_nothing():
    assert "horse" not in repr(Password("horse"))
    assert "kkk" not in repr(KeyFile(b"k" * 32))
