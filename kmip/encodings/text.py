"""Items as people read them: indented, with names, and with secrets hidden.

    RequestMessage
      RequestHeader
        ProtocolVersion
          ProtocolVersionMajor  2
      BatchItem
        Operation  Encrypt
        RequestPayload
          Data  (16 bytes)

Only written, never read. What may be a secret is hidden unless the caller asks for it: every byte
string and big integer, and every value under a tag of `SECRET`, whose text may be a key or a
password. The rest is written, and so is every size.
"""

from typing import Final

from kmip.encodings.literals import Meaning, write
from kmip.enums import ItemType
from kmip.items import Item, is_known, tag_name
from kmip.tags import Tag

SECRET: Final = frozenset(
    {
        Tag.HASHED_PASSWORD,
        Tag.KEY_MATERIAL,
        Tag.ONE_TIME_PASSWORD,
        Tag.OTP_SEED,
        Tag.PASSWORD,
        Tag.PASSWORD_SALT,
        Tag.SALTED_PASSWORD,
        Tag.SERVER_HASHED_PASSWORD,
        Tag.TICKET_VALUE,
    }
)
"""Nothing under these tags is written."""

INDENT: Final = "  "

_HIDDEN_TYPES: Final = frozenset({ItemType.BYTE_STRING, ItemType.BIG_INTEGER})
_TEXTS: Final = frozenset(
    {
        ItemType.TEXT_STRING,
        ItemType.IDENTIFIER,
        ItemType.REFERENCE,
        ItemType.NAME_REFERENCE,
    }
)


def encode(item: Item, *, insecure_show_secrets: bool = False) -> str:
    """Lines that describe `item`, one for each item in it, without a line break at the end.

    Args:
        item: of any kind.
        insecure_show_secrets: show keys and passwords too; never for a log.

    Raises:
        ValueError: a value does not fit its type; the caller's mistake.
    """
    lines: list[str] = []
    _describe(item, lines, "", Meaning(), hidden=False, show=insecure_show_secrets)
    return "\n".join(lines)


def _describe(
    item: Item, lines: list[str], indent: str, meaning: Meaning, *, hidden: bool, show: bool
) -> None:
    tag, kind, _ = item
    name = tag_name(tag) if is_known(tag) else f"0x{tag:06x}"
    hidden = hidden or tag in SECRET
    if kind == ItemType.STRUCTURE:
        lines.append(indent + name)
        inner = Meaning()
        for child in item.children:
            _describe(child, lines, indent + INDENT, inner, hidden=hidden, show=show)
        return
    about = meaning.of(tag)
    lines.append(f"{indent}{name}  {_value(item, about, hidden=hidden and not show, show=show)}")
    meaning.saw(tag, item.value)


def _value(item: Item, about: int, *, hidden: bool, show: bool) -> str:
    text = write(item, about)
    if hidden or (item.type in _HIDDEN_TYPES and not show):
        return f"({len(item.value)} bytes)" if isinstance(item.value, bytes) else "(hidden)"
    # Quoted and escaped, so that a name can neither add lines nor steer a terminal.
    return ascii(text) if item.type in _TEXTS else text
