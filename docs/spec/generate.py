"""Writes kmip/tags.py, kmip/enums.py and kmip/masks.py from vocabulary.csv.

    python docs/spec/generate.py            write the modules
    python docs/spec/generate.py --check    exit 1 when a module is not current

`vocabulary.csv` has one row for each tag, enumeration value and mask bit of KMIP 1.0 to 3.0: the
name that the XML and JSON encodings use, the specification's words, the value, and the first and
last version that has it (no last version: still there in 3.0). Where two rows share a value, the
older name is the member; a younger one is what the text encodings write from its version on, and
one of the same version an alias that they only read.
"""

import csv
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
KMIP = HERE.parent.parent / "kmip"
VERSIONS = ["1.0", "1.1", "1.2", "1.3", "1.4", "2.0", "2.1", "3.0"]

# The mechanical rule gives a digit first or an unlucky split for these.
EXCEPTIONS = {"3DES": "DES3"}

# Enumerations whose tag has another name than they have.
OTHER_TAGS = {
    "MASK_GENERATOR_HASHING_ALGORITHM": "HashingAlgorithm",
    "PASSWORD_SALT_ALGORITHM": "HashingAlgorithm",
    "EXTENSION_TYPE": "ItemType",
}


class Row(NamedTuple):
    """One value of the vocabulary."""

    kind: str
    group: str
    name: str
    words: str
    value: str
    since: str
    until: str


def python_name(words: str) -> str:
    """The specification's words as a constant: `Re-key Key Pair` gives `REKEY_KEY_PAIR`."""
    if words in EXCEPTIONS:
        return EXCEPTIONS[words]
    joined = re.sub(r"\bRe-", "Re", words)
    name = re.sub(r"[^A-Za-z0-9]+", "_", joined).strip("_").upper()
    return f"N_{name}" if name[0].isdigit() else name


def rows() -> list[Row]:
    with (HERE / "vocabulary.csv").open(newline="") as file:
        return [Row(**row) for row in csv.DictReader(file)]


def merged(members: list[Row]) -> Iterator[tuple[Row, list[Row]]]:
    """Each value once, with the rows of every name it has had, the oldest first."""
    by_value: dict[int, list[Row]] = defaultdict(list)
    for row in members:
        by_value[int(row.value, 16)].append(row)
    for _, same in sorted(by_value.items()):
        same.sort(key=lambda row: VERSIONS.index(row.since))
        until = "" if any(not row.until for row in same) else max(row.until for row in same)
        first = same[0]._replace(until=until)
        yield first, same


def constant(version: str) -> str:
    return "V" + version.replace(".", "_")


def span(row: Row) -> str:
    return constant(row.since) + (f", {constant(row.until)}" if row.until else "")


def member(row: Row, named_by: list[Row], digits: int) -> str:
    written = ", ".join(
        f'"{each.name}"' if each.since == row.since else renamed(each) for each in named_by
    )
    named = written if len(named_by) == 1 else f"({written})"
    return f"    {python_name(row.words)} = 0x{int(row.value, 16):0{digits}X}, {named}, {span(row)}"


def renamed(row: Row) -> str:
    return f'Renamed("{row.name}", {constant(row.since)})'


def head(doc: str, imports: str) -> str:
    origin = "Written by docs/spec/generate.py from docs/spec/vocabulary.csv."
    return f'"""{doc}\n\n{origin}\n"""\n\n{imports}\n'


def versions_used(text: str) -> str:
    return ", ".join(name for name in map(constant, VERSIONS) if re.search(rf"\b{name}\b", text))


def tags(all_rows: list[Row]) -> str:
    tag_rows = [row for row in all_rows if row.kind == "tag"]
    lines = [member(row, names, 6) for row, names in merged(tag_rows)]
    body = "class Tag(Named):\n" + '    """What an item is, 3 bytes (2.1 section 11.56)."""\n\n'
    body += "\n".join(lines) + "\n\n\n"
    words = [f'    Tag.{python_name(row.words)}: "{row.words}",\n' for row in tag_rows]
    body += f"WORDS: Final[dict[Tag, str]] = {{\n{''.join(words)}}}\n"
    body += '"""The words of the specification, which are the attribute names of 1.x."""\n'
    imports = (
        "from typing import Final\n\n"
        f"from kmip.versions import {versions_used(body)}\nfrom kmip.vocabulary import Named\n\n"
    )
    return head("The tags of KMIP 1.0 to 3.0.", imports) + "\n" + body


def enums(all_rows: list[Row]) -> str:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in all_rows:
        if row.kind == "enumeration":
            groups[row.group].append(row)
    classes = []
    for group, members in sorted(groups.items()):
        lines = [member(row, names, 8) for row, names in merged(members)]
        base = "Closed" if group == "ItemType" else "Enumeration"
        doc = f'    """{words_of(group)} (2.1 section 11)."""\n\n'
        header = f"class {group.replace('_', '')}({base}):\n{doc}"
        classes.append(header + "\n".join(lines) + "\n")
    body = "\n\n".join(classes) + "\n\n" + tagged(all_rows, groups)
    imports = (
        "from typing import Final\n\nfrom kmip.tags import Tag\n"
        f"from kmip.versions import {versions_used(body)}\n"
        "from kmip.vocabulary import Closed, Enumeration, Named, Renamed\n\n"
    )
    return head("The enumerations of KMIP 1.0 to 3.0.", imports) + "\n" + body


def words_of(group: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", group).replace("PKCS_11", "PKCS#11 ")


def tagged(all_rows: list[Row], groups: dict[str, list[Row]]) -> str:
    found = []
    for row in sorted((r for r in all_rows if r.kind == "tag"), key=lambda r: int(r.value, 16)):
        name = python_name(row.words)
        group = row.name if row.name in groups else OTHER_TAGS.get(name)
        if group:
            found.append(f"    Tag.{name}: {group.replace('_', '')},\n")
    doc = '"""The enumeration whose values stand under a tag."""\n'
    return f"ENUMERATION_OF: Final[dict[Tag, type[Named]]] = {{\n{''.join(found)}}}\n" + doc


def masks(all_rows: list[Row]) -> str:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in all_rows:
        if row.kind == "mask":
            groups[row.group].append(row)
    classes, names, tagged_masks = [], [], []
    for group, members in sorted(groups.items()):
        values = list(merged(members))
        lines = [f"    {python_name(r.words)} = 0x{int(r.value, 16):08X}" for r, _ in values]
        classes.append(
            f'class {group}(Mask):\n    """{words_of(group)} (2.1 section 11)."""\n\n'
            + "\n".join(lines)
            + "\n"
        )
        rows_ = "".join(
            f'        "{name}": 0x{int(row.value, 16):08X},\n'
            for row, all_ in values
            for name in (each.name for each in all_)
        )
        names.append(f"    {group}: {{\n{rows_}    }},\n")
        tagged_masks.append(f"    Tag.{python_name(words_of(group))}: {group},\n")
    body = "\n\n".join(classes)
    body += f"\n\nNAMES: Final[dict[type[Mask], dict[str, int]]] = {{\n{''.join(names)}}}\n"
    body += '"""The names that the text encodings use for each bit."""\n'
    body += f"\nMASK_OF: Final[dict[Tag, type[Mask]]] = {{\n{''.join(tagged_masks)}}}\n"
    body += '"""The mask whose bits stand under a tag."""\n'
    imports = (
        "from typing import Final\n\n"
        "from kmip.tags import Tag\nfrom kmip.vocabulary import Mask\n\n"
    )
    return head("The bit masks of KMIP 1.0 to 3.0.", imports) + "\n" + body


def formatted(text: str) -> str:
    """The module as the project's formatter leaves it."""
    ruff = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(KMIP / "x.py"), "-"]
    return subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout


def modules() -> dict[Path, str]:
    """Every module as the vocabulary has it."""
    table = rows()
    made = {"tags": tags(table), "enums": enums(table), "masks": masks(table)}
    return {KMIP / f"{name}.py": formatted(text) for name, text in made.items()}


if __name__ == "__main__":
    sys.path.append(str(HERE.parent))
    from generated import write_or_check

    sys.exit(write_or_check(modules(), "docs/spec/generate.py"))
