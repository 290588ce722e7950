"""One file per extension: list a folder, import each module, collect one tuple from each."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from sizewise.core.errors import UsageError

T = TypeVar("T")


class Registry(Generic[T]):
    """The members of one folder, imported when they are first asked for, by name.

    ``kind`` is what a user calls one of them; those that are not ``offered`` are found by their
    name, but never suggested.
    """

    def __init__(
        self,
        kind: str,
        package: str,
        attribute: str,
        offered: Callable[[T], bool] = lambda _: True,
    ) -> None:
        self._kind, self._package, self._attribute = kind, package, attribute
        self._offered = offered

    def all(self) -> Mapping[str, T]:
        """Every member by its name."""
        return self._members

    def find(self, name: str) -> T:
        """The member of that name. Where it stands in a file of its name, no other is imported.
        Raises UsageError, which lists those that are offered."""
        member = self.get(name)
        if member is None:
            member = self._members[choose(self._kind, name, filter(self._suggests, self._members))]
        return member

    def get(self, name: str) -> T | None:
        """The member of that name, found as :meth:`find` does, or None."""
        if name in _files_of(self._package):
            own: Mapping[str, T] = _members_of(self._package, name, self._attribute)
            if name in own:
                return own[name]
        return self._members.get(name)

    def _suggests(self, name: str) -> bool:
        return self._offered(self._members[name])

    @cached_property
    def _members(self) -> Mapping[str, T]:
        return MappingProxyType(discover(self._package, self._attribute))


def discover(package: str, attribute: str) -> dict[str, Any]:
    """All members of the tuple ``attribute`` in the modules of ``package``, by their ``name``.

    Modules whose name starts with an underscore are helpers and are left out.
    """
    found: dict[str, Any] = {}
    for module in _files_of(package):
        for name, member in _members_of(package, module, attribute).items():
            if name in found:
                raise ImportError(f"{package}: two members are named {name!r}")
            found[name] = member
    return found


@cache
def _files_of(package: str) -> tuple[str, ...]:
    folder = importlib.import_module(package)
    names = sorted(module.name for module in pkgutil.iter_modules(folder.__path__))
    return tuple(name for name in names if not name.startswith("_"))


def _members_of(package: str, module: str, attribute: str) -> dict[str, Any]:
    members = getattr(importlib.import_module(f"{package}.{module}"), attribute)
    found = {member.name: member for member in members}
    if len(found) < len(members):
        raise ImportError(f"{package}: two members are named alike in {module}")
    return found


def choose(kind: str, name: str, among: Iterable[str]) -> str:
    """``name`` if it is one of ``among``; otherwise a UsageError that lists those there are."""
    known = sorted(among)
    if name in known:
        return name
    raise UsageError(
        f"There is no {kind} named {name!r}",
        f"the {kind}s here are {', '.join(known)}",
        "Choose one of these.",
    )
