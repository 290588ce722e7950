"""``traffic.json``: the different sizes, and by their numbers the stream."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sizewise.core.errors import InputError, SizewiseError
from sizewise.core.files import read_file, written_whole
from sizewise.core.options.limits import TRAFFIC_BYTES
from sizewise.core.specs import Size
from sizewise.core.specs.traffic import Traffic

FORMAT = 1
_TODO = "Make it again with sizewise traffic."


class _Stored(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: int
    name: str
    made: str
    sizes: list[str]
    stream: list[int]


def save_traffic(traffic: Traffic, path: Path) -> None:
    """Write it whole. Raises OutputError."""
    numbers = {size: number for number, size in enumerate(traffic.counts)}
    stored = _Stored(
        format=FORMAT,
        name=traffic.name,
        made=traffic.made,
        sizes=[str(size) for size in numbers],
        stream=[numbers[size] for size in traffic.stream],
    )
    with written_whole(path) as draft:
        draft.write_bytes(msgspec.json.encode(stored) + b"\n")


def read_traffic(path: Path) -> Traffic:
    """Raises InputError for what is no such file."""
    content = read_file(path, TRAFFIC_BYTES)
    try:
        stored = msgspec.json.decode(content, type=_Stored)
        if stored.format != FORMAT:
            raise ValueError(f"its format is {stored.format}, and this version reads {FORMAT}")
        sizes = [Size.parse(text) for text in stored.sizes]
        if stored.stream and not 0 <= min(stored.stream) <= max(stored.stream) < len(sizes):
            raise ValueError("its stream names a size that is not there")
    except (msgspec.DecodeError, ValueError, RecursionError, SizewiseError) as error:
        raise InputError(f"{path} is no traffic of sizewise", str(error), _TODO) from error
    return Traffic.of(
        (sizes[number] for number in stored.stream), name=stored.name, made=stored.made
    )
