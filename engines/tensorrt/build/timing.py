"""TensorRT's timing cache on disk: a layer is not timed again on the same device.

One file for each library version and device, because timings hold for no other (NVIDIA's developer
guide, "Timing Cache"). Its first line is the user's signature: what others wrote, or what was
damaged, never reaches the library, which runs with the user's rights.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engines.store.signing import is_ours, sign
from sizewise.core.errors import InputError, OutputError
from sizewise.core.files import (
    output_error,
    output_folder,
    read_file,
    user_folder,
    written_whole,
)
from sizewise.core.options.declared import spelled
from sizewise.core.options.limits import TIMING_BYTES


def cache_path(library: str, version: str, device: str) -> Path:
    """The file in the user's cache folder (``XDG_CACHE_HOME``). Raises OutputError where there is
    no home."""
    name = re.sub(r"[^\w.]+", "-", f"{library}-{version}-{device}")
    return user_folder("XDG_CACHE_HOME", ".cache") / "sizewise" / "timing" / f"{name}.cache"


def take_timings(config: Any, path: Path) -> bool:
    """Whether ``config`` took timings of earlier builds; without any, a new cache is begun.

    Raises OutputError where those of this build could not be kept, InputError where the user's key
    can't be used.
    """
    with _on_disk(path):
        output_folder(path.parent)
        kept = _read(path)
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
        kept = _read(path)
        others = config.create_timing_cache(kept) if kept else None
        if others is not None:
            cache.combine(others, ignore_mismatch=False)
        timings = bytes(cache.serialize())
        signature = sign(_signed_text(path, timings)).encode()
        with written_whole(path) as draft:
            draft.write_bytes(signature + b"\n" + timings)


def _read(path: Path) -> bytes:
    """The timings that this user signed under this name; none where there are no such."""
    if not path.is_file():
        return b""
    try:
        signature, _, timings = read_file(path, TIMING_BYTES).partition(b"\n")
    except InputError:  # it is larger than any of ours
        return b""
    text = _signed_text(path, timings)
    return timings if is_ours(text, signature.decode("ascii", "replace")) else b""


def _signed_text(path: Path, timings: bytes) -> str:
    return f"{path.name} {hashlib.sha256(timings).hexdigest()}"


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
