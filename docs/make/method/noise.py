"""A detector with NMS inside, on noise and on a picture (python -m docs.make.method.noise).

Calls of a sweep are given noise, in which a trained detector finds nothing. Here a graph of 6,400
boxes and two classes, without a network before it, is given noise without a candidate, and by turns
a picture with 500: so what NMS takes of them is not lost among convolutions. Both sides have
processes of their own, fresh in each wave.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from bench.audit.cells import engine_of
from bench.audit.inputs import InputWorker
from bench.audit.turns import Shape, Side, measure_wave, ratio_of
from bench.remote import RemoteWorker
from docs.make.method.records import OUT, now, origin, write_record
from engines.base import with_further
from exporter.graph.passes import run_pass
from exporter.suppression.insert import Suppress, suppressed_card
from sizewise.cli import console
from sizewise.core import codec
from sizewise.core.children.child import Child
from sizewise.core.files import output_folder
from sizewise.core.onnxfiles.model import read_model, write_card
from sizewise.core.specs import EngineArtifact, ExportedModel, Size, Suppression
from tests.exporter.detectors import CELLS, write_cells

NAME = "method-noise"
BACKENDS = ("onnxruntime", "openvino")
SIZE = Size(640, 640)
CELL = 8
"""Pixels of a side; each cell is a box."""
CANDIDATES = 500
NMS = Suppression(score_threshold=0.7)
"""Means of 64 numbers from 0 to 1 never come near it."""
WAVES, THREADS = 8, 2
_WORKER = "docs.make.method.noise:GivenWorker"


class GivenWorker(InputWorker):
    """An engine that is given noise, as in a sweep, or ``picture``."""

    def __init__(self, engine: str, size: str, picture: bool) -> None:
        super().__init__(engine, size, arrays=1)
        if picture:
            given = with_further(self._artifact, picture_of(Size.parse(size)))
            self._next = itertools.repeat(given).__next__


def main() -> None:
    started, before = now(), origin()
    model = detector(output_folder(OUT / "noise"))
    engines = [engine_of(model, name, SIZE, THREADS, OUT / "engines") for name in BACKENDS]
    cells = [_measured(engine) for engine in engines]
    record = {"started": started, "ended": now(), "boxes": SIZE.pixels // CELL**2}
    write_record(NAME, before | record | {"candidates": CANDIDATES, "cells": cells})


def detector(folder: Path) -> ExportedModel:
    """The graph, with NMS at its end."""
    plain = write_cells(folder / "cells.onnx", card=CELLS)
    proto = run_pass(Suppress(NMS), onnx.load(plain.path))
    write_card(proto, suppressed_card(CELLS, NMS))
    path = folder / "nms.onnx"
    onnx.save(proto, path)
    return read_model(path)


def picture_of(size: Size) -> NDArray[np.float32]:
    """Grey, but for cells whose red is a score above the threshold; green and blue say where their
    boxes lie."""
    random = np.random.default_rng(0)
    rows, columns = size.height // CELL, size.width // CELL
    cells = np.full((3, rows * columns), 0.2, np.float32)
    chosen = random.choice(rows * columns, min(CANDIDATES, rows * columns), replace=False)
    cells[0, chosen] = random.uniform(0.75, 0.95, len(chosen))
    cells[1:, chosen] = random.uniform(0, 0.65, (2, len(chosen)))
    grid = cells.reshape(3, rows, columns).repeat(CELL, axis=1).repeat(CELL, axis=2)
    return np.ascontiguousarray(grid[None])


def _measured(engine: EngineArtifact) -> dict[str, Any]:
    """The latency on the picture over that on noise, with all medians of turns in ns."""
    sides = _side(engine, picture=True), _side(engine, picture=False)
    waves = [measure_wave(*sides, Shape(), number) for number in range(WAVES)]
    ratio = ratio_of(waves)
    ms = {
        name: float(np.median([ns for one in turns for ns in one.median_ns])) / 1e6
        for name, turns in {
            "picture": [wave.first for wave in waves],
            "noise": [wave.second for wave in waves],
        }.items()
    }
    console.remark(f"{engine.spec.backend}: {ratio.point:.3f} times as long on a picture")
    return {
        "backend": engine.spec.backend,
        "ms": ms,
        **{"ratio": ratio.point, "low": ratio.low, "high": ratio.high},
        "waves": codec.to_plain(waves),
    }


def _side(engine: EngineArtifact, *, picture: bool) -> Side:
    def prepare(worker: RemoteWorker) -> None:
        given = {"engine": str(engine.path), "size": str(SIZE), "picture": picture}
        worker.call("__init__", **given)
        worker.open()
        worker.warm_up(3)

    return Side(launch=lambda: RemoteWorker(Child(_WORKER), timeout_s=300.0), prepare=prepare)


if __name__ == "__main__":
    main()
