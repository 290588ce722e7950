"""An audit as a whole, in ONNX Runtime, at the smallest settings: it shows nothing, and says so."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import typer

from bench.audit import cells, inputs, plan, sight, twins
from bench.audit.plan import Plan
from bench.audit.turns import Shape
from bench.planning.settings import SweepSettings
from bench.timing.harness import Turn
from engines.store import cache
from sizewise.cli.audit import audit
from sizewise.core.children import child
from sizewise.pipeline.audit import AuditOptions
from tests.bench.factories import launch_in_process, quietly

pytest.importorskip("onnxruntime")
TINY = Plan(
    calls=100,
    twin_waves=1,
    twin_minutes=1.0,
    cell_waves=1,
    cell_s=0.0,
    input_waves=2,
    input_s=0.0,  # one wave is measured in any case
    with_torch=False,
    shape=Shape(rounds=1, turn=Turn(pause_s=0.0, cold_calls=1, calls=1, seconds=0.0)),
)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, built_here: None) -> None:
    """All parts are real, with children of their own; but engines are built in this process, and
    calls of nothing and the sweep of the twins, which other tests run in children, are timed in
    it."""
    monkeypatch.setattr(child, "run_in_child", vars(cache)["run_in_child"])
    in_process = partial(twins.measure_twins, launch=launch_in_process, watch=quietly)
    monkeypatch.setattr(twins, "measure_twins", in_process)
    short = partial(SweepSettings, rounds=1, block_s=0.0, block_calls=1)
    monkeypatch.setattr(twins, "SweepSettings", short)
    monkeypatch.setattr(cells, "usable_backends", lambda: ("onnxruntime",))
    monkeypatch.setattr(plan, "plan_of", lambda minutes: TINY)
    monkeypatch.setattr(inputs, "POOL_BYTES", 1)
    monkeypatch.setattr(sight, "QUIET_ROUNDS", 1)
    monkeypatch.setattr(sight, "BURNT_ROUNDS", 1)


@pytest.mark.usefixtures("tiny")
def test_an_audit_measures_all_its_parts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended:
        audit(AuditOptions(minutes=0.1), out=tmp_path, as_json=True)
    printed = json.loads(capsys.readouterr().out)
    error = printed.pop("error", None)
    (kept,) = tmp_path.glob("*/audit.json")
    assert json.loads(kept.read_text(encoding="utf-8")) == printed

    lines = {check["name"]: check for check in printed["checks"]}
    same = "the same engine twice (onnxruntime)"
    beside = [name for name in lines if name.endswith("÷ the library by itself")]
    assert len(beside) == 2
    assert {lines[name]["holds"] for name in (*beside, same)} == {"not shown"}
    assert lines["0 of these 2 are shown: their median"]["holds"] == "not shown"
    assert any("No answer yet" in sentence for sentence in printed["verdict"])
    # Whether this machine lets a call of nothing be quick is no matter of the test.
    overhead = lines["an engine that does nothing, 100 calls"]
    assert ended.value.exit_code == int(overhead["holds"] == "no") == int(bool(error))
    _expect_all_measured(printed["measured"])


def _expect_all_measured(measured: dict[str, Any]) -> None:
    assert (measured["threads"], measured["overhead"]["calls"]) in {(1, 100), (2, 100)}
    assert measured["skipped"] == measured["left_out"] == []
    assert measured["twins"]["waves"] == 1
    waves = [*measured["inputs"], *(wave for cell in measured["parity"] for wave in cell["waves"])]
    assert len(waves) == 3
    for wave in waves:
        assert all(wave[side]["median_ns"][0] > 0 for side in ("first", "second"))
    assert len(measured["sight"]["quiet"]) == len(measured["sight"]["beside_burner"]) == 1
