"""PyKMIP's own integration tests, unmodified, against the real server process.

They are in its source distribution only, and need pytest beside it, so they are performed where
STRONGROOM_PYKMIP_TESTS names a directory prepared for them (docs/interoperability.md says how).
Left out are the four of test_kmip_client.py that start a server of their own, from a file that is
not in the distribution either.
"""

import os
import subprocess
from pathlib import Path

import pytest

from tests.interop.server_process import RunningServer, environment, running

PREPARED = Path(os.environ.get("STRONGROOM_PYKMIP_TESTS", ""))
TESTS = next(PREPARED.glob("pykmip-0.11.*/kmip/tests/integration/services"), PREPARED)

CONFIGURATION = """\
[client]
host={host}
port={port}
ca_certs={tls}/ca.pem
certfile={tls}/client.pem
keyfile={tls}/client.key
ssl_version=PROTOCOL_SSLv23
username=example_username
password=example_password
"""
"""As in the example that PyKMIP ships, its password included."""

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(
        "STRONGROOM_PYKMIP_TESTS" not in os.environ,
        reason="STRONGROOM_PYKMIP_TESTS names no directory with PyKMIP's own tests",
    ),
]


@pytest.mark.parametrize("name", ["test_integration.py", "test_proxykmipclient.py"])
def test_pykmips_own_tests_pass(tmp_path: Path, name: str) -> None:
    # It reads a wrapped key without encoding only where a structure is around the bytes.
    with running(tmp_path / "data", "--wrapped-key-in-structure", "*") as server:
        done = perform(server, tmp_path, name)
    assert done.returncode == 0, done.stdout[-4000:]


def perform(server: RunningServer, home: Path, name: str) -> subprocess.CompletedProcess[str]:
    """Run one file of them; the configuration is where PyKMIP looks for it."""
    configuration = home / ".pykmip" / "pykmip.conf"
    configuration.parent.mkdir()
    values = {"host": server.host, "port": server.port, "tls": server.tls}
    configuration.write_text(CONFIGURATION.format(**values))
    command = [str(PREPARED / "bin" / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, str(TESTS / name)],
        cwd=TESTS.parents[3],
        env=environment() | {"HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
