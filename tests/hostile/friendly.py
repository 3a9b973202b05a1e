"""What both forms of the harness look at."""

import os
import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

from server.pki import local_authority
from tests.e2e.program import Program
from tests.free_ports import free_port

MEMORY_MIB = 512
"""Resident memory of a server under each attack, as docs/limits.md states it."""
NAME = "mallory"


def prepared(data: Path) -> ssl.SSLContext:
    """What the hostile client connects with; its certificate is made at need."""
    tls = data / "tls"
    local_authority.ensure_client(tls, NAME, datetime.now(UTC))
    context = ssl.create_default_context(cafile=tls / "ca.pem")
    context.load_cert_chain(tls / f"{NAME}.pem", tls / f"{NAME}.key")
    return context


def words() -> tuple[int, list[str]]:
    """The HTTPS port, and the server's arguments for it."""
    port = free_port()
    return port, ["--insecure-software-chip", "--https-port", str(port)]


def processor_seconds(program: Program) -> float:
    """What the server has used of the processors so far, all threads together."""
    fields = Path(f"/proc/{program.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def loop_seconds(program: Program) -> float:
    """How long the thread of the server's event loop has had a processor so far."""
    number = program.process.pid
    return int(Path(f"/proc/{number}/task/{number}/schedstat").read_text().split()[0]) / 1e9


def memory(program: Program) -> int:
    """Resident bytes of the server, the most that it had."""
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024
