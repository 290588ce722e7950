"""TensorRT's timing cache on disk: what a layer took is not timed again on the same device.

One file for each library version and device, because timings hold for no other (NVIDIA's developer
guide, "Timing Cache").
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from sizewise.files import written_whole


def cache_path(library: str, version: str, device: str) -> Path:
    """In the user's cache folder (``XDG_CACHE_HOME``)."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = re.sub(r"[^\w.]+", "-", f"{library}-{version}-{device}")
    return home / "sizewise" / "timing" / f"{name}.cache"


def take_timings(config: Any, path: Path) -> bool:
    """Whether there were timings that ``config`` took; a new cache is begun where it took none."""
    kept = path.read_bytes() if path.is_file() else b""
    if kept and config.set_timing_cache(config.create_timing_cache(kept), ignore_mismatch=False):
        return True
    config.set_timing_cache(config.create_timing_cache(b""), ignore_mismatch=False)
    return False


def keep_timings(config: Any, path: Path) -> None:
    """Together with what other builds have kept meanwhile. Raises OutputError."""
    cache = config.get_timing_cache()
    if path.is_file():
        cache.combine(config.create_timing_cache(path.read_bytes()), ignore_mismatch=False)
    with written_whole(path) as draft:
        draft.write_bytes(bytes(cache.serialize()))
