"""Whether the engines of a wave fit into memory: all of them are open at the same time."""

from __future__ import annotations

from collections.abc import Sequence

import psutil

from sizewise.core.options.declared import spelled
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


def crowded(needed_bytes: int) -> str:
    """A sentence where engines that take so much together may not fit; empty where they do."""
    free_bytes = psutil.virtual_memory().available
    if needed_bytes <= free_bytes:
        return ""
    return (
        f"The engines that are measured by turns may take {_gib(needed_bytes)} of memory together, "
        f"and {_gib(free_bytes)} are free. Where the system ends one for it, measure one back end "
        f"after another ({spelled('backends')}) into the same folder: the anchor ties them."
    )


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / 2**30:.1f} GiB"
