"""A sweep of 24 hours on a scripted clock: what its process holds does not grow.

``python -m tests.bench.long.campaign CASES SEED`` prints what it found as JSON. A case is a sweep,
whose waves begin until the clock says that a day is over.
"""

from __future__ import annotations

import gc
import json
import sqlite3
import sys
import tracemalloc
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from bench import sweep
from bench.planning.settings import SweepSettings
from engines.backends._timeline import TIMELINE
from sizewise.cli import console
from sizewise.core.options.declared import fill
from tests.bench.factories import launch_in_process
from tests.bench.long.scripted import scripted, watched
from tests.bench.models import colours

NAMES = ("waves", "bytes", "resident", "handles", "threads", "children", "rows")
"""What is looked at: the waves so far, bytes that Python has allocated, resident bytes of the
process, open files, threads and children, and the blocks on file."""
LEAK_BYTES = 20.0
"""More memory of Python's a wave is a leak. The least that a wave can leave behind is an object
without fields, of 16 bytes, and its place in a list, of 8; a number takes 28 and 8."""
RESIDENT_BYTES = 8 * 2**20
"""More resident memory over the half of the sweep is a leak outside of Python: of 8 KiB a wave."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """The sweep: ``sides`` squared sizes, on which two engines are measured until ``hours`` are
    over. A leak is what grows by more than ``leak_bytes`` a wave."""

    hours: float = 24
    samples: int = 48
    sides: int = 10
    rounds: int = 2
    calls: int = 8
    call_ns: float = 0.8e9
    leak_bytes: float = LEAK_BYTES

    @property
    def settings(self) -> dict[str, Any]:
        sides = [32 * (1 + place) for place in range(self.sides)]
        sizes = ",".join(f"{height}x{width}" for height in sides for width in sides)
        # So noisy that no number of waves is enough.
        options = (f"base_ns={self.call_ns}", "process_sd=0.08", "noise=0.01")
        return {
            **{"backends": "fake", "strategies": "static", "sizes": sizes, "options": options},
            **{"threads": 1, "replicas": 2, "rounds": self.rounds},
            **{"block_s": 0, "block_calls": self.calls, "max_minutes": 60 * self.hours},
        }


DAY = Script()
_Cache = type(lru_cache(len))


@dataclass
class Found:
    """What came of so many sweeps: ``counts`` say how long they were, and what grew by how much;
    ``violations`` what grew by too much."""

    cases: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


class Samples:
    """Looks at this process at equal distances of the clock. Each wave, ``leak`` objects stay, so
    that one sees them found."""

    def __init__(self, script: Script, results: Path, leak: int = 0) -> None:
        self._step_ns = script.hours * 3600e9 / script.samples
        self._results, self._process = results, psutil.Process()
        self._leak, self._leaked = leak, list[object]()
        self.waves = self._count = 0
        # All of it at once: what is noted must not look like growth.
        self._table = np.zeros((script.samples, len(NAMES)))

    @property
    def table(self) -> NDArray[np.float64]:
        """What was seen, in the order of ``NAMES``: [sample, name]."""
        return self._table[: self._count]

    def look(self) -> None:
        """Call it before each wave."""
        self._leaked += [bytearray(1) for _ in range(self._leak)]
        if TIMELINE.now() >= self._count * self._step_ns and self._count < len(self._table):
            self._table[self._count] = self._seen()
            self._count += 1
        self.waves += 1

    def _seen(self) -> tuple[float, ...]:
        with closing(sqlite3.connect(self._results)) as connection:
            (rows,) = connection.execute("SELECT count(*) FROM block").fetchone()
        _empty_bounded_caches()
        gc.collect()
        process = self._process
        return (
            self.waves,
            tracemalloc.get_traced_memory()[0],
            process.memory_info().rss,
            process.num_fds(),
            process.num_threads(),
            len(process.children()),
            rows,
        )


def _empty_bounded_caches() -> None:
    """What they hold is no leak: rich remembers the widths of its last 4,096 lines."""
    for one in gc.get_objects():
        if isinstance(one, _Cache) and one.cache_parameters()["maxsize"] is not None:
            one.cache_clear()


def campaign(cases: int, seed: int, folder: Path, script: Script = DAY, *, leak: int = 0) -> Found:
    """Run so many sweeps, one after another."""
    found = Found()
    for number in range(cases):
        out = folder / str(number)
        samples = Samples(script, out / sweep.RESULTS, leak)
        tracemalloc.start()
        try:
            _sweep(out, samples, script, seed + number)
        finally:
            tracemalloc.stop()
        found.cases += 1
        found.counts["hours of the clock"] += round(TIMELINE.now() / 3600e9)
        found.counts["waves"] += samples.waves
        found.violations += [f"case {number}: {one}" for one in judge(samples.table, script, found)]
    return found


def _sweep(out: Path, samples: Samples, script: Script, seed: int) -> None:
    out.mkdir(parents=True)
    model = colours(out / "model.onnx")
    with scripted(seed):
        sweep.sweep(
            [model],
            fill(SweepSettings, script.settings),
            out,
            progress=console.Lines(),
            launch=launch_in_process,
            watch=watched(samples.look, seed),
        )


def judge(seen: NDArray[np.float64], script: Script, found: Found) -> list[str]:
    """What grew by too much over the second half, when all that a sweep keeps is there; how much
    the rest did is counted. ``seen`` is [sample, name]."""
    table = dict(zip(NAMES, seen.T, strict=True))
    half = script.samples // 2
    if len(seen) < script.samples or not (np.diff(table["rows"]) > 0).all():
        return ["the sweep did not go on until the end"]
    found.counts["turns on file"] += int(table["rows"][-1])
    wrong = []
    bytes_a_wave = slope(table["waves"][half:], table["bytes"][half:])
    found.counts["bytes more a wave"] += round(bytes_a_wave)
    if bytes_a_wave > script.leak_bytes:
        wrong.append(f"each wave leaves {bytes_a_wave:.0f} bytes")
    a_wave = slope(table["waves"][half:], table["resident"][half:])
    resident = a_wave * float(table["waves"][-1] - table["waves"][half])
    found.counts["KiB of resident memory more in the second half"] += round(resident / 1024)
    if resident > RESIDENT_BYTES:
        wrong.append(f"resident memory grows by {resident / 2**20:.1f} MiB")
    for name in ("handles", "threads", "children"):
        before, after = table[name][:half].max(), table[name][half:].max()
        found.counts[name] += int(after)
        if after > before:
            wrong.append(f"{name} grow from {before:.0f} to {after:.0f}")
    return wrong


def slope(at: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """By how much ``values`` grow: the median over all pairs of them, which a single odd one does
    not move (Theil and Sen)."""
    pairs = combinations(range(len(at)), 2)
    return float(np.median([(values[b] - values[a]) / (at[b] - at[a]) for a, b in pairs]))


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        came = campaign(int(sys.argv[1]), int(sys.argv[2]), Path(scratch))
    sys.stdout.write(json.dumps(vars(came)))
