"""Cells measured with scripted workers: what each side is told, and cells that fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.audit import cells
from bench.audit.beside import ParityRun
from bench.audit.cells import measure_cells
from bench.audit.parity import Cell
from bench.audit.turns import Shape
from bench.remote import RemoteWorker
from bench.timing.harness import Turn
from bench.waves.launch import Limits
from sizewise.core.errors import InferenceError
from sizewise.core.progress import SILENT
from sizewise.core.specs import Size
from tests.bench.audit.audits import MS, ScriptedWorker, fake_engine

SIZE = Size(64, 96)
SHAPE = Shape(rounds=2, turn=Turn(pause_s=0, cold_calls=2, calls=5, seconds=0))
LIMITS = Limits(timeout_s=1)
pytestmark = pytest.mark.usefixtures("built_here")


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    return Cell.of(*fake_engine(tmp_path, SIZE, threads=2), SIZE)


def test_both_sides_get_the_same_shape_and_threads(cell: Cell) -> None:
    told: dict[str, list[dict[str, Any]]] = {"ours": [], "bare": []}

    class Told(ScriptedWorker):
        def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
            if method == "__init__":
                told[self._name].append(json.loads(json.dumps(arguments)))
            return super().call(method, arguments, timeout_s=timeout_s)

    def launch(name: str, times: float) -> Any:
        return lambda limits: Told(name, lambda turn: times * MS, []).remote()

    run = ParityRun(cell, LIMITS, SHAPE, ours=launch("ours", 1.1), bare=launch("bare", 1.0))
    run.measure_wave()
    run.measure_wave()
    assert run.parity.ratio.point == pytest.approx(1.1)
    assert told["ours"] == [{"engine": str(cell.engine.path), "size": "64x96"}] * 2
    assert told["bare"][0] == {
        "backend": "fake",
        "source": str(cell.source),
        "shape": [1, 3, 64, 96],
        "threads": 2,
        "static": True,
    }
    assert run.label == "fake static, small 64x96, 2 threads"


def test_a_cell_that_fails_is_left_out_with_its_reason(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(ScriptedWorker):
        def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
            raise InferenceError("It failed", "the test says so", "Change the test.")

    def launch(worker: type[ScriptedWorker]) -> Any:
        return lambda limits: worker("one", lambda turn: MS, []).remote()

    kinds = iter((ScriptedWorker, Failing))
    monkeypatch.setattr(
        cells,
        "ParityRun",
        lambda cell, limits, shape: ParityRun(
            cell, limits, shape, ours=launch(ScriptedWorker), bare=launch(next(kinds))
        ),
    )
    runs, skipped = measure_cells([cell, cell], LIMITS, SHAPE, SILENT, waves=5, seconds=60)
    assert [run.waves for run in runs] == [5]
    assert [one.reason for one in skipped] == ["It failed: the test says so. Change the test."]


def test_where_time_is_short_each_cell_has_one_wave_and_shows_nothing(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def launch(limits: Limits) -> RemoteWorker:
        return ScriptedWorker("one", lambda turn: MS, []).remote()

    monkeypatch.setattr(
        cells,
        "ParityRun",
        lambda cell, limits, shape: ParityRun(cell, limits, shape, ours=launch, bare=launch),
    )
    runs, _ = measure_cells([cell, cell], LIMITS, SHAPE, SILENT, waves=50, seconds=0)
    assert [run.waves for run in runs] == [1, 1]
    assert [run.parity.shown for run in runs] == [False, False]
