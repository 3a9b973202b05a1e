"""MAC (2.1 section 6.1.32; 1.4 section 4.33)."""

from __future__ import annotations

from typing import Annotated

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.payloads.data import Data
from kmip.structures import NEEDED, Structure, structure
from kmip.types import Identifier
from kmip.versions import V1_3, since


@structure
class MACRequest(Structure):
    """The key, how, and the data.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
        correlation_value: the stream that this goes on with; absent: one part, or the first.
    """

    unique_identifier: Identifier | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: Data | None = None
    correlation_value: Annotated[bytes | None, since(V1_3)] = None
    init_indicator: Annotated[bool | None, since(V1_3)] = None
    final_indicator: Annotated[bool | None, since(V1_3)] = None


@structure
class MACResponse(Structure):
    """The MAC."""

    unique_identifier: Identifier
    mac_data: bytes | None = None
    correlation_value: Annotated[bytes | None, since(V1_3), NEEDED] = None
