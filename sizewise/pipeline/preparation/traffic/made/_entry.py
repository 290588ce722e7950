"""A traffic that is made up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from numpy.random import Generator

from sizewise.core.specs import Size

COUNT, SEED = 2000, 20261127


@dataclass(frozen=True, kw_only=True)
class MadeTraffic:
    """``sizes`` draws endlessly; ``description`` says of what, and how."""

    name: str
    description: str
    sizes: Callable[[Generator], Iterator[Size]]
