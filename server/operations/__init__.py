"""The operations, one module each. What several of them have in common belongs in the rooms below.

Nothing here knows a protocol version, and no operation imports another.
"""

import importlib
import pkgutil


def load() -> None:
    """Import every module here, each of which registers what it performs in `server.registry`."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
