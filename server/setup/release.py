"""Which release of the program this is."""

import importlib.metadata
from typing import Final

VERSION: Final = importlib.metadata.version("strongroom")
"""Read from the installed package's files, once."""
