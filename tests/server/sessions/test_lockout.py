"""A name is barred to one client, after ten failures in a minute, for the rest of that minute."""

import pytest

from server.sessions.lockout import FAILURE_WINDOW_SECONDS, MAX_FAILURES, MAX_PAIRS, FailedLogins

BEGIN = 1_000.0
END = BEGIN + FAILURE_WINDOW_SECONDS


def failed(times: int, now: float = BEGIN) -> FailedLogins:
    """What is remembered after so many failures of one client at one name."""
    failures = FailedLogins()
    for number in range(1, times + 1):
        assert failures.count("client", "alice", now) == (number == MAX_FAILURES)
    return failures


@pytest.mark.parametrize("times", [0, 1, MAX_FAILURES - 1, MAX_FAILURES, MAX_FAILURES + 1])
def test_ten_failures_bar_and_nine_do_not(times: int):
    assert failed(times).is_locked_out("client", "alice", BEGIN) == (times >= MAX_FAILURES)


@pytest.mark.parametrize(
    "now, barred",
    [(BEGIN, True), (END - 1, True), (END, False), (END + 1, False), (BEGIN - 1, False)],
    ids=["at once", "in the minute", "when it ends", "after it", "the clock was set back"],
)
def test_a_name_is_barred_for_the_rest_of_the_minute(now: float, barred: bool):
    assert failed(MAX_FAILURES).is_locked_out("client", "alice", now) == barred


@pytest.mark.parametrize("now", [END, BEGIN - 1], ids=["a minute later", "the clock was set back"])
def test_another_minute_counts_from_nothing(now: float):
    failures = failed(MAX_FAILURES - 1)
    assert not failures.count("client", "alice", now)
    assert not failures.is_locked_out("client", "alice", now)
    for number in range(2, MAX_FAILURES + 1):
        assert failures.count("client", "alice", now) == (number == MAX_FAILURES)
    assert failures.is_locked_out("client", "alice", now)


def test_the_minute_begins_with_the_first_failure():
    failures = failed(1)
    for number in range(2, MAX_FAILURES + 1):
        assert failures.count("client", "alice", END - 1) == (number == MAX_FAILURES)
    assert failures.is_locked_out("client", "alice", END - 1)
    assert not failures.is_locked_out("client", "alice", END)


def test_no_other_client_and_no_other_name_is_barred():
    failures = failed(MAX_FAILURES)
    for client, name in [("other", "alice"), ("client", "bob"), ("clienta", "lice")]:
        assert not failures.is_locked_out(client, name, BEGIN)
        assert not failures.count(client, name, BEGIN)


def test_the_right_password_forgets_failures():
    failures = failed(MAX_FAILURES)
    failures.count("client", "bob", BEGIN)
    failures.forget("client", "alice")
    assert not failures.is_locked_out("client", "alice", BEGIN)
    failures.forget("client", "nobody")  # there is nothing to forget
    for _ in range(MAX_FAILURES - 1):
        failures.count("client", "bob", BEGIN)
    assert failures.is_locked_out("client", "bob", BEGIN)


def test_so_many_pairs_are_remembered_and_the_oldest_is_forgotten_first():
    failures = failed(MAX_FAILURES)
    for number in range(MAX_PAIRS - 1):
        failures.count("client", f"name {number}", BEGIN)
    assert failures.is_locked_out("client", "alice", BEGIN)
    failures.count("client", "one more", BEGIN)
    assert not failures.is_locked_out("client", "alice", BEGIN)


def test_whoever_goes_on_guessing_is_not_forgotten():
    failures = failed(MAX_FAILURES)
    for number in range(MAX_PAIRS):
        failures.count("client", f"name {number}", BEGIN)
        failures.count("client", "alice", BEGIN)
    assert failures.is_locked_out("client", "alice", BEGIN)


def test_any_name_that_can_be_sent_is_counted():
    failures = FailedLogins()
    assert not failures.count("client", "\ud800", BEGIN)
