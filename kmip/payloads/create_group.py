"""Create Group (3.0)."""

from __future__ import annotations

from dataclasses import field

from kmip.attribute_encoding import Template
from kmip.attributes import Attributes
from kmip.structures import Structure, structure
from kmip.types import Identifier


@structure
class CreateGroupRequest(Structure):
    """What the group is to be."""

    attributes: Template = field(default_factory=Attributes)


@structure
class CreateGroupResponse(Structure):
    """The group."""

    unique_identifier: Identifier
