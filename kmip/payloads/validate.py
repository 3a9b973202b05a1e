"""Validate: a chain of certificates (2.1 section 6.1.57; 1.4 section 4.24)."""

from __future__ import annotations

from kmip.enums import ValidityIndicator
from kmip.objects import Certificate
from kmip.structures import Structure, structure
from kmip.types import DateTime, Identifier


@structure
class ValidateRequest(Structure):
    """The certificates themselves, or their identifiers.

    Attributes:
        validity_date: when it is to be valid; absent: now.
    """

    certificate: tuple[Certificate, ...] = ()
    unique_identifier: tuple[Identifier, ...] = ()
    validity_date: DateTime | None = None


@structure
class ValidateResponse(Structure):
    """Whether the chain is valid."""

    validity_indicator: ValidityIndicator
