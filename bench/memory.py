"""Peak resident memory of this process, as the kernel saw it.

``VmHWM`` belongs to the address space, which begins at ``exec``; ``ru_maxrss`` of a child begins at
its parent's peak.
"""

from __future__ import annotations

from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_bytes(status: Path = _STATUS) -> int | None:
    """VmHWM in bytes, None where the system has no such file."""
    if not status.exists():
        return None
    for line in status.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None
