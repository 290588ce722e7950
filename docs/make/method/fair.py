"""Our sessions beside the libraries by themselves, at their own defaults
(python -m docs.make.method.fair [--gpu] [--quick] [--build] [--again] [--minutes N]).

Four back ends, a small and a large network with random weights, three sizes, one and two threads: a
cell each. Both sides have processes of their own, fresh in each wave, and turns of 60 ms after a
pause of 60 ms. A cell ends when its interval is narrower than ±2 %, from the sixth wave on, or
after the twelfth. Each is stored when it is done, so the same command goes on; a cell of another
machine, harness or version of a library is measured anew.

The rule (docs/method.md): a cell with an interval wider than ±3 % is not shown; of those that are,
none has its whole interval outside 0.97–1.05, and their median is in 0.98–1.02. It holds where
every cell was measured, and half of them are shown. --quick takes eight cells and stores nothing,
--build only builds the engines, --gpu takes the back ends of GPUs on one thread, for a record of
their own, --again adds up to twelve waves to each cell that is not shown
(whatever its ratio), --minutes begins no cell after so many minutes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from bench.audit.beside import ParityRun
from bench.audit.cells import engine_of
from bench.audit.parity import (
    HIGH,
    LOW,
    MEDIAN_HIGH,
    MEDIAN_LOW,
    WIDEST,
    Cell,
    Parity,
)
from bench.audit.turns import Shape
from bench.planning.protocol import HARNESS
from bench.waves.launch import Limits
from docs.make.engines.files import export
from docs.make.method.records import OUT, now, origin, read_record, write_record
from docs.make.method.verdicts import fairness_of, waves_of
from engines.backends._bare.calls import BARE
from engines.registry import find_backend
from sizewise.cli import console
from sizewise.core import codec
from sizewise.core.machine.environment import read_environment
from sizewise.core.specs import Size

NAME, GPU_NAME = "fair-engines", "fair-gpu"
ON_GPU = ("onnxruntime_cuda", "torch_cuda")
NETWORKS = {"yolov4-tiny, width 0.25": ("--width", "0.25"), "yolov4-tiny": ()}
SIDES = (160, 288, 416)
THREADS = (1, 2)
SHAPE = Shape(rounds=20)
"""Turns differ by 12–15 % on a virtual machine with neighbours, processes hardly: many turns in a
process are cheaper than many processes."""
FEWEST, MOST, NARROW = 6, 12, 0.02
LIMITS = Limits(timeout_s=600.0)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A cell before its engine is built."""

    backend: str
    network: str
    side: int
    threads: int

    @property
    def label(self) -> str:
        return f"{self.backend}, {self.network} at {self.side}, threads {self.threads}"

    def cell(self) -> Cell:
        """The cell with its engine, which is built unless it is there."""
        options = NETWORKS[self.network]
        folder = OUT / "models" / ("-".join(options).replace("--", "") or "full")
        model = export(self.network.partition(",")[0], folder, *options)
        size = Size(self.side, self.side)
        engine = engine_of(model, self.backend, size, self.threads, OUT / "engines")
        return Cell.of(model, engine, size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--build", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    given = parser.parse_args()
    name = GPU_NAME if given.gpu else NAME
    wanted = _quick(given.gpu) if given.quick else _all(given.gpu)
    record: dict[str, Any] = {} if given.quick else read_record(name) or {}
    stored = {c["label"]: c for c in record.get("cells", []) if c["conditions"] == _conditions(c)}
    kept = {label for label, cell in stored.items() if cell["shown"] or not given.again}
    todo = [one for one in wanted if one.label not in kept]
    cells = {}
    for one in todo:
        console.remark(f"Building {one.label}")
        cells[one.label] = one.cell()
    if given.build:
        return
    end_s = time.monotonic() + 60 * given.minutes
    for one in todo:
        if time.monotonic() > end_s:
            break
        stored[one.label] = _measured(one, cells[one.label], stored.get(one.label))
        if not given.quick:
            write_record(name, _record(wanted, stored))
    _say(_record(wanted, stored))


def _all(gpu: bool) -> tuple[Wanted, ...]:
    """Back ends innermost, so that a campaign that was cut short has all of them; of a GPU, which
    may be lent for minutes, the smallest and the largest cells first."""
    if gpu:
        pairs = zip((*NETWORKS, *NETWORKS), (SIDES[0], SIDES[-1], SIDES[-1], SIDES[0]), strict=True)
        return tuple(
            Wanted(backend=backend, network=network, side=side, threads=1)
            for (network, side), backend in product(pairs, ON_GPU)
        )
    return tuple(
        Wanted(backend=backend, network=network, side=side, threads=count)
        for count, network, side, backend in product(
            reversed(THREADS), NETWORKS, SIDES, _backends(gpu)
        )
    )


def _quick(gpu: bool) -> tuple[Wanted, ...]:
    """The small network, in which a cost for each call counts most, at two sizes."""
    small = next(iter(NETWORKS))
    return tuple(
        Wanted(backend=backend, network=small, side=side, threads=1 if gpu else 2)
        for side, backend in product((SIDES[0], SIDES[-1]), _backends(gpu))
    )


def _backends(gpu: bool) -> tuple[str, ...]:
    return ON_GPU if gpu else tuple(name for name in BARE if name not in ON_GPU)


def _measured(one: Wanted, cell: Cell, before: dict[str, Any] | None) -> dict[str, Any]:
    """The record of one cell; waves are added to those of ``before``."""
    earlier = () if before is None else waves_of(before)
    run = ParityRun(cell, LIMITS, SHAPE, waves=earlier)
    started = now() if before is None else before["started"]
    while run.waves < len(earlier) + MOST:
        run.measure_wave()
        width = run.parity.ratio.width
        if run.waves >= FEWEST and width is not None and width <= NARROW:
            break
    plain: dict[str, Any] = codec.to_plain(one) | {"label": one.label}
    plain |= {"strategy": cell.engine.spec.strategy, "started": started, "ended": now()}
    plain |= {"origin": origin(), "conditions": _conditions(plain), **_figures(run.parity)}
    console.remark(_line(plain))
    return plain


def _figures(found: Parity) -> dict[str, Any]:
    """With all block medians in ns: waves of rounds, ours and the library's."""
    ratio = found.ratio
    return {
        "ratio": ratio.point,
        "low": ratio.low,
        "high": ratio.high,
        "half_width": ratio.width,
        "shown": found.shown,
        "outside": found.outside,
        "waves": codec.to_plain(found.waves),
    }


def _conditions(plain: dict[str, Any]) -> dict[str, Any]:
    """What has to be the same for a stored cell to be taken."""
    return {
        "harness": HARNESS,
        "builder": find_backend(plain["backend"]).builder,
        "version": find_backend(plain["backend"]).version(),
        "fingerprint": read_environment().fingerprint,
    }


def _record(wanted: Sequence[Wanted], stored: dict[str, Any]) -> dict[str, Any]:
    cells = [stored[one.label] for one in wanted if one.label in stored]
    rule = {"low": LOW, "high": HIGH, "median_low": MEDIAN_LOW, "median_high": MEDIAN_HIGH}
    return origin() | {
        "started": min(cell["started"] for cell in cells),
        "ended": max(cell["ended"] for cell in cells),
        "rule": rule | {"widest": WIDEST},
        "shape": codec.to_plain(SHAPE),
        "stopping": {"fewest": FEWEST, "most": MOST, "half_width": NARROW},
        "planned": len(wanted),
        "verdict": _verdict(cells, len(wanted)),
        "cells": cells,
    }


def _verdict(cells: Sequence[dict[str, Any]], planned: int) -> dict[str, Any]:
    """For whoever reads the record: pages take it from the cells."""
    found = fairness_of(cells, planned)
    plain: dict[str, Any] = codec.to_plain(found)
    return plain | {"shown": found.shown, "holds": found.answer}


def _line(cell: dict[str, Any]) -> str:
    interval = f"{cell['ratio']:.3f} ({cell['low']:.3f}–{cell['high']:.3f})"
    remark = "OUTSIDE" if cell["outside"] else "" if cell["shown"] else "not shown"
    return f"{cell['label']}: {interval} after {len(cell['waves'])} waves {remark}".rstrip()


def _say(record: dict[str, Any]) -> None:
    for cell in record["cells"]:
        console.remark(_line(cell))
    found = fairness_of(record["cells"], record["planned"])
    median = "none" if found.median is None else f"{found.median:.3f}"
    console.remark(
        f"{found.cells} of {found.planned} cells measured, {found.shown} shown: median {median}, "
        f"{len(found.outside)} outside. The rule holds: {found.answer}."
    )


if __name__ == "__main__":
    main()
