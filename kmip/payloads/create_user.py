"""Create User (3.0)."""

from __future__ import annotations

from dataclasses import field

from kmip.attribute_encoding import Template
from kmip.attributes import Attributes
from kmip.structures import Structure, structure
from kmip.types import Identifier


@structure
class CreateUserRequest(Structure):
    """What the user is to be."""

    attributes: Template = field(default_factory=Attributes)


@structure
class CreateUserResponse(Structure):
    """The user."""

    unique_identifier: Identifier
