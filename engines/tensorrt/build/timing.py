"""TensorRT's timing cache on disk: a layer is not timed again on the same device.

One file for each library version and device, because timings hold for no other (NVIDIA's developer
guide, "Timing Cache").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sizewise.core.errors import OutputError
from sizewise.core.files import output_error, output_folder, user_folder, written_whole
from sizewise.core.options.declared import spelled


def cache_path(library: str, version: str, device: str) -> Path:
    """The file in the user's cache folder (``XDG_CACHE_HOME``). Raises OutputError where there is
    no home."""
    name = re.sub(r"[^\w.]+", "-", f"{library}-{version}-{device}")
    return user_folder("XDG_CACHE_HOME", ".cache") / "sizewise" / "timing" / f"{name}.cache"


def take_timings(config: Any, path: Path) -> bool:
    """Whether ``config`` took timings of earlier builds; without any, a new cache is begun.

    Raises OutputError where those of this build could not be kept.
    """
    with _on_disk(path):
        output_folder(path.parent)
        kept = path.read_bytes() if path.is_file() else b""
    empty, cache = config.create_timing_cache(b""), config.create_timing_cache(kept)
    if cache is not None and config.set_timing_cache(cache, ignore_mismatch=False):
        return _bytes(cache) > _bytes(empty)  # of a spoiled file, it makes an empty one
    config.set_timing_cache(empty, ignore_mismatch=False)
    return False


def keep_timings(config: Any, path: Path) -> None:
    """Save the timings, together with those that other builds have saved meanwhile. Raises
    OutputError."""
    cache = config.get_timing_cache()
    with _on_disk(path):
        others = config.create_timing_cache(path.read_bytes()) if path.is_file() else None
        if others is not None:
            cache.combine(others, ignore_mismatch=False)
        with written_whole(path) as draft:
            draft.write_bytes(cache.serialize())


def _bytes(cache: Any) -> int:
    return memoryview(cache.serialize()).nbytes


@contextmanager
def _on_disk(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, OutputError) as error:
        refused = error if isinstance(error, OutputError) else output_error(path, error)
        raise OutputError(
            f"TensorRT's timings can't be kept in {path}",
            refused.why,
            "Let XDG_CACHE_HOME name a folder that you may write to, or build without them "
            f"({spelled('options')} timing_cache=false).",
        ) from error
