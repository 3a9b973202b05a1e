"""Locate, by every attribute that the client can put in a request."""

import hashlib
import time

from kmip.core import enums
from kmip.core.attributes import Digest
from kmip.core.objects import Attribute, TemplateAttribute
from kmip.pie import objects

from scenarios import A, Mask, Reason, Type, attribute, refused, scenario, value, values
from scenarios.material import certificate

STATE = enums.State


def located(door, *filters, **limits):
    """What Locate finds for pairs of type and value."""
    return door.client.locate(attributes=[attribute(*each) for each in filters], **limits)


def made(door, *attributes):
    """A key with these attributes, which only the lower client can set all."""
    template = TemplateAttribute(
        attributes=[
            attribute(Type.CRYPTOGRAPHIC_ALGORITHM, A.AES),
            attribute(Type.CRYPTOGRAPHIC_LENGTH, 128),
            attribute(Type.CRYPTOGRAPHIC_USAGE_MASK, [Mask.ENCRYPT]),
            *(attribute(*each) for each in attributes),
        ]
    )
    result = door.proxy.create(enums.ObjectType.SYMMETRIC_KEY, template)
    assert result.result_status.value == enums.ResultStatus.SUCCESS, result.result_message
    return result.uuid


@scenario()
def by_what_every_key_has(door):
    """Algorithm, length, type, state, identifier, mask, alone and together."""
    aes = door.client.create(A.AES, 256, name="aes")
    idea = door.client.create(A.IDEA, 128, name="idea")
    both = [idea, aes]
    for filters, expected in [
        ([], both),
        ([(Type.CRYPTOGRAPHIC_ALGORITHM, A.AES)], [aes]),
        ([(Type.CRYPTOGRAPHIC_ALGORITHM, A.IDEA)], [idea]),
        ([(Type.CRYPTOGRAPHIC_ALGORITHM, A.RSA)], []),
        ([(Type.CRYPTOGRAPHIC_LENGTH, 128)], [idea]),
        ([(Type.CRYPTOGRAPHIC_LENGTH, 2048)], []),
        ([(Type.OBJECT_TYPE, enums.ObjectType.SYMMETRIC_KEY)], both),
        ([(Type.OBJECT_TYPE, enums.ObjectType.PUBLIC_KEY)], []),
        ([(Type.STATE, STATE.PRE_ACTIVE)], both),
        ([(Type.STATE, STATE.ACTIVE)], []),
        ([(Type.UNIQUE_IDENTIFIER, aes)], [aes]),
        ([(Type.UNIQUE_IDENTIFIER, "unknown")], []),
        ([(Type.NAME, "aes")], [aes]),
        ([(Type.NAME, "ae")], []),
        ([(Type.CRYPTOGRAPHIC_USAGE_MASK, [Mask.ENCRYPT])], both),
        ([(Type.CRYPTOGRAPHIC_USAGE_MASK, [Mask.ENCRYPT, Mask.DECRYPT])], both),
        ([(Type.CRYPTOGRAPHIC_USAGE_MASK, [Mask.ENCRYPT, Mask.SIGN])], []),
        ([(Type.CRYPTOGRAPHIC_USAGE_MASK, [Mask.EXPORT])], []),
        ([(Type.CRYPTOGRAPHIC_ALGORITHM, A.AES), (Type.CRYPTOGRAPHIC_LENGTH, 256)], [aes]),
        ([(Type.CRYPTOGRAPHIC_ALGORITHM, A.AES), (Type.CRYPTOGRAPHIC_LENGTH, 128)], []),
    ]:
        assert sorted(located(door, *filters)) == sorted(expected), filters


@scenario()
def by_state(door):
    """The state of now, whatever has changed it."""
    uids = [door.client.create(A.AES, 128) for _ in range(4)]
    for uid in uids[1:3]:
        door.client.activate(uid)
    door.client.revoke(enums.RevocationReasonCode.SUPERSEDED, uids[2])
    door.client.revoke(enums.RevocationReasonCode.KEY_COMPROMISE, uids[3])
    states = (STATE.PRE_ACTIVE, STATE.ACTIVE, STATE.DEACTIVATED, STATE.COMPROMISED)
    for uid, state in zip(uids, states, strict=True):
        assert located(door, (Type.STATE, state)) == [uid]


@scenario()
def by_initial_date(door):
    """One date to the second, or two as from and to."""
    uid = door.client.create(A.AES, 128)
    date = value(door.client, uid, "Initial Date")
    for dates, found in [
        ([date], True),
        ([date + 1], False),
        ([date - 5, date + 5], True),
        ([date + 5, date - 5], True),
        ([date, date], True),
        ([date + 1, date + 5], False),
        ([date - 5, date - 1], False),
        ([0, date], True),
    ]:
        assert located(door, *((Type.INITIAL_DATE, each) for each in dates)) == [uid][: int(found)]


@scenario(since="1.2", until="1.2")
def by_initial_date_one_second_after_the_other(door):
    """Objects of different seconds are told apart, and the newest comes first."""
    first = door.client.create(A.AES, 128)
    time.sleep(1.1)
    second = door.client.create(A.AES, 128)
    dates = [value(door.client, uid, "Initial Date") for uid in (first, second)]
    assert located(door, (Type.INITIAL_DATE, dates[0])) == [first]
    assert located(door, (Type.INITIAL_DATE, dates[1])) == [second]
    assert located(door, *((Type.INITIAL_DATE, each) for each in dates)) == [second, first]
    assert door.client.locate() == [second, first]


@scenario()
def by_dates_that_the_client_sets(door):
    """Every date that a key can be given when it is made."""
    now = int(time.time())
    kinds = {
        Type.ACTIVATION_DATE: now + 100,
        Type.PROCESS_START_DATE: now + 200,
        Type.PROTECT_STOP_DATE: now + 300,
        Type.DEACTIVATION_DATE: now + 400,
    }
    uid = made(door, *kinds.items())
    door.client.create(A.AES, 128)
    for kind, date in kinds.items():
        assert value(door.client, uid, kind.value) == date
        assert located(door, (kind, date)) == [uid]
        assert located(door, (kind, date + 1)) == []
        assert located(door, (kind, date - 10), (kind, date + 10)) == [uid]
        assert located(door, (kind, date + 1), (kind, date + 10)) == []


@scenario()
def by_dates_that_the_server_sets(door):
    """Compromise, deactivation, last change; an object without the date is not found by it."""
    other = door.client.create(A.AES, 128)
    uid = door.client.create(A.AES, 128)
    door.client.activate(uid)
    door.client.revoke(enums.RevocationReasonCode.KEY_COMPROMISE, uid, None, 1_000_000_000)
    for kind in (Type.COMPROMISE_DATE, Type.COMPROMISE_OCCURRENCE_DATE, Type.ACTIVATION_DATE):
        date = value(door.client, uid, kind.value)
        assert located(door, (kind, date)) == [uid]
    far = int(time.time()) + 10_000
    for kind in (Type.DEACTIVATION_DATE, Type.DESTROY_DATE, Type.ARCHIVE_DATE):
        assert located(door, (kind, 0), (kind, far)) == []
    found = located(door, (Type.LAST_CHANGE_DATE, 0), (Type.LAST_CHANGE_DATE, far))
    assert sorted(found) == sorted([uid, other])


@scenario()
def by_what_clients_write_on_objects(door):
    """Group, application, contact, cryptographic parameters."""
    parameters = {
        "block_cipher_mode": enums.BlockCipherMode.CBC,
        "padding_method": enums.PaddingMethod.PKCS5,
    }
    application = {"application_namespace": "ssl", "application_data": "www.example.com"}
    wanted = [
        (Type.OBJECT_GROUP, "the group"),
        (Type.APPLICATION_SPECIFIC_INFORMATION, application),
        (Type.CONTACT_INFORMATION, "keys@example.com"),
        (Type.CRYPTOGRAPHIC_PARAMETERS, parameters),
    ]
    uid = made(door, *wanted)
    made(door, (Type.OBJECT_GROUP, "another"))
    for each in wanted:
        assert located(door, each) == [uid], each
    assert located(door, *wanted) == [uid]
    for each in [
        (Type.OBJECT_GROUP, "the group "),
        (Type.CONTACT_INFORMATION, "else"),
        (
            Type.APPLICATION_SPECIFIC_INFORMATION,
            {"application_namespace": "ssl", "application_data": "else"},
        ),
        (Type.CRYPTOGRAPHIC_PARAMETERS, {"block_cipher_mode": enums.BlockCipherMode.GCM}),
    ]:
        assert located(door, each) == [], each


@scenario(until="1.4")
def by_custom_attributes(door):
    """`x-` attributes, which this client can send in 1.x only."""
    uid = made(door, ("x-system", "array 7"), ("x-role", "disk"))
    made(door, ("x-system", "array 8"))
    assert located(door, ("x-system", "array 7")) == [uid]
    assert located(door, ("x-system", "array 7"), ("x-role", "disk")) == [uid]
    assert located(door, ("x-system", "array 9")) == []
    assert located(door, ("x-nothing", "array 7")) == []


@scenario(until="1.4")
def by_operation_policy_name(door):
    """`default` finds what was made without one."""
    plain = door.client.create(A.AES, 128)
    own = door.client.create(A.AES, 128, operation_policy_name="mine")
    assert located(door, (Type.OPERATION_POLICY_NAME, "default")) == [plain]
    assert located(door, (Type.OPERATION_POLICY_NAME, "mine")) == [own]
    assert located(door, (Type.OPERATION_POLICY_NAME, "unknown")) == []


@scenario(since="1.4")
def by_sensitivity(door):
    """What 1.4 brought; of these attributes the client has but one in 2.0."""
    uid = made(door, (Type.SENSITIVE, True))
    open_uid = door.client.create(A.AES, 128)
    assert located(door, (Type.SENSITIVE, True)) == [uid]
    assert located(door, (Type.SENSITIVE, False)) == [open_uid]
    if door.is_2:
        return
    assert located(door, (Type.ALWAYS_SENSITIVE, True)) == [uid]
    assert sorted(located(door, (Type.EXTRACTABLE, True))) == sorted([uid, open_uid])
    assert located(door, (Type.NEVER_EXTRACTABLE, True)) == []


@scenario()
def by_lease_time(door):
    """An interval."""
    uid = door.client.create(A.AES, 128)
    lease = value(door.client, uid, "Lease Time")
    assert located(door, (Type.LEASE_TIME, lease)) == [uid]
    assert located(door, (Type.LEASE_TIME, lease + 1)) == []


@scenario(since="1.1")
def by_freshness(door):
    """An object is fresh until somebody has got it."""
    uid, other = door.client.create(A.AES, 128), door.client.create(A.AES, 128)
    door.client.get(other)
    assert located(door, (Type.FRESH, True)) == [uid]
    assert located(door, (Type.FRESH, False)) == [other]


@scenario(since="1.1")
def by_member_of_a_group(door):
    """A fresh member of a group, or the default one: the newest."""
    group = (Type.OBJECT_GROUP, "pool")
    uid, used = made(door, group), made(door, group)
    door.client.get(used)
    member = enums.ObjectGroupMember
    assert located(door, group, object_group_member=member.GROUP_MEMBER_FRESH) == [uid]
    found = located(door, group, object_group_member=member.GROUP_MEMBER_DEFAULT)
    assert found == [used]


@scenario(since="1.1")
def by_digest(door):
    """The digest that the server computes of a secret; the client cannot decode that of 1.0."""
    material = b"\x07" * 16
    uid = door.client.register(objects.SymmetricKey(A.AES, 128, material))
    door.client.create(A.AES, 128)
    ((_, digest),) = values(door.client, uid, "Digest")
    assert digest.hashing_algorithm.value == enums.HashingAlgorithm.SHA_256
    assert digest.digest_value.value == hashlib.sha256(material).digest()
    assert digest.key_format_type.value == enums.KeyFormatType.RAW
    for text, found in [(material, [uid]), (b"else", [])]:
        wanted = Digest.create(
            enums.HashingAlgorithm.SHA_256,
            hashlib.sha256(text).digest(),
            enums.KeyFormatType.RAW,
        )
        named = Attribute.AttributeName("Digest")
        by = Attribute(attribute_name=named, attribute_value=wanted)
        assert door.client.locate(attributes=[by]) == found


@scenario()
def certificates(door):
    """By what the server reads in them; keys are in nobody's way then."""
    uid = door.client.register(objects.X509Certificate(certificate()))
    key = door.client.create(A.AES, 128)
    assert located(door, (Type.OBJECT_TYPE, enums.ObjectType.CERTIFICATE)) == [uid]
    assert located(door, (Type.CRYPTOGRAPHIC_ALGORITHM, A.AES)) == [key]
    assert located(door, (Type.CRYPTOGRAPHIC_LENGTH, 128)) == [key]
    if door.version >= "1.1":
        assert located(door, (Type.CERTIFICATE_LENGTH, len(certificate()))) == [uid]
    if not door.is_2:
        assert located(door, (Type.CERTIFICATE_TYPE, enums.CertificateType.X_509)) == [uid]
        assert located(door, (Type.CERTIFICATE_TYPE, enums.CertificateType.PGP)) == []


@scenario()
def in_pages(door):
    """Maximum and Offset Items, which this client sends in every version; newest first."""
    uids = [door.client.create(A.AES, 128) for _ in range(5)]
    everything = door.client.locate()
    assert sorted(everything) == sorted(uids)
    assert door.client.locate(maximum_items=2) == everything[:2]
    assert door.client.locate(offset_items=2) == everything[2:]
    assert door.client.locate(offset_items=1, maximum_items=2) == everything[1:3]
    assert door.client.locate(offset_items=9) == []
    with refused(Reason.INVALID_FIELD):
        door.client.locate(maximum_items=-1)


@scenario()
def by_storage(door):
    """Objects on line, and destroyed ones only where they are asked for."""
    uid, gone = door.client.create(A.AES, 128), door.client.create(A.AES, 128)
    door.client.destroy(gone)
    status = enums.StorageStatusMask
    assert door.client.locate() == [uid]
    assert door.client.locate(storage_status_mask=status.ONLINE_STORAGE.value) == [uid]
    assert door.client.locate(storage_status_mask=status.ARCHIVAL_STORAGE.value) == []


@scenario()
def two_names_must_both_be_there(door):
    """Several values of one attribute are several conditions."""
    key = objects.SymmetricKey(A.AES, 128, bytes(16), name="first")
    key.names = ["first", "second"]
    uid = door.client.register(key)
    door.client.create(A.AES, 128, name="first")
    assert located(door, (Type.NAME, "first"), (Type.NAME, "second")) == [uid]
    assert located(door, (Type.NAME, "first"), (Type.NAME, "third")) == []
