"""What every new object gets."""

from kmip.attributes import Attributes
from kmip.enums import LinkType, ObjectType
from kmip.tags import Tag
from server import making
from server.held import Held

DERIVED = LinkType.DERIVED_KEY_LINK


def test_an_object_is_linked_once_and_not_without_end():
    held = Held("a", "alice", ObjectType.SYMMETRIC_KEY, Attributes())
    for number in range(making.MAX_LINKS + 5):
        making.link(held, DERIVED, str(number))
        making.link(held, DERIVED, "0")
    making.link(held, LinkType.REPLACEMENT_OBJECT_LINK, "new")
    kinds = [link.link_type for link in held.attributes.all(Tag.LINK)]
    assert kinds.count(DERIVED) == making.MAX_LINKS
    assert kinds[-1] == LinkType.REPLACEMENT_OBJECT_LINK
