"""Pebble, Let's Encrypt's own directory for tests, as a process; and the DNS server beside it."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from server.transport.https_client import Fetcher, client_context
from tests.free_ports import free_ports
from tests.server.acme.fake_directory import localhost, utc_now

PROGRAMS = ("pebble", "pebble-challtestsrv")
"""Of Debian's package `pebble`."""


@dataclass(frozen=True)
class Pebble:
    """A running directory.

    Attributes:
        url: of it.
        authority: the file of what vouches for that address.
        ports: where it looks for challenges, by kind.
        root_url: where it says who vouches for what it issues.
    """

    url: str
    authority: Path
    ports: dict[str, int]
    root_url: str

    @property
    def fetch(self) -> Fetcher:
        return Fetcher(client_context(self.authority))


@contextmanager
def pebble(
    directory: Path, *, validity: int = 90 * 86400, refused_nonces: int = 0
) -> Iterator[Pebble]:
    """Pebble until the block ends.

    Args:
        directory: for its files.
        validity: of what it issues, seconds.
        refused_nonces: percent of good nonces that it refuses.
    """
    if any(shutil.which(program) is None for program in PROGRAMS):
        pytest.skip("needs pebble and pebble-challtestsrv (Debian package: pebble)")
    directory.mkdir(parents=True, exist_ok=True)
    own, dns, dns_management, http, tls, management = free_ports(6)
    certificate, key, authority = _address(directory)
    settings = {
        "listenAddress": f"127.0.0.1:{own}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(certificate),
        "privateKey": str(key),
        "httpPort": http,
        "tlsPort": tls,
        "certificateValidityPeriod": validity,
    }
    (directory / "pebble.json").write_text(json.dumps({"pebble": settings}))
    resolver = [
        *("pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""),
        *("-dns01", f"127.0.0.1:{dns}", "-management", f"127.0.0.1:{dns_management}"),
        *("-http01", "", "-https01", "", "-tlsalpn01", ""),
    ]
    command = [
        *("pebble", "-config", str(directory / "pebble.json")),
        *("-dnsserver", f"127.0.0.1:{dns}"),
    ]
    variables = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": str(refused_nonces)}
    with (directory / "log").open("wb") as log:
        processes = [
            subprocess.Popen(words, stdout=log, stderr=log, env=os.environ | variables)
            for words in (resolver, command)
        ]
        try:
            for process, port in zip(processes, (dns_management, own), strict=True):
                _wait_until_open(process, port)
            ports = {"http-01": http, "tls-alpn-01": tls}
            root = f"https://localhost:{management}/roots/0"
            yield Pebble(f"https://localhost:{own}/dir", authority, ports, root)
        finally:
            for process in processes:
                process.kill()
                process.wait()


def _wait_until_open(process: subprocess.Popen[bytes], port: int) -> None:
    """Return when something listens at a port."""
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    pytest.fail(f"{process.args!r} ended with {process.returncode}")


def _address(directory: Path) -> tuple[Path, Path, Path]:
    """Files of the directory's own certificate, its key, and the authority."""
    identity, authority = localhost(utc_now())
    files = [directory / name for name in ("certificate.pem", "key.pem", "authority.pem")]
    contents = (
        identity.certificate.public_bytes(Encoding.PEM),
        identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        authority,
    )
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content)
    return files[0], files[1], files[2]
