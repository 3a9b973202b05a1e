"""How far a long task is."""

from collections.abc import Callable

Tell = Callable[[int, int], None]
"""Is told how many are done, of how many."""


def tell_nobody(done: int, total: int) -> None:
    """Where nobody wants to know."""
