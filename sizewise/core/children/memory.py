"""Memory of a child process: its peak, and who is ended first when the machine runs out.

A child holds this file beside the engine that it weighs, so it imports next to nothing.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

_STATUS = Path("/proc/self/status")
_SCORE = Path("/proc/self/oom_score_adj")
_FIRST = "1000"


def peak_bytes(status: Path = _STATUS) -> int | None:
    """Peak resident memory of this process (``VmHWM``); None where the system has no such file.

    ``VmHWM`` belongs to the address space, which begins at ``exec``; ``ru_maxrss`` of a child
    begins at its parent's peak.
    """
    try:
        text = status.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def let_the_kernel_end_this_first(score: Path = _SCORE) -> None:
    """Have the kernel end this process before its parent when memory runs out.

    Linux ends the process with the most memory, to which it adds ``oom_score_adj`` thousandths of
    all memory (man 5 proc). Everybody may raise that. What this process starts inherits it.
    """
    with contextlib.suppress(OSError):  # another system, or a container that hides it
        score.write_text(_FIRST, encoding="ascii")
