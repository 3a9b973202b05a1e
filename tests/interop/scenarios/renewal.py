"""New keys in the place of old ones."""

import time

from kmip.core import enums
from kmip.core.attributes import PrivateKeyUniqueIdentifier

from scenarios import A, Mask, Reason, Type, attribute, refused, scenario, state, value, values


@scenario()
def rekey(door):
    """The replacement takes over what the old key was for, its name included."""
    client = door.client
    old = client.create(A.AES, 256, name="a key", cryptographic_usage_mask=[Mask.WRAP_KEY])
    client.activate(old)
    new = client.rekey(old)
    assert new != old
    assert client.get(new).value != client.get(old).value
    assert client.get(new).cryptographic_length == 256
    for name in ("Cryptographic Algorithm", "Cryptographic Usage Mask"):
        assert value(client, new, name) == value(client, old, name)
    ((_, name),) = values(client, new, "Name")
    assert name.name_value.value == "a key"
    assert values(client, old, "Name") == []
    assert client.locate(attributes=[attribute(Type.NAME, "a key")]) == [new]


@scenario()
def rekey_with_an_offset(door):
    """The new key's Activation Date is that far from its Initial Date."""
    client = door.client
    old = client.create(A.AES, 128)
    client.activate(old)
    new = client.rekey(old, offset=1000)
    dates = dict(values(client, new, "Initial Date", "Activation Date"))
    assert dates["Activation Date"].value - dates["Initial Date"].value == 1000
    assert state(client, new) == enums.State.PRE_ACTIVE


@scenario()
def rekey_with_dates(door):
    """The dates that the upper client can set on the new key."""
    client = door.client
    old = client.create(A.AES, 128)
    now = int(time.time())
    dates = {
        "activation_date": now + 10,
        "process_start_date": now + 20,
        "protect_stop_date": now + 30,
        "deactivation_date": now + 40,
    }
    new = client.rekey(old, **dates)
    for name, date in dates.items():
        assert value(client, new, name.replace("_", " ").title()) == date


@scenario()
def rekey_what_cannot_be(door):
    """Nothing, and no symmetric key."""
    with refused(Reason.ITEM_NOT_FOUND, Reason.OBJECT_NOT_FOUND):
        door.client.rekey("42")
    public, _ = door.client.create_key_pair(A.RSA, 1024)
    with refused(
        Reason.INVALID_FIELD, Reason.INVALID_OBJECT_TYPE, Reason.ILLEGAL_OBJECT_TYPE,
        Reason.ILLEGAL_OPERATION,
    ):  # fmt: skip
        door.client.rekey(public)


@scenario(since="1.1", until="1.4")
def rekey_key_pair(door):
    """By the lower client, which cannot send this in 2.0's form."""
    client = door.client
    public, private = client.create_key_pair(
        A.RSA,
        1024,
        public_name="public",
        private_name="private",
        public_usage_mask=[Mask.VERIFY],
        private_usage_mask=[Mask.SIGN],
    )
    result = door.proxy.rekey_key_pair(private_key_uuid=PrivateKeyUniqueIdentifier(private))
    assert result.result_status.value == enums.ResultStatus.SUCCESS, result.result_message
    new_private, new_public = result.private_key_uuid, result.public_key_uuid
    assert len({public, private, new_private, new_public}) == 4
    assert client.get(new_private).value != client.get(private).value
    assert value(client, new_public, "Cryptographic Usage Mask") == Mask.VERIFY.value
    for uid, name in [(new_private, "private"), (new_public, "public")]:
        assert client.locate(attributes=[attribute(Type.NAME, name)]) == [uid]
