"""A group of servers on one Valkey, with real processes: the third needs no operator."""

from collections.abc import Callable

import pytest

from tests.e2e.test_bootstrap import Machine, command
from tests.e2e.test_redis import certificate, machine, provision, pykmip, redis
from tests.free_ports import free_port
from tests.interop.conftest import PYKMIP
from tests.storage.redis_server import RedisServer

pytestmark = pytest.mark.slow

__all__ = ["machine", "redis"]  # fixtures


def peers(port: int) -> tuple[object, ...]:
    return ("--insecure-allow-simulated-peers", "--peer-address", f"127.0.0.1:{port}")


def until_serving(one: Machine) -> None:
    """Read on what it prints until it serves."""
    assert one.process
    assert one.process.stdout
    while line := one.process.stdout.readline():
        if "serves KMIP" in line:
            return
    raise AssertionError(one.log)


@pytest.mark.interop
@pytest.mark.skipif(not PYKMIP.exists(), reason="PyKMIP's environment is not there: ./check")
async def test_a_third_server_joins_by_hand_over_and_serves_a_key_to_pykmip(
    redis: RedisServer, machine: Callable[[str], Machine]
):
    one, other, third = machine("one"), machine("other"), machine("third")
    ports = {each.directory: free_port() for each in (one, other, third)}
    for each in (one, other):
        assert "waits for its operator" in each.launch(*peers(ports[each.directory]))
        each.measure()
        provision(each, redis.url)
    uid, material = pykmip(one, await certificate(one))
    givers = ",".join(f"127.0.0.1:{ports[each.directory]}" for each in (one, other))
    joins = (*peers(ports[third.directory]), "--handover-from", givers)

    # Nobody has allowed it yet, and one of the two is gone by the time that somebody does.
    assert "waits for its operator" in third.launch(*joins)
    third.measure()
    assert one.process
    one.process.kill()
    one.process.communicate()
    one.process = None
    credential = ("--token-file", other.directory / "token")
    policy = third.directory / "policy.toml"
    command("hand-over", "allow", policy, *other.accepted(), *credential)
    until_serving(third)
    assert pykmip(third, await certificate(third), uid) == [uid, material]
    assert "has allowed no server" in other.log
    assert '"operation": "Hand-over"' in other.log

    # It restarts by what it has sealed, as the operator allowed those that they provisioned.
    assert third.end() == 0
    assert "serves KMIP" in third.launch(*joins)
    assert pykmip(third, await certificate(third), uid) == [uid, material]

    # What is withdrawn at one holds for all of them.
    assert (
        "nothing is handed over"
        in command("hand-over", "forbid", *other.accepted(), *credential).stdout
    )
    assert (
        "nothing is handed over"
        in command("hand-over", "show", *third.accepted(), *credential).stdout
    )
