"""Which names a user may be given: none that people take for another, or for none."""

import pytest

from server.access.user_names import MAX_NAME_CHARACTERS, check
from server.setup.failure import Failure


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "a" * MAX_NAME_CHARACTERS,
        "Alice B C",
        "\u4e00\u3042\u30a2\uac00abc",  # CJK, Hiragana, Katakana, Hangul and Latin
        "\u4e00\u3042\u30a2\u3105\uac00abc",  # and Bopomofo: all that are written together
        "\u03b1\u03bb\u03c6\u03b1 1",  # Greek and a digit, which is no letter
        "q\u0301",  # an accent that no composed letter has, on its letter
        "aq\u0301 b",
        "x ray",
    ],
)
def test_a_plain_name_is_taken(name: str):
    check("user", name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a" * (MAX_NAME_CHARACTERS + 1),
        "a\nb",
        "a\x00",
        "a\u200bb",  # zero width space
        "a\u00a0b",  # no-break space
    ],
)
def test_a_name_has_1_to_255_characters_that_print(name: str):
    with pytest.raises(Failure, match="printable characters"):
        check("user", name)


@pytest.mark.parametrize(
    "name",
    [
        " a",
        "a ",
        "a  b",
        "\u0301a",  # an accent on nothing
        "a \u0301b",  # an accent on a space
        "a\u3164",
        "a\u2800b",
        "a\u034fb",
        "a\u180bb",
        "a\u180fb",
        "a\ufe00",
        "a\ufe0f",
        "a\U000e0100",
    ],
)
def test_all_of_a_name_shows(name: str):
    with pytest.raises(Failure, match="no blank at its ends, no two together and none in disguise"):
        check("user", name)


@pytest.mark.parametrize("name", ["a\u0301", "\ufb01n", "\uff41", "x\u00b2"])
def test_a_name_is_written_in_one_way(name: str):
    with pytest.raises(Failure, match="more than one way"):
        check("user", name)


@pytest.mark.parametrize(
    "name", ["\u0430lice", "alic\u0435", "a\u03bf", "\u0430\u03b1", "\u4e00\u0430", "o\u0585"]
)
def test_scripts_of_like_letters_are_not_mixed(name: str):
    """With one another, or with scripts that are written together."""
    with pytest.raises(Failure, match="mixes scripts"):
        check("user", name)


@pytest.mark.parametrize("name", ["User:1", "uSer:1", "SAN:a", "uri:a"])
def test_no_case_makes_a_reserved_label_free(name: str):
    with pytest.raises(Failure, match="other clients are called so"):
        check("user", name)


@pytest.mark.parametrize(
    "known, name",
    [
        ("alice", "ALICE"),
        ("stra\u00dfe", "STRASSE"),
        ("cop", "\u0441\u043e\u0440"),
        ("\u0441\u043e\u0440", "cop"),
        ("AB", "\u0391\u0392"),
        ("\u0410\u0412", "\u0391\u0392"),
        ("ou", "\u0585\u057d"),
    ],
)
def test_a_name_does_not_look_like_one_that_there_is(known: str, name: str):
    with pytest.raises(Failure, match="looks like the name of"):
        check("user", name, ["somebody", known])


def test_a_name_that_there_is_does_not_look_like_another_for_that():
    check("user", "alice", ["bob", "alice"])
