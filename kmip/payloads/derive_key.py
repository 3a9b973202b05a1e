"""Derive Key (2.1 section 6.1.14; 1.4 section 4.6)."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from kmip.attribute_encoding import Template
from kmip.attributes import Attributes
from kmip.enums import DerivationMethod, ObjectType
from kmip.payloads.derivation import DerivationParameters
from kmip.structures import Structure, structure
from kmip.types import Identifier
from kmip.versions import V1_4, until


@structure
class DeriveKeyRequest(Structure):
    """What to derive, from what and how.

    Attributes:
        unique_identifier: the key or secret data, and secret data that hold the derivation data.
    """

    object_type: ObjectType
    unique_identifier: tuple[Identifier, ...] = ()
    derivation_method: DerivationMethod
    derivation_parameters: DerivationParameters
    attributes: Template = field(default_factory=Attributes)


@structure
class DeriveKeyResponse(Structure):
    """What was derived."""

    unique_identifier: Identifier
    attributes: Annotated[Template | None, until(V1_4)] = None
