"""Certificates that are refused although their authority's word still holds.

For a key that was lost, or a client that is to be kept out now: an authority's revocation list may
come late, and the authority that the first start makes has none. The list is a text file,
`DATA/refused-certificates`, one a line:

    sha256:HEX      a certificate, by the SHA-256 of its DER form
    serial:HEX      every certificate with this serial number, whoever issued it

in either case, without or with colons between the digits; `#` begins a comment. An intermediate
authority's certificate can be listed too: nobody comes in by it.

`strongroom refuse-certificate` writes it. A running server reads it again when it changes
(`server.transport.admission`); a line that cannot be read ends in a sentence and refuses the file,
since who is kept out must not depend on a slip of the pen.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from server.setup import files
from server.setup.failure import Failure

MAX_FILE_BYTES: Final = 4 << 20
"""Some fifty thousand lines; more are an authority's matter, in its revocation list."""
MAX_SERIAL_DIGITS: Final = 42
"""RFC 5280 section 4.1.2.2: 20 octets; one more for those that others write."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_SERIAL: Final = re.compile(rf"[0-9a-f]{{1,{MAX_SERIAL_DIGITS}}}")


class RefusedCertificates(NamedTuple):
    """Which certificates are refused.

    Attributes:
        fingerprints: SHA-256 of their DER forms.
        serial_numbers: of certificates of any authority.
        is_there: whether there is a list, though it may be empty.
    """

    fingerprints: frozenset[bytes] = frozenset()
    serial_numbers: frozenset[int] = frozenset()
    is_there: bool = False

    def has(self, certificate: x509.Certificate) -> bool:
        """Whether a certificate is one of them."""
        return (
            certificate.serial_number in self.serial_numbers
            or sha256(certificate.public_bytes(Encoding.DER)).digest() in self.fingerprints
        )


def normal(entry: str) -> str:
    """An entry as the file has it: `sha256:HEX` or `serial:HEX`, lower case, no colons between.

    Raises:
        Failure: it is neither.
    """
    kind, _, digits = entry.strip().lower().partition(":")
    digits = digits.replace(":", "").replace(" ", "")
    if kind == "sha256" and _SHA256.fullmatch(digits):
        return f"{kind}:{digits}"
    if kind == "serial" and _SERIAL.fullmatch(digits):
        return f"{kind}:{int(digits, 16):x}"
    raise Failure(
        f"{entry[:80]!r} names no certificate: it takes sha256: and 64 hexadecimal digits, or "
        "serial: and a serial number in hexadecimal."
    )


def parsed(certificate: bytes) -> x509.Certificate:
    """The certificate in a file, PEM or DER.

    Raises:
        Failure: there is none.
    """
    try:
        if b"-----BEGIN" in certificate:
            return x509.load_pem_x509_certificate(certificate)
        return x509.load_der_x509_certificate(certificate)
    except ValueError:
        raise Failure("The file holds no certificate in PEM or DER.") from None


def entry_of(certificate: x509.Certificate) -> str:
    """The entry that refuses one certificate."""
    return f"sha256:{sha256(certificate.public_bytes(Encoding.DER)).hexdigest()}"


def entries(text: str, path: Path | str) -> dict[str, str]:
    """The lines of the file: each entry, and the line that has it.

    Raises:
        Failure: a line is no entry.
    """
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if entry := line.partition("#")[0].strip():
            try:
                found[normal(entry)] = line
            except Failure as failure:
                raise Failure(f"Line {number} of {path}: {failure}") from None
    return found


def read(path: Path) -> RefusedCertificates:
    """Which certificates are refused; none where there is no file.

    Raises:
        Failure: the file cannot be read.
    """
    text = _text(path)
    if text is None:
        return RefusedCertificates()
    return of_entries(entries(text, path))


def of_entries(entries: Iterable[str]) -> RefusedCertificates:
    """The certificates that entries, as `normal` gives them, refuse."""
    values = [entry.split(":") for entry in entries]
    return RefusedCertificates(
        frozenset(bytes.fromhex(digits) for kind, digits in values if kind == "sha256"),
        frozenset(int(digits, 16) for kind, digits in values if kind == "serial"),
        is_there=True,
    )


def add(path: Path, entry: str, comment: str = "") -> bool:
    """Refuse a certificate; whether it was not refused before.

    Raises:
        Failure: the file cannot be read or written, or the entry is none.
    """
    entry = normal(entry)
    with _locked(path):
        text = _text(path) or ""
        if entry in entries(text, path):
            return False
        note = printable(comment)
        line = f"{entry}  # {note}\n" if note else f"{entry}\n"
        ended = text if not text or text.endswith("\n") else f"{text}\n"
        files.replace(path, (ended + line).encode())
    return True


def printable(comment: str) -> str:
    """A comment that ends no line."""
    return "".join(each if each.isprintable() else "?" for each in comment)


def remove(path: Path, entry: str) -> bool:
    """Refuse a certificate no longer; whether it was refused.

    Raises:
        Failure: as `add`.
    """
    entry = normal(entry)
    with _locked(path):
        text = _text(path) or ""
        if entry not in entries(text, path):
            return False
        kept = [line for line in text.splitlines() if entry not in entries(line, path)]
        files.replace(path, "".join(f"{line}\n" for line in kept).encode())
    return True


def listed(path: Path) -> list[str]:
    """The lines that refuse a certificate, as the file has them.

    Raises:
        Failure: the file cannot be read.
    """
    return list(entries(_text(path) or "", path).values())


def _text(path: Path) -> str | None:
    """The file's text; None where there is none."""
    try:
        if not files.is_there(path):
            return None
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}.") from None
    content = files.read(path, "The list of refused certificates", MAX_FILE_BYTES)
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Failure(f"{path} is not a text in UTF-8.") from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other commands from changing the file meanwhile."""
    files.make_directory(path.parent)
    lock = path.with_name(f"{path.name}.lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, files.PRIVATE)
    except OSError as error:
        raise Failure(f"{lock} cannot be opened: {error.strerror}.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
