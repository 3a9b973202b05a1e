"""Protocol versions, and the spans of versions in which a thing exists.

Theory: two versions of KMIP differ in two ways. Something exists from or until a version: a `Span`
is beside its declaration (a field, an enumeration value, an attribute, an operation). Or the
same thing takes another form: a column of `DIALECTS`, or the forms of the one field that changes.
Nothing else knows a version; the operations of the server never see one.

`INTERNAL` is this project's own dialect, for records at rest: every field exists in it, attributes
are encoded by tag, and no peer can request it.
"""

from enum import Enum
from typing import Final, NamedTuple


class ProtocolVersion(NamedTuple):
    """A protocol version, `(major, minor)`; versions are ordered."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


V1_0: Final = ProtocolVersion(1, 0)
V1_1: Final = ProtocolVersion(1, 1)
V1_2: Final = ProtocolVersion(1, 2)
V1_3: Final = ProtocolVersion(1, 3)
V1_4: Final = ProtocolVersion(1, 4)
V2_0: Final = ProtocolVersion(2, 0)
V2_1: Final = ProtocolVersion(2, 1)
V3_0: Final = ProtocolVersion(3, 0)
INTERNAL: Final = ProtocolVersion(0, 1)


class Span(NamedTuple):
    """The versions in which something exists, both ends included; no end: up to the newest."""

    since: ProtocolVersion = V1_0
    until: ProtocolVersion | None = None

    def covers(self, version: ProtocolVersion) -> bool:
        """Whether the thing exists in `version`; in `INTERNAL` everything does."""
        if version == INTERNAL:
            return True
        return self.since <= version and (self.until is None or version <= self.until)


ALWAYS: Final = Span()


def since(version: ProtocolVersion) -> Span:
    """From `version` on."""
    return Span(version)


def until(version: ProtocolVersion) -> Span:
    """Up to and including `version`."""
    return Span(V1_0, version)


class AttributeForm(Enum):
    """How attributes are carried in messages."""

    NAMED = "Template-Attribute, with a name, an index and a value"
    TAGGED = "Attributes, one item by its tag"


class Dialect(NamedTuple):
    """What one protocol version does differently as a whole.

    Attributes:
        attribute_form: 1.x section 2.1.1; 2.0 section 4.
        batch_order_default: what an absent Batch Order Option means (1.4 section 6.12, 2.1
            section 9.8).
        last_item_type: the highest item type it knows (2.1 section 11.27).
        links_are_attributes: one attribute for each kind of link instead of Link structures (3.0).
        names_are_text: Name is a text instead of a structure with a type (3.0).
        archived_are_readable: Get Attributes and Get Attribute List tell of archived objects, of
            which the tables of 2.1 section 6.1.20.1 say nothing else; 1.x refuses both (1.4
            sections 11.13 and 11.14).
        usage_mask_is_required: a client gives the mask of a symmetric key (1.3 sections 4.1 and
            4.3), and the server supplies none. 1.4 says so too; OASIS TC-CS-CORVAL-1-14 gives none.
        algorithm_is_required: a client says of what algorithm a key pair or a split key is to be
            (1.4 section 4.2), and the server supplies none (2.1 section 4, Table 28).
        names_are_unique: a name that occurs twice is an error (2.1 section 6.1; OASIS TC-WRAP-3
            expects 1.4 and 2.0 to take it).
        correlation_is_echoed: the last part's answer has the Correlation Value too (3.0).
    """

    attribute_form: AttributeForm
    batch_order_default: bool
    last_item_type: int
    links_are_attributes: bool
    names_are_text: bool
    archived_are_readable: bool
    usage_mask_is_required: bool
    algorithm_is_required: bool
    names_are_unique: bool
    correlation_is_echoed: bool = False


NAMED, TAGGED = AttributeForm.NAMED, AttributeForm.TAGGED

DIALECTS: Final[dict[ProtocolVersion, Dialect]] = {
    # version     attributes  order  item types  links  names  archived  mask  pair  unique
    V1_0: Dialect(NAMED, False, 0x0A, False, False, False, True, True, False),
    V1_1: Dialect(NAMED, False, 0x0A, False, False, False, True, True, False),
    V1_2: Dialect(NAMED, False, 0x0A, False, False, False, True, True, False),
    V1_3: Dialect(NAMED, False, 0x0A, False, False, False, True, True, False),
    V1_4: Dialect(NAMED, False, 0x0A, False, False, False, False, True, False),
    V2_0: Dialect(TAGGED, True, 0x0B, False, False, True, False, False, False),
    V2_1: Dialect(TAGGED, True, 0x0B, False, False, True, False, False, True),
    V3_0: Dialect(TAGGED, True, 0x0E, True, True, True, False, False, True, True),
    INTERNAL: Dialect(TAGGED, True, 0x0E, False, False, True, False, False, False),
}

SUPPORTED: Final = tuple(sorted((v for v in DIALECTS if v != INTERNAL), reverse=True))
"""The versions spoken, best first: the order of Discover Versions (2.1 section 6.1.20)."""
