"""Evidence through Linux' configfs-tsm: one directory protocol for every vendor.

A guest asks for evidence by making a directory under `/sys/kernel/config/tsm/report`, writing 64
bytes into its `inblob` and reading `outblob`. The kernel counts every write in `generation`; a
count that is not the one our own writes explain means that another process wrote into our entry
and the answer may be to another request. The entry's name is random, so that only meddling, never
chance, brings two writers together.

What the files give comes from the host through the kernel and is bounded here; whether the answer
is genuine is for the verifier, and whether it answers our request is for the caller, who knows
where its vendor puts the report data.

Source: Linux `Documentation/ABI/testing/configfs-tsm-report`, `drivers/virt/coco/guest/report.c`.
"""

import errno
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from enclave.errors import DeviceError

DIRECTORY: Final = Path("/sys/kernel/config/tsm/report")

REPORT_DATA_BYTES: Final = 64  # SEV-SNP and TDX alike
MAX_BLOB_BYTES: Final = 128 * 1024  # kernels before 6.18 give at most 32 KiB, real ones 8 KiB
MAX_ATTRIBUTE_BYTES: Final = 4096  # a text attribute is one page
ATTEMPTS: Final = 3  # one meddler may be a race; three are an attack or a fault

# Not mounted, not ours, or (ENXIO) mounted while no vendor's driver is loaded.
_ABSENT: Final = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENXIO}
)
_RACED: Final = frozenset({errno.EBUSY, errno.EWOULDBLOCK})


class ConfigfsUnavailable(DeviceError):
    """There is no such directory here, or it is another provider's."""


class ConfigfsFailed(DeviceError):
    """The kernel did not give evidence; `errno` is its number, or None where the reply was bad."""

    def __init__(self, problem: str, number: int | None = None) -> None:
        name = errno.errorcode.get(number, str(number)) if number else ""
        super().__init__(f"{problem}: {name}" if name else problem)
        self.errno = number


class _Raced(Exception):
    """The entry was busy, or written to by another."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one entry gave: the provider's name, its report or quote, and what came beside it.

    `auxblob` is empty where there is none; for SEV-SNP it is the host's certificate table.
    """

    provider: str
    outblob: bytes
    auxblob: bytes


def ask(
    report_data: bytes,
    *,
    provider: str,
    privlevel: int | None = None,
    directory: Path = DIRECTORY,
) -> Answer:
    """The provider's answer to 64 bytes of report data. Blocks, up to seconds.

    Args:
        report_data: 64 bytes.
        provider: the kernel's name for the vendor, `sev_guest` or `tdx_guest`.
        privlevel: the privilege level (VMPL) to report, raised to the least that the kernel
            permits here; None where the vendor has none.
        directory: where configfs-tsm is mounted.

    Raises:
        ConfigfsUnavailable: no such directory, or another provider's.
        ConfigfsFailed: an error of the kernel, an empty or oversized answer, or an entry that
            was disturbed `ATTEMPTS` times.
        ValueError: not 64 bytes.
    """
    if len(report_data) != REPORT_DATA_BYTES:
        raise ValueError("report data has 64 bytes")
    for _ in range(ATTEMPTS):
        try:
            with _entry(directory) as entry:
                return _ask(entry, report_data, provider, privlevel)
        except _Raced:
            continue
        except OSError as error:
            raise ConfigfsFailed("configfs-tsm", error.errno) from error
    raise ConfigfsFailed("configfs-tsm: the entry was disturbed", errno.EBUSY)


def find_provider(directory: Path = DIRECTORY) -> str | None:
    """The provider's name here, or None where there is no configfs-tsm."""
    try:
        with _entry(directory) as entry:
            return _text(entry / "provider")
    except (ConfigfsUnavailable, OSError):
        return None


@contextmanager
def _entry(directory: Path) -> Iterator[Path]:
    """A directory of our own, removed again in any case."""
    entry = directory / f"strongroom-{secrets.token_hex(8)}"
    try:
        entry.mkdir()
    except OSError as error:
        if error.errno in _ABSENT:
            raise ConfigfsUnavailable(f"{directory}: {error.strerror}") from error
        raise
    try:
        yield entry
    finally:
        entry.rmdir()


def _ask(entry: Path, report_data: bytes, provider: str, privlevel: int | None) -> Answer:
    found = _text(entry / "provider")
    if found != provider:
        raise ConfigfsUnavailable(f"the provider is {found!r}, not {provider!r}")
    try:
        generation = _number(entry / "generation")
        if privlevel is not None:
            level = max(privlevel, _number(entry / "privlevel_floor"))
            (entry / "privlevel").write_text(str(level))
            generation += 1
        (entry / "inblob").write_bytes(report_data)
        generation += 1
        _expect(entry, generation)
        outblob = _blob(entry / "outblob")
        auxblob = _blob(entry / "auxblob") if (entry / "auxblob").exists() else b""
        _expect(entry, generation)
    except OSError as error:
        if error.errno in _RACED:
            raise _Raced from error
        raise
    if not outblob:
        raise ConfigfsFailed("configfs-tsm: an empty answer")
    return Answer(found, outblob, auxblob)


def _expect(entry: Path, generation: int) -> None:
    if _number(entry / "generation") != generation:
        raise _Raced


def _blob(path: Path) -> bytes:
    with path.open("rb", buffering=0) as file:
        parts, size = [], 0
        while part := file.read(MAX_BLOB_BYTES + 1 - size):
            parts.append(part)
            size += len(part)
            if size > MAX_BLOB_BYTES:
                raise ConfigfsFailed(f"configfs-tsm: {path.name} is too long")
    return b"".join(parts)


def _text(path: Path) -> str:
    with path.open("rb", buffering=0) as file:
        return (file.read(MAX_ATTRIBUTE_BYTES) or b"").decode("ascii", "replace").strip()


def _number(path: Path) -> int:
    text = _text(path)
    if not text.isdecimal():
        raise ConfigfsFailed(f"configfs-tsm: {path.name} is not a number")
    return int(text)
