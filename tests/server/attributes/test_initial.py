"""What every new object gets."""

from kmip.attributes import Attributes
from kmip.enums import LinkType, ObjectType
from kmip.tags import Tag
from server.attributes import initial
from server.objects.managed_object import Held

DERIVED = LinkType.DERIVED_KEY_LINK


def test_an_object_is_linked_once_and_not_without_end():
    held = Held("a", "alice", ObjectType.SYMMETRIC_KEY, Attributes())
    for number in range(initial.MAX_LINKS + 5):
        initial.link(held, DERIVED, str(number))
        initial.link(held, DERIVED, "0")
    initial.link(held, LinkType.REPLACEMENT_OBJECT_LINK, "new")
    kinds = [link.link_type for link in held.attributes.all(Tag.LINK)]
    assert kinds.count(DERIVED) == initial.MAX_LINKS
    assert kinds[-1] == LinkType.REPLACEMENT_OBJECT_LINK
