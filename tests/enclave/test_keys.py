from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from enclave.claims import SkProvider
from enclave.errors import DeviceError
from enclave.insecure import SoftwareGuest, SoftwareTee
from enclave.keys import (
    MAX_SEALED_BYTES,
    DerivedKey,
    Purpose,
    Unsealable,
    expand,
    expand_private_key,
    open_sealed,
    seal,
    tls_key,
    unseal,
)
from enclave.snp.abi import GuestPolicy, MilanTCB
from enclave.tdx import TDX
from tests.enclave.guest_machine import software_chip

SK = DerivedKey(
    provider=SkProvider.SNP_DERIVED_KEY,
    key=bytes(range(32)),
    tcb_version=bytes(8),
    current_tcb_version=bytes(8),
    chip_sha256=bytes(32),
    measurement=bytes(48),
)


def tee(**guest) -> SoftwareTee:
    chip = guest.pop("chip", software_chip())
    return SoftwareTee(SoftwareGuest(chip, **guest))


def test_each_purpose_salt_and_provider_has_its_own_key():
    keys = {expand(SK, purpose, salt=salt) for purpose in Purpose for salt in (b"", b"salt")}
    keys.add(expand(replace(SK, provider=SkProvider.INSECURE_SOFTWARE_CHIP), Purpose.BOOTSTRAP_TLS))
    assert len(keys) == 2 * len(Purpose) + 1
    assert SK.key not in keys


def test_keys_do_not_change_between_releases():
    """What is sealed today has to open tomorrow. Computed from RFC 5869 with HMAC alone, the info
    being each word behind its length: strongroom sk 1, bootstrap TLS key, snp-derived-key.
    """
    expected = "44c491bfa66a2156aa2998d7991bb4d83b519638e5c4a28aa2cb7e1200ffd900"
    assert expand(SK, Purpose.BOOTSTRAP_TLS).hex() == expected


def test_private_keys_do_not_change_between_releases():
    """FIPS 186-5 appendix A.2.1: one more than 48 bytes modulo n - 1, n being P-256's order."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    number = int.from_bytes(expand(SK, Purpose.API_TLS, length=48))
    numbers = expand_private_key(SK, Purpose.API_TLS).private_numbers()
    assert numbers.private_value == number % (order - 1) + 1


def test_a_private_key_comes_out_the_same_each_time():
    one, again = (expand_private_key(SK, Purpose.API_TLS) for _ in range(2))
    assert one.private_numbers() == again.private_numbers()
    assert isinstance(one.curve, ec.SECP256R1)
    other = expand_private_key(SK, Purpose.BOOTSTRAP_TLS)
    assert other.private_numbers() != one.private_numbers()


async def test_the_tls_key_survives_a_restart_where_there_is_a_derived_key():
    one, again = [await tls_key(tee(), Purpose.BOOTSTRAP_TLS) for _ in range(2)]
    assert one.private_numbers() == again.private_numbers()


async def test_the_tls_key_is_random_where_there_is_none():
    chip = SoftwareTee(SoftwareGuest(software_chip()), kind=TDX)
    one, other = [await tls_key(chip, Purpose.BOOTSTRAP_TLS) for _ in range(2)]
    assert one.private_numbers() != other.private_numbers()


async def test_a_chip_that_refuses_its_key_is_not_replaced_by_chance():
    class RefusingTee(SoftwareTee):
        async def derived_key(self, tcb_version=None):
            raise DeviceError("refused")

    with pytest.raises(DeviceError, match="refused"):
        await tls_key(RefusingTee(SoftwareGuest(software_chip())), Purpose.API_TLS)


@given(st.binary(max_size=200), st.sampled_from(Purpose))
def test_what_is_sealed_opens(plaintext, purpose):
    assert open_sealed(SK, purpose, seal(SK, purpose, plaintext)) == plaintext


def test_two_sealings_have_nothing_in_common():
    one, other = (seal(SK, Purpose.PROVISIONING, b"secret") for _ in range(2))
    assert one[-22:] != other[-22:]
    assert b"secret" not in one


@given(st.data())
def test_a_damaged_byte_anywhere_is_noticed(data):
    sealed = bytearray(seal(SK, Purpose.PROVISIONING, b"secret"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Unsealable):
        open_sealed(SK, Purpose.PROVISIONING, bytes(sealed))


@given(st.binary(max_size=300))
def test_garbage_is_unsealable(garbage):
    with pytest.raises(Unsealable):
        open_sealed(SK, Purpose.PROVISIONING, garbage)


def test_another_purpose_or_key_does_not_open():
    sealed = seal(SK, Purpose.PROVISIONING, b"secret")
    for sk, purpose in ((SK, Purpose.API_TLS), (replace(SK, key=bytes(32)), Purpose.PROVISIONING)):
        with pytest.raises(Unsealable):
            open_sealed(sk, purpose, sealed)


def test_lengths_have_a_limit():
    with pytest.raises(ValueError):
        seal(SK, Purpose.PROVISIONING, bytes(MAX_SEALED_BYTES + 1))
    longest = bytes(MAX_SEALED_BYTES)
    sealed = seal(SK, Purpose.PROVISIONING, longest)
    assert open_sealed(SK, Purpose.PROVISIONING, sealed) == longest
    filled = sealed.ljust(2 * MAX_SEALED_BYTES, b"x")
    with pytest.raises(Unsealable, match="another key"):
        open_sealed(SK, Purpose.PROVISIONING, filled)
    with pytest.raises(Unsealable, match="too long"):
        open_sealed(SK, Purpose.PROVISIONING, filled + b"x")


def test_the_key_is_not_shown():
    assert SK.key.hex() not in repr(SK)
    assert repr(SK.key) not in repr(SK)


async def sealed_on(chip_tee: SoftwareTee) -> bytes:
    return seal(await chip_tee.derived_key(), Purpose.PROVISIONING, b"secret")


async def test_the_same_code_on_the_same_chip_unseals():
    found = await unseal(tee(), Purpose.PROVISIONING, await sealed_on(tee()))
    assert (found.plaintext, found.resealed) == (b"secret", None)
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    "other, why",
    [
        ({"measurement": bytes(48)}, "another measurement"),
        ({"policy": int(GuestPolicy.RESERVED_ONE | GuestPolicy.DEBUG)}, "another key"),
        ({"vmpl": 1}, "another key"),
    ],
)
async def test_other_code_a_debug_launch_or_a_lower_level_do_not_unseal(other, why):
    sealed = await sealed_on(tee())
    with pytest.raises(Unsealable, match=why):
        await unseal(tee(**other), Purpose.PROVISIONING, sealed)


async def test_another_chip_does_not_unseal():
    other = replace(software_chip(), secret=bytes(32))
    with pytest.raises(Unsealable, match="chip_sha256"):
        await unseal(tee(chip=other), Purpose.PROVISIONING, await sealed_on(tee()))


async def test_after_a_firmware_update_it_unseals_once_more_and_is_sealed_anew():
    before = tee()
    newer = software_chip().updated(MilanTCB(boot_loader=9, tee=0, snp=24, microcode=72))
    after = tee(chip=newer)
    sealed = await sealed_on(before)
    with pytest.raises(Unsealable, match="below the minimum"):
        await unseal(after, Purpose.PROVISIONING, sealed)  # unless somebody says that it may
    found = await unseal(
        after, Purpose.PROVISIONING, sealed, minimum_tcb=software_chip().tcb.build()
    )
    assert found.plaintext == b"secret"
    again = await unseal(after, Purpose.PROVISIONING, found.resealed)
    assert (again.plaintext, again.resealed) == (b"secret", None)
    with pytest.raises(DeviceError):  # the old firmware cannot have the new one's key
        await unseal(before, Purpose.PROVISIONING, found.resealed)


async def test_a_tcb_known_to_be_broken_is_not_unsealed_from():
    sealed = await sealed_on(tee())
    minimum = MilanTCB(boot_loader=0, tee=0, snp=24, microcode=0).build()
    with pytest.raises(Unsealable, match="below the minimum"):
        await unseal(tee(), Purpose.PROVISIONING, sealed, minimum_tcb=minimum)


@pytest.mark.parametrize("size", [0, 7, 9])
async def test_a_minimum_of_another_length_is_no_minimum(size):
    """A TCB_VERSION has 8 bytes; a shorter one would leave components out."""
    with pytest.raises(ValueError, match="argument"):
        await unseal(tee(), Purpose.PROVISIONING, await sealed_on(tee()), minimum_tcb=bytes(size))


async def test_another_providers_sealing_is_refused_by_name():
    sealed = seal(SK, Purpose.PROVISIONING, b"secret")
    with pytest.raises(Unsealable, match="another provider"):
        await unseal(tee(), Purpose.PROVISIONING, sealed)


async def test_keys_are_of_the_committed_tcb_whatever_the_host_has_reported():
    """AMD 56860: a host may lower REPORTED_TCB at any time, and COMMITTED_TCB never."""
    chip = software_chip()
    lowered = chip.updated(MilanTCB(boot_loader=7, tee=0, snp=14, microcode=60))
    key = await tls_key(tee(chip=lowered), Purpose.API_TLS)
    assert key.private_numbers() == (await tls_key(tee(), Purpose.API_TLS)).private_numbers()
    forged = seal(await tee().derived_key(lowered.tcb.build()), Purpose.PROVISIONING, b"forged")
    with pytest.raises(Unsealable, match="below the minimum"):
        await unseal(tee(), Purpose.PROVISIONING, forged)
