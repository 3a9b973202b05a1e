"""Decrypt (2.1 section 6.1.11; 1.4 section 4.30)."""

from __future__ import annotations

from typing import Annotated

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.payloads.data import Data
from kmip.structures import NEEDED, Structure, structure
from kmip.types import Identifier
from kmip.versions import V1_3, V1_4, since


@structure
class DecryptRequest(Structure):
    """The key, how, and the cipher text.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
        correlation_value: the stream that this goes on with; absent: one part, or the first.
    """

    unique_identifier: Identifier | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: Data | None = None
    iv_counter_nonce: bytes | None = None
    correlation_value: Annotated[bytes | None, since(V1_3)] = None
    init_indicator: Annotated[bool | None, since(V1_3)] = None
    final_indicator: Annotated[bool | None, since(V1_3)] = None
    authenticated_encryption_additional_data: Annotated[bytes | None, since(V1_4)] = None
    authenticated_encryption_tag: Annotated[bytes | None, since(V1_4)] = None


@structure
class DecryptResponse(Structure):
    """The plain text."""

    unique_identifier: Identifier
    data: bytes | None = None
    correlation_value: Annotated[bytes | None, since(V1_3), NEEDED] = None
