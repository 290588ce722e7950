"""The back ends there are: one file of ``engines.backends`` each."""

from __future__ import annotations

from functools import cache

from engines.base import Backend
from sizewise.core.discover import choose, discover


@cache
def backends() -> dict[str, Backend]:
    """All of them by name, those that can't work here and the one for tests included."""
    return discover("engines.backends", "BACKENDS")


def find_backend(name: str) -> Backend:
    """Raises UsageError, which lists the back ends there are."""
    found = backends()
    offered = [n for n, backend in found.items() if n == name or not backend.for_tests]
    return found[choose("back end", name, offered)]
