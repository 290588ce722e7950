"""Which tensors share a scale: all that only moving lies between."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

_UNLIKE = 8.0
"""An input of a concatenation shares no scale that is more times as coarse as its own: it would
lose three of its eight bits."""


class Sharing:
    """Groups of tensors that have one scale, by the ``ranges`` of the tensors.

    Without ranges, all tensors are taken to be alike.
    """

    def __init__(self, ranges: Mapping[str, float] | None = None) -> None:
        self._ranges = ranges or {}
        self._above: dict[str, str] = {}
        self._largest: dict[str, float] = {}
        """The largest range in a group, by its root."""
        self._smallest: dict[str, float] = {}
        """The smallest range of its inputs of concatenations, zeros apart."""

    def root(self, name: str) -> str:
        """The tensor that stands for the group of ``name``."""
        while name != (above := self._above.get(name, name)):
            name = above
        return name

    def join(self, name: str, moved: Sequence[str]) -> bool:
        """Put ``name`` and what it holds the values of, several in a concatenation, into one group;
        nothing is done, and False given, where a scale would be too coarse."""
        groups = {self.root(one) for one in (name, *moved)}
        live = [reach for one in moved if (reach := self._ranges.get(one, 0.0))]
        joined = live if len(moved) > 1 else []
        largest = max([*live, *(self._largest.get(one, 0.0) for one in groups)])
        smallest = min([*joined, *(self._smallest.get(one, math.inf) for one in groups)])
        if largest > _UNLIKE * smallest:
            return False
        root = self.root(name)
        self._above |= dict.fromkeys(groups - {root}, root)
        self._largest[root], self._smallest[root] = largest, smallest
        return True
