"""Audit lines: JSON objects with the same keys always, whatever a client calls things."""

import errno
import io
import json
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from kmip.enums import Operation, ResultReason, ResultStatus
from server.access.client import Client
from server.requests import audit
from server.setup import audit_trail
from server.setup.failure import Failure

TEXTS = ["plain", 'a"b\\c', "a\nb", "\u2028\x1b[31m", "\ud800", "é", ""]


@pytest.mark.parametrize("text", TEXTS)
def test_a_line_is_one_line_of_json_with_what_happened(text: str) -> None:
    line = audit.line(1.5, Client(text), Operation.GET, text, ResultStatus.SUCCESS, None)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:01.500+00:00",
        "request": None,
        "client": text,
        "how": "certificate",
        "shown_by": None,
        "operation": "Get",
        "object": text,
        "status": "Success",
        "reason": None,
    }


def test_an_event_that_no_request_asked_for_has_the_keys_of_a_line() -> None:
    line = audit.line(0, Client("c"), Operation.GET, None, ResultStatus.SUCCESS, None)
    happened = json.loads(audit.event(1.5, "server\n1", "evidence", "Hand-over", shown_by="::1"))
    assert happened.keys() == json.loads(line).keys()
    assert (happened["client"], happened["shown_by"]) == ("server\n1", "::1")
    assert (happened["status"], happened["reason"]) == ("Success", None)
    failed = json.loads(audit.event(1.5, "x", "evidence", "Hand-over", reason="no\u2028" * 999))
    assert failed["status"] == "OperationFailed"
    assert failed["reason"].startswith("no")
    assert len(failed["reason"]) <= 200


def test_a_failure_tells_its_reason_and_an_unknown_operation_its_number() -> None:
    failed, reason = ResultStatus.OPERATION_FAILED, ResultReason.OPERATION_NOT_SUPPORTED
    written = json.loads(audit.line(0, Client("c", "user"), 0x777, None, failed, reason))
    assert written["operation"] == "0x777"
    assert written["object"] is None
    assert written["status"] == "OperationFailed"
    assert written["reason"] == "OperationNotSupported"


def test_an_audit_log_that_cannot_be_written_is_told_and_stops_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Full:
        def write(self, lines: Iterable[str]) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None:
            pass

    audit.send_to(Full())
    try:
        audit.write(["one"])
    finally:
        audit.send_to(audit_trail.Nowhere())
    assert caplog.messages == ["the audit log cannot be written: No space left on device"]


def test_the_lines_of_a_message_are_written_one_under_the_other(tmp_path: Path) -> None:
    place = tmp_path / "audit.log"
    trail = audit_trail.File(str(place))
    trail.write(["one", "two"])
    trail.write(["three"])
    trail.close()
    assert place.read_text() == "one\ntwo\nthree\n"


class Clock:
    """A clock that goes on when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_soon_after_rotation_a_new_private_file_is_written(tmp_path: Path) -> None:
    place, clock = tmp_path / "audit.log", Clock()
    trail = audit_trail.File(str(place), clock)
    trail.write(["one"])
    place.rename(tmp_path / "audit.log.1")
    trail.write(["two"])
    clock.now += audit_trail.LOOK_SECONDS
    trail.write(["three"])
    trail.write(["four"])
    trail.close()
    assert (tmp_path / "audit.log.1").read_text() == "one\ntwo\n"
    assert place.read_text() == "three\nfour\n"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


def test_a_trail_whose_directory_is_gone_goes_on_when_it_is_back(tmp_path: Path) -> None:
    place, clock = tmp_path / "logs" / "audit.log", Clock()
    place.parent.mkdir()
    trail = audit_trail.File(str(place), clock)
    place.parent.rename(tmp_path / "old")
    clock.now += audit_trail.LOOK_SECONDS
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            trail.write(["lost"])
    place.parent.mkdir()
    trail.write(["kept"])
    trail.close()
    assert place.read_text() == "kept\n"


@pytest.fixture
def nowhere_afterwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The audit log belongs to the whole process; its thread has all the time that it wants."""
    monkeypatch.setattr(audit_trail, "CLOSE_SECONDS", 300.0)
    yield
    audit.send_to(audit_trail.Nowhere())


def sent_to(place: str) -> io.StringIO:
    stream = io.StringIO()
    audit.send_to(audit_trail.trail(place, stream))
    return stream


@pytest.mark.usefixtures("nowhere_afterwards")
def test_lines_go_to_standard_error_whatever_the_level_of_the_log() -> None:
    stream = sent_to("stderr")
    audit.write(["this"])
    assert stream.getvalue() == "this\n"


@pytest.mark.usefixtures("nowhere_afterwards")
def test_lines_go_to_a_private_file_and_not_into_the_log(tmp_path: Path) -> None:
    place = tmp_path / "audit.log"
    for _ in range(2):
        stream = sent_to(str(place))
        audit.write(["created"])
        audit.send_to(audit_trail.Nowhere())
    assert stream.getvalue() == ""
    assert place.read_text() == "created\ncreated\n"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


@pytest.mark.usefixtures("nowhere_afterwards")
def test_audit_can_be_switched_off() -> None:
    stream = sent_to("none")
    audit.write(["created"])
    assert stream.getvalue() == ""


def test_an_audit_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="cannot be written: No such file"):
        audit_trail.trail(str(tmp_path / "absent" / "audit.log"))
