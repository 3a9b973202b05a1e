"""Real evidence made by hardware, which is not part of this repository."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
VECTORS = Path(os.environ.get("STRONGROOM_SHARED", ROOT / "../shared")) / "vectors"

needs_vectors = pytest.mark.skipif(
    not VECTORS.is_dir(), reason="no shared vectors; set STRONGROOM_SHARED to the directory"
)


def manifest(kind: str) -> Any:
    """The manifest of `kind` (snp, tdx, sgx); empty where the vectors are absent."""
    path = VECTORS / kind / "manifest.json"
    return json.loads(path.read_text()) if path.is_file() else ({} if kind == "snp" else [])
