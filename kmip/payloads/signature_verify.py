"""Signature Verify (2.1 section 6.1.56; 1.4 section 4.32)."""

from __future__ import annotations

from typing import Annotated

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import ValidityIndicator
from kmip.payloads.data import Data
from kmip.structures import NEEDED, Structure, structure
from kmip.types import Identifier
from kmip.versions import V1_3, V1_4, since


@structure
class SignatureVerifyRequest(Structure):
    """The key, how, the data or their digest, and the signature.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
        correlation_value: the stream that this goes on with; absent: one part, or the first.
    """

    unique_identifier: Identifier | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: Data | None = None
    digested_data: Annotated[bytes | None, since(V1_4)] = None
    signature_data: Data | None = None
    correlation_value: Annotated[bytes | None, since(V1_3)] = None
    init_indicator: Annotated[bool | None, since(V1_3)] = None
    final_indicator: Annotated[bool | None, since(V1_3)] = None


@structure
class SignatureVerifyResponse(Structure):
    """Whether the signature is valid.

    Attributes:
        data: what an algorithm with message recovery gives back.
    """

    unique_identifier: Identifier
    validity_indicator: ValidityIndicator | None = None
    data: bytes | None = None
    correlation_value: Annotated[bytes | None, since(V1_3), NEEDED] = None
