"""Refuse to run beside other software that has one of our four package names.

Strongroom is an application with four top-level packages, and PyKMIP's package is called `kmip`
too. In one environment either would load the other's modules. This module imports nothing of the
other three packages, so it can be asked before they are loaded.
"""

import importlib.metadata
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from server.setup.failure import Failure

OURS: Final = "strongroom"
PACKAGES: Final = ("kmip", "server", "enclave", "storage")


def check() -> None:
    """Let pass when the four packages are ours.

    Raises:
        Failure: another distribution is installed that provides one of them, or one of them would
            be loaded from elsewhere.
    """
    check_distributions(importlib.metadata.packages_distributions())
    home = Path(__file__).resolve().parents[2]
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        found = (
            [Path(place).resolve() for place in spec.submodule_search_locations or ()]
            if spec
            else []
        )
        if found != [home / package]:
            where = " and ".join(map(str, found)) or "nowhere"
            raise Failure(
                f"The package {package!r} would be loaded from {where} instead of {home}; run "
                "Strongroom in a Python environment of its own."
            )


def check_distributions(providers: Mapping[str, list[str]]) -> None:
    """Let pass when no other distribution provides one of the four packages.

    Args:
        providers: from package names to the names of distributions.

    Raises:
        Failure: one does.
    """
    for package in PACKAGES:
        others = {name for name in providers.get(package, ()) if name.lower() != OURS}
        if others:
            raise Failure(
                f"{' and '.join(sorted(others))} also provides the Python package {package!r}; "
                "run Strongroom in a Python environment of its own, such as the one that ./run "
                "makes."
            )
