"""The chip's key is its owner's: no other operator and no other deployment has it."""

from datetime import UTC, datetime

import pytest

from enclave.claims import KeyOrigin, Role
from enclave.errors import InvalidPolicy
from enclave.insecure import SoftwareGuest, SoftwareTee
from enclave.keys import Purpose, tls_key
from enclave.owner import AnotherOwner, OwnedTee, Owner, check_host_data
from enclave.policy import read_policy, write_policy
from enclave.snp import SEV_SNP
from enclave.tdx import TDX
from server.attestation.attester import make_attester
from server.setup.config import Config
from tests.enclave.attested import claims_for
from tests.enclave.guest_machine import software_chip

OURS = Owner(b"o" * 32, "ours")
OTHERS = [Owner(b"m" * 32, "ours"), Owner(b"o" * 32, "theirs"), Owner(None, "ours")]


def tee(**guest) -> SoftwareTee:
    return SoftwareTee(SoftwareGuest(software_chip(), **guest))


async def test_each_owner_has_another_key_and_the_same_each_time():
    keys = [(await OwnedTee.of(tee(), owner).derived_key()).key for owner in [OURS, *OTHERS]]
    assert len(set(keys)) == len(keys)
    assert (await tee().derived_key()).key not in keys
    assert (await OwnedTee.of(tee(), OURS).derived_key()).key == keys[0]


async def test_a_tee_is_its_owner_s_once():
    owned = OwnedTee.of(tee(), OURS)
    assert OwnedTee.of(owned, OURS) is owned
    other = OwnedTee.of(owned, OTHERS[0])
    assert other.tee is owned.tee


async def test_all_else_is_as_the_tee_gives_it():
    plain = tee(host_data=b"h" * 32)
    owned = OwnedTee.of(plain, OURS)
    assert (owned.kind, owned.sk, owned.simulated) == (plain.kind, plain.sk, True)
    assert await owned.measurement() == await plain.measurement()
    assert await owned.host_data() == b"h" * 32


@pytest.mark.parametrize("kind", [SEV_SNP, TDX])
async def test_what_the_host_set_at_launch_is_the_operator_or_nothing(kind):
    def launched(host_data: bytes) -> SoftwareTee:
        return SoftwareTee(SoftwareGuest(software_chip(), host_data=host_data), kind=kind)

    await check_host_data(launched(bytes(32)), OURS)
    await check_host_data(launched(b"o" * 32), OURS)
    for owner in (OTHERS[0], OTHERS[2]):
        with pytest.raises(AnotherOwner, match="digest of the operator"):
            await check_host_data(launched(b"o" * 32), owner)


@pytest.mark.parametrize("named", [b"v" * 32, b"m" * 32])
async def test_a_server_attests_itself_as_its_operators_or_not_at_all(named):
    """A host that launches with the victim's digest cannot name itself as the operator."""
    config = Config(use_bootstrap_server=True, bootstrap_operator_token_sha256=named.hex())
    launched = tee(host_data=b"v" * 32)

    async def made(role):
        return await make_attester(
            config, launched, role, lambda: datetime.now(UTC), instance=bytes(16)
        )

    for role in (Role.API, Role.BOOTSTRAP):
        if named != b"v" * 32:
            with pytest.raises(AnotherOwner):
                await made(role)
        else:
            assert (await made(role)).claims().operator_sha256 == named


async def test_another_operator_s_server_on_the_same_chip_has_another_tls_key():
    keys = [
        (await tls_key(OwnedTee.of(tee(), owner), Purpose.API_TLS)).private_numbers()
        for owner in [OURS, *OTHERS]
    ]
    assert len({key.private_value for key in keys}) == len(keys)


CLAIMED = claims_for(tee(), operator_sha256=b"o" * 32, insecure_settings=("insecure_x",))


@pytest.mark.parametrize(
    "text,why",
    [
        (f'operators = ["{"6d" * 32}"]', "operator"),
        ('deployments = ["theirs"]', "deployment 'eu-1'"),
        (f'configurations = ["{"01" * 32}"]', "settings"),
        ('key_origins = ["chip"]', "key by random"),
        ("insecure_settings = []", "setting insecure_x"),
    ],
)
def test_a_policy_can_demand_each_claim(text, why):
    policy = read_policy(f"[claims]\n{text}\n")
    (said,) = policy.claims.differences(CLAIMED)
    assert why in said
    (said,) = policy.claims.differences(None)
    assert "no claims" in said
    assert read_policy(write_policy(policy)) == policy


def test_claims_that_meet_a_policy_are_accepted():
    policy = read_policy(
        f'[claims]\noperators = ["{"6f" * 32}"]\ndeployments = ["eu-1"]\n'
        f'configurations = ["{"00" * 32}"]\nkey_origins = ["random"]\n'
        'insecure_settings = ["insecure_x"]\n'
    )
    assert list(policy.claims.differences(CLAIMED)) == []


def test_a_brought_key_is_refused_unless_the_policy_has_it():
    brought = claims_for(tee(), key_origin=KeyOrigin.BROUGHT)
    (said,) = read_policy("").claims.differences(brought)
    assert "impersonate this server" in said
    allowed = read_policy('[claims]\nkey_origins = ["given"]\n')
    assert list(allowed.claims.differences(brought)) == []


def test_an_unknown_key_is_an_error_here_too():
    with pytest.raises(InvalidPolicy, match="claims has no key"):
        read_policy('[claims]\noperator = ["00"]\n')
