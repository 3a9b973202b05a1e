"""What is not returned to the client (2.1 section 8.3: Ephemeral).

The data that an operation gives are there for the items behind it, which refer to them (2.1 section
7.9), and need not leave the server. 2.1 has a Boolean for it; 3.0 an enumeration, of whose values
one means the same and one an answer without anything. What the third, Unique Identifier, asks for
cannot be read out of the enumerations, and is refused rather than guessed.
"""

from __future__ import annotations

from typing import Final

from kmip.enums import Ephemeral
from kmip.errors import FeatureNotSupported
from kmip.items import Item, structure
from kmip.tags import Tag

OUTPUT: Final = frozenset({Tag.DATA, Tag.MAC_DATA, Tag.SIGNATURE_DATA})
"""The data that operations compute. An authentication tag and a vector that the server has chosen
are no secrets, and the client needs them once the data are used elsewhere."""

KNOWN: Final = frozenset({Ephemeral.DATA, Ephemeral.EMPTY})


def check(ephemeral: Ephemeral | None) -> None:
    """Refuse what the server does not know how to hold back, before anything is done.

    Raises:
        FeatureNotSupported: it is that.
    """
    if ephemeral is not None and ephemeral not in KNOWN:
        raise FeatureNotSupported(f"the server does not hold back: {ephemeral.title}")


def without(payload: Item, ephemeral: Ephemeral | None) -> Item:
    """A response payload without what is not to be returned."""
    if ephemeral is None:
        return payload
    if ephemeral == Ephemeral.EMPTY:
        return structure(payload.tag)
    return structure(payload.tag, *(one for one in payload.children if one.tag not in OUTPUT))
