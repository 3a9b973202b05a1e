"""What every new object gets."""

from kmip.attributes import Attributes
from kmip.enums import LinkType, ObjectType
from kmip.tags import Tag
from server.attributes import initial
from server.objects.managed_object import ManagedObject

DERIVED = LinkType.DERIVED_KEY_LINK


def test_an_object_is_linked_once_and_not_without_end():
    managed_object = ManagedObject("a", "alice", ObjectType.SYMMETRIC_KEY, Attributes())
    for number in range(initial.MAX_LINKS + 5):
        initial.link(managed_object, DERIVED, str(number))
        initial.link(managed_object, DERIVED, "0")
    initial.link(managed_object, LinkType.REPLACEMENT_OBJECT_LINK, "new")
    kinds = [link.link_type for link in managed_object.attributes.all(Tag.LINK)]
    assert kinds.count(DERIVED) == initial.MAX_LINKS
    assert kinds[-1] == LinkType.REPLACEMENT_OBJECT_LINK
