"""Files are private from the moment they exist, and whole or absent."""

import os
import stat
from pathlib import Path

import pytest

from server.setup import files
from server.setup.failure import Failure


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_directories_are_made_for_the_owner_only(tmp_path: Path) -> None:
    made = tmp_path / "a" / "b"
    files.make_directory(made)
    files.make_directory(made)
    assert [mode(made), mode(made.parent)] == [0o700, 0o700]


def test_a_file_in_the_place_of_a_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(Failure, match="cannot be made"):
        files.make_directory(tmp_path / "a" / "b")


def test_contents_are_put_with_their_mode_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        files.replace(tmp_path / "private", b"one")
        files.replace(tmp_path / "public", b"two", files.PUBLIC)
        assert files.create(tmp_path / "made", b"three")
    finally:
        os.umask(before)
    assert mode(tmp_path / "private") == mode(tmp_path / "made") == 0o600
    assert mode(tmp_path / "public") == 0o644
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "private", "public"]


def test_replace_replaces_and_create_does_not(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert files.create(path, b"first")
    assert not files.create(path, b"second")
    assert path.read_bytes() == b"first"
    files.replace(path, b"third")
    assert files.read(path, "It") == b"third"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_what_is_not_there_is_told_from_what_cannot_be_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    assert files.is_there(file)
    assert not files.is_there(tmp_path / "absent")
    assert not files.is_there(file / "below")
    with pytest.raises(OSError, match="File name too long"):
        files.is_there(tmp_path / ("x" * 5000))


def test_what_cannot_be_written_or_read_is_told(tmp_path: Path) -> None:
    absent = tmp_path / "absent" / "file"
    for write in (files.replace, files.create):
        with pytest.raises(Failure, match="cannot be written: No such file"):
            write(absent, b"")
    with pytest.raises(Failure, match=r"^The key .*absent/file cannot be read: No such file"):
        files.read(absent, "The key")


def test_a_directory_in_the_place_of_a_file_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file" / "x").mkdir(parents=True)
    with pytest.raises(Failure, match="cannot be written"):
        files.replace(tmp_path / "file", b"")
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_private_file_that_others_can_read_is_told_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "key"
    files.replace(path, b"secret")
    assert files.read_private(path, "The key") == b"secret"
    assert not caplog.text
    path.chmod(0o640)
    assert files.read_private(path, "The key") == b"secret"
    assert f"The key {path} is open to other users" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_is_no_plain_file_is_told_and_nobody_is_waited_for(tmp_path: Path, kind: str) -> None:
    path = Path("/dev/zero")
    if kind == "pipe":
        path = tmp_path / "pipe"
        os.mkfifo(path)
    with pytest.raises(Failure, match=r"It .* cannot be read: it is not a plain file"):
        files.read(path, "It")


def test_a_file_is_read_up_to_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(10))
    assert files.read(path, "It", 10) == bytes(10)
    with pytest.raises(Failure, match="longer than 9 bytes"):
        files.read(path, "It", 9)
    os.truncate(path, 1 << 40)
    with pytest.raises(Failure, match="longer than"):
        files.read(path, "It")


def test_a_command_reads_a_pipe_that_its_shell_gives_it() -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, b"content")
        os.close(writing)
        assert files.read(Path(f"/dev/fd/{reading}"), "It", pipes=True) == b"content"
    finally:
        os.close(reading)


def test_directories_that_others_write_to_and_links_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mine, link = tmp_path / "mine", tmp_path / "link"
    mine.mkdir(mode=0o700)
    files.warn_of_directory(mine, "The directory")
    files.warn_of_directory(tmp_path / "absent", "The directory")
    assert not caplog.messages
    mine.chmod(0o777)
    files.warn_of_directory(mine, "The directory")
    assert "can be written to by other users" in caplog.text
    mine.chmod(0o700)
    caplog.clear()
    link.symlink_to(mine)
    files.warn_of_directory(link, "The directory")
    assert "is a link to" in caplog.text
