"""Connections, and who is behind them."""

import ssl

from kmip.core import enums
from kmip.pie import objects

from scenarios import A, Reason, refused, scenario

Code = enums.RevocationReasonCode


@scenario()
def two_clients(door):
    """Neither sees what the other has, nor can tell it from what never was."""
    mine, theirs = door.client, door.enter("other")
    uid = mine.create(A.AES, 128, name="secret")
    assert theirs.locate() == []
    for operation in (theirs.get, theirs.activate, theirs.destroy, theirs.get_attributes):
        with refused(Reason.ITEM_NOT_FOUND):
            operation(uid)
    with refused(Reason.ITEM_NOT_FOUND):
        theirs.revoke(Code.KEY_COMPROMISE, uid)
    with refused(Reason.ITEM_NOT_FOUND):
        theirs.get_attribute_list(uid)
    other = theirs.create(A.AES, 128, name="secret")
    assert theirs.locate() == [other]
    assert mine.locate() == [uid]
    assert mine.get(uid).value != theirs.get(other).value


@scenario()
def one_client_on_two_connections(door):
    """Objects belong to the client, not to its connection."""
    uid = door.client.create(A.AES, 128)
    again = door.enter()
    assert again.get(uid) == door.client.get(uid)
    again.destroy(uid)
    assert door.client.locate() == []


@scenario()
def a_connection_kept_open(door):
    """Many requests on one connection, refused ones among them."""
    for round_number in range(40):
        uid = door.client.create(A.AES, 128)
        assert door.client.locate() == [uid]
        with refused(Reason.ITEM_NOT_FOUND):
            door.client.get(str(round_number))
        door.client.destroy(uid)


@scenario(since="1.2", until="1.2")
def a_connection_for_each_request(door):
    """As some products do, and connections that end without a request."""
    made = []
    for _ in range(5):
        client = door.enter()
        made.append(client.create(A.AES, 128))
        client.close()
        door.enter().close()
    assert sorted(door.client.locate()) == sorted(made)
    client = door.enter()
    client.close()
    client.open()
    assert len(client.locate()) == 5


@scenario()
def tls_versions(door):
    """1.3 where the client leaves it open, 1.2 where it insists."""
    for settings, spoken in [
        ({}, "TLSv1.3"),
        ({"ssl_version": "PROTOCOL_TLSv1_2"}, "TLSv1.2"),
    ]:
        client = door.enter(**settings)
        assert client.proxy.socket.version() == spoken
        assert client.create(A.AES, 128)


@scenario(since="1.2", until="1.2")
def tls_1_1(door):
    """Nothing older than 1.2."""
    try:
        door.enter(ssl_version="PROTOCOL_TLSv1_1")
    except (ssl.SSLError, OSError):
        return
    raise AssertionError("TLS 1.1 is spoken")


@scenario()
def a_password_that_nobody_asked_for(door):
    """Clients send example passwords beside their certificate: without users they are ignored."""
    client = door.enter(username="example_username", password="example_password")
    uid = client.create(A.AES, 128)
    assert door.client.locate() == [uid]


@scenario(server="guarded")
def a_password(door):
    """With users configured, the password says who the client is, and a wrong one nobody."""
    alice = door.enter(username="alice", password="correct horse")
    uid = alice.register(objects.OpaqueObject(b"Alice's", enums.OpaqueDataType.NONE))
    assert alice.get(uid).value == b"Alice's"
    own = door.client.create(A.AES, 128)
    assert door.client.locate() == [own]
    with refused(Reason.ITEM_NOT_FOUND):
        door.client.get(uid)
    with refused(Reason.ITEM_NOT_FOUND):
        alice.get(own)
    elsewhere = door.enter("other", username="alice", password="correct horse")
    assert elsewhere.get(uid).value == b"Alice's"
    alice.destroy(uid)
    stranger = door.enter(username="mallory", password="correct horse")
    with refused(Reason.AUTHENTICATION_NOT_SUCCESSFUL):
        stranger.locate()
