"""What every encoding of messages can do, and the table of those there are.

Theory: a message is the same tree of items in every encoding, so whoever receives one needs to know
of its encoding only the codec: it decodes the request, and it encodes the answer, whatever happens
in between. An encoding is added by a class that is a `Codec`, and a row here.

    name    media type                  bytes
    TTLV    application/octet-stream    binary; what every server speaks
    JSON    application/json            text
    XML     text/xml                    text

Source: KMIP 2.1 sections 10.1 and 10.2; KMIP Additional Message Encodings 1.0 sections 2.4 (the
media types), 4 and 6; KMIP Profiles 2.1 section 5.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from kmip.encodings.json import JSON
from kmip.encodings.ttlv import TTLV
from kmip.encodings.xml import XML
from kmip.items import Item
from kmip.versions import V1_0, ProtocolVersion


class Codec(Protocol):
    """Bytes to an item and back, within limits.

    What `decode` takes it takes with at most `max_depth` structures within structures, `max_items`
    items and `max_bytes` bytes; `encode` nests no deeper and writes no more bytes, and leaves it
    to its caller how many a peer takes.
    """

    @property
    def media_type(self) -> str:
        """What HTTP calls it, without parameters."""

    @property
    def max_depth(self) -> int:
        """Structures within structures."""

    @property
    def max_items(self) -> int:
        """Items in all."""

    @property
    def max_bytes(self) -> int:
        """Length of what is read."""

    def decode(self, data: bytes, /) -> Item:
        """The item that is all of `data`.

        Raises:
            InvalidMessage: the bytes, which may be any, hold none, or go beyond the limits.
        """

    def encode(self, item: Item, version: ProtocolVersion = V1_0, /) -> bytes:
        """The bytes of `item`, of which `decode` makes the same item again.

        Args:
            item: what is written.
            version: in whose words names are written, where the encoding has names.

        Raises:
            InvalidMessage: it has half a character, or is longer than any message.
            ValueError: a value does not fit its type, or it is nested too deep; the caller's
                mistake.
        """


CODECS: Final[Mapping[str, Codec]] = {"TTLV": TTLV(), "JSON": JSON(), "XML": XML()}
"""The encodings by the names that the specification has for them."""

BY_MEDIA_TYPE: Final[Mapping[str, Codec]] = {codec.media_type: codec for codec in CODECS.values()}
"""The same by what a client calls them in HTTP."""
