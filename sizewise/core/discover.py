"""One file per extension: list a folder, import each module, collect one tuple of each."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Any, TypeVar

from sizewise.core.errors import UsageError

T = TypeVar("T")


def discover(package: str, attribute: str) -> dict[str, Any]:
    """All members of the tuple ``attribute`` in the modules of ``package``, by their ``name``.

    Modules whose name starts with an underscore are helpers and are not asked.
    """
    folder = importlib.import_module(package)
    found: dict[str, Any] = {}
    for module in sorted(m.name for m in pkgutil.iter_modules(folder.__path__)):
        if module.startswith("_"):
            continue
        for member in getattr(importlib.import_module(f"{package}.{module}"), attribute):
            if member.name in found:
                raise ImportError(f"{package}: two members are named {member.name!r}")
            found[member.name] = member
    return found


def choose(kind: str, name: str, among: Iterable[str]) -> str:
    """``name`` if it is one of ``among``; otherwise a UsageError that lists those there are."""
    known = sorted(among)
    if name in known:
        return name
    raise UsageError(
        f"There is no {kind} named {name!r}",
        f"the {kind}s here are {', '.join(known)}",
        f"Choose one of these, or add a file for {name!r}.",
    )
