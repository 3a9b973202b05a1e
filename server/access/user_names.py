"""Which names a user or a device may be given.

Objects belong to names, and people tell names apart by looking at them. So a new name has no
character that cannot be seen, is written in the one way that Unicode calls composed, mixes no
scripts whose letters look alike, and does not look like the name of another user. And no user's
name begins as the server calls clients of other kinds.

A name that is in the file already can be removed and its password be replaced, whatever it looks
like.

Source: Unicode Standard Annex 15 (normalization forms), Technical Standard 39 (confusables, of
which `ALIKE` has the letters of other scripts that are drawn as Latin ones).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

from server.access.client import RESERVED
from server.setup.failure import Failure

MAX_NAME_CHARACTERS: Final = 255

BLANK: Final = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0}
    | set(range(0x180B, 0x1810))
    | set(range(0xFE00, 0xFE10))
    | set(range(0xE0000, 0xE1000))
)
"""Characters that count as printable and show nothing: fillers, joiners and variation selectors."""

ALIKE: Final = {
    **str.maketrans(
        "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7",
        "ABEZHIKMNOPTYX",
    ),  # Greek capitals
    **str.maketrans(
        "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406\u0408\u0405",
        "ABEKMHOPCTYXIJS",
    ),  # Cyrillic capitals
    **str.maketrans(
        "\u03b1\u03bf\u03c1\u03c5\u03bd\u03b9\u03ba\u03c4\u03f2\u03f3",
        "aopuviktcj",
    ),  # Greek
    **str.maketrans(
        "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u043a\u0458\u0455\u04bb\u0501\u051b\u051d",
        "aeopcyxikjshdqw",
    ),  # Cyrillic
    **str.maketrans(
        "\u0585\u057d\u0570\u0578\u0581",
        "ouhng",
    ),  # Armenian
}
"""Letters of other scripts that look like Latin ones."""

TOGETHER: Final = frozenset({"CJK", "HIRAGANA", "KATAKANA", "BOPOMOFO", "HANGUL", "LATIN"})
"""Scripts that are written together, and look different."""


def check(kind: str, name: str, known: Iterable[str] = ()) -> None:
    """Let pass what can be a new name.

    Args:
        kind: what it is a name of, for the sentence.
        name: the name.
        known: the names that there are.

    Raises:
        Failure: it cannot.
    """
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or not name.isprintable():
        raise Failure(f"A {kind}'s name has 1 to {MAX_NAME_CHARACTERS} printable characters.")
    if name != name.strip() or "  " in name or not _is_visible(name):
        raise Failure(
            f"A {kind}'s name has no blank at its ends, no two together and none in disguise."
        )
    if unicodedata.normalize("NFKC", name) != name:
        raise Failure(
            f"{name!a} can be written in more than one way; a {kind}'s name is composed of plain "
            "characters (Unicode's NFKC)."
        )
    if len(scripts := _scripts(name)) > 1 and not scripts <= TOGETHER:
        raise Failure(f"{name!a} mixes scripts whose letters look alike.")
    if skeleton(name).startswith(tuple(map(skeleton, RESERVED))):
        raise Failure(f"{name!a} cannot be a {kind}'s name: other clients are called so.")
    for other in known:
        if other != name and skeleton(other) == skeleton(name):
            raise Failure(f"{name!a} looks like the name of the {kind} {other!a}.")


def _is_visible(name: str) -> bool:
    """Whether each character shows, and none would be drawn upon one that is not there."""
    if unicodedata.category(name[0]).startswith("M"):
        return False
    return not any(
        ord(one) in BLANK or (before == " " and unicodedata.category(one).startswith("M"))
        for before, one in zip(" " + name, name, strict=False)
    )


def _scripts(name: str) -> set[str]:
    """The scripts of its letters, by the words that begin their names."""
    return {unicodedata.name(one, "?").split(" ")[0] for one in name if one.isalpha()}


def skeleton(name: str) -> str:
    """What names that look alike have in common: no case, no kind of space, no script."""
    seen = "".join(one for one in unicodedata.normalize("NFKC", name) if ord(one) not in BLANK)
    folded = " ".join(seen.split()).translate(ALIKE).casefold()
    return unicodedata.normalize("NFKC", folded)
