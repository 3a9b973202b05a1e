"""Where the specifications and the OASIS files are, for tests that compare with them."""

import os
from pathlib import Path

import pytest

SHARED = Path(
    os.environ.get("STRONGROOM_SHARED", Path(__file__).resolve().parents[3] / "shared")
).resolve()
SPECIFICATIONS = SHARED / "spec"
TABLES = SHARED / "oasis" / "runner" / "tables.json"

needs_specifications = pytest.mark.skipif(
    not SPECIFICATIONS.is_dir(),
    reason=f"no specifications at {SPECIFICATIONS}: STRONGROOM_SHARED says where they are",
)
needs_tables = pytest.mark.skipif(
    not TABLES.is_file(),
    reason=f"no tables at {TABLES}: STRONGROOM_SHARED says where they are",
)
