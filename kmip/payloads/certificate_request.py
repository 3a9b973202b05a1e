"""A certificate request in a payload: one value whose tag changed between versions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, NamedTuple

from kmip.enums import ItemType
from kmip.errors import InvalidMessage
from kmip.items import Item, tag_name
from kmip.structures import Plain
from kmip.tags import Tag
from kmip.versions import V1_4, ProtocolVersion, until

_BYTES = Plain(ItemType.BYTE_STRING)
_OLD = until(V1_4)


class RequestValue(NamedTuple):
    """Certificate Request up to 1.4 (section 4.7), Certificate Request Value later (2.1 6.1.6)."""

    @property
    def tags(self) -> Sequence[int]:
        """Both tags."""
        return (Tag.CERTIFICATE_REQUEST, Tag.CERTIFICATE_REQUEST_VALUE)

    def read(self, items: Sequence[Item], version: ProtocolVersion) -> bytes:
        """The request's bytes."""
        if len(items) != 1:
            raise InvalidMessage("occurs twice", tag_name(items[0].tag))
        value: bytes = _BYTES.read(items[0], version)
        return value

    def write(self, value: Any, version: ProtocolVersion) -> Iterable[Item]:
        """The bytes under the version's tag; `INTERNAL` counts as the newest."""
        old = _OLD.covers(version) and not _NEW.covers(version)
        tag = Tag.CERTIFICATE_REQUEST if old else Tag.CERTIFICATE_REQUEST_VALUE
        yield _BYTES.write(tag, value, version)


_NEW = Tag.CERTIFICATE_REQUEST_VALUE.span

CertificateRequestValue = Annotated[bytes, RequestValue()]
"""DER, or what the Certificate Request Type says."""
