"""Sign (2.1 section 6.1.55; 1.4 section 4.31)."""

from __future__ import annotations

from typing import Annotated

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.payloads.data import Data
from kmip.structures import NEEDED, Structure, structure
from kmip.types import Identifier
from kmip.versions import V1_3, V1_4, since


@structure
class SignRequest(Structure):
    """The key, how, and the data or their digest.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
        correlation_value: the stream that this goes on with; absent: one part, or the first.
    """

    unique_identifier: Identifier | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: Data | None = None
    digested_data: Annotated[bytes | None, since(V1_4)] = None
    correlation_value: Annotated[bytes | None, since(V1_3)] = None
    init_indicator: Annotated[bool | None, since(V1_3)] = None
    final_indicator: Annotated[bool | None, since(V1_3)] = None


@structure
class SignResponse(Structure):
    """The signature."""

    unique_identifier: Identifier
    signature_data: bytes | None = None
    correlation_value: Annotated[bytes | None, since(V1_3), NEEDED] = None
