"""Who may set, change and delete each attribute: the specification's rules as one table.

Theory: each attribute has one row in `RULES`, whose columns are those of the "Attribute Rules" of
2.1 section 4 (1.4 section 3 for the attributes that 2.0 dropped; those of 3.0 after their like).
Where 1.x and 2.x differ, as in the types of objects an attribute applies to, the row has the wider
of the two, so that it needs no version. Whether an attribute may have several values is a column of
`kmip.attribute_table.ATTRIBUTES`.

One column is added. The server sets the algorithm of a key and no client may change it, and yet a
client requests one when the key is made: `requested` has the operations in which it may.

A column that says "yes, but only while …" has a named condition, `When`; `CONDITIONS` says what
each means and which error is raised where it does not hold. Handlers call the `check_…` functions,
which raise, and know neither rows nor conditions.

The server's own policy is stricter than the specification in two rows, as section 4 allows: an
object that is Sensitive stays so, and one that is not Extractable stays so. Otherwise an attacker
who has taken over a client could lift both and read the key.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, Flag, auto
from typing import Any, Final, NamedTuple

from kmip.attribute_encoding import MAX_INSTANCES
from kmip.attribute_table import ATTRIBUTES
from kmip.attributes import AttributeName, Attributes, VendorAttributeName, is_single, name_of
from kmip.enums import ObjectType, Operation, State
from kmip.enums import ObjectType as T
from kmip.enums import Operation as Op
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
from kmip.tags import Tag

__all__ = [
    "CONDITIONS",
    "RULES",
    "Party",
    "Rules",
    "Situation",
    "When",
    "applies_to",
    "check_add",
    "check_delete",
    "check_modify",
    "check_put",
    "check_set",
    "implicit",
    "is_always_set",
    "is_single",
    "name_of",
    "rules_of",
]


class Party(Flag):
    """Who may give an attribute its first value."""

    SERVER = auto()
    CLIENT = auto()
    EITHER = SERVER | CLIENT


class When(Enum):
    """When a value may be changed or deleted."""

    NEVER = "no"
    ALWAYS = "yes"
    PRE_ACTIVE = "while Pre-Active"
    NOT_STOPPED = "while Pre-Active or Active"
    NOT_REACHED = "while Pre-Active or Active, before the date"
    UNALLOCATED = "until the first Get Usage Allocation"
    TO_TRUE = "to true only"
    TO_FALSE = "to false only"
    ABSENT = "while there is no value"
    LEFT_OUT = "where the client left the data out"


class Rules(NamedTuple):
    """The rules of one attribute.

    Attributes:
        always: the types of objects that always have a value of it.
        set_by: who may give it its first value.
        server: when the server may change a value by itself.
        client: when a client may change a value.
        delete: when a client may delete a value.
        implicit: the operations that may set it although the request does not.
        objects: the types of objects that may have it.
        requested: the operations in which a client may request the value that the server sets.
    """

    always: frozenset[ObjectType]
    set_by: Party
    server: When
    client: When
    delete: When
    implicit: frozenset[Operation]
    objects: frozenset[ObjectType]
    requested: frozenset[Operation] = frozenset()


class Situation(NamedTuple):
    """The object whose attribute a client wants to change, before the change.

    Attributes:
        object_type: its type.
        state: its state at `now`.
        attributes: what it has.
        now: seconds since 1970.
        allocated: whether Get Usage Allocation has been performed on it.
    """

    object_type: ObjectType
    state: State
    attributes: Attributes
    now: int
    allocated: bool = False


class Condition(NamedTuple):
    """What a `When` means.

    Attributes:
        holds: whether the change is allowed, by name, new value (None: deleted) and object.
        error: raised where it is not; None: the error for a read-only attribute.
    """

    holds: Callable[[AttributeName, Any, Situation], bool]
    error: type[KMIPError] | None


_RUNNING: Final = (State.PRE_ACTIVE, State.ACTIVE)


def _is_ahead(attribute: AttributeName, value: Any, it: Situation) -> bool:
    date = it.attributes.get(attribute)
    return it.state in _RUNNING and (date is None or date > it.now)


CONDITIONS: Final[dict[When, Condition]] = {
    When.NEVER: Condition(lambda attribute, value, it: False, None),
    When.ALWAYS: Condition(lambda attribute, value, it: True, None),
    When.PRE_ACTIVE: Condition(
        lambda attribute, value, it: it.state == State.PRE_ACTIVE, WrongKeyLifecycleState
    ),
    When.NOT_STOPPED: Condition(
        lambda attribute, value, it: it.state in _RUNNING, WrongKeyLifecycleState
    ),
    When.NOT_REACHED: Condition(_is_ahead, WrongKeyLifecycleState),
    When.UNALLOCATED: Condition(lambda attribute, value, it: not it.allocated, None),
    When.TO_TRUE: Condition(
        lambda attribute, value, it: value or not it.attributes.get(attribute, False),
        PermissionDenied,
    ),
    When.TO_FALSE: Condition(
        lambda attribute, value, it: not value or it.attributes.get(attribute, True),
        PermissionDenied,
    ),
    When.ABSENT: Condition(lambda attribute, value, it: attribute not in it.attributes, None),
    When.LEFT_OUT: Condition(lambda attribute, value, it: False, None),
}
"""What each condition means for a client; the last two are only for the server."""


# Names for the cells of the rows

NONE: Final[frozenset[ObjectType]] = frozenset()
ALL: Final = frozenset(ObjectType)
REAL: Final = ALL - {T.TEMPLATE}
CERTIFICATES: Final = frozenset({T.CERTIFICATE})
KEYS: Final = frozenset({T.SYMMETRIC_KEY, T.PUBLIC_KEY, T.PRIVATE_KEY, T.SPLIT_KEY, T.PGP_KEY})
MEASURED: Final = KEYS | CERTIFICATES
USABLE: Final = MEASURED | {T.SECRET_DATA}
VALUED: Final = USABLE | {T.OPAQUE_OBJECT, T.CERTIFICATE_REQUEST}
PAIRS: Final = frozenset({T.PUBLIC_KEY, T.PRIVATE_KEY, T.TEMPLATE})
SIGNED: Final = CERTIFICATES | {T.PGP_KEY}
OPAQUE: Final = frozenset({T.OPAQUE_OBJECT})
REQUESTS: Final = frozenset({T.CERTIFICATE_REQUEST})
SPLIT: Final = frozenset({T.SPLIT_KEY})
PASSWORDS: Final = frozenset({T.ONE_TIME_PASSWORD_CREDENTIAL})
CREDENTIALS: Final = PASSWORDS | {
    T.PASSWORD_CREDENTIAL,
    T.DEVICE_CREDENTIAL,
    T.HASHED_PASSWORD_CREDENTIAL,
}

NO: Final[frozenset[Operation]] = frozenset()
PAIR: Final = frozenset({Op.CREATE_KEY_PAIR, Op.REKEY_KEY_PAIR})
REPLACING: Final = frozenset({Op.REKEY, Op.REKEY_KEY_PAIR, Op.RECERTIFY})
CERTIFYING: Final = frozenset({Op.REGISTER, Op.CERTIFY, Op.RECERTIFY})
GENERATING: Final = PAIR | {
    Op.CREATE,
    Op.DERIVE_KEY,
    Op.REKEY,
    Op.CREATE_SPLIT_KEY,
    Op.JOIN_SPLIT_KEY,
}
MAKING: Final = (
    GENERATING | CERTIFYING | frozenset({Op.CREATE_USER, Op.CREATE_GROUP, Op.CREATE_CREDENTIAL})
)
REKEYING: Final = frozenset({Op.REKEY, Op.REKEY_KEY_PAIR})
ISSUING: Final = frozenset({Op.CERTIFY, Op.RECERTIFY})
REGISTERING: Final = frozenset({Op.REGISTER})
SCHEDULING: Final = frozenset({Op.CREATE, Op.REGISTER, Op.DERIVE_KEY, Op.REKEY})
PUTTING: Final = frozenset({Op.ADD_ATTRIBUTE, Op.SET_ATTRIBUTE, Op.ADJUST_ATTRIBUTE})
CHANGING: Final = PUTTING | {Op.MODIFY_ATTRIBUTE}
TOUCHING: Final = (
    MAKING | CHANGING | {Op.DELETE_ATTRIBUTE, Op.ARCHIVE, Op.RECOVER, Op.GET_USAGE_ALLOCATION}
) | {Op.ACTIVATE, Op.REVOKE, Op.DEACTIVATE, Op.DESTROY}
LIMITING: Final = (GENERATING - {Op.CREATE_SPLIT_KEY, Op.JOIN_SPLIT_KEY}) | {
    Op.REGISTER,
    Op.GET_USAGE_ALLOCATION,
}
ACTIVATING: Final = frozenset({Op.ACTIVATE})
REVOKING: Final = frozenset({Op.REVOKE})
DEACTIVATING: Final = frozenset({Op.DEACTIVATE})
STOPPING: Final = REVOKING | DEACTIVATING
DESTROYING: Final = frozenset({Op.DESTROY})
ARCHIVING: Final = frozenset({Op.ARCHIVE})
MOVING: Final = STOPPING | DESTROYING | ACTIVATING
DECRYPTING: Final = frozenset({Op.DECRYPT})
ENCRYPTING: Final = frozenset({Op.ENCRYPT})
SIGNING: Final = frozenset({Op.SIGN})
VERIFYING: Final = frozenset({Op.SIGNATURE_VERIFY})

SERVER, CLIENT, EITHER = Party.SERVER, Party.CLIENT, Party.EITHER
NEVER, ALWAYS, ABSENT, LEFT_OUT = When.NEVER, When.ALWAYS, When.ABSENT, When.LEFT_OUT
PRE_ACTIVE, NOT_STOPPED, NOT_REACHED = When.PRE_ACTIVE, When.NOT_STOPPED, When.NOT_REACHED
UNALLOCATED, TO_TRUE, TO_FALSE = When.UNALLOCATED, When.TO_TRUE, When.TO_FALSE

R = Rules

RULES: Final[dict[Tag, Rules]] = {
    # attribute: always, set by, server may, client may, delete, implicit, objects, requested
    Tag.UNIQUE_IDENTIFIER: R(ALL, SERVER, NEVER, NEVER, NEVER, MAKING, ALL),
    Tag.SHORT_UNIQUE_IDENTIFIER: R(ALL, SERVER, NEVER, NEVER, NEVER, MAKING, ALL),
    Tag.NAME: R(NONE, CLIENT, ALWAYS, ALWAYS, ALWAYS, REPLACING, ALL),
    Tag.ALTERNATIVE_NAME: R(NONE, CLIENT, ABSENT, ALWAYS, ALWAYS, NO, ALL),
    Tag.OBJECT_TYPE: R(ALL, SERVER, NEVER, NEVER, NEVER, MAKING, ALL, MAKING),
    Tag.OBJECT_CLASS: R(ALL, SERVER, NEVER, NEVER, NEVER, MAKING, ALL),
    Tag.CRYPTOGRAPHIC_ALGORITHM: R(MEASURED, SERVER, NEVER, NEVER, NEVER, MAKING, ALL, MAKING),
    Tag.CRYPTOGRAPHIC_LENGTH: R(MEASURED, SERVER, NEVER, NEVER, NEVER, MAKING, ALL, MAKING),
    Tag.CRYPTOGRAPHIC_PARAMETERS: R(NONE, CLIENT, NEVER, ALWAYS, ALWAYS, REPLACING, ALL),
    Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS: R(NONE, CLIENT, NEVER, NEVER, NEVER, REKEYING, PAIRS),
    Tag.CRYPTOGRAPHIC_USAGE_MASK: R(USABLE, EITHER, ALWAYS, NEVER, NEVER, MAKING, ALL),
    Tag.CERTIFICATE_TYPE: R(
        CERTIFICATES, SERVER, NEVER, NEVER, NEVER, CERTIFYING, CERTIFICATES, CERTIFYING
    ),
    Tag.CERTIFICATE_LENGTH: R(CERTIFICATES, SERVER, NEVER, NEVER, NEVER, CERTIFYING, CERTIFICATES),
    Tag.CERTIFICATE_REQUEST_TYPE: R(
        REQUESTS, SERVER, NEVER, NEVER, NEVER, MAKING, REQUESTS, MAKING
    ),
    Tag.X_509_CERTIFICATE_IDENTIFIER: R(
        CERTIFICATES, SERVER, NEVER, NEVER, NEVER, CERTIFYING, CERTIFICATES
    ),
    Tag.X_509_CERTIFICATE_SUBJECT: R(
        CERTIFICATES, SERVER, NEVER, NEVER, NEVER, CERTIFYING, CERTIFICATES, ISSUING
    ),
    Tag.X_509_CERTIFICATE_ISSUER: R(
        CERTIFICATES, SERVER, NEVER, NEVER, NEVER, CERTIFYING, CERTIFICATES
    ),
    Tag.CERTIFICATE_IDENTIFIER: R(
        CERTIFICATES, SERVER, NEVER, NEVER, NEVER, CERTIFYING, CERTIFICATES
    ),
    Tag.CERTIFICATE_SUBJECT: R(
        CERTIFICATES, SERVER, NEVER, NEVER, NEVER, CERTIFYING, CERTIFICATES, ISSUING
    ),
    Tag.CERTIFICATE_ISSUER: R(CERTIFICATES, SERVER, NEVER, NEVER, NEVER, CERTIFYING, CERTIFICATES),
    Tag.DIGITAL_SIGNATURE_ALGORITHM: R(
        SIGNED, SERVER, NEVER, NEVER, NEVER, CERTIFYING, SIGNED, CERTIFYING
    ),
    Tag.DIGEST: R(VALUED, SERVER, NEVER, NEVER, NEVER, MAKING, REAL),
    Tag.OPERATION_POLICY_NAME: R(NONE, EITHER, ALWAYS, NEVER, NEVER, MAKING, ALL),
    Tag.LEASE_TIME: R(NONE, SERVER, ALWAYS, NEVER, NEVER, MAKING, REAL),
    Tag.USAGE_LIMITS: R(NONE, EITHER, ALWAYS, UNALLOCATED, UNALLOCATED, LIMITING, ALL),
    Tag.STATE: R(REAL, SERVER, ALWAYS, NEVER, NEVER, MAKING | MOVING, REAL),
    Tag.INITIAL_DATE: R(ALL, SERVER, NEVER, NEVER, NEVER, MAKING, ALL),
    Tag.ACTIVATION_DATE: R(NONE, EITHER, PRE_ACTIVE, PRE_ACTIVE, NEVER, MAKING | ACTIVATING, ALL),
    Tag.PROCESS_START_DATE: R(NONE, EITHER, NOT_REACHED, NOT_REACHED, NEVER, SCHEDULING, ALL),
    Tag.PROTECT_STOP_DATE: R(NONE, EITHER, NOT_REACHED, NOT_REACHED, NEVER, SCHEDULING, ALL),
    Tag.DEACTIVATION_DATE: R(NONE, EITHER, NOT_STOPPED, NOT_STOPPED, NEVER, MAKING | STOPPING, ALL),
    Tag.DESTROY_DATE: R(NONE, SERVER, NEVER, NEVER, NEVER, DESTROYING, REAL),
    Tag.COMPROMISE_OCCURRENCE_DATE: R(NONE, SERVER, NEVER, NEVER, NEVER, REVOKING, REAL),
    Tag.COMPROMISE_DATE: R(NONE, SERVER, NEVER, NEVER, NEVER, REVOKING, REAL),
    Tag.REVOCATION_REASON: R(NONE, SERVER, ALWAYS, NEVER, NEVER, REVOKING, REAL),
    Tag.DEACTIVATION_REASON: R(NONE, SERVER, ALWAYS, NEVER, NEVER, DEACTIVATING, REAL),
    Tag.ARCHIVE_DATE: R(NONE, SERVER, NEVER, NEVER, NEVER, ARCHIVING, ALL),
    Tag.OBJECT_GROUP: R(NONE, EITHER, ALWAYS, ALWAYS, ALWAYS, MAKING, ALL),
    Tag.GROUP_LINK: R(NONE, EITHER, ALWAYS, ALWAYS, ALWAYS, MAKING, ALL),
    Tag.FRESH: R(REAL, EITHER, ALWAYS, NEVER, NEVER, MAKING, REAL),
    Tag.LINK: R(NONE, EITHER, ALWAYS, ALWAYS, ALWAYS, MAKING, REAL),
    Tag.CERTIFICATE_REQUEST_LINK: R(NONE, EITHER, ALWAYS, ALWAYS, ALWAYS, CERTIFYING, REAL),
    Tag.CREDENTIAL_LINK: R(NONE, EITHER, ALWAYS, ALWAYS, ALWAYS, MAKING, REAL),
    Tag.PASSWORD_LINK: R(NONE, EITHER, ALWAYS, ALWAYS, ALWAYS, MAKING, REAL),
    Tag.SPLIT_KEY_BASE_LINK: R(NONE, EITHER, ALWAYS, ALWAYS, ALWAYS, MAKING, REAL),
    Tag.JOINED_SPLIT_KEY_PARTS_LINK: R(NONE, EITHER, ALWAYS, ALWAYS, ALWAYS, MAKING, REAL),
    Tag.APPLICATION_SPECIFIC_INFORMATION: R(NONE, EITHER, LEFT_OUT, ALWAYS, ALWAYS, REPLACING, ALL),
    Tag.CONTACT_INFORMATION: R(NONE, EITHER, ALWAYS, ALWAYS, ALWAYS, MAKING, ALL),
    Tag.DESCRIPTION: R(NONE, EITHER, ALWAYS, ALWAYS, ALWAYS, NO, ALL),
    Tag.COMMENT: R(NONE, EITHER, ALWAYS, ALWAYS, ALWAYS, NO, ALL),
    Tag.LAST_CHANGE_DATE: R(ALL, SERVER, ALWAYS, NEVER, NEVER, TOUCHING, ALL),
    Tag.ORIGINAL_CREATION_DATE: R(NONE, EITHER, NEVER, NEVER, NEVER, GENERATING, ALL),
    Tag.KEY_VALUE_PRESENT: R(NONE, SERVER, NEVER, NEVER, NEVER, REGISTERING, REAL),
    Tag.KEY_VALUE_LOCATION: R(NONE, CLIENT, NEVER, ALWAYS, ALWAYS, NO, REAL),
    Tag.RANDOM_NUMBER_GENERATOR: R(NONE, EITHER, NEVER, NEVER, NEVER, GENERATING, REAL),
    Tag.PKCS_12_FRIENDLY_NAME: R(NONE, EITHER, NEVER, ALWAYS, ALWAYS, NO, ALL),
    Tag.SENSITIVE: R(ALL, EITHER, ALWAYS, TO_TRUE, NEVER, MAKING, ALL),
    Tag.ALWAYS_SENSITIVE: R(ALL, SERVER, ALWAYS, NEVER, NEVER, MAKING | CHANGING, ALL),
    Tag.EXTRACTABLE: R(ALL, EITHER, ALWAYS, TO_FALSE, NEVER, MAKING, ALL),
    Tag.NEVER_EXTRACTABLE: R(ALL, SERVER, ALWAYS, NEVER, NEVER, MAKING | CHANGING, ALL),
    Tag.KEY_FORMAT_TYPE: R(VALUED, SERVER, NEVER, NEVER, NEVER, MAKING, REAL, MAKING),
    Tag.OPAQUE_DATA_TYPE: R(OPAQUE, SERVER, NEVER, NEVER, NEVER, REGISTERING, OPAQUE, REGISTERING),
    Tag.NIST_KEY_TYPE: R(NONE, CLIENT, NEVER, NEVER, NEVER, NO, ALL),
    Tag.NIST_SECURITY_CATEGORY: R(NONE, CLIENT, NEVER, NEVER, NEVER, NO, ALL),
    Tag.PROTECTION_LEVEL: R(NONE, CLIENT, NEVER, ALWAYS, ALWAYS, NO, ALL),
    Tag.PROTECTION_PERIOD: R(NONE, CLIENT, NEVER, ALWAYS, ALWAYS, NO, ALL),
    Tag.PROTECTION_STORAGE_MASK: R(ALL, SERVER, NEVER, NEVER, NEVER, MAKING, ALL),
    Tag.QUANTUM_SAFE: R(NONE, CLIENT, NEVER, ALWAYS, ALWAYS, NO, ALL),
    Tag.ROTATE_AUTOMATIC: R(NONE, EITHER, ALWAYS, NEVER, NEVER, NO, ALL),
    Tag.ROTATE_DATE: R(NONE, SERVER, NEVER, NEVER, NEVER, REPLACING, ALL),
    Tag.ROTATE_GENERATION: R(NONE, SERVER, NEVER, NEVER, NEVER, REPLACING, ALL),
    Tag.ROTATE_INTERVAL: R(NONE, EITHER, ALWAYS, NEVER, NEVER, MAKING, ALL),
    Tag.ROTATE_LATEST: R(NONE, SERVER, ALWAYS, NEVER, NEVER, REPLACING, ALL),
    Tag.ROTATE_NAME: R(NONE, CLIENT, NEVER, ALWAYS, ALWAYS, NO, ALL),
    Tag.ROTATE_OFFSET: R(NONE, EITHER, ALWAYS, NEVER, NEVER, MAKING, ALL),
    Tag.SPLIT_KEY_METHOD: R(SPLIT, SERVER, NEVER, NEVER, NEVER, MAKING, SPLIT, MAKING),
    Tag.SPLIT_KEY_PARTS: R(SPLIT, SERVER, NEVER, NEVER, NEVER, MAKING, SPLIT, MAKING),
    Tag.SPLIT_KEY_THRESHOLD: R(SPLIT, SERVER, NEVER, NEVER, NEVER, MAKING, SPLIT, MAKING),
    Tag.SPLIT_KEY_POLYNOMIAL: R(NONE, SERVER, NEVER, NEVER, NEVER, MAKING, SPLIT, MAKING),
    Tag.KEY_PART_IDENTIFIER: R(SPLIT, SERVER, NEVER, NEVER, NEVER, MAKING, SPLIT, MAKING),
    Tag.CREDENTIAL_TYPE: R(CREDENTIALS, SERVER, NEVER, NEVER, NEVER, MAKING, CREDENTIALS, MAKING),
    Tag.OTP_ALGORITHM: R(NONE, EITHER, NEVER, NEVER, NEVER, MAKING, PASSWORDS),
    Tag.OTP_COUNTER: R(NONE, EITHER, ALWAYS, NEVER, NEVER, MAKING, PASSWORDS),
    Tag.OTP_DIGITS: R(NONE, EITHER, NEVER, NEVER, NEVER, MAKING, PASSWORDS),
    Tag.OTP_INTERVAL: R(NONE, EITHER, NEVER, NEVER, NEVER, MAKING, PASSWORDS),
    Tag.OTP_SERIAL: R(NONE, EITHER, NEVER, NEVER, NEVER, MAKING, PASSWORDS),
    Tag.CERTIFY_COUNTER: R(NONE, SERVER, ALWAYS, NEVER, NEVER, ISSUING, REAL),
    Tag.DECRYPT_COUNTER: R(NONE, SERVER, ALWAYS, NEVER, NEVER, DECRYPTING, REAL),
    Tag.ENCRYPT_COUNTER: R(NONE, SERVER, ALWAYS, NEVER, NEVER, ENCRYPTING, REAL),
    Tag.SIGN_COUNTER: R(NONE, SERVER, ALWAYS, NEVER, NEVER, SIGNING, REAL),
    Tag.SIGNATURE_VERIFY_COUNTER: R(NONE, SERVER, ALWAYS, NEVER, NEVER, VERIFYING, REAL),
    Tag.CERTIFICATE_SUBJECT_DN: R(
        NONE, SERVER, NEVER, NEVER, NEVER, CERTIFYING, CERTIFICATES, ISSUING
    ),
    Tag.CERTIFICATE_ISSUER_DN: R(NONE, SERVER, NEVER, NEVER, NEVER, CERTIFYING, CERTIFICATES),
}
"""The rules of every attribute by its tag."""

# The parts of the names in a certificate have the rules of the whole name.
for _tag in ATTRIBUTES:
    for _whole in (Tag.CERTIFICATE_SUBJECT_DN, Tag.CERTIFICATE_ISSUER_DN):
        if _tag not in RULES and _tag.name.startswith(_whole.name.removesuffix("DN")):
            RULES[_tag] = RULES[_whole]

THEIRS: Final = R(NONE, CLIENT, NEVER, ALWAYS, ALWAYS, NO, ALL)
"""A custom or vendor attribute that clients set (1.4 section 3.39; 2.1 section 4.60)."""

OURS: Final = R(NONE, SERVER, ALWAYS, NEVER, NEVER, TOUCHING, ALL)
"""One that the server sets: `y-…` in 1.x, Vendor Identification `y` from 2.0 on."""

SERVERS_VENDOR: Final = "y"


def rules_of(attribute: AttributeName) -> Rules:
    """The rules of an attribute, a custom one included."""
    if isinstance(attribute, VendorAttributeName):
        return OURS if attribute.vendor == SERVERS_VENDOR else THEIRS
    return RULES[attribute]


def applies_to(attribute: AttributeName, object_type: ObjectType) -> bool:
    """Whether an object of this type may have the attribute."""
    return object_type in rules_of(attribute).objects


def is_always_set(attribute: AttributeName, object_type: ObjectType) -> bool:
    """Whether an object of this type always has a value of the attribute."""
    return object_type in rules_of(attribute).always


def implicit(operation: Operation) -> frozenset[Tag]:
    """The attributes that the operation may set although the request does not."""
    return frozenset(tag for tag, rules in RULES.items() if operation in rules.implicit)


def check_set(attribute: AttributeName, object_type: ObjectType, operation: Operation) -> None:
    """Let a client give an attribute in the request that makes an object, or raise.

    An Import may set every attribute (2.1 section 6.1.25).

    Raises:
        InvalidAttribute: objects of this type do not have it.
        AttributeReadOnly: only the server sets it.
    """
    _check_applies(attribute, object_type)
    rules = rules_of(attribute)
    if operation == Operation.IMPORT or operation in rules.requested or CLIENT in rules.set_by:
        return
    raise AttributeReadOnly(f"{name_of(attribute)} is set by the server alone")


def may_set(attribute: AttributeName, object_type: ObjectType, operation: Operation) -> bool:
    """Whether a client may give the attribute in the request that makes an object."""
    try:
        check_set(attribute, object_type, operation)
    except (InvalidAttribute, AttributeReadOnly):
        return False
    return True


def check_add(attribute: AttributeName, value: Any, it: Situation) -> None:
    """Let a client add a value (Add Attribute), or raise.

    Raises:
        InvalidAttribute: objects of this type do not have it.
        ReadOnlyAttribute: only the server sets it.
        AttributeExists: it has its one value already.
        ServerLimitExceeded: the object has as many values as it may.
        WrongKeyLifecycleState, PermissionDenied: the condition of the attribute does not hold.
    """
    _check_applies(attribute, it.object_type)
    rules = rules_of(attribute)
    if CLIENT not in rules.set_by:
        raise ReadOnlyAttribute(f"{name_of(attribute)} is set by the server alone")
    if attribute in it.attributes and is_single(attribute):
        raise AttributeExists(f"the object has its {name_of(attribute)} already")
    if sum(map(len, it.attributes.values.values())) >= MAX_INSTANCES:
        raise ServerLimitExceeded(f"an object has at most {MAX_INSTANCES} attribute values")
    # What cannot be changed can still be added where it is not yet (2.1 section 4.38).
    if rules.client != When.NEVER:
        _check(rules.client, attribute, value, it, ReadOnlyAttribute)


def check_modify(attribute: AttributeName, value: Any, it: Situation) -> None:
    """Let a client change a value (Modify Attribute), or raise.

    Raises:
        AttributeReadOnly: clients do not change it, or no longer.
        WrongKeyLifecycleState: the object's state or a date that has come forbids it.
        PermissionDenied: it cannot be changed in this direction.
    """
    _check(rules_of(attribute).client, attribute, value, it, AttributeReadOnly)


def check_put(attribute: AttributeName, value: Any, it: Situation) -> None:
    """Let a client add or change the one value (Set and Adjust Attribute), or raise.

    Raises:
        MultiValuedAttribute: the object has several values of it.
        ReadOnlyAttribute: clients do not set or change it, or no longer.
        InvalidAttribute, WrongKeyLifecycleState, PermissionDenied: as for the other operations.
    """
    if attribute not in it.attributes:
        check_add(attribute, value, it)
        return
    _check(rules_of(attribute).client, attribute, value, it, ReadOnlyAttribute)
    if len(it.attributes.all(attribute)) > 1:
        raise MultiValuedAttribute(f"the object has more than one {name_of(attribute)}")


def check_delete(attribute: AttributeName, it: Situation) -> None:
    """Let a client delete a value (Delete Attribute), or raise.

    Raises:
        AttributeReadOnly: clients do not delete it, or no longer.
    """
    _check(rules_of(attribute).delete, attribute, None, it, AttributeReadOnly)


def _check_applies(attribute: AttributeName, object_type: ObjectType) -> None:
    if not applies_to(attribute, object_type):
        kind = object_type.title
        raise InvalidAttribute(f"a {kind} has no {name_of(attribute)}")


def _check(
    when: When, attribute: AttributeName, value: Any, it: Situation, read_only: type[KMIPError]
) -> None:
    holds, error = CONDITIONS[when]
    if holds(attribute, value, it):
        return
    if when == When.NEVER:
        raise read_only(f"{name_of(attribute)} is not changed by clients")
    raise (error or read_only)(f"{name_of(attribute)} can be changed {when.value}")
