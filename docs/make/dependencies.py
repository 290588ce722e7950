"""Packages that sizewise and its extras bring, as they are installed here, and their licences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

DEVELOPMENT = {"dev", "docs"}
"""Extras that nobody installs who only uses sizewise."""
_AFFERO = re.compile(r"\bAGPL|GNU AFFERO GENERAL PUBLIC LICENSE|Affero General Public License v")
"""A licence's short name, the title of its text, or its classifier. The text of the plain GPL names
the other one too, in words of its own."""


def installed(root: str = "sizewise") -> Mapping[str, Distribution]:
    """``root`` and all that it needs, extras of users included, by name. Packages that are not
    installed here, such as those for a GPU, are left out."""
    start = distribution(root)
    extras = set(start.metadata.get_all("Provides-Extra") or ()) - DEVELOPMENT
    found: dict[str, Distribution] = {}
    todo = [(root, frozenset(extras))]
    done = set()
    while todo:
        name, wanted = todo.pop()
        if (name, wanted) in done:
            continue
        done.add((name, wanted))
        try:
            found[canonicalize_name(name)] = package = distribution(name)
        except PackageNotFoundError:
            continue
        todo += _needs(package.requires or (), wanted)
    return found


def _needs(lines: Iterable[str], extras: frozenset[str]) -> Iterable[tuple[str, frozenset[str]]]:
    for line in lines:
        need = Requirement(line)
        marker = need.marker
        if marker is None or any(marker.evaluate({"extra": one}) for one in ("", *extras)):
            yield need.name, frozenset(need.extras)


def is_affero(package: Distribution) -> bool:
    """Whether a package says that it is under the AGPL."""
    known = package.metadata
    said = [known.get("License-Expression"), known.get("License")]
    said += known.get_all("Classifier") or ()
    return any(_AFFERO.search(text) for text in said if text)
