"""Create Credential (3.0)."""

from __future__ import annotations

from dataclasses import field

from kmip.attribute_encoding import Template
from kmip.attributes import Attributes
from kmip.enums import CredentialType
from kmip.objects import ObjectField
from kmip.structures import Structure, structure
from kmip.types import Identifier


@structure
class CreateCredentialRequest(Structure):
    """The credential.

    Attributes:
        object: a credential object or a certificate, as the type says.
    """

    credential_type: CredentialType
    attributes: Template = field(default_factory=Attributes)
    object: ObjectField


@structure
class CreateCredentialResponse(Structure):
    """The credential."""

    unique_identifier: Identifier
