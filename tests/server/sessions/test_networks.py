"""Addresses as limits count them."""

import pytest

from server.sessions.networks import network_of


@pytest.mark.parametrize(
    "address,network",
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("an unknown address", "an unknown address"),
    ],
)
def test_ipv6_counts_by_64_bits_and_ipv4_whole(address, network):
    assert network_of(address) == network
