"""Audit lines: JSON objects with the same keys always, whatever a client calls things."""

import json

import pytest

from kmip.enums import Operation, ResultReason, ResultStatus
from server import audit
from server.client import Client

TEXTS = ["plain", 'a"b\\c', "a\nb", "\u2028\x1b[31m", "\ud800", "é", ""]


@pytest.mark.parametrize("text", TEXTS)
def test_a_line_is_one_line_of_json_with_what_happened(text: str) -> None:
    line = audit.line(1.5, Client(text), Operation.GET, text, ResultStatus.SUCCESS, None)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:01.500+00:00",
        "client": text,
        "how": "certificate",
        "operation": "Get",
        "object": text,
        "status": "Success",
        "reason": None,
    }


def test_a_failure_tells_its_reason_and_an_unknown_operation_its_number() -> None:
    failed, reason = ResultStatus.OPERATION_FAILED, ResultReason.OPERATION_NOT_SUPPORTED
    held = json.loads(audit.line(0, Client("c", "user"), 0x777, None, failed, reason))
    assert held["operation"] == "0x777"
    assert held["object"] is None
    assert held["status"] == "OperationFailed"
    assert held["reason"] == "OperationNotSupported"


def test_the_lines_of_a_message_are_written_at_once(caplog: pytest.LogCaptureFixture) -> None:
    audit.write(["one", "two %s"])
    assert caplog.messages == ["one\ntwo %s"]
