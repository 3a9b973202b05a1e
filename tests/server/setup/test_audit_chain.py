"""Lines that name the one before them, and what is noticed of a host that edits their files.

The format is read here by a verifier of its own, from its description alone.
"""

import base64
import errno
import hashlib
import hmac
import io
import json

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from server.setup.audit_chain import ChainedLines, Position, read
from server.setup.audit_verification import MAX_FAULTS, Verification, Verified

SECRET = b"s" * 32
PLAIN = [f'{{"operation": "Get", "object": "{number}"}}'.encode() for number in range(6)]


def draws(*names: str):
    """Gives the names of chains, one after the other."""
    waiting = [bytes.fromhex(name * 8) for name in names]
    return lambda length: waiting.pop(0)[:length]


def chained(lines=PLAIN, *, name="a1", is_sealed=False) -> list[bytes]:
    """Lines as one server writes them."""
    file = io.BytesIO()
    to = ChainedLines(SECRET, file.write, is_sealed=is_sealed, draw=draws(name))
    for line in lines:
        to.write(line + b"\n")
    return file.getvalue().splitlines(keepends=True)


def end_of(lines: list[bytes]) -> Position:
    found = read(lines[-1].strip())
    assert found is not None
    return found.position


def verified(*files: list[bytes], positions=(), missing=False) -> Verified:
    """What is found in files of these lines."""
    verification = Verification(SECRET, {each.chain: each for each in positions})
    for number, lines in enumerate(files):
        for _ in verification.add(f"file {number}", io.BytesIO(b"".join(lines))):
            pass
    return verification.finish(allow_missing_beginning=missing)


def test_the_format_is_as_described():
    after = "00" * 16
    key = hmac.digest(SECRET, b"strongroom audit mac 1" + b"a1" * 8, "sha256")
    for number, (plain, line) in enumerate(zip(PLAIN, chained(), strict=True), 1):
        text, mac = line.removesuffix(b'"}\n').rsplit(b', "mac": "', 1)
        assert hmac.digest(key, text, hashlib.sha256)[:16].hex().encode() == mac
        row = json.loads(line)
        assert (row["chain"], row["number"], row["after"]) == ("a1" * 8, number, after)
        assert row.items() >= json.loads(plain).items()
        after = row["mac"]


def test_sealed_lines_show_nothing_and_are_as_described():
    key = hmac.digest(SECRET, b"strongroom audit line 1" + b"a1" * 8, "sha256")
    for number, (plain, line) in enumerate(zip(PLAIN, chained(is_sealed=True), strict=True), 1):
        row = json.loads(line)
        assert row.keys() == {"sealed", "chain", "number", "after", "mac"}
        sealed = base64.b64decode(row["sealed"])
        assert AESGCM(key).decrypt(number.to_bytes(12), sealed, None) == plain


@pytest.mark.parametrize("is_sealed", [False, True])
def test_what_is_read_is_what_was_written(is_sealed):
    verification = Verification(SECRET, {})
    file = io.BytesIO(b"".join(chained(is_sealed=is_sealed)))
    lines = list(verification.add("file", file))
    assert [line.opened(verification.keys(line.position.chain)) for line in lines] == PLAIN


def test_a_whole_log_is_whole():
    lines = chained()
    found = verified(lines, positions=[end_of(lines)])
    assert (found.lines, found.cut, found.faulty) == (6, 0, 0)


def test_files_of_several_servers_and_rotated_ones_are_put_together_in_any_order():
    one, other = chained(), chained(name="b2")
    found = verified(one[4:] + other[:1], other[1:], one[:4], positions=map(end_of, (one, other)))
    assert (found.lines, found.faults) == (12, [])


edits = st.sampled_from(["change", "leave out", "swap", "repeat", "insert", "cut"])


@given(st.data(), edits, st.booleans())
def test_whatever_a_host_edits_is_noticed(data, edit, is_sealed):
    lines = chained(is_sealed=is_sealed)
    positions = [end_of(lines)]
    at = data.draw(st.integers(0, len(lines) - 1))
    match edit:
        case "change":
            place = data.draw(st.integers(0, len(lines[at]) - 2))
            other = data.draw(st.integers(0, 255).filter(lambda byte: byte != lines[at][place]))
            lines[at] = lines[at][:place] + bytes([other]) + lines[at][place + 1 :]
        case "leave out":
            del lines[at]
        case "swap":
            to = data.draw(st.integers(0, len(lines) - 1).filter(lambda to: to != at))
            lines[at], lines[to] = lines[to], lines[at]
        case "repeat":
            lines.insert(data.draw(st.integers(0, len(lines))), lines[at])
        case "insert":
            lines.insert(at, PLAIN[at] + b"\n")
            lines.insert(at, b'{"chain": 5, "number": "7", "mac": "' + b"0" * 32 + b'"}\n')
        case _:  # cut
            whole = b"".join(lines)
            lines = [whole[: data.draw(st.integers(0, len(whole) - 2))]]
    assert verified(lines, positions=positions).faulty


@given(st.integers(1, 5), st.booleans())
def test_a_file_that_is_missing_is_noticed(at, first):
    lines = chained()
    rest = lines[at:] if first else lines[:at]
    assert verified(rest, positions=[end_of(lines)]).faulty
    assert not verified(lines[at:], positions=[end_of(lines)], missing=True).faulty


def test_a_chain_without_a_file_is_noticed():
    lines = chained()
    other = Position("b2" * 8, 3, "0" * 32)
    begun = Position("c3" * 8)
    known = [end_of(lines), other, begun]
    assert verified(lines, positions=known).faults == [
        f"Chain {other.chain} is missing, of 3 lines."
    ]
    assert not verified(lines, positions=known, missing=True).faulty


def test_another_history_under_the_same_key_is_noticed():
    lines, other = chained(), chained(PLAIN[::-1])
    assert verified(other, positions=[end_of(lines)]).faulty
    assert verified(lines[:3], other[3:]).faulty


def test_lines_by_another_secret_are_noticed():
    verification = Verification(b"t" * 32, {})
    assert not list(verification.add("file", io.BytesIO(b"".join(chained()))))
    assert verification.found.faulty == len(PLAIN)


def test_what_a_kill_cut_off_is_told_and_is_no_fault():
    killed, next_one = chained(), chained(name="b2")
    cut = [*killed[:4], killed[4][:50] + b"\n", *next_one, next_one[0][:20]]
    found = verified(cut, positions=[end_of(killed[:4]), end_of(next_one)])
    assert (found.cut, found.faults) == (2, [])


def test_a_line_that_is_cut_in_the_middle_of_a_chain_is_a_fault():
    lines = chained()
    found = verified([*lines[:3], lines[3][:50] + b"\n", *lines[3:]])
    assert found.faults == ["file 0:4 is no line of an audit log."]


class FullDisk:
    """Takes so many bytes, then none until there is room again."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.content = b""

    def write(self, data: bytes) -> None:
        self.content += data[: self.room]
        if len(data) > self.room:
            self.room = 0
            raise OSError(errno.ENOSPC, "full")
        self.room -= len(data)


@given(st.integers(1, 1000))
def test_a_disk_that_was_full_leaves_a_log_that_is_whole(room):
    disk = FullDisk(room)
    to = ChainedLines(SECRET, disk.write, draw=draws("a1", "b2"))
    positions = {}
    for line in PLAIN:
        try:
            to.write(line + b"\n")
        except OSError:
            disk.room = 100_000
        positions[to.position.chain] = to.position
    assert not verified([disk.content], positions=positions.values()).faulty


def test_a_file_of_anything_is_read_in_bounded_memory_and_told_of_at_most():
    found = verified([b"x" * (3 << 20) + b"\n", b"[" * 100_000 + b"\n", b"nothing\n" * 300])
    assert found.lines == 0
    assert found.faulty > len(found.faults) == MAX_FAULTS


def test_secrets_are_not_shown():
    to = ChainedLines(SECRET, io.BytesIO().write)
    assert "s" * 8 not in repr(to) + repr(Verification(SECRET, {})) + repr(
        Verification(SECRET, {}).keys("a")
    )
