"""From creation to destruction, and what is refused on the way."""

import time

from kmip.core import enums
from kmip.core.objects import TemplateAttribute

from scenarios import A, Mask, Reason, Type, attribute, refused, scenario, state, value, values

Code = enums.RevocationReasonCode
State = enums.State


@scenario()
def create_get_destroy(door):
    """A destroyed object is not found any more."""
    client = door.client
    uid = client.create(A.AES, 256, name="a key")
    key = client.get(uid)
    assert (key.cryptographic_algorithm, key.cryptographic_length) == (A.AES, 256)
    assert len(key.value) == 32
    client.destroy(uid)
    with refused(Reason.ITEM_NOT_FOUND, Reason.OBJECT_DESTROYED):
        client.get(uid)
    with refused(Reason.ITEM_NOT_FOUND, Reason.OBJECT_DESTROYED):
        client.destroy(uid)
    assert client.locate() == []


@scenario()
def get_after_destroy_is_item_not_found(door):
    """The lower client tells the reason, and PyKMIP's own tests look at it."""
    uid = door.client.create(A.AES, 128)
    assert door.proxy.destroy(uid).result_status.value == enums.ResultStatus.SUCCESS
    result = door.proxy.get(uid)
    assert result.result_status.value == enums.ResultStatus.OPERATION_FAILED
    assert result.result_reason.value == Reason.ITEM_NOT_FOUND
    assert result.result_message.value


@scenario()
def what_never_was_is_not_found(door):
    """Whatever is asked of it."""
    client = door.client
    for operation in (client.get, client.destroy, client.activate, client.get_attributes):
        with refused(Reason.ITEM_NOT_FOUND):
            operation("42")
    with refused(Reason.ITEM_NOT_FOUND):
        client.revoke(Code.KEY_COMPROMISE, "42")


@scenario()
def activate_revoke_destroy(door):
    """Active objects are not destroyed; deactivated ones are."""
    client = door.client
    uid = client.create(A.AES, 128)
    assert state(client, uid) == State.PRE_ACTIVE
    client.activate(uid)
    assert state(client, uid) == State.ACTIVE
    with refused(Reason.PERMISSION_DENIED, Reason.WRONG_KEY_LIFECYCLE_STATE):
        client.activate(uid)
    with refused(Reason.PERMISSION_DENIED, Reason.WRONG_KEY_LIFECYCLE_STATE):
        client.destroy(uid)
    client.revoke(Code.CESSATION_OF_OPERATION, uid, "no longer needed")
    assert state(client, uid) == State.DEACTIVATED
    dates = dict(values(client, uid, "Initial Date", "Activation Date", "Deactivation Date"))
    assert len(dates) == 3
    assert all(abs(date.value - time.time()) < 60 for date in dates.values())
    client.destroy(uid)
    with refused(Reason.ITEM_NOT_FOUND, Reason.OBJECT_DESTROYED):
        client.get(uid)


@scenario()
def compromise(door):
    """Objects of any state become Compromised, and are destroyed then."""
    client = door.client
    for reason in (Code.KEY_COMPROMISE, Code.CA_COMPROMISE):
        for is_active in (False, True):
            uid = client.create(A.AES, 128)
            if is_active:
                client.activate(uid)
            client.revoke(reason, uid)
            assert state(client, uid) == State.COMPROMISED
            assert client.get(uid).value
            client.destroy(uid)
            with refused(Reason.ITEM_NOT_FOUND, Reason.OBJECT_DESTROYED):
                client.get(uid)


@scenario()
def compromise_long_ago(door):
    """The client says since when an object is compromised."""
    client = door.client
    uid = client.create(A.AES, 128)
    client.revoke(Code.KEY_COMPROMISE, uid, "found on a disk", 1_000_000_000)
    assert value(client, uid, "Compromise Occurrence Date") == 1_000_000_000
    assert abs(value(client, uid, "Compromise Date") - time.time()) < 60


@scenario()
def every_reason_deactivates_or_compromises(door):
    """All codes that PyKMIP has, on Active objects."""
    for code in Code:
        uid = door.client.create(A.AES, 128)
        door.client.activate(uid)
        door.client.revoke(code, uid)
        is_compromise = code in (Code.KEY_COMPROMISE, Code.CA_COMPROMISE)
        expected = State.COMPROMISED if is_compromise else State.DEACTIVATED
        assert state(door.client, uid) == expected


@scenario()
def what_is_located_can_be_cleared_away(door):
    """As PyKMIP's own tests do after each: revoke as compromised, then destroy, whatever it is."""
    client = door.client
    for _ in range(3):
        client.create(A.AES, 128)
    client.activate(client.create(A.AES, 128))
    found = client.locate()
    assert len(found) == 4
    for uid in found:
        client.revoke(Code.KEY_COMPROMISE, uid)
        client.destroy(uid)
    assert client.locate() == []


@scenario()
def dates_make_the_state(door):
    """An Activation Date in the past makes Active; one in the future does not."""
    now = int(time.time())
    for date, expected in [(now - 100, State.ACTIVE), (now + 1000, State.PRE_ACTIVE)]:
        result = door.proxy.create(
            enums.ObjectType.SYMMETRIC_KEY,
            _template(attribute(Type.ACTIVATION_DATE, date)),
        )
        assert state(door.client, result.uuid) == expected
        assert value(door.client, result.uuid, "Activation Date") == date


@scenario()
def check(door):
    """Check fails for uses that an object does not allow, and says which are."""
    client = door.client
    uid = client.create(A.AES, 128)
    assert client.check(uid, cryptographic_usage_mask=[Mask.ENCRYPT]) == uid
    assert client.check(uid, cryptographic_usage_mask=[]) == uid
    assert client.check(uid, cryptographic_usage_mask=[Mask.DECRYPT], lease_time=1) == uid
    assert client.check(uid, usage_limits_count=5, cryptographic_usage_mask=[]) == uid
    with refused(Reason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK, Reason.PERMISSION_DENIED):
        client.check(uid, cryptographic_usage_mask=[Mask.SIGN])
    result = door.proxy.check(uid, cryptographic_usage_mask=[Mask.SIGN])
    assert result["result_status"] == enums.ResultStatus.OPERATION_FAILED
    assert result["cryptographic_usage_mask"] == [Mask.ENCRYPT, Mask.DECRYPT]
    result = door.proxy.check(uid, cryptographic_usage_mask=[], lease_time=10_000_000)
    assert result["result_status"] == enums.ResultStatus.OPERATION_FAILED
    assert 0 < result["lease_time"] < 10_000_000


def _template(*attributes):
    return TemplateAttribute(
        attributes=[
            attribute(Type.CRYPTOGRAPHIC_ALGORITHM, A.AES),
            attribute(Type.CRYPTOGRAPHIC_LENGTH, 128),
            attribute(Type.CRYPTOGRAPHIC_USAGE_MASK, [Mask.ENCRYPT]),
            *attributes,
        ]
    )
