"""How many engines of a wave fit into memory: all of them are open at the same time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from sizewise.core.machine.memory import free_bytes
from sizewise.core.trials import Build, Result

_PROCESS_BYTES = 200 * 2**20
_FILES = 3
"""Of an engine that was never open: its interpreter with a library, and its files so many times,
for weights, their copy in the library's own layout, and activations."""


def expected_bytes(known: Result, builds: Sequence[Build]) -> int:
    """Resident memory that the process of an engine takes at most: measured, or else by the size of
    its files."""
    peaks = [
        max(one.peak_bytes, one.run_peak_bytes or 0, one.walk_bytes or 0) for one in known.memory
    ]
    files = max((build.size_bytes for build in builds), default=0)
    return max(peaks) if peaks else _PROCESS_BYTES + _FILES * files


def fitting(needed_bytes: Sequence[int], free: int) -> int:
    """How many of the first engines fit together; one is tried in any case."""
    together = itertools.accumulate(needed_bytes)
    return max(1, sum(total <= free for total in together))


class Room:
    """Room in memory for engines that are open together. ``remark`` is told once where it is too
    small for all of them."""

    def __init__(self, remark: Callable[[str], None]) -> None:
        self._remark = remark
        self._said = False

    def count(self, needed_bytes: Sequence[int]) -> int:
        """How many of the first engines fit now."""
        free, count = free_bytes(), len(needed_bytes)
        fit = fitting(needed_bytes, free)
        if sum(needed_bytes) > free and not self._said:
            self._remark(crowded(sum(needed_bytes), free, fit, count))
            self._said = True
        return fit


def crowded(needed_bytes: int, free: int, count: int, of: int) -> str:
    """The sentence where ``count`` of so many engines fit, and all take ``needed_bytes``."""
    who, together = ("An engine", "") if of == 1 else (f"{of} engines of one size", " together")
    said = f"{who} may take {_gib(needed_bytes)} of memory{together}, and {_gib(free)} are free"
    if of == 1:
        return f"{said}."
    return f"{said}: {count} at a time are measured by turns, and the anchor ties them to the rest."


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / 2**30:.1f} GiB"
