"""The lines of a text file, whatever its length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from netzoo.data.reading import reading
from sizewise.core.files import demand_length, open_file
from sizewise.core.options.limits import TRAFFIC_BYTES

_LONGEST = 65_536
"""Bytes of a line that are looked at."""


def lines_of(path: Path) -> Iterator[str]:
    """Without their ends; bytes that are no UTF-8 are replaced. Raises InputError."""
    read = 0
    with reading(path), open_file(path) as file:
        while line := file.readline(_LONGEST):
            read += len(line)
            demand_length(path, read, TRAFFIC_BYTES)
            yield line.decode("utf-8", "replace").rstrip("\r\n")
