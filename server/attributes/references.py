"""Links that say what they point to by an earlier item of the batch (2.1 section 4.31).

A Linked Object Identifier is a text, or stands for what an operation or a batch item of the same
message has made. That means something within the message only: so it becomes the identifier that
it stands for before anything is kept.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from kmip.attribute_values import Link
from kmip.attributes import AttributeName, Attributes
from kmip.tags import Tag
from server.context import Context

LINKS: Final = (
    Tag.LINK,
    Tag.GROUP_LINK,
    Tag.CREDENTIAL_LINK,
    Tag.CERTIFICATE_REQUEST_LINK,
    Tag.PASSWORD_LINK,
    Tag.SPLIT_KEY_BASE_LINK,
    Tag.JOINED_SPLIT_KEY_PARTS_LINK,
)
"""The attributes whose value points to another object."""


def resolved(context: Context, attribute: AttributeName, value: Any) -> Any:
    """A value with the identifier that it stands for, where it is a link to an earlier item's.

    Raises:
        ItemNotFound: nothing has made what it refers to.
    """
    if attribute not in LINKS:
        return value
    target = value.linked_object_identifier if isinstance(value, Link) else value
    if not isinstance(target, int):  # a text; or a filter that leaves it out
        return value
    identifier = context.identify(target)
    if isinstance(value, Link):
        return replace(value, linked_object_identifier=identifier)
    return identifier


def resolve(context: Context, attributes: Attributes) -> None:
    """Put the identifiers that they stand for into an object's links.

    Raises:
        ItemNotFound: nothing has made what one refers to.
    """
    for attribute in LINKS:
        instances = attributes.values.get(attribute, {})
        for index, value in instances.items():
            instances[index] = resolved(context, attribute, value)


def has_any(attributes: Attributes) -> bool:
    """Whether there is a link among the attributes."""
    return any(attribute in attributes for attribute in LINKS)
