"""Certificate revocation lists, by which authorities take back certificates before their end.

What is decided, and why:

* A list whose time is over (nextUpdate) is no list, and the certificates of its authority are
  refused until there is a newer one: otherwise whoever can keep new lists away, by a broken
  connection for instance, takes back every revocation. The log warns.
* A list counts only with the signature of the authority itself. Where lists bear an authority's
  name and none its signature, its certificates are refused as well.
* An authority without any list is not checked, and the log says so: the authority that the first
  start makes publishes none. Its certificates can be refused one by one
  (`server.access.refused_certificates`).
* Lists of a part of the certificates (IssuingDistributionPoint), of changes only (deltas), and of
  other authorities' certificates are refused as a whole, as they must be by who does not know
  them (RFC 5280 section 5.2).
* A certificate on hold is revoked.

Source: RFC 5280 sections 5 and 6.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.access.client_authorities import name_of
from server.setup import files
from server.setup.failure import Failure

MAX_FILE_BYTES: Final = 16 << 20
"""Some four hundred thousand revoked certificates."""
MAX_FILES: Final = 1000
"""In a directory: of as many authorities."""

_PEM: Final = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.DOTALL)
_KNOWN_EXTENSIONS: Final = frozenset(
    {x509.CRLNumber.oid, x509.AuthorityKeyIdentifier.oid, x509.IssuerAlternativeName.oid}
)


class Revoked(Exception):
    """A certificate is not accepted because of a revocation list; says why."""


@dataclass(frozen=True, slots=True, eq=False)
class RevocationList:
    """One list.

    Attributes:
        issuer: the authority's name.
        this_update, next_update: when it was made, and by when there is another.
        serial_numbers: of the certificates that it revokes.
        parsed: the list, for its signature.
    """

    issuer: x509.Name
    this_update: datetime
    next_update: datetime
    serial_numbers: frozenset[int] = field(repr=False)
    parsed: x509.CertificateRevocationList = field(repr=False)


class RevocationLists:
    """All lists that were given, by the name of their authority."""

    def __init__(self, lists: Iterable[RevocationList] = ()) -> None:
        self._by_issuer: dict[x509.Name, list[RevocationList]] = {}
        self._signed: dict[tuple[int, bytes], bool] = {}
        for each in lists:
            self._by_issuer.setdefault(each.issuer, []).append(each)

    @property
    def newest(self) -> dict[x509.Name, datetime]:
        """The authorities that there are lists of, and when the newest was made."""
        return {
            issuer: max(each.this_update for each in lists)
            for issuer, lists in self._by_issuer.items()
        }

    def check(self, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> None:
        """Let pass a certificate that its authority has not revoked.

        Args:
            certificate: verified to be signed by the key of `issuer`.
            issuer: the authority.
            now: the time, with its zone.

        Raises:
            Revoked: it is revoked, or that cannot be told because the authority's list is not
                valid now or not signed by it.
        """
        named = self._by_issuer.get(issuer.subject)
        if named is None:
            return
        signed = [each for each in named if self._is_signed(each, issuer)]
        if not signed:
            raise Revoked(f"no revocation list of {name_of(issuer)} is signed by it")
        newest = max(signed, key=lambda each: each.this_update)
        if certificate.serial_number in newest.serial_numbers:
            raise Revoked("certificate revoked")
        if now < newest.this_update:
            raise Revoked(f"the revocation list of {name_of(issuer)} is not valid yet")
        if now >= newest.next_update:
            raise Revoked(f"the revocation list of {name_of(issuer)} has expired")

    def __iter__(self) -> Iterator[RevocationList]:
        """All of them, by authority."""
        return (each for lists in self._by_issuer.values() for each in lists)

    def check_signed(self, authorities: Iterable[x509.Certificate]) -> None:
        """Let pass lists of which none bears an authority's name without its signature.

        Raises:
            Failure: one does; the authority's certificates would be refused.
        """
        for authority in authorities:
            named = self._by_issuer.get(authority.subject, ())
            if named and not any(self._is_signed(each, authority) for each in named):
                raise Failure(f"The revocation list of {name_of(authority)} is not signed by it.")

    def warnings(self, now: datetime) -> Iterator[str]:
        """What the operator should know of them."""
        for issuer, lists in self._by_issuer.items():
            end = max(each.next_update for each in lists)
            if now >= end:
                yield (
                    f"the revocation list of {issuer.rfc4514_string()} expired on "
                    f"{end:%Y-%m-%d %H:%M} UTC; its certificates are refused"
                )

    def _is_signed(self, each: RevocationList, issuer: x509.Certificate) -> bool:
        """Whether that authority signed the list, which is found out once, and may sign lists."""
        key = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        known = self._signed.get((id(each), key))
        if known is None:
            known = self._signed[id(each), key] = _signature_holds(each.parsed, issuer)
        return known and _may_sign(issuer)


def read(path: Path) -> RevocationLists:
    """The lists in a file, or in the files of a directory.

    Args:
        path: PEM, with one or more lists, or DER; or a directory of such files. Files there whose
            name begins with a dot are passed over, as they are where a file is being written.

    Raises:
        Failure: one cannot be read, is of a kind that is not known, or there is none.
    """
    lists = [one for file in files_of(path) for one in _lists(file)]
    if not lists:
        raise Failure(f"There is no certificate revocation list in {path}.")
    return RevocationLists(lists)


def pem_of(path: Path) -> bytes:
    """The lists in a file, or in the files of a directory, as one PEM text.

    Raises:
        Failure: as `read`.
    """
    return b"".join(each.parsed.public_bytes(Encoding.PEM) for each in read(path))


def files_of(path: Path) -> Sequence[Path]:
    """The file, or the files of the directory, in the order of their names.

    Raises:
        Failure: it cannot be looked at, or there are too many.
    """
    try:
        if not path.is_dir():
            return [path]
        found = sorted(
            each for each in path.iterdir() if each.is_file() and not each.name.startswith(".")
        )
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}.") from None
    if len(found) > MAX_FILES:
        raise Failure(f"There are more than {MAX_FILES} files in {path}.")
    return found


def _lists(path: Path) -> list[RevocationList]:
    content = files.read(path, "The certificate revocation list", MAX_FILE_BYTES)
    return lists_in(content, path)


def lists_in(content: bytes, place: Path | str) -> list[RevocationList]:
    """The lists in some bytes.

    Args:
        content: PEM, with one or more lists, or one in DER.
        place: where it is from, for the errors.

    Raises:
        Failure: there is none, or one is of a kind that is not known.
    """
    try:
        if b"-----BEGIN" in content:
            found = [x509.load_pem_x509_crl(each) for each in _PEM.findall(content)]
        else:
            found = [x509.load_der_x509_crl(content)]
        if not found:
            raise Failure(f"{place} holds no certificate revocation list in PEM or DER.")
        return [_checked(each, place) for each in found]
    except ValueError:
        raise Failure(f"{place} holds no certificate revocation list in PEM or DER.") from None


def _checked(parsed: x509.CertificateRevocationList, path: Path | str) -> RevocationList:
    """A list of which everything is understood.

    Raises:
        Failure: it is of a kind that is not known.
        ValueError: it cannot be read.
    """
    for extension in parsed.extensions:
        if extension.critical and extension.oid not in _KNOWN_EXTENSIONS:
            raise Failure(
                f"The certificate revocation list {path} is of a kind that is not known "
                f"({extension.oid.dotted_string}); it takes whole ones of one authority."
            )
    if parsed.next_update_utc is None:
        raise Failure(f"The certificate revocation list {path} does not say when it ends.")
    serial_numbers = set()
    for entry in parsed:
        if any(
            extension.critical and extension.oid != x509.CRLReason.oid
            for extension in entry.extensions
        ):
            raise Failure(
                f"The certificate revocation list {path} has an entry of a kind that is not known."
            )
        serial_numbers.add(entry.serial_number)
    return RevocationList(
        parsed.issuer,
        parsed.last_update_utc,
        parsed.next_update_utc,
        frozenset(serial_numbers),
        parsed,
    )


def _may_sign(issuer: x509.Certificate) -> bool:
    try:
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage)
    except x509.ExtensionNotFound:
        return True
    except ValueError:
        return False
    return usage.value.crl_sign


def _signature_holds(parsed: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        return parsed.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return False
