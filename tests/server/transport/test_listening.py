"""Listening at several addresses and in both families, at one port."""

import socket

import pytest
import trio

from server.setup.addresses import reachable, split
from server.transport.listening import open_listeners


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


async def reached(hosts: str, *clients: str) -> int:
    """The port at which each of these addresses is answered."""
    listeners = await open_listeners(hosts, 0)
    ports = {each.socket.getsockname()[1] for each in listeners}
    (port,) = ports
    for client in clients:
        stream = await trio.open_tcp_stream(client, port)
        await stream.aclose()
    for each in listeners:
        await each.aclose()
    return int(port)


@needs_ipv6
async def test_two_colons_serve_both_families():
    await reached("::", "127.0.0.1", "::1")


@needs_ipv6
async def test_a_name_serves_all_of_its_addresses():
    await reached("localhost", "127.0.0.1", *(
        ["::1"] if any(info[0] == socket.AF_INET6 for info in socket.getaddrinfo("localhost", None))
        else []
    ))  # fmt: skip


@needs_ipv6
async def test_several_addresses_share_one_port():
    await reached("127.0.0.1, ::1", "127.0.0.1", "::1")
    await reached("127.0.0.1,127.0.0.2,127.0.0.1", "127.0.0.1", "127.0.0.2")


async def test_a_port_that_is_taken_at_one_address_is_told_and_the_others_are_let_go():
    (taken,) = await open_listeners("127.0.0.2", 0)
    port = taken.socket.getsockname()[1]
    with pytest.raises(OSError, match=r"in use"):
        await open_listeners("127.0.0.1,127.0.0.2", port)
    await taken.aclose()
    for each in await open_listeners("127.0.0.1,127.0.0.2", port):
        await each.aclose()


async def test_an_address_that_this_machine_has_not_is_told():
    with pytest.raises(OSError, match=r".") as caught:
        await open_listeners("127.0.0.1,192.0.2.77", 0)
    assert not isinstance(caught.value, socket.gaierror)


@pytest.mark.parametrize(
    "hosts,found,host",
    [
        ("127.0.0.1", ("127.0.0.1",), "127.0.0.1"),
        (" ::1 , 192.0.2.1,::1,", ("::1", "192.0.2.1"), "::1"),
        ("::", ("::",), "localhost"),
        ("0.0.0.0,::", ("0.0.0.0", "::"), "localhost"),
        ("", ("::",), "localhost"),
    ],
)
def test_what_a_setting_names(hosts, found, host):
    assert split(hosts) == found
    assert reachable(hosts) == host
