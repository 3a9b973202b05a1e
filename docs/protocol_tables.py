"""Write the tables of docs/protocol.md, docs/errors.md and docs/lifecycle.md from the declarations.

python docs/protocol_tables.py           write them
python docs/protocol_tables.py --check   fail if they are not as they would be written
"""

import csv
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from generated import with_tables, write_or_check

from kmip import attribute_rules as rules
from kmip import errors
from kmip.attribute_rules import RULES, THEIRS, Party, Rules
from kmip.attribute_table import ATTRIBUTES
from kmip.attributes import name_of
from kmip.encodings.literals import MAX_BYTES
from kmip.encodings.ttlv import MAX_DEPTH, MAX_ITEMS
from kmip.enums import ItemType, ObjectType, Operation, ResultReason, State
from kmip.errors import KMIPError
from kmip.framing import DEFAULT_LIMIT
from kmip.lifecycle import DATES, EVENTS, SCHEDULES, TRANSITIONS, Event, Usage, permits
from kmip.messages import MAX_BATCH_ITEMS
from kmip.tags import WORDS, Tag
from kmip.versions import DIALECTS, SUPPORTED, Dialect, ProtocolVersion, Span
from kmip.vocabulary import Named
from server.operations import load
from server.registry import ROUTES
from server.transport.kmip_https import TEXT_BYTES

HERE = Path(__file__).parent
VERSIONS = sorted(SUPPORTED)

load()


def table(heads: str, rows: Iterable[Iterable[Any]]) -> str:
    """A table of Markdown: heads parted by bars, and rows of cells."""
    cells = [head.strip() for head in heads.split("|")]
    lines = [cells, ["---"] * len(cells), *rows]
    return "".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


def _vocabulary() -> dict[tuple[str, int], str]:
    """The specification's words for each enumeration's values."""
    with (HERE / "spec" / "vocabulary.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "enumeration"]
    found: dict[tuple[str, int], str] = {}
    for row in rows:
        found.setdefault((row["group"], int(row["value"], 16)), row["words"])
    return found


VOCABULARY = _vocabulary()


def words(member: Named) -> str:
    """An enumeration's value as the specification writes it."""
    return VOCABULARY[type(member).__name__, int(member)]


def span_of(span: Span) -> str:
    """The versions of a span that are spoken."""
    if span.since == (span.until or VERSIONS[-1]):
        return str(span.since)
    return f"{span.since} on" if span.until is None else f"{span.since} to {span.until}"


def names(members: Iterable[Named]) -> str:
    """Members in their order."""
    return ", ".join(map(words, sorted(members)))


# docs/protocol.md


def versions() -> str:
    """What each version does differently as a whole."""
    columns = [DIALECTS[version] for version in VERSIONS]
    absent = {True: "in order", False: "any order"}
    forms = {row: row.name.lower() for row in {column.attribute_form for column in columns}}
    facts: list[tuple[str, list[Any]]] = [
        ("attributes", [forms[column.attribute_form] for column in columns]),
        ("no Batch Order Option", [absent[column.batch_order_default] for column in columns]),
        ("last item type", [words(ItemType(column.last_item_type)) for column in columns]),
        ("links", ["tags" if column.links_are_attributes else "Link" for column in columns]),
        ("Name", ["text" if column.names_are_text else "structure" for column in columns]),
        *_other_columns(columns),
        ("operations", [_count(Operation, version) for version in VERSIONS]),
        ("attributes, number", [_attributes(version) for version in VERSIONS]),
        ("tags", [_count(Tag, version) for version in VERSIONS]),
        ("object types", [_count(ObjectType, version) for version in VERSIONS]),
        ("Result Reasons", [_count(ResultReason, version) for version in VERSIONS]),
    ]
    heads = " | ".join(["", *map(str, VERSIONS)])
    return table(heads, ([name, *row] for name, row in facts))


def _other_columns(columns: list[Dialect]) -> Iterator[tuple[str, list[str]]]:
    """Columns that need no text of their own: the field's name, and whether it is true."""
    for name in Dialect._fields[5:]:
        truths = ["yes" if getattr(column, name) else "no" for column in columns]
        yield name.replace("_", " "), truths


def _count(members: Any, version: ProtocolVersion) -> int:
    return sum(member.span.covers(version) for member in members)


def _attributes(version: ProtocolVersion) -> int:
    return sum(row.span.covers(version) for row in ATTRIBUTES.values())


def operations() -> str:
    """Every operation, whether the server performs it, and the versions that have it."""
    heads = " | ".join(["operation", "number", "performed", *map(str, VERSIONS)])
    return table(
        heads,
        (
            [
                words(operation),
                f"0x{operation:02X}",
                "yes" if operation in ROUTES else "no",
                *("✓" if operation.span.covers(version) else "" for version in VERSIONS),
            ]
            for operation in Operation
        ),
    )


SETS: dict[frozenset[Any], str] = {
    rules.NONE: "",
    rules.NO: "",
    rules.ALL: "all",
    rules.REAL: "all but Template",
    rules.MEASURED: "keys, Certificate",
    rules.USABLE: "keys, Certificate, Secret Data",
    rules.VALUED: "all with material",
    rules.CREDENTIALS: "credentials",
    rules.MAKING: "*making*",
    rules.GENERATING: "*generating*",
    rules.REPLACING: "*replacing*",
    rules.CERTIFYING: "*certifying*",
    rules.SCHEDULING: "*scheduling*",
    rules.TOUCHING: "*touching*",
}
"""Sets of types or operations that have a word of their own."""


def members(values: frozenset[Any]) -> str:
    """A set of types or operations, by its word where it has one."""
    if values in SETS:
        return SETS[values]
    largest = max((each for each in SETS if each and each < values), key=len, default=frozenset())
    parts = [SETS[largest]] if largest else []
    return ", ".join([*parts, *filter(None, [names(values - largest)])])


def attributes() -> str:
    """Every attribute and its rules."""
    heads = (
        "attribute | versions | values | always set for | first set by"
        " | server may change | client may change | client may delete"
        " | objects | client requests in | set implicitly by"
    )
    rows = [
        [name_of(tag), span_of(ATTRIBUTES[tag].span), _many(tag), *_cells(RULES[tag])]
        for tag in sorted(RULES, key=lambda tag: WORDS[tag])
    ]
    rows.append(["custom and vendor attributes", "1.0 on", "several", *_cells(THEIRS)])
    rows.append(["those of vendor `y`", "1.0 on", "several", *_cells(rules.OURS)])
    return table(heads, rows)


def _many(tag: Tag) -> str:
    return "several" if ATTRIBUTES[tag].many else "one"


PARTIES = {Party.SERVER: "server", Party.CLIENT: "client", Party.EITHER: "either"}


def _cells(row: Rules) -> list[str]:
    return [
        members(row.always),
        PARTIES[row.set_by],
        row.server.value,
        row.client.value,
        row.delete.value,
        members(row.objects),
        members(row.requested),
        members(row.implicit),
    ]


def sets() -> str:
    """What the words for sets of operations stand for."""
    return table(
        "word | operations",
        ([word, names(values)] for values, word in SETS.items() if word.startswith("*")),
    )


def limits() -> str:
    """The limits of the protocol's layers."""
    return table(
        "limit | value | in",
        [
            ("bytes of a message, unless configured", f"{DEFAULT_LIMIT:,}", "`kmip.framing`"),
            (
                "the same as JSON or XML, received",
                f"{TEXT_BYTES * DEFAULT_LIMIT:,}",
                "`server.transport.kmip_https`",
            ),
            ("the same, written", f"{MAX_BYTES:,}", "`kmip.encodings.literals`"),
            ("items of a message", f"{MAX_ITEMS:,}", "`kmip.encodings.ttlv`"),
            ("structures within structures", MAX_DEPTH, "`kmip.encodings.ttlv`"),
            ("items of a batch", f"{MAX_BATCH_ITEMS:,}", "`kmip.messages`"),
            (
                "attribute values of an object",
                f"{rules.MAX_INSTANCES:,}",
                "`kmip.attribute_encoding`",
            ),
        ],
    )


# docs/errors.md


CURES = {
    errors.KMIPError: "The server's log has the cause; report it if it is not clear.",
    errors.InvalidMessage: "The message says at which field or byte; compare the client's"
    " encoding with the specification of the version in the header.",
    errors.ItemNotFound: "Check the identifier, and that the same client made the object: others'"
    " objects look like missing ones.",
    errors.ObjectNotFound: "As for `ItemNotFound`.",
    errors.AttributesNotFound: "As for `ItemNotFound`.",
    errors.ResponseTooLarge: "Ask for less at once, or raise Maximum Response Size.",
    errors.AuthenticationNotSuccessful: "Check user name and password, or the client certificate.",
    errors.OperationNotSupported: "Ask Query for the operations of this version.",
    errors.MissingData: "Give the field that the message names.",
    errors.ApplicationNamespaceNotSupported: "Give the Application Data: the server makes none.",
    errors.MissingField: "Give the attribute that the message names.",
    errors.InvalidField: "Give the field that the message names another value.",
    errors.FeatureNotSupported: "Do without the option that the message names.",
    errors.CryptographicFailure: "Check key, parameters, initialization vector, tag and data.",
    errors.PermissionDenied: "Ask the object's owner, or change the value in the other direction.",
    errors.WrongKeyLifecycleState: "See [the life cycle](lifecycle.md): activate the object first,"
    " or revoke it before it is destroyed; dates in the past stay.",
    errors.ObjectArchived: "Recover the object first.",
    errors.ObjectDestroyed: "Nothing brings its material back; its attributes can still be read.",
    errors.ObjectAlreadyExists: "Choose another identifier, or set Replace Existing.",
    errors.IndexOutOfBounds: "Ask Get Attributes for the indices there are.",
    errors.KeyFormatTypeNotSupported: "Ask for one of the formats that the message names, or none.",
    errors.KeyCompressionTypeNotSupported: "Ask for the key uncompressed.",
    errors.EncodingOptionError: "Wrap with TTLV Encoding where attributes are to travel with it.",
    errors.KeyValueNotPresent: "Fetch it where Key Value Location says.",
    errors.Sensitive: "Get the object wrapped by another key.",
    errors.NotExtractable: "Use the object where it is.",
    errors.InvalidTicket: "Log in again.",
    errors.UsageLimitExceeded: "Make or use another key.",
    errors.ReadOnlyAttribute: "See [the attribute's rules](protocol.md#attributes).",
    errors.AttributeReadOnly: "See [the attribute's rules](protocol.md#attributes).",
    errors.MultiValuedAttribute: "Use Modify Attribute and say which value.",
    errors.AttributeExists: "Modify the value there is.",
    errors.AttributeSingleValued: "Give one value.",
    errors.NonUniqueNameAttribute: "Choose another Name.",
    errors.UnsupportedAttribute: "Check its name: custom attributes begin with `x-`.",
    errors.AttributeInstanceNotFound: "Ask Get Attributes for the values there are.",
    errors.AttributeNotFound: "Add it first.",
    errors.NoUsageLimits: "Give the object Usage Limits first.",
    errors.NotCreated: "Register it, or use the operation that makes objects of its type.",
    errors.InvalidAttribute: "Leave the attribute out for this type of object.",
    errors.OffsetWithDates: "Give the Offset alone, or all dates.",
    errors.OffsetWithoutActivation: "Give the dates of the new object instead.",
    errors.NumericRange: "Adjust by less.",
    errors.InvalidDataType: "Adjust numbers, dates and Booleans only.",
    errors.BadCryptographicParameters: "Check the parameters against algorithm and mode.",
    errors.UnsupportedCryptographicParameters: "See [what is performed](cryptography.md).",
    errors.IncompatibleCryptographicUsageMask: "Make the key with the usage it is to have.",
    errors.InvalidObjectType: "Use the operation on another type of object.",
    errors.InvalidCorrelationValue: "Begin the stream again: it ended, or another server has it.",
    errors.InvalidAsynchronousCorrelationValue: "Send the request again.",
    errors.DuplicateProcessRequest: "Poll it.",
    errors.InvalidCSR: "Check the request's form and signature.",
    errors.MissingInitializationVector: "Give one, or ask for a random one.",
    errors.ServerLimitExceeded: "Ask for less, or raise the setting that the message names.",
    errors.AttestationRequired: "Attest to the [nonce](authentication.md#attested-clients).",
    errors.AttestationFailed: "Take a new nonce; ask the operator for the policy.",
    errors.UnknownMessageExtension: "Leave the extension out, or mark it as not critical.",
    errors.UnsupportedProtocolVersion: "Ask Discover Versions, in any version.",
    errors.WrappingObjectNotFound: "Check the wrapping key's identifier.",
    errors.WrappingObjectDestroyed: "Wrap with another key.",
    errors.WrappingObjectArchived: "Recover the wrapping key first.",
    errors.ProtectionStorageUnavailable: "Allow storage in software.",
    errors.ConstraintViolation: "Ask Get Constraints what is allowed.",
    errors.BadPassword: "Check the password that the Link names.",
    errors.PKCS11InvalidFunction: "Use a function that [is performed](conformance.md).",
    errors.PKCS11InvalidInterface: "Ask for interface version 3.0, or leave it out.",
    errors.NotAuthorised: "Ask the administrator for the right.",
}
"""What a client's maintainer does about each error."""


def kinds() -> list[type[KMIPError]]:
    """Every error of the protocol, in the order of its declaration."""
    return [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, KMIPError)
    ]


def reasons_of(kind: type[KMIPError]) -> str:
    """The reasons by version."""
    rows = [(first, words(reason)) for first, reason in kind.reasons]
    if len(rows) == 1:
        return rows[0][1]
    return ", ".join(
        reason if first == VERSIONS[0] else f"from {first} on {reason}" for first, reason in rows
    )


def reasons() -> str:
    """Every error with its reasons and cure.

    Raises:
        ValueError: an error has no cure yet, or a cure no error.
    """
    if different := set(kinds()) ^ CURES.keys():
        names_ = ", ".join(sorted(kind.__name__ for kind in different))
        raise ValueError(f"each error of kmip.errors has a row in CURES, but for {names_}")
    return table(
        "error | what it means | Result Reason | cure",
        (
            [f"`{kind.__name__}`", _first_line(kind), reasons_of(kind), CURES[kind]]
            for kind in kinds()
        ),
    )


def _first_line(kind: type) -> str:
    return " ".join((kind.__doc__ or "").partition("\n\n")[0].split())


# docs/lifecycle.md


def diagram() -> str:
    """The states and what leads from one to another."""
    lines = [
        f"    {'[*]' if origin is None else _state(origin)} --> {_state(to.state)}:"
        f" {to.number} {event.value}"
        for (origin, event), to in TRANSITIONS.items()
    ]
    return "```mermaid\nstateDiagram-v2\n" + "\n".join(lines) + "\n```\n"


def _state(state: State) -> str:
    return state.name.title().replace("_", "")


def events() -> str:
    """What brings each event about, and the date it leaves."""
    brought = {
        Event.CREATE: "every operation that makes an object",
        Event.ACTIVATE: "Activate",
        Event.DEACTIVATE: f"Deactivate; Revoke for {_reasons(Event.DEACTIVATE)}",
        Event.COMPROMISE: f"Revoke for {_reasons(Event.COMPROMISE)}",
        Event.DESTROY: "Destroy",
    }
    scheduled = {date for row in SCHEDULES.values() for date in row.reached + row.ahead}
    return table(
        "event | comes by | and by time | leaves",
        (
            [
                event.value,
                brought[event],
                "when the date is reached" if DATES.get(event) in scheduled else "",
                WORDS[DATES[event]] if event in DATES else "Initial Date",
            ]
            for event in Event
        ),
    )


def _reasons(event: Event) -> str:
    return ", ".join(words(reason) for reason, leads in EVENTS.items() if leads == event)


def uses() -> str:
    """What each state permits."""
    return table(
        " | ".join(["state", *(use.value for use in Usage)]),
        (
            [words(state), *("yes" if permits(state, use) else "no" for use in Usage)]
            for state in State
        ),
    )


PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "protocol.md": {
        "versions": versions,
        "limits": limits,
        "operations": operations,
        "attributes": attributes,
        "sets": sets,
    },
    "errors.md": {"reasons": reasons},
    "lifecycle.md": {"diagram": diagram, "events": events, "uses": uses},
}


def pages() -> dict[Path, str]:
    """Each page with its tables as the code has them."""
    return {
        HERE / name: with_tables((HERE / name).read_text("utf-8"), "protocol_tables.py", tables)
        for name, tables in PAGES.items()
    }


if __name__ == "__main__":
    sys.exit(write_or_check(pages(), "docs/protocol_tables.py"))
