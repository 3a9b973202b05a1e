"""Tags, enumerations and masks: the generated modules and what they are made of."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from kmip import enums, masks
from kmip.enums import ENUMERATION_OF, ItemType, ObjectType, Operation, QueryFunction
from kmip.masks import MASK_OF, NAMES, CryptographicUsageMask
from kmip.tags import WORDS, Tag
from kmip.versions import INTERNAL, SUPPORTED, V1_0, V1_1, V1_4, V2_0
from kmip.vocabulary import EXTENSIONS, Closed, Enumeration, Mask, Named
from tests.kmip.shared import SPECIFICATIONS, TABLES, needs_specifications, needs_tables

DOCS = Path(__file__).resolve().parents[2] / "docs" / "spec"

ENUMERATIONS = {
    name: cls
    for name, cls in vars(enums).items()
    if isinstance(cls, type)
    and issubclass(cls, Enumeration | Closed)
    and cls not in (Enumeration, Closed)
}


@pytest.mark.slow
def test_the_modules_are_current():
    command = [sys.executable, DOCS / "generate.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_row_of_the_vocabulary_is_a_member():
    with (DOCS / "vocabulary.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        value = int(row["value"], 16)
        if row["kind"] == "mask":
            assert NAMES[getattr(masks, row["group"])][row["name"]] == value
            continue
        cls = Tag if row["kind"] == "tag" else ENUMERATIONS[row["group"].replace("_", "")]
        assert row["name"] in cls(value).names
        assert str(cls(value).span.since) <= row["since"]


def tables():
    """The vocabulary as it was gathered for the OASIS judge."""
    return json.loads(TABLES.read_text())


def listed(group, version):
    """The values that a version has in one group of the tables."""
    return {
        int(value, 16)
        for values in group.values()
        for value, facts in values.items()
        if str(version) in facts["versions"]
    }


def members(cls, version):
    return {int(member) for member in cls if member.span.covers(version)}


@needs_tables
@pytest.mark.parametrize("version", SUPPORTED, ids=str)
def test_a_version_has_the_values_that_its_tables_list(version):
    assert members(Tag, version) == listed(tables()["tags"], version)
    groups = tables()["enums"]
    assert {name.replace("_", "") for name in groups} == ENUMERATIONS.keys()
    for name, group in groups.items():
        cls = ENUMERATIONS[name.replace("_", "")]
        assert members(cls, version) == listed(group, version), name


@needs_tables
def test_values_have_the_names_that_the_text_encodings_use():
    found = tables()
    for group, cls in [
        (found["tags"], Tag),
        *[(group, ENUMERATIONS[name.replace("_", "")]) for name, group in found["enums"].items()],
    ]:
        for name, values in group.items():
            for value in values:
                assert name in cls(int(value, 16)).names
    for group, bits in found["masks"].items():
        known = NAMES[getattr(masks, group)]
        assert {(name, int(value, 16)) for name in bits for value in bits[name]} <= {*known.items()}


@needs_specifications
@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3", "1.4", "2.0", "2.1"])
def test_the_specification_prints_these_tags(version):
    """A spot check against the text itself."""
    text = (SPECIFICATIONS / f"kmip-spec-{version}.md").read_text()
    spoken = next(v for v in SUPPORTED if str(v) == version)
    for tag in (Tag.UNIQUE_IDENTIFIER, Tag.ACTIVATION_DATE, Tag.KEY_MATERIAL, Tag.Y):
        assert tag.span.covers(spoken)
        assert f"{WORDS[tag]} |  {tag:06X}" in text


# What the classes do


def test_a_value_without_a_name_is_refused_and_a_vendors_is_kept():
    with pytest.raises(ValueError):
        ObjectType(0xFF)
    vendors = ObjectType(0x80000001)
    assert (vendors, vendors.name, vendors.names) == (0x80000001, "EXTENSION_80000001", ())
    assert all(vendors.span.covers(version) for version in SUPPORTED)
    for value in (EXTENSIONS.start - 1, EXTENSIONS.stop):
        with pytest.raises(ValueError):
            ObjectType(value)
    with pytest.raises(ValueError):
        ObjectType("SymmetricKey")


def test_item_types_leave_no_room_for_vendors():
    with pytest.raises(ValueError):
        ItemType(0x80000001)


def test_a_mask_keeps_bits_without_a_name():
    mask = CryptographicUsageMask(0x80000001)
    assert int(mask) == 0x80000001
    assert CryptographicUsageMask.SIGN in mask


def test_a_value_that_changed_its_name_answers_to_both():
    """Certificate Issuer C was Certificate Issuer Country before it had its tag's name."""
    both = [member for cls in (Tag, *ENUMERATIONS.values()) for member in cls if member.names[1:]]
    assert both
    for member in both:
        assert len(set(member.names)) == len(member.names)


def test_members_have_the_span_of_their_versions():
    assert not Operation.DISCOVER_VERSIONS.span.covers(V1_0)
    assert Operation.DISCOVER_VERSIONS.span.covers(V1_1)
    assert Tag.TEMPLATE_ATTRIBUTE.span.covers(V1_4)
    assert not Tag.TEMPLATE_ATTRIBUTE.span.covers(V2_0)
    assert Tag.TEMPLATE_ATTRIBUTE.span.covers(INTERNAL)
    assert QueryFunction(1).names == ("QueryOperations",)


def test_every_tag_has_its_words():
    assert WORDS.keys() == set(Tag)
    assert WORDS[Tag.UNIQUE_IDENTIFIER] == "Unique Identifier"


def test_tags_lead_to_the_enumeration_or_mask_of_their_values():
    assert ENUMERATION_OF[Tag.OPERATION] is Operation
    assert ENUMERATION_OF[Tag.MASK_GENERATOR_HASHING_ALGORITHM] is enums.HashingAlgorithm
    assert MASK_OF[Tag.CRYPTOGRAPHIC_USAGE_MASK] is CryptographicUsageMask
    assert all(issubclass(cls, Named) for cls in ENUMERATION_OF.values())
    assert all(issubclass(cls, Mask) for cls in MASK_OF.values())
