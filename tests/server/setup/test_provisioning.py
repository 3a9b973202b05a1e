"""What was given, sealed for a restart: by this chip and code alone, and never an older one."""

import copy
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enclave.claims import SkProvider
from enclave.errors import DeviceError
from enclave.insecure import SoftwareChip, SoftwareTee
from enclave.insecure.chip import POLICY
from enclave.keys import MAX_SEALED_BYTES, Purpose, seal
from enclave.owner import OwnedTee, Owner
from enclave.snp.abi import GuestPolicy
from enclave.tdx import TDX
from server.setup import provisioning, sealed_head
from server.setup.config import Config
from server.setup.explanations import explain
from server.setup.failure import Failure
from server.setup.provisioning import FILE_NAME, Provisioning
from server.setup.sealed_head import MAX_STEP, SealedHead
from storage import (
    KeyFile,
    MemoryBackend,
    MemorySpace,
    Put,
    Remove,
    SealedStore,
    Tampered,
    Terms,
    WrongSecret,
    open_store,
)
from tests.enclave.guest_machine import other_chip
from tests.server.unprovisioned_server import chip, software

PROVISIONING = Provisioning(
    store="sqlite:/x", password="hunter2", pkcs12=b"\x00\xff", pkcs12_password="swordfish",
    client_ca="PEM", policy="TOML", restart=True,
)  # fmt: skip
KEY = KeyFile(bytes(32))


@asynccontextmanager
async def opened(space: MemorySpace | None = None) -> AsyncIterator[SealedStore]:
    backend = MemoryBackend() if space is None else MemoryBackend(space)
    async with open_store(backend, KEY, create=True) as store:
        yield store


def test_secrets_do_not_show():
    text = repr(replace(PROVISIONING, key_file=b"a key file of thirty-two bytes!!"))
    for secret in ("hunter2", "swordfish", "thirty-two", "xff"):
        assert secret not in text


@given(
    st.builds(
        Provisioning,
        store=st.text(),
        password=st.none() | st.text(),
        key_file=st.none() | st.binary(),
        pkcs12=st.none() | st.binary(),
        pkcs12_password=st.text(),
        client_ca=st.text(),
        policy=st.text(),
        restart=st.booleans(),
        anchor=st.text(),
        number=st.integers(min_value=0, max_value=2**64 - 1),
    )
)
@settings(max_examples=50)
def test_it_reads_what_it_wrote(one: Provisioning):
    assert Provisioning.decode(one.encode()) == one


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"store": ""}', b"\xff"])
def test_what_it_did_not_write_is_refused(data):
    with pytest.raises(ValueError):
        Provisioning.decode(data)


def test_what_opens_the_store():
    assert Provisioning().secret is None
    assert Provisioning(key_file=bytes(32)).secret == KEY
    for bad in (Provisioning(key_file=b"x"), Provisioning(password="")):
        with pytest.raises(Failure):
            _ = bad.secret
    with pytest.raises(Failure, match="Neither a password nor a key file"):
        provisioning.opening(Provisioning())


@pytest.mark.parametrize(
    "one,said",
    [
        (Provisioning(store="sqlite:/x", password="y"), "/x does not open with the password given"),
        (
            Provisioning(store="sqlite:/x", key_file=b"y"),
            "/x does not open with the key file given",
        ),
        (Provisioning(password="y"), "/d/store.db does not open with the password given"),
    ],
)
def test_a_sentence_names_what_was_given(one, said):
    config = provisioning.described(Config(data=Path("/d"), store_password_file=Path("/p")), one)
    assert f"{said}." in explain(WrongSecret(), config)


async def recalled(data: Path, tee: SoftwareTee | None = None, **more: Any) -> Provisioning:
    """What is recalled where something is."""
    found = await provisioning.recall(data, tee or software(), **more)
    assert found is not None
    return found


async def kept(data: Path, store: SealedStore, what: Provisioning, **more: Any) -> SealedHead:
    """The head that is sealed where provisioning is kept."""
    head = await provisioning.keep(data, software(), store, what, **more)
    assert head is not None
    return head


async def test_it_is_recalled_by_the_same_code_on_the_same_chip(tmp_path: Path, caplog):
    async with opened() as store:
        assert await provisioning.keep(tmp_path, software(), store, PROVISIONING)
    found = await recalled(tmp_path)
    assert replace(found, anchor="", number=0, time=0, lineage="") == PROVISIONING
    assert found.number == 1
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    content = (tmp_path / FILE_NAME).read_bytes()
    assert b"hunter2" not in content
    assert "hunter2" not in caplog.text


async def test_without_a_file_there_is_nothing_to_recall(tmp_path: Path):
    assert await provisioning.recall(tmp_path, software()) is None


@pytest.mark.parametrize(
    "tee,why",
    [
        (lambda: software(measurement=bytes(48)), "measurement"),
        (lambda: software(policy=POLICY | int(GuestPolicy.DEBUG)), "another key"),
        (lambda: replace(software(), guest=replace(software().guest, chip=other_chip())), "chip"),
        (lambda: software(TDX), "no keys"),
    ],
    ids=["other code", "debug launch", "other chip", "TDX"],
)
async def test_nobody_else_recalls_it(tmp_path: Path, tee, why, caplog):
    async with opened() as store:
        await provisioning.keep(tmp_path, software(), store, PROVISIONING)
    before = (tmp_path / FILE_NAME).read_bytes()
    assert await provisioning.recall(tmp_path, tee()) is None
    assert why in caplog.text
    assert (tmp_path / FILE_NAME).read_bytes() == before


async def test_damage_anywhere_is_noticed(tmp_path: Path):
    async with opened() as store:
        await provisioning.keep(tmp_path, software(), store, PROVISIONING)
    path = tmp_path / FILE_NAME
    whole = path.read_bytes()
    for at in range(0, len(whole), 37):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert await provisioning.recall(tmp_path, software()) is None, at
    for damaged in (b"", whole[:-1], whole + b"x", b"x" * (provisioning.MAX_FILE_BYTES + 1)):
        path.write_bytes(damaged)
        assert await provisioning.recall(tmp_path, software()) is None


async def test_what_was_sealed_for_something_else_is_not_provisioning(tmp_path: Path):
    sk = await software().derived_key()
    for purpose, plaintext in (
        (Purpose.API_TLS, PROVISIONING.encode()),
        (Purpose.PROVISIONING, b"{}"),
    ):
        (tmp_path / FILE_NAME).write_bytes(seal(sk, purpose, plaintext))
        assert await provisioning.recall(tmp_path, software()) is None


async def test_something_else_than_a_file_is_told_and_left(tmp_path: Path, caplog):
    (tmp_path / FILE_NAME).mkdir()
    assert await provisioning.recall(tmp_path, software()) is None
    assert "does not open" in caplog.text


async def test_a_chip_that_does_not_answer_asks_for_the_operator(tmp_path: Path):
    class Mute:
        async def derived_key(self, tcb_version=None):
            raise DeviceError("the chip stays busy")

    async with opened() as store:
        await provisioning.keep(tmp_path, software(), store, PROVISIONING)
    assert await provisioning.recall(tmp_path, Mute()) is None  # type: ignore[arg-type]


def updated() -> SoftwareChip:
    return chip().updated(replace(chip().tcb, microcode=chip().tcb.microcode + 1))


async def test_a_firmware_update_seals_it_anew(tmp_path: Path, caplog):
    async with opened() as store:
        await provisioning.keep(tmp_path, software(), store, PROVISIONING)
    old = (tmp_path / FILE_NAME).read_bytes()
    newer = replace(software(), guest=replace(software().guest, chip=updated()))
    assert await provisioning.recall(tmp_path, newer) is None, "unless the settings allow it"
    minimum = chip().tcb.build()
    found = await recalled(tmp_path, newer, minimum_tcb=minimum)
    assert found.password == "hunter2"
    again = (tmp_path / FILE_NAME).read_bytes()
    assert again != old
    found = await recalled(tmp_path, newer, minimum_tcb=minimum)
    assert found.password == "hunter2"
    assert (tmp_path / FILE_NAME).read_bytes() == again
    # The firmware before the update does not open what is sealed after it.
    assert await provisioning.recall(tmp_path, software()) is None


@contextmanager
def full_disk() -> Iterator[None]:
    """No file can be written meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_that_it_cannot_be_sealed_anew_keeps_nobody_from_starting(tmp_path: Path, caplog):
    async with opened() as store:
        await provisioning.keep(tmp_path, software(), store, PROVISIONING)
    newer = replace(software(), guest=replace(software().guest, chip=updated()))
    with full_disk():
        found = await recalled(tmp_path, newer, minimum_tcb=chip().tcb.build())
    assert found.password == "hunter2"
    assert "stays sealed for the older firmware" in caplog.text


async def test_an_older_file_is_refused(tmp_path: Path):
    async with opened() as store:
        await provisioning.keep(tmp_path, software(), store, PROVISIONING)
        old = await recalled(tmp_path)
        await provisioning.check_number(store, old)
        await provisioning.keep(tmp_path, software(), store, old)
        new = await recalled(tmp_path)
        assert (old.number, new.number) == (1, 2)
        await provisioning.check_number(store, new)
        with pytest.raises(Failure, match="put an old file back"):
            await provisioning.check_number(store, old)
        # From the operator, who knows what was given.
        await provisioning.check_number(store, PROVISIONING)


async def test_a_file_that_is_ahead_of_the_store_is_that_of_a_crash(tmp_path: Path):
    async with opened() as store:
        await provisioning.keep(tmp_path, software(), store, PROVISIONING)
        last = await recalled(tmp_path)
        await provisioning.check_number(store, replace(last, number=last.number + 1))


async def test_the_anchor_moves_with_the_store(tmp_path: Path):
    async with opened() as store:
        head = await kept(tmp_path, store, PROVISIONING)
        for name in (b"a", b"b"):
            await store.commit([Put(name, 0, b"", None, Terms())])
            await head.seal()
            opening = provisioning.opening(await recalled(tmp_path))
            assert opening.anchor == store.anchor


async def test_a_store_put_back_to_before_the_newest_sealed_state_is_refused(tmp_path: Path):
    space = MemorySpace()
    async with opened(space) as store:
        head = await kept(tmp_path, store, PROVISIONING)
        await store.commit([Put(b"key", 0, b"", None, Terms())])
    older = copy.deepcopy(space)
    async with opened(space) as store:
        await store.commit([Remove(b"key", store.version(b"key"))])
        head.store = store
        await head.seal()
    anchor = provisioning.opening(await recalled(tmp_path)).anchor
    async with open_store(MemoryBackend(space), KEY, anchor=anchor):
        pass
    with pytest.raises(Tampered):
        async with open_store(MemoryBackend(older), KEY, anchor=anchor):
            pass


async def test_a_state_of_the_store_from_before_the_last_start_is_refused(tmp_path: Path, caplog):
    async with opened() as store:
        await provisioning.keep(tmp_path, software(), store, PROVISIONING)
        older = (tmp_path / sealed_head.FILE_NAME).read_bytes()
        await kept(tmp_path, store, await recalled(tmp_path))
    (tmp_path / sealed_head.FILE_NAME).write_bytes(older)
    assert await provisioning.recall(tmp_path, software()) is None
    assert "somebody has put it back" in caplog.text
    (tmp_path / sealed_head.FILE_NAME).unlink()
    assert await provisioning.recall(tmp_path, software()) is None


async def test_other_settings_are_refused(tmp_path: Path, caplog):
    async with opened() as store:
        await provisioning.keep(tmp_path, software(), store, PROVISIONING, configuration=b"one")
    assert await provisioning.recall(tmp_path, software(), configuration=b"other") is None
    assert "sealed under other settings" in caplog.text
    assert await provisioning.recall(tmp_path, software(), configuration=b"one")


@pytest.mark.parametrize("deployment,operator", [("ours", b"m" * 32), ("theirs", b"o" * 32)])
async def test_what_another_operator_or_deployment_sealed_does_not_open(
    tmp_path: Path, deployment, operator
):
    ours = OwnedTee.of(software(), Owner(b"o" * 32, "ours"))
    async with opened() as store:
        await provisioning.keep(
            tmp_path, OwnedTee.of(software(), Owner(operator, deployment)), store, PROVISIONING
        )
        assert await provisioning.recall(tmp_path, ours) is None
        await provisioning.keep(tmp_path, ours, store, PROVISIONING)
    assert await provisioning.recall(tmp_path, ours)


async def test_a_clock_below_the_highest_time_is_refused(tmp_path: Path, caplog):
    noon = datetime(2030, 5, 1, 12, tzinfo=UTC)
    async with opened() as store:
        one = replace(PROVISIONING, time=int(noon.timestamp()))
        head = await kept(tmp_path, store, one, now=lambda: noon)
        head.now = lambda: noon + timedelta(days=1)
        await head.seal()
        head.now = lambda: noon
        await head.seal()

    async def at(moment: datetime) -> Provisioning | None:
        return await provisioning.recall(tmp_path, software(), now=lambda: moment)

    assert await at(noon) is None
    assert "what has expired would be valid again" in caplog.text
    assert await at(noon + timedelta(days=1))
    assert await at(noon + timedelta(days=1) - MAX_STEP), "a time service may correct a little"


async def test_a_clock_that_goes_back_ends_the_service(tmp_path: Path, autojump_clock):
    noon = datetime(2030, 5, 1, 12, tzinfo=UTC)
    ended = []
    async with opened() as store:
        head = await kept(tmp_path, store, PROVISIONING, now=lambda: noon)
        head.now = lambda: noon - MAX_STEP - timedelta(seconds=1)
        await head.keep(lambda: ended.append(True))
    assert ended == [True]


async def test_without_leave_nothing_is_sealed_and_what_was_does_not_hold(tmp_path: Path):
    once = replace(PROVISIONING, restart=False)
    async with opened() as store:
        assert not await provisioning.keep(tmp_path, software(), store, once)
        assert await store.read(provisioning.RECORD) is None
        await provisioning.keep(tmp_path, software(), store, PROVISIONING)
        kept = await recalled(tmp_path)
        assert not await provisioning.keep(tmp_path, software(), store, once)
        assert not (tmp_path / FILE_NAME).exists()
        with pytest.raises(Failure, match="old file"):
            await provisioning.check_number(store, kept)


async def test_a_chip_without_a_key_seals_nothing(tmp_path: Path, caplog):
    tee = software(TDX)
    assert tee.sk is SkProvider.NONE
    async with opened() as store:
        assert not await provisioning.keep(tmp_path, tee, store, PROVISIONING)
    assert not (tmp_path / FILE_NAME).exists()
    assert "a restart needs the operator" in caplog.text


async def test_what_is_too_long_to_be_sealed_is_told(tmp_path: Path):
    async with opened() as store:
        long = replace(PROVISIONING, pkcs12=bytes(MAX_SEALED_BYTES))
        with pytest.raises(Failure, match="too long to be sealed"):
            await provisioning.keep(tmp_path, software(), store, long)
        assert await store.read(provisioning.RECORD) is None


def test_forgetting_twice_is_harmless(tmp_path: Path):
    (tmp_path / FILE_NAME).write_bytes(b"x")
    provisioning.forget(tmp_path)
    provisioning.forget(tmp_path)
    assert not (tmp_path / FILE_NAME).exists()


async def test_what_one_server_sealed_is_of_no_use_beside_another_s_state(tmp_path: Path, caplog):
    """The same operator, chip and code; a host moves files between two of its machines."""
    one, other = tmp_path / "one", tmp_path / "other"
    for data in (one, other):
        data.mkdir()
        async with opened() as store:
            await kept(data, store, PROVISIONING)
    (other / FILE_NAME).write_bytes((one / FILE_NAME).read_bytes())
    assert await provisioning.recall(other, software()) is None
    assert "another server's" in caplog.text


async def test_the_lineage_lasts_over_restarts(tmp_path: Path):
    async with opened() as store:
        await kept(tmp_path, store, PROVISIONING)
        first = await recalled(tmp_path)
        await kept(tmp_path, store, first)
    again = await recalled(tmp_path)
    assert (again.number, again.lineage) == (2, first.lineage)


# Several servers on one store


async def test_servers_that_share_a_store_are_provisioned_each_for_itself(tmp_path: Path):
    """What one seals stays good when another seals; an older file of its own does not."""
    space = MemorySpace()
    machines = [(tmp_path / name, software()) for name in ("one", "other")]
    for data, _ in machines:
        data.mkdir()
    async with open_store(MemoryBackend(space, shared=True), KEY, create=True) as store:
        old = []
        for data, tee in machines:
            await provisioning.keep(data, tee, store, PROVISIONING)
            old.append({path.name: path.read_bytes() for path in data.iterdir()})
        for data, tee in machines:
            recalled = await provisioning.recall(data, tee)
            assert recalled is not None
            await provisioning.check_number(store, recalled)
            await provisioning.keep(data, tee, store, recalled)
        (data, tee), (other_data, other_tee) = machines
        for name, content in old[0].items():
            (data / name).write_bytes(content)
        recalled = await provisioning.recall(data, tee)
        assert recalled is not None
        with pytest.raises(Failure, match="put an old file back"):
            await provisioning.check_number(store, recalled)
        recalled = await provisioning.recall(other_data, other_tee)
        assert recalled is not None
        await provisioning.check_number(store, recalled)


@pytest.mark.parametrize("restart", [True, False])
async def test_an_operator_who_provisions_anew_ends_what_was_sealed_there(
    tmp_path: Path, restart: bool
):
    tee = software()
    async with open_store(MemoryBackend(shared=True), KEY, create=True) as store:
        await provisioning.keep(tmp_path, tee, store, PROVISIONING)
        old = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        await provisioning.keep(tmp_path, tee, store, replace(PROVISIONING, restart=restart))
        assert bool(list(tmp_path.iterdir())) is restart
        for name, content in old.items():
            (tmp_path / name).write_bytes(content)
        recalled = await provisioning.recall(tmp_path, tee)
        assert recalled is not None
        with pytest.raises(Failure, match="put an old file back"):
            await provisioning.check_number(store, recalled)
