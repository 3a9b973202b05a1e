"""Hash (2.1 section 6.1.24; 1.4 section 4.37)."""

from __future__ import annotations

from typing import Annotated

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.payloads.data import Data
from kmip.structures import NEEDED, Structure, structure
from kmip.versions import V1_3, since


@structure
class HashRequest(Structure):
    """How, and the data.

    Attributes:
        correlation_value: the stream that this goes on with; absent: one part, or the first.
    """

    cryptographic_parameters: CryptographicParameters
    data: Data | None = None
    correlation_value: Annotated[bytes | None, since(V1_3)] = None
    init_indicator: Annotated[bool | None, since(V1_3)] = None
    final_indicator: Annotated[bool | None, since(V1_3)] = None


@structure
class HashResponse(Structure):
    """The hash."""

    data: bytes | None = None
    correlation_value: Annotated[bytes | None, since(V1_3), NEEDED] = None
