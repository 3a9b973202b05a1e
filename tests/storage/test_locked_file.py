"""The file of a store is one's own while it is open, and the one that will be found again."""

from pathlib import Path

import pytest

from storage import Damaged, InUse, Missing, Unavailable
from storage.locked_file import LockedFile


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store"


def open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def made(path, content=b"x"):
    """A file with something in it, and closed."""
    path.write_bytes(content)
    return path


def test_nobody_else_has_it_while_it_is_open(path):
    first = LockedFile(made(path), create=False)
    before = open_descriptors()
    for create in (False, True):
        with pytest.raises(InUse):
            LockedFile(path, create=create)
    assert open_descriptors() == before
    first.close()
    LockedFile(path, create=False).close()
    assert open_descriptors() == before - 1


@pytest.mark.parametrize("create", [False, True])
def test_a_file_that_is_there_and_empty_is_damaged(path, create):
    before = open_descriptors()
    with pytest.raises(Damaged, match="is empty"):
        LockedFile(made(path, b""), create=create)
    assert path.exists()
    assert open_descriptors() == before


def test_what_is_not_there_is_missing_or_made(path, tmp_path):
    with pytest.raises(Missing):
        LockedFile(path, create=False)
    file = LockedFile(path, create=True)
    assert file.is_made
    assert path.stat().st_mode & 0o777 == 0o600
    file.close()
    for create in (False, True):
        with pytest.raises(Unavailable, match="cannot be opened"):
            LockedFile(tmp_path, create=create)
    with pytest.raises(Unavailable, match="cannot be opened"):
        LockedFile(tmp_path / "nowhere" / "store", create=True)


def test_what_was_made_and_never_kept_is_removed_again(path):
    LockedFile(path, create=True).close()
    assert not path.exists()
    file = LockedFile(path, create=True)
    file.keep()
    file.close()
    assert path.exists()


def test_what_was_there_stays(path):
    file = LockedFile(made(path), create=True)
    assert not file.is_made
    file.close()
    assert path.read_bytes() == b"x"


def test_a_file_of_somebody_else_is_not_removed(path):
    file = LockedFile(path, create=True)
    made(path.with_name("other")).replace(path)
    file.close()
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize("which", ["store", "beside"])
@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_file_that_is_gone_or_another_is_noticed(path, which, how):
    beside = made(path.with_name("beside"))
    file = LockedFile(made(path), create=False)
    file.watch(beside)
    file.check()
    if how == "removed":
        path.with_name(which).unlink()
    else:
        made(path.with_name("other")).replace(path.with_name(which))
    with pytest.raises(Damaged, match=f"{which} was removed or replaced"):
        file.check()
    file.close()


def test_what_is_to_be_watched_is_there(path):
    file = LockedFile(made(path), create=False)
    with pytest.raises(Unavailable, match="beside cannot be looked at"):
        file.watch(path.with_name("beside"))
    file.check()
    file.close()
