"""When certificates are asked for, over months that pass in a moment."""

import logging
import ssl
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from enclave.evidence import TEE
from enclave.insecure import SoftwareGuest, SoftwareTee
from enclave.snp import SEV_SNP
from enclave.tdx import TDX
from enclave.tee import Gate
from server.acme.challenges import TLSALPN01, service_context
from server.acme.client import certificate_id
from server.acme.renewal import Renewal
from server.acme.sealed_state import CERTIFICATE_FILE, SealedState
from server.transport import tls
from server.transport.https_client import Reply
from tests.enclave.guest_machine import software_chip
from tests.server.acme.fake_directory import FakeDirectory, wrong_in

NAME = "kms.example.test"
START = datetime(2030, 1, 1, tzinfo=UTC)
DAY = 86400.0


def now() -> datetime:
    return START + timedelta(seconds=trio.current_time())


class Prompt(Gate):
    """No thread, during which the clock would jump."""

    async def run(self, call):
        await trio.lowlevel.checkpoint()
        return call()


def shake_hands(server: ssl.SSLContext, name: str) -> tuple[bytes, str | None]:
    """What a validator is shown, without a socket: certificate and protocol."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    client.set_alpn_protocols(["acme-tls/1"])
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    mine = client.wrap_bio(down, up, server_hostname=name)
    theirs = server.wrap_bio(up, down, server_side=True)
    for _ in range(4):
        for end in (mine, theirs):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    certificate = mine.getpeercert(True)
    assert certificate
    return certificate, mine.selected_alpn_protocol()


@dataclass
class Life:
    """One server's certificates over time.

    Attributes:
        installed: (day, certificate) of each.
        wrong: what the directory is to find when it looks; empty: what is there.
    """

    data: Path
    kind: TEE = SEV_SNP
    wrong: str = ""
    installed: list[tuple[float, tls.Identity]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context = service_context()
        self.directory = FakeDirectory(self.validate, now)
        self.tee = SoftwareTee(SoftwareGuest(software_chip()), self.kind, Prompt())
        self.luck = 0.0

    async def validate(self, kind: str, name: str, token: str, authorization: str) -> str:
        if self.wrong:
            return self.wrong
        return wrong_in(*shake_hands(self.context, name), name, authorization)

    def renewal(self) -> Renewal:
        return Renewal(
            kept=SealedState(self.data, self.tee, self.directory.url, NAME),
            fetch=self.directory.fetch,
            answering=[TLSALPN01(self.context, now)],
            install=self.install,
            now=now,
            chance=lambda: self.luck,
        )

    def install(self, identity: tls.Identity) -> None:
        self.installed.append((trio.current_time() / DAY, identity))

    @property
    def days(self) -> list[int]:
        """The days on which a certificate came."""
        return [round(day) for day, _ in self.installed]

    @property
    def orders(self) -> int:
        return self.directory.requests.count("/newOrder")

    async def live(self, days: float, **changes: Any) -> None:
        """Let time pass."""
        with trio.move_on_after(days * DAY):
            await self.renewal().keep(**changes)


@pytest.fixture
async def life(tmp_path: Path) -> Life:
    return Life(tmp_path)


def private_value(identity: tls.Identity) -> int:
    assert isinstance(identity.key, ec.EllipticCurvePrivateKey)
    return identity.key.private_numbers().private_value


async def test_at_two_thirds_of_its_life(autojump_clock, life: Life):
    await life.live(200)
    assert life.days == [0, 60, 120, 180]
    keys = {private_value(identity) for _, identity in life.installed}
    assert len(keys) == 1


async def test_a_little_earlier_by_chance(autojump_clock, life: Life):
    life.luck = 0.999
    await life.live(60)
    assert [round(day, 1) for day, _ in life.installed] == [0, 58.2]


async def test_when_the_directory_says_so(autojump_clock, life: Life):
    def window(certificate):
        start = certificate.not_valid_before_utc
        return start + timedelta(days=20), start + timedelta(days=30)

    life.directory.window = window
    life.luck = 0.5
    await life.live(80)
    assert life.days == [0, 25, 50, 75]
    assert len(life.directory.replaced) == 3


async def test_at_once_when_the_directory_has_to_revoke(autojump_clock, life: Life):
    def window(certificate):
        start = certificate.not_valid_before_utc
        if now() - START < timedelta(days=10) or start > START:
            return start + timedelta(days=60), start + timedelta(days=61)
        return START - timedelta(days=2), START - timedelta(days=1)

    life.directory.window = window
    await life.live(12)
    assert [round(day, 1) for day, _ in life.installed] == [0, 10]


async def test_a_window_after_the_end_is_not_followed(autojump_clock, life: Life, caplog):
    def window(certificate):
        end = certificate.not_valid_after_utc
        return end + timedelta(days=1), end + timedelta(days=2)

    life.directory.window = window
    await life.live(61)
    assert life.days == [0, 60]
    assert "not followed" in caplog.text


async def test_an_order_that_may_not_replace_is_made_without(autojump_clock, life: Life):
    def window(certificate):
        start = certificate.not_valid_before_utc
        return start + timedelta(days=20), start + timedelta(days=20)

    life.directory.window = window
    await life.live(1)
    (_, first) = life.installed[0]
    named = certificate_id(first.certificate)
    assert named
    life.directory.replaced.append(named)
    await life.live(22)
    assert life.days[-1] == 20


async def test_the_old_one_serves_while_the_directory_is_down(autojump_clock, life: Life, caplog):
    await life.live(1)
    life.directory.down = True
    with trio.move_on_after(80 * DAY):
        await life.renewal().keep()
    assert life.days == [0, 1]  # what was kept, put in place at the second start
    assert "cannot be reached" in caplog.text
    assert "the present one ends 2030-04-01" in caplog.text
    life.directory.down = False
    await life.live(1)
    assert len(life.installed) == 4


async def test_refusals_are_few_and_far_between(autojump_clock, life: Life, caplog):
    life.wrong = "no connection to 192.0.2.1"
    await life.live(1 / 24)
    assert life.orders <= 3  # Let's Encrypt counts five an hour
    await life.live(7)
    assert life.orders <= 40
    sentence = f"{NAME} was not found to be this server by tls-alpn-01: no connection to 192.0.2.1"
    assert sentence in caplog.text
    assert not life.context.pending


async def test_what_was_mended_is_noticed(autojump_clock, life: Life):
    life.wrong = "nothing there"

    async def mend() -> None:
        await trio.sleep(DAY)
        life.wrong = ""

    with trio.move_on_after(1.5 * DAY):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(mend)
            await life.renewal().keep()
    assert len(life.installed) == 1


async def test_the_directorys_limit_is_kept(autojump_clock, life: Life):
    life.directory.limited = 12 * 3600
    await life.live(2)
    assert life.orders == 4
    life.directory.limited = 10**9  # it may itself be wrong
    await life.live(2)
    assert life.orders == 6


async def test_a_fault_of_ours_does_not_end_the_server(autojump_clock, life: Life, caplog):
    def fail(identity: tls.Identity) -> None:
        raise RuntimeError("a fault")

    renewal = life.renewal()
    renewal.install = fail
    with trio.move_on_after(DAY):
        await renewal.keep()
    assert "the certificate was not renewed" in caplog.text
    assert life.orders <= 5


@pytest.mark.parametrize(
    "lasts,behind,always_due,at_most",
    [
        (90, 61, False, 10),
        (90, 400, False, 10),
        (6, 4.1, False, 10),
        (90, 0, True, 10),
        (1 / 24, 41 / 1440, False, 3 * 24),
        (1 / 24, 39 / 1440, False, 3 * 24),
        (5 / 1440, 0, False, 3 * 24),
    ],
    ids=[
        "a clock two months ahead",
        "a clock a year ahead",
        "six days, and a clock four days ahead",
        "a window for renewal that has always passed",
        "an hour, backdated by most of it",
        "an hour, with a minute left until it is due",
        "five minutes",
    ],
)
async def test_a_certificate_that_is_due_as_soon_as_it_comes_is_not_ordered_at_once(
    autojump_clock, life: Life, caplog, lasts, behind, always_due, at_most
):
    life.directory.life = timedelta(days=lasts)
    life.directory.now = lambda: now() - timedelta(days=behind)
    if always_due:
        life.directory.window = lambda certificate: (START - timedelta(days=2), START)
    await life.live(1 / 72 - 1e-9)
    assert life.orders == 1
    assert "due as soon as it came" in caplog.text
    await life.live(1)
    assert life.orders <= 1 + at_most


async def test_once_the_clock_is_right_the_next_certificate_comes_at_its_time(
    autojump_clock, life: Life
):
    ahead = timedelta(days=61)
    life.directory.now = lambda: now() - ahead
    with trio.move_on_after(100 * DAY):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(life.renewal().keep)
            await trio.sleep(5 * DAY)
            ahead = timedelta()
    *wrong, right, renewed = life.days
    assert len(wrong) <= 12
    assert (right, renewed) == (6, 66)


async def test_a_certificate_that_cannot_be_used_is_not_ordered_again_at_once(
    autojump_clock, life: Life, caplog
):
    def another(path: str, reply: Reply) -> Reply:
        if not path.startswith("/certificate/"):
            return reply
        return replace(reply, body=life.directory.root.public_bytes(Encoding.PEM))

    life.directory.spoil = another
    await life.live(1 / 24)
    assert life.orders <= 3
    assert "no certificate that can be used" in caplog.text
    assert life.installed == []


async def test_nothing_is_asked_before_the_port_is_open(autojump_clock, life: Life):
    await life.live(1, ready=trio.Event())
    assert not life.directory.requests


async def test_a_kept_certificate_is_for_one_name_from_one_directory(autojump_clock, life: Life):
    await life.live(1)
    for changes in ({"name": "other.example.test"}, {"directory": "https://other.test/dir"}):
        settings = {"directory": life.directory.url, "name": NAME} | changes
        assert await SealedState(life.data, life.tee, **settings).certificate() is None


async def test_a_damaged_file_is_made_anew(autojump_clock, life: Life, caplog):
    await life.live(1)
    path = life.data / CERTIFICATE_FILE
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    await life.live(1)
    assert len(life.installed) == 2
    assert life.installed[0][1].certificate != life.installed[1][1].certificate
    assert "does not open" in caplog.text
    await life.live(1)
    assert life.installed[1][1].certificate == life.installed[2][1].certificate


async def test_a_chip_that_seals_nothing_keeps_nothing(tmp_path: Path, autojump_clock, caplog):
    life = Life(tmp_path, kind=TDX)
    await life.live(100)
    assert life.days == [0, 60]
    assert not list(tmp_path.iterdir())
    assert "seals nothing" in caplog.text


async def test_files_that_cannot_be_written_cost_nothing_else(autojump_clock, life: Life, caplog):
    life.data = life.data / "missing"
    await life.live(1)
    assert life.days == [0]
    assert "is not kept" in caplog.text


async def test_no_key_is_told(autojump_clock, life: Life, caplog):
    caplog.set_level(logging.DEBUG)
    renewal = life.renewal()
    with trio.move_on_after(DAY):
        await renewal.keep()
    texts = caplog.text + repr(renewal) + repr(life.installed)
    (_, identity) = life.installed[0]
    number = private_value(identity)
    assert str(number) not in texts
    assert f"{number:x}" not in texts
    assert "PRIVATE" not in texts
