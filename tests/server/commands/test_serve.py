"""What `serve` does around the listener: files, banner, signals."""

import logging
import os
import resource
import signal
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio

from server.commands import serve, signals
from server.service import Up
from server.setup.config import Config
from server.setup.failure import Failure

NOW = datetime.now(UTC)


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_a_first_start_makes_certificates_and_a_second_finds_them(tmp_path: Path) -> None:
    config = Config(data=tmp_path / "data")
    serve.prepare(config, NOW)
    made = {path.name: path.read_bytes() for path in config.tls_directory.iterdir()}
    assert set(made) == {
        "ca.pem", "ca.key", "server.pem", "server.key", "client.pem", "client.key",
    }  # fmt: skip
    serve.prepare(config, NOW)
    assert {path.name: path.read_bytes() for path in config.tls_directory.iterdir()} == made


def test_with_given_certificates_none_are_made(tmp_path: Path) -> None:
    serve.prepare(Config(data=tmp_path / "theirs"), NOW)
    theirs = tmp_path / "theirs" / "tls"
    config = Config(
        data=tmp_path / "ours",
        tls_certificate=theirs / "server.pem",
        tls_private_key=theirs / "server.key",
        tls_client_ca=theirs / "ca.pem",
    )
    serve.prepare(config, NOW)
    assert names(config.data) == set()


def test_given_certificates_that_do_not_hold_are_refused(tmp_path: Path) -> None:
    serve.prepare(Config(data=tmp_path / "theirs"), NOW)
    theirs = tmp_path / "theirs" / "tls"
    config = Config(
        data=tmp_path / "ours",
        tls_certificate=theirs / "server.pem",
        tls_private_key=theirs / "server.key",
    )
    with pytest.raises(Failure, match="expired on"):
        serve.prepare(config, NOW + timedelta(days=500))


def test_a_damaged_users_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text("{")
    with pytest.raises(Failure, match=r"users\.json is damaged"):
        serve.prepare(Config(data=tmp_path), NOW)


@pytest.mark.parametrize(
    "name",
    ["users.json", "tickets.json"]
    + [f"tls/{name}" for name in ("ca.pem", "server.pem", "server.key", "client.pem")],
)
def test_a_pipe_in_the_place_of_a_file_ends_in_a_sentence(tmp_path: Path, name: str) -> None:
    config = Config(data=tmp_path)
    serve.prepare(config, NOW)
    path = tmp_path / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    with pytest.raises(Failure, match="is not a plain file"):
        serve.prepare(config, NOW)


def test_the_banner_tells_address_certificates_and_what_to_try(tmp_path: Path) -> None:
    data = tmp_path / "a b"
    text = serve.banner(Config(data=data), Up(["127.0.0.1:40001"]))
    assert "serves KMIP on 127.0.0.1:40001" in text
    assert f"store         {data}/store.db, opened by the key file {data}/store.key" in text
    assert f"certificates  {data}/tls: ca.pem, client.pem, client.key" in text
    assert f"try --data '{data}' --kmip-port 40001" in text
    assert "INSECURE" not in text


def test_the_banner_does_not_tell_of_certificates_that_are_others(tmp_path: Path) -> None:
    config = Config(tls_client_ca=tmp_path / "ca.pem", insecure_allow_no_client_certificate=True)
    text = serve.banner(config, Up(["127.0.0.1:5696", "[::1]:5696"]))
    assert "on 127.0.0.1:5696, [::1]:5696" in text
    assert "client.pem" not in text
    assert "INSECURE" in text


@asynccontextmanager
async def running(data: Path) -> AsyncIterator[None]:
    """The command, up; it has to end once the block has."""
    config = Config(data=data, kmip_port=0, store="memory:")
    serve.prepare(config, NOW)
    up = trio.Event()
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve.run, config, lambda banner: up.set())
            await up.wait()
            yield


@pytest.mark.parametrize("number", signals.STOPPING)
async def test_a_signal_stops_it(tmp_path: Path, number: signal.Signals) -> None:
    async with running(tmp_path):
        signal.raise_signal(number)


@pytest.mark.parametrize("number", [signal.SIGHUP, *signals.MEANINGLESS])
async def test_other_signals_do_not_end_it(tmp_path: Path, number: signal.Signals) -> None:
    async with running(tmp_path):
        signal.raise_signal(number)
        signal.raise_signal(number)
        signal.raise_signal(signal.SIGTERM)


async def test_a_hangup_has_certificates_read_again_and_bad_ones_leave_those_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The first certificate is presented until a hangup finds another that can be used."""
    config = Config(data=tmp_path, kmip_port=0, store="memory:")
    serve.prepare(config, NOW)
    serve.prepare(Config(data=tmp_path / "other"), NOW)
    first, other = (
        directory / "tls" / "server.pem" for directory in (tmp_path, tmp_path / "other")
    )
    presented, was, will_be = [], first.read_text(), other.read_text()
    ports: list[int] = []
    up, noticed = trio.Event(), trio.Event()

    class Telling(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "certificates" in record.getMessage() and record.name == "server.service":
                noticed.set()

    def started(banner: str) -> None:
        ports.append(int(banner.partition("127.0.0.1:")[2].split()[0]))
        up.set()

    async def look() -> None:
        port = ports[0]
        presented.append(
            await trio.to_thread.run_sync(ssl.get_server_certificate, ("127.0.0.1", port))
        )

    async def hang_up() -> None:
        nonlocal noticed
        noticed = trio.Event()
        signal.raise_signal(signal.SIGHUP)
        await noticed.wait()

    handler = Telling()
    logger = logging.getLogger("server.service")
    logger.addHandler(handler)
    caplog.set_level(logging.INFO)
    try:
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serve.run, config, started)
                await up.wait()
                await look()
                first.write_text("no certificate")
                await hang_up()
                await look()
                first.write_text(will_be)
                first.with_suffix(".key").write_text(other.with_suffix(".key").read_text())
                (tmp_path / "tls" / "ca.pem").write_text(
                    (tmp_path / "other" / "tls" / "ca.pem").read_text()
                )
                await hang_up()
                await look()
                signal.raise_signal(signal.SIGTERM)
    finally:
        logger.removeHandler(handler)
    ders = [ssl.PEM_cert_to_DER_cert(one) for one in presented]
    before, after = (ssl.PEM_cert_to_DER_cert(first_of(one)) for one in (was, will_be))
    assert ders == [before, before, after]


def first_of(chain: str) -> str:
    end = "-----END CERTIFICATE-----"
    return chain.partition(end)[0] + end + "\n"


async def test_a_stop_that_takes_too_long_ends_the_process(caplog: pytest.LogCaptureFixture):
    """The deadline holds also while the event loop is held, as by `wait` here."""
    ended: list[int] = []
    done = threading.Event()

    def end(status: int) -> None:
        ended.append(status)
        done.set()

    stop = trio.Event()
    with signals.handled(stop, lambda: None, 0, end):
        signal.raise_signal(signal.SIGTERM)
        done.wait()
        await stop.wait()
        assert ended == [1]
        signal.raise_signal(signal.SIGTERM)
    assert ended == [1, 128 + signal.SIGTERM]
    assert "the process ends at once" in caplog.text


@pytest.fixture
def turn() -> Iterator[float]:
    """How long a thread of this process computes at a time; what it was is set again."""
    before = sys.getswitchinterval()
    yield before
    sys.setswitchinterval(before)


def test_a_thread_that_computes_lets_the_loop_go_on_sooner_than_by_default(turn: float) -> None:
    serve.let_the_loop_go_on()
    assert sys.getswitchinterval() == pytest.approx(serve.TURN_SECONDS)
    assert turn > serve.TURN_SECONDS


@pytest.fixture
def few_files() -> Iterator[int]:
    """A soft limit of open files lower than the hard one; gives the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_limit_of_open_files_is_raised_as_far_as_needed(
    few_files: int, caplog: pytest.LogCaptureFixture
) -> None:
    serve.allow_open_files(300)
    serve.allow_open_files(200)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 300
    assert not caplog.text
    if few_files != resource.RLIM_INFINITY:
        serve.allow_open_files(few_files + 1)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == few_files
        assert f"only {few_files} files may be open" in caplog.text
