"""Facts about the server, which a case cannot know: they are at least well formed (R14, R19)."""

from typing import Any

from kmip.enums import ENUMERATION_OF, ItemType
from kmip.items import Item, tag_name
from kmip.tags import Tag
from kmip.vocabulary import is_extension
from tests.conformance.case_state import walk
from tests.conformance.difference import Place, check_order, different

FIELDS_OF_FACTS = {
    Tag.RNG_PARAMETERS: (
        Tag.RNG_ALGORITHM,
        Tag.CRYPTOGRAPHIC_ALGORITHM,
        Tag.CRYPTOGRAPHIC_LENGTH,
        Tag.HASHING_ALGORITHM,
        Tag.DRBG_ALGORITHM,
        Tag.RECOMMENDED_CURVE,
        Tag.FIPS186_VARIATION,
        Tag.PREDICTION_RESISTANCE,
    ),
    Tag.PROFILE_INFORMATION: (
        Tag.PROFILE_NAME,
        Tag.SERVER_URI,
        Tag.SERVER_PORT,
        Tag.PROFILE_VERSION,
    ),
    Tag.VALIDATION_INFORMATION: (
        Tag.VALIDATION_AUTHORITY_TYPE,
        Tag.VALIDATION_AUTHORITY_COUNTRY,
        Tag.VALIDATION_AUTHORITY_URI,
        Tag.VALIDATION_VERSION_MAJOR,
        Tag.VALIDATION_VERSION_MINOR,
        Tag.VALIDATION_TYPE,
        Tag.VALIDATION_LEVEL,
        Tag.VALIDATION_CERTIFICATE_IDENTIFIER,
        Tag.VALIDATION_CERTIFICATE_URI,
        Tag.VALIDATION_VENDOR_URI,
        Tag.VALIDATION_PROFILE,
    ),
}
"""The fields in their order of structures that are the server's own; the first is required."""
FIELDS_OF_FACTS[Tag.RANDOM_NUMBER_GENERATOR] = FIELDS_OF_FACTS[Tag.RNG_PARAMETERS]


def check_facts(item: Item, place: Place) -> None:
    """Structures and values that are the server's own are at least well formed (R14, R19)."""
    fields = FIELDS_OF_FACTS.get(Tag(item.tag)) if item.type == ItemType.STRUCTURE else None
    if fields:
        check_order(item, list(fields), place)
        if item.first(fields[0]) is None:
            raise different(place.path, f"a {tag_name(fields[0])}", item)
    for inner in walk(item):
        kind: Any = ENUMERATION_OF.get(Tag(inner.tag))
        value: Any = inner.value
        if inner.type == ItemType.ENUMERATION and kind and not is_extension(value):
            try:
                kind(value)
            except ValueError:
                raise different(place.path, f"a value of {kind.__name__}", inner) from None
