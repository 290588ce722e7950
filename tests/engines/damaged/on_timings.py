"""TensorRT's timings of layers, damaged on disk, and a stand-in for the library that reads them."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engines.tensorrt.build.timing import keep_timings, take_timings
from tests.engines.damaged.stock import key_at

SPARSE = 1 << 36


class Timings:
    """``ITimingCache``."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def serialize(self) -> bytes:
        return self.content

    def combine(self, others: Timings, ignore_mismatch: bool) -> bool:
        del others, ignore_mismatch
        return True


class Config:
    """``IBuilderConfig``, which notes what it is ``handed``."""

    def __init__(self, measured: bytes = b"") -> None:
        self.handed: list[bytes] = []
        self.measured = measured

    def create_timing_cache(self, content: bytes) -> Timings:
        self.handed.append(content)
        return Timings(content)

    def set_timing_cache(self, cache: Timings, ignore_mismatch: bool) -> bool:
        del cache, ignore_mismatch
        return True

    def get_timing_cache(self) -> Timings:
        return Timings(self.measured)


def write(path: Path, content: bytes) -> None:
    keep_timings(Config(content), path)


def _flipped(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def _cut_off(path: Path, chance: random.Random) -> None:
    os.truncate(path, chance.randrange(path.stat().st_size))


def _lengthened(path: Path, chance: random.Random) -> None:
    path.write_bytes(path.read_bytes() + chance.randbytes(chance.choice((1, 64))))


def _sparse(path: Path, chance: random.Random) -> None:
    del chance
    os.truncate(path, SPARSE)


def _of_another_device(path: Path, chance: random.Random) -> None:
    other = path.with_name("other.cache")
    write(other, chance.randbytes(50))
    other.replace(path)


def _of_another_user(path: Path, chance: random.Random) -> None:
    path.unlink()
    with key_at(path.parent / "their.key"):
        write(path, chance.randbytes(50))


def _unsigned(path: Path, chance: random.Random) -> None:
    timings = chance.randbytes(50)
    path.write_bytes(chance.choice((timings, b"\n" + timings, b"0" * 64 + b"\n" + timings)))


def _our_signature(path: Path, chance: random.Random) -> None:
    signature, _, _ = path.read_bytes().partition(b"\n")
    path.write_bytes(signature + b"\n" + chance.randbytes(50))


def _linked(path: Path, chance: random.Random) -> None:
    target = path.with_name("target")
    target.write_bytes(chance.choice((path.read_bytes(), chance.randbytes(50))))
    path.unlink()
    path.symlink_to(target)


def _a_pipe(path: Path, chance: random.Random) -> None:
    del chance
    path.unlink()
    os.mkfifo(path)


DAMAGES: tuple[Callable[[Path, random.Random], None], ...] = (
    *(_flipped, _cut_off, _lengthened, _sparse, _of_another_device, _of_another_user),
    *(_unsigned, _our_signature, _linked, _a_pipe),
)


def outcome(folder: Path, number: int, chance: random.Random) -> str:
    """What became of timings that were damaged. Raises AssertionError where others than were kept
    reach the library."""
    path, content = folder / "one.cache", chance.randbytes(chance.choice((1, 60, 5000)))
    write(path, content)
    DAMAGES[number % len(DAMAGES)](path, chance)
    config: Any = Config(b"measured")
    taken = take_timings(config, path)
    keep_timings(config, path)
    strange = set(config.handed) - {b"", content}
    assert not strange, f"the library was handed {len(strange)} timings that nobody here kept"
    again = Config()
    assert take_timings(again, path), "what was measured then is not taken"
    assert set(again.handed) == {b"", b"measured"}, "what was measured then is not what is taken"
    return "timings taken as they were" if taken else "timings measured again"
