import re

import pytest

from kmip.attribute_encoding import MAX_INSTANCES
from kmip.attribute_rules import (
    CONDITIONS,
    RULES,
    Party,
    Situation,
    When,
    applies_to,
    check_add,
    check_delete,
    check_modify,
    check_put,
    check_set,
    implicit,
    is_always_set,
    rules_of,
)
from kmip.attribute_table import ATTRIBUTES
from kmip.attribute_values import Name
from kmip.attributes import Attributes, VendorAttributeName
from kmip.enums import ObjectType, Operation, ResultReason, State
from kmip.errors import (
    AttributeExists,
    AttributeReadOnly,
    InvalidAttribute,
    KMIPError,
    MultiValuedAttribute,
    PermissionDenied,
    ReadOnlyAttribute,
    ServerLimitExceeded,
    WrongKeyLifecycleState,
)
from kmip.messages import version_of
from kmip.payloads import PAYLOADS
from kmip.structures import from_item
from kmip.tags import WORDS, Tag
from tests.conformance.cases import all_cases, needs_cases, read
from tests.kmip.shared import SPECIFICATIONS, needs_specifications

NOW = 1_700_000_000
OURS, THEIRS = VendorAttributeName("y", "Made By"), VendorAttributeName("x", "Made For")
NAMES = [Name(name_value="one"), Name(name_value="two")]


def situation(state=State.PRE_ACTIVE, attributes=(), **others):
    return Situation(ObjectType.SYMMETRIC_KEY, state, Attributes(attributes), NOW, **others)


def test_every_attribute_has_its_rules():
    assert RULES.keys() == ATTRIBUTES.keys()


def test_every_condition_has_its_meaning():
    assert CONDITIONS.keys() == set(When)


def test_what_always_has_a_value_is_set_by_somebody_and_stays():
    for tag, rules in RULES.items():
        assert rules.always <= rules.objects, tag
        if rules.always:
            assert rules.delete == When.NEVER, tag


def test_only_what_the_server_alone_sets_is_asked_for():
    assert all(rules.set_by == Party.SERVER for rules in RULES.values() if rules.requested)


def column(text):
    """A cell of the specification as a value of the table."""
    rows = [
        (r"Yes, only while in Pre-Active state", When.PRE_ACTIVE),
        (r"Yes, only while .*not.* reached", When.NOT_REACHED),
        (r"Yes, only while in Pre-Active or Active", When.NOT_STOPPED),
        (r"Yes.*Get Usage Allocation", When.UNALLOCATED),
        (r"Yes \(Only if no value present\)", When.ABSENT),
        (r"Yes \(only if the Application Data is omitted", When.LEFT_OUT),
        (r"Yes$", When.ALWAYS),
        (r"No\b", When.NEVER),
    ]
    return next(value for pattern, value in rows if re.match(pattern, text))


OPERATIONS = {
    "Create": Operation.CREATE,
    "Create Key Pair": Operation.CREATE_KEY_PAIR,
    "Register": Operation.REGISTER,
    "Derive Key": Operation.DERIVE_KEY,
    "Certify": Operation.CERTIFY,
    "Re-certify": Operation.RECERTIFY,
    "Re-key": Operation.REKEY,
    "Re-key Key Pair": Operation.REKEY_KEY_PAIR,
    "Activate": Operation.ACTIVATE,
    "Revoke": Operation.REVOKE,
    "Destroy": Operation.DESTROY,
    "Archive": Operation.ARCHIVE,
    "Recover": Operation.RECOVER,
    "Add Attribute": Operation.ADD_ATTRIBUTE,
    "Modify Attribute": Operation.MODIFY_ATTRIBUTE,
    "Delete Attribute": Operation.DELETE_ATTRIBUTE,
    "Get Usage Allocation": Operation.GET_USAGE_ALLOCATION,
}

TAGS = {words: tag for tag, words in WORDS.items() if tag in ATTRIBUTES}
TAGS["Certificate Attributes"] = Tag.CERTIFICATE_SUBJECT_CN


def printed_rules(version, chapter):
    """The specification's rules: for each attribute its rows by their first words."""
    text = (SPECIFICATIONS / f"kmip-spec-{version}.md").read_text()
    found = {}
    tag = None
    for line in text.splitlines():
        if heading := re.match(rf"#+ {chapter}\.\d+ (.*)", line):
            tag = TAGS.get(heading[1].strip())
        elif line.startswith("# "):
            tag = None
        elif tag is not None and (row := re.match(r"([A-Z][A-Za-z ]+?) \|  ?(.*)", line)):
            found.setdefault(tag, {})[row[1].capitalize()] = row[2].strip()
    return {tag: rows for tag, rows in found.items() if "Initially set by" in rows}


def rules_of_specifications():
    """Of 2.1, and of 1.4 what 2.0 dropped."""
    older, newer = printed_rules("1.4", 3), printed_rules("2.1", 4)
    return {**older, **newer}


STRICTER = {Tag.SENSITIVE: When.TO_TRUE, Tag.EXTRACTABLE: When.TO_FALSE}


@needs_specifications
def test_the_table_is_the_specifications():
    printed = rules_of_specifications()
    assert len(printed) == 66
    for tag, rows in printed.items():
        rules = RULES[tag]
        words = rows["Initially set by"]
        parties = [party for party in (Party.SERVER, Party.CLIENT) if party.name.title() in words]
        assert rules.set_by == parties[0] | parties[-1], tag
        assert rules.server == column(rows["Modifiable by server"]), tag
        expected = STRICTER.get(tag, column(rows["Modifiable by client"]))
        assert rules.client == expected, tag
        assert rules.delete == column(rows["Deletable by client"]), tag
        assert bool(rules.always) == rows["Shall always have a value"].startswith("Yes"), tag
        many = rows["Multiple instances permitted"]
        assert ATTRIBUTES[tag].many == (many == "Yes"), tag


@needs_specifications
def test_what_operations_set_implicitly_is_the_specifications():
    pattern = "|".join(sorted(OPERATIONS, key=len, reverse=True))
    for tag, rows in rules_of_specifications().items():
        named = re.findall(pattern, rows.get("When implicitly set", ""))
        assert {OPERATIONS[name] for name in named} <= RULES[tag].implicit, tag


def test_an_operation_sets_what_its_rows_say():
    assert implicit(Operation.DESTROY) == {Tag.DESTROY_DATE, Tag.STATE, Tag.LAST_CHANGE_DATE}
    assert implicit(Operation.ARCHIVE) == {Tag.ARCHIVE_DATE, Tag.LAST_CHANGE_DATE}
    assert implicit(Operation.PING) == frozenset()
    assert Tag.DIGEST in implicit(Operation.CREATE)


def test_attributes_apply_to_types_of_objects():
    assert applies_to(Tag.CERTIFICATE_TYPE, ObjectType.CERTIFICATE)
    assert not applies_to(Tag.CERTIFICATE_TYPE, ObjectType.SYMMETRIC_KEY)
    assert not applies_to(Tag.STATE, ObjectType.TEMPLATE)
    assert applies_to(THEIRS, ObjectType.TEMPLATE)
    assert is_always_set(Tag.CRYPTOGRAPHIC_LENGTH, ObjectType.SYMMETRIC_KEY)
    assert not is_always_set(Tag.CRYPTOGRAPHIC_LENGTH, ObjectType.OPAQUE_OBJECT)


# Making an object


@pytest.mark.parametrize(
    "key",
    [Tag.NAME, Tag.CRYPTOGRAPHIC_ALGORITHM, Tag.CRYPTOGRAPHIC_LENGTH, Tag.ACTIVATION_DATE, THEIRS],
)
def test_a_client_gives_attributes_to_what_it_makes(key):
    check_set(key, ObjectType.SYMMETRIC_KEY, Operation.CREATE)


@pytest.mark.parametrize("key", [Tag.STATE, Tag.INITIAL_DATE, Tag.UNIQUE_IDENTIFIER, OURS])
def test_a_client_does_not_give_what_is_the_servers(key):
    with pytest.raises(AttributeReadOnly):
        check_set(key, ObjectType.SYMMETRIC_KEY, Operation.REGISTER)


def test_an_import_sets_what_it_likes():
    check_set(Tag.STATE, ObjectType.SYMMETRIC_KEY, Operation.IMPORT)
    with pytest.raises(InvalidAttribute):
        check_set(Tag.CERTIFICATE_LENGTH, ObjectType.SYMMETRIC_KEY, Operation.IMPORT)


def test_an_object_gets_no_attribute_of_another_type():
    with pytest.raises(InvalidAttribute, match=r"a SymmetricKey has no Certificate Type"):
        check_set(Tag.CERTIFICATE_TYPE, ObjectType.SYMMETRIC_KEY, Operation.CREATE)


# Adding, changing and deleting


def outcome(check, *arguments):
    """The error that the check raises; None: it lets the change happen."""
    try:
        check(*arguments)
    except KMIPError as error:
        return type(error)
    return None


BEFORE, AFTER = NOW - 1, NOW + 1
LATE = WrongKeyLifecycleState
STOPPED = [State.DEACTIVATED, State.COMPROMISED, State.DESTROYED, State.DESTROYED_COMPROMISED]

CHANGES = [
    # key, value, the object, error
    (Tag.NAME, NAMES[0], situation(State.COMPROMISED), None),
    (Tag.STATE, State.ACTIVE, situation(), AttributeReadOnly),
    (Tag.CRYPTOGRAPHIC_USAGE_MASK, 1, situation(), AttributeReadOnly),
    (Tag.ACTIVATION_DATE, NOW, situation(State.PRE_ACTIVE), None),
    (Tag.ACTIVATION_DATE, NOW, situation(State.ACTIVE), LATE),
    (Tag.DEACTIVATION_DATE, NOW, situation(State.ACTIVE), None),
    *[(Tag.DEACTIVATION_DATE, NOW, situation(state), LATE) for state in STOPPED],
    (Tag.PROCESS_START_DATE, NOW, situation(State.ACTIVE), None),
    (
        Tag.PROCESS_START_DATE,
        NOW,
        situation(State.ACTIVE, [(Tag.PROCESS_START_DATE, AFTER)]),
        None,
    ),
    (Tag.PROCESS_START_DATE, NOW, situation(State.ACTIVE, [(Tag.PROCESS_START_DATE, NOW)]), LATE),
    (Tag.PROTECT_STOP_DATE, NOW, situation(State.ACTIVE, [(Tag.PROTECT_STOP_DATE, BEFORE)]), LATE),
    (Tag.PROTECT_STOP_DATE, NOW, situation(State.DEACTIVATED), LATE),
    (Tag.USAGE_LIMITS, object(), situation(), None),
    (Tag.USAGE_LIMITS, object(), situation(allocated=True), AttributeReadOnly),
    (Tag.SENSITIVE, True, situation(attributes=[(Tag.SENSITIVE, False)]), None),
    (Tag.SENSITIVE, True, situation(attributes=[(Tag.SENSITIVE, True)]), None),
    (Tag.SENSITIVE, False, situation(attributes=[(Tag.SENSITIVE, True)]), PermissionDenied),
    (Tag.EXTRACTABLE, False, situation(attributes=[(Tag.EXTRACTABLE, True)]), None),
    (Tag.EXTRACTABLE, True, situation(attributes=[(Tag.EXTRACTABLE, True)]), None),
    (Tag.EXTRACTABLE, True, situation(attributes=[(Tag.EXTRACTABLE, False)]), PermissionDenied),
    (THEIRS, object(), situation(), None),
    (OURS, object(), situation(), AttributeReadOnly),
]


@pytest.mark.parametrize("key,value,it,error", CHANGES)
def test_a_value_is_changed_while_its_condition_holds(key, value, it, error):
    assert outcome(check_modify, key, value, it) == error


@pytest.mark.parametrize("key,value,it,error", CHANGES)
def test_set_attribute_changes_a_value_under_the_same_condition(key, value, it, error):
    if key not in it.attributes:
        it.attributes.add(key, BEFORE if error is LATE else AFTER)
    expected = ReadOnlyAttribute if error is AttributeReadOnly else error
    assert outcome(check_put, key, value, it) == expected


@pytest.mark.parametrize(
    "key,it,error",
    [
        (Tag.NAME, situation(), None),
        (Tag.NAME, situation(attributes=[(Tag.NAME, NAMES[0])]), None),
        (Tag.COMMENT, situation(attributes=[(Tag.COMMENT, "first")]), AttributeExists),
        (Tag.STATE, situation(), ReadOnlyAttribute),
        (Tag.CERTIFICATE_LENGTH, situation(), InvalidAttribute),
        (Tag.ACTIVATION_DATE, situation(State.PRE_ACTIVE), None),
        (Tag.ACTIVATION_DATE, situation(State.COMPROMISED), LATE),
        (Tag.PROTECT_STOP_DATE, situation(State.ACTIVE), None),
        (Tag.PROTECT_STOP_DATE, situation(State.DEACTIVATED), LATE),
        (Tag.ORIGINAL_CREATION_DATE, situation(), None),
        (
            Tag.ORIGINAL_CREATION_DATE,
            situation(attributes=[(Tag.ORIGINAL_CREATION_DATE, 1)]),
            AttributeExists,
        ),
        (Tag.SENSITIVE, situation(), None),
        (THEIRS, situation(attributes=[(THEIRS, object())]), None),
        (OURS, situation(), ReadOnlyAttribute),
    ],
)
def test_a_value_is_added_where_a_client_may_set_it(key, it, error):
    assert outcome(check_add, key, False, it) == error


@pytest.mark.parametrize(
    "key,it,error",
    [
        (Tag.NAME, situation(), None),
        (Tag.ACTIVATION_DATE, situation(State.PRE_ACTIVE), AttributeReadOnly),
        (Tag.USAGE_LIMITS, situation(), None),
        (Tag.USAGE_LIMITS, situation(allocated=True), AttributeReadOnly),
        (THEIRS, situation(), None),
        (OURS, situation(), AttributeReadOnly),
    ],
)
def test_a_value_is_deleted_where_a_client_may(key, it, error):
    assert outcome(check_delete, key, it) == error


def test_set_attribute_adds_the_first_value_and_refuses_to_choose_among_several():
    assert outcome(check_put, Tag.NAME, NAMES[0], situation()) is None
    assert outcome(check_put, Tag.STATE, State.ACTIVE, situation()) == ReadOnlyAttribute
    named = situation(attributes=[(Tag.NAME, NAMES[0])])
    assert outcome(check_put, Tag.NAME, NAMES[1], named) is None
    named.attributes.add(Tag.NAME, NAMES[1])
    assert outcome(check_put, Tag.NAME, NAMES[1], named) == MultiValuedAttribute


def test_an_object_does_not_grow_without_end():
    full = situation(attributes=[(THEIRS, object())] * MAX_INSTANCES)
    assert outcome(check_add, THEIRS, object(), full) == ServerLimitExceeded
    full.attributes.remove(THEIRS, 5)
    assert outcome(check_add, THEIRS, object(), full) is None


def test_an_error_tells_the_attribute_and_the_condition():
    with pytest.raises(LATE, match=r"^Activation Date can be changed while Pre-Active$"):
        check_modify(Tag.ACTIVATION_DATE, NOW, situation(State.ACTIVE))


def test_the_servers_conditions_are_never_a_clients():
    """`ABSENT` and `LEFT_OUT` are in the server's column only."""
    for key in [*RULES, OURS, THEIRS]:
        rules = rules_of(key)
        assert not {rules.client, rules.delete} & {When.ABSENT, When.LEFT_OUT}
    named = situation(attributes=[(Tag.ALTERNATIVE_NAME, object())])
    assert CONDITIONS[When.ABSENT].holds(Tag.ALTERNATIVE_NAME, None, situation())
    assert not CONDITIONS[When.ABSENT].holds(Tag.ALTERNATIVE_NAME, None, named)
    assert not CONDITIONS[When.LEFT_OUT].holds(Tag.NAME, None, named)


# The OASIS cases


def steps(case):
    """Each batch item of a case: version, operation, request payload and Result Reason."""
    for exchange in read(case.path):
        version = version_of(exchange.request)
        items = [
            [item for item in message.children if item.tag == Tag.BATCH_ITEM]
            for message in exchange
        ]
        for request, answered in zip(*items, strict=True):
            operation, payload = request.first(Tag.OPERATION), request.first(Tag.REQUEST_PAYLOAD)
            reason = answered.first(Tag.RESULT_REASON)
            if operation and payload:
                code = None if reason is None else ResultReason(reason.value)
                yield version, Operation(operation.value), payload, code


def changed(operation, request):
    """The check that an operation on an attribute asks for, and its arguments."""
    if operation == Operation.DELETE_ATTRIBUTE:
        return check_delete, (request.attribute_reference.attribute,)
    new = request.new_attribute
    checks = {Operation.ADD_ATTRIBUTE: check_add, Operation.MODIFY_ATTRIBUTE: check_modify}
    return checks.get(operation, check_put), (new.attribute, new.value)


CHANGING = {
    Operation.ADD_ATTRIBUTE,
    Operation.MODIFY_ATTRIBUTE,
    Operation.SET_ATTRIBUTE,
    Operation.DELETE_ATTRIBUTE,
}
MAKING = {
    Operation.CREATE,
    Operation.CREATE_KEY_PAIR,
    Operation.REGISTER,
    Operation.DERIVE_KEY,
    Operation.REKEY,
    Operation.IMPORT,
}
ATTRIBUTE_FIELDS = {
    "attributes": ObjectType.SYMMETRIC_KEY,
    "common_attributes": ObjectType.PUBLIC_KEY,
    "private_key_attributes": ObjectType.PRIVATE_KEY,
    "public_key_attributes": ObjectType.PUBLIC_KEY,
}


@needs_cases
@pytest.mark.slow
def test_the_cases_change_attributes_as_the_rules_let_them():
    """In some state of the object each step has the result that its case expects."""
    tried = set()
    for case in all_cases():
        for version, operation, payload, reason in steps(case):
            if operation not in CHANGING:
                continue
            request = from_item(payload, PAYLOADS[operation].request, version)
            check, arguments = changed(operation, request)
            possible = {
                error and error("").reason(version)
                for state in State
                for kind in (ObjectType.SYMMETRIC_KEY, ObjectType.CERTIFICATE)
                for error in [outcome(check, *arguments, Situation(kind, state, Attributes(), NOW))]
            }
            assert reason in possible, case
            tried.add((operation, reason))
    assert len(tried) == 7


@needs_cases
@pytest.mark.slow
def test_the_cases_make_objects_with_attributes_that_the_rules_let_them_give():
    tried = set()
    for case in all_cases():
        for version, operation, payload, reason in steps(case):
            if reason or operation not in MAKING or case.name == "CS-AC-M-3-12":
                continue
            request = from_item(payload, PAYLOADS[operation].request, version)
            for field, kind in ATTRIBUTE_FIELDS.items():
                for key, _ in getattr(request, field, None) or ():
                    check_set(key, getattr(request, "object_type", kind), operation)
                    tried.add((operation, key))
    assert len(tried) > 50
