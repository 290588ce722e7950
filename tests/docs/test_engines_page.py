"""docs/engines.md says what the raw records say (docs/make/engines)."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from bench.planning.protocol import HARNESS
from docs.make.engines import (
    accuracy_tables,
    matrix_tables,
    pages,
    ranges,
    speed_tables,
    tables,
)
from docs.make.pages import MEASURED
from engines.backends._ort.options import OnnxRuntimeCpuOptions, OnnxRuntimeOptions
from sizewise.core import codec
from sizewise.core.machine.environment import read_environment
from sizewise.core.specs import BackendOptions, Deviation, EngineSpec, Profile, Size
from sizewise.core.trials import EARLIER_HARNESS, Block, Cell, Result, Run, Trial

SIZE = Size(64, 96)
SECOND_NS = 10**9


def _fill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """The page as it is, and as its tables make it."""
    committed = tables.PAGE.read_text(encoding="utf-8")
    copy = tmp_path / "page.md"
    copy.write_text(committed, encoding="utf-8")
    monkeypatch.setattr(tables, "PAGE", copy)
    tables.main()
    return committed, copy.read_text(encoding="utf-8")


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where records are looked for: there is none yet."""
    monkeypatch.setattr(pages, "MEASURED", tmp_path)
    return tmp_path


def test_the_page_is_what_the_records_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed, filled = _fill(tmp_path, monkeypatch)
    assert filled == committed


def test_every_record_is_on_the_page() -> None:
    there = {path.stem for path in MEASURED.glob("engines-*.json")}
    assert there <= {f"engines-{name}" for name in (*tables.RECORDS, "accuracy")}


def _options() -> dict[str, list[str]]:
    """The rows of the table of options, by name."""
    page = tables.PAGE.read_text(encoding="utf-8")
    section = page.split("## Options of ONNX Runtime's sessions")[1].split("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if "|" in line]
    return {cells[0].strip("`"): cells[1:] for cells in lines[2:]}


def test_every_option_of_onnx_runtime_has_its_row_with_the_default_first() -> None:
    common = {one.name for one in fields(BackendOptions)}
    own = {one.name: one for one in fields(OnnxRuntimeCpuOptions) if one.name not in common}
    on_gpu = {one.name for one in fields(OnnxRuntimeOptions)}
    rows = _options()
    assert rows.keys() == own.keys()
    hints = get_type_hints(OnnxRuntimeCpuOptions)
    for name, (values, _, gpu) in rows.items():
        listed = re.findall(r"`([^`]+)`", values)
        default = own[name].default
        said = str(default).lower() if isinstance(default, bool) else str(default or "none")
        assert listed[0] == said, name
        if get_origin(hints[name]) is Literal:
            assert set(listed) == set(get_args(hints[name])), name
        assert (gpu == "yes") == (name in on_gpu), name


def test_what_is_not_measured_is_said_to_be_so(
    measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, filled = _fill(tmp_path, monkeypatch)
    assert filled.count(pages.MISSING) == len(tables.TABLES)


def test_the_best_engine_of_a_trained_network_is_one_within_its_bound(measured: Path) -> None:
    """With random weights, the fastest is marked."""
    results = (
        _result("onnxruntime", "dynamic", "fp32", ms=8),
        _result("openvino", "static", "fp32", ms=4),
        _result("openvino", "static", "int8", ms=1),
        _refused("openvino", "static", "bf16", "openvino does not run a.onnx: 3 layers are fp32."),
        _refused("openvino", "static", "fp16", "openvino does not run b.onnx: 9 layers are fp32."),
    )
    pages.write_record("speed", _speed_record(results, int8_error=0.3))
    table = speed_tables.speed()
    assert "1.0‡" in table[0]
    assert "4.0 |" in table[0]
    assert table[2] == "1. openvino does not run the file: N layers are fp32."
    assert table[3:] == []
    best, _, mean = speed_tables.best()
    assert "openvino static int8‡" in best
    assert mean == "Geometric mean over the 1 rows at full width: **8.00× (8.00–8.00)**."

    trained = _speed_record(results, int8_error=0.3) | {"full_width": []}
    pages.write_record("speed", trained)
    best = speed_tables.best()[0]
    assert "openvino static fp32" in best
    assert "2.00× (2.00–2.00)" in best

    pages.write_record("speed", _speed_record(results, int8_error=0.1))
    best = speed_tables.best()[0]
    assert "8.00× (8.00–8.00)" in best
    assert "‡" not in best


def test_ranges_go_from_the_least_to_the_most(measured: Path) -> None:
    results = (
        _result("onnxruntime", "dynamic", "fp32", ms=8),
        _result("openvino", "static", "bf16", ms=4),
        _result("openvino", "static", "int8", ms=2),
        _refused("openvino", "static", "int8+bf16", "openvino does not run a.onnx."),
    )
    pages.write_record("speed", _speed_record(results, int8_error=0.1))
    rows = [" ".join(line.split()) for line in ranges.ranges()[0].splitlines()]
    kinds = list(_speed_record(results, int8_error=0.1)["networks"])
    assert [ranges.KINDS["multiscale"](kind) for kind in kinds] == [False]
    assert "| int8 in OpenVINO, over fp32 in ONNX Runtime | 4.00–4.00 | – |" in rows
    assert "| int8 in OpenVINO, over its bf16 | 2.00–2.00 | – |" in rows
    assert "| int8+bf16 in OpenVINO, over its int8 | – | – |" in rows


def test_no_size_has_bf16_faster_as_the_page_says() -> None:
    assert "**There is no size from which bf16 is the faster" in tables.PAGE.read_text("utf-8")
    (row,) = (one for one in ranges.ranges()[0].splitlines() if "over its bf16" in one)
    assert min(map(float, re.findall(r"\d+\.\d+", row))) > 1


def test_tables_of_an_earlier_harness_say_so_and_what_it_did(measured: Path) -> None:
    today = _result("onnxruntime", "dynamic", "fp32", ms=8)
    before = _result("openvino", "static", "fp32", ms=4, harness=EARLIER_HARNESS)
    for results, said in (((today, before), True), ((today,), False)):
        pages.write_record("speed", _speed_record(results, int8_error=0.1))
        for table in (speed_tables.speed(), speed_tables.best()):
            assert (table[:2] == [speed_tables.EARLIER, ""]) is said
            assert (speed_tables.EARLIER in table) is said


def test_the_matrix_tells_networks_apart_where_they_differ(measured: Path) -> None:
    reasons = ["x does not run a.int8.onnx: 1 layer is fp32.", "x does not run b.int8.onnx: 2."]
    pages.write_record(
        "matrix",
        {
            "left_out": {},
            "slow": {"backend": "y", "networks": []},
            "reasons": reasons,
            "cells": [
                *(_ran("a", "fp32", "static", "fp32"), _ran("a", "fp32", "dynamic", "fp32")),
                *(_ran("b", "fp32", "static", "fp32"), _ran("b", "fp32", "dynamic", "fp32")),
                _ran("a", "int8", "static", "int8 3, fp32 1"),
                _ran("a", "int8", "dynamic", None),
                *(_ran("b", "int8", "static", None), _ran("b", "int8", "dynamic", None)),
            ],
        },
    )
    lines = [" ".join(line.split()) for line in "\n".join(matrix_tables.matrix()).splitlines()]
    assert "| x | yes | see below |" in lines
    assert "| a | static yes: int8 3, fp32 1, dynamic [1] |" in lines
    assert "| b | [1] |" in lines
    assert "1. `unsupported_precision` x does not run the file: N layer is fp32." in lines


def test_accuracy_is_what_export_printed(measured: Path, tmp_path: Path) -> None:
    printed = tmp_path / "printed.json"
    printed.write_text(json.dumps([_scored("int8", 0.02), _scored("fp16", -0.001)]))
    accuracy_tables.copy_record([printed])
    rows = [" ".join(line.split()) for line in "\n".join(accuracy_tables.accuracy()).splitlines()]
    headers = "mIoU, fp32 | mIoU loss, int8 | mIoU loss, fp16"
    assert f"| size | calibrated at it | {headers} |" in rows
    assert "| 64x64 | yes | 0.800 | 2.00 | -0.10 |" in rows
    assert "| 64x96 | no | 0.800 | 2.00 | -0.10 |" in rows


def _scored(precision: str, loss: float) -> dict[str, Any]:
    calibration = {"sizes": [codec.to_plain(Size(64, 64))]} if precision == "int8" else None
    score = {
        "parent": {"ap": None, "ap50": None, "miou": 0.8, "images": 4},
        "made": {"ap": None, "ap50": None, "miou": 0.8 - loss, "images": 4},
    }
    return {
        "card": {
            **{"network": "multiscale", "fusion": "absi", "precision": precision},
            **{"parameters": 1000, "kept": [], "calibration": calibration},
        },
        "scores": [{"size": codec.to_plain(size)} | score for size in (Size(64, 64), SIZE)],
    }


def _ran(network: str, precision: str, strategy: str, runs_in: str | None) -> dict[str, Any]:
    reason = {"reason_code": "unsupported_precision", "reason": 0}
    outcome = {"runs_in": runs_in} if runs_in else reason
    where = {"network": network, "precision": precision, "backend": "x", "strategy": strategy}
    return where | outcome


def _speed_record(results: tuple[Result, ...], int8_error: float) -> dict[str, Any]:
    run = Run(
        started="now",
        environment=read_environment(),
        configuration="{}",
        command="",
        results=results,
    )
    deviation = Deviation(
        size=SIZE,
        output="boxes",
        max_abs_error=1,
        absmax=1,
        relative_error=int8_error,
        bound=0.2,
    )
    deviations = {"fp32": [], "int8": [codec.to_plain(deviation)]}
    network = {"deviations": deviations, "runs": [codec.to_plain(run)]}
    return {
        "environment": codec.to_plain(read_environment()),
        "full_width": ["a"],
        "networks": {"a": network},
    }


def _refused(backend: str, strategy: Any, precision: str, reason: str) -> Result:
    trial = _result(backend, strategy, precision, ms=1).trial
    code = "unsupported_precision"
    return Result(trial=trial, status="unsupported", reason_code=code, reason=reason)


def _result(
    backend: str, strategy: Any, precision: str, *, ms: float, harness: int = HARNESS
) -> Result:
    trial = Trial(
        cell=Cell(
            network="a",
            fusion="none",
            precision=precision,
            backend=backend,
            strategy=strategy,
            graph_fusion="all",
            batch_size=1,
            size=SIZE,
        ),
        model_sha256="",
        spec=EngineSpec(backend=backend, strategy=strategy, profiles=(Profile.fixed(SIZE),)),
        backend_version="",
        environment_fingerprint="",
        harness=harness,
    )
    # The machine drifts from process to process: the ratio does not.
    blocks = tuple(_block(wave=number, ms=ms * (1 + number / 1000)) for number in range(3))
    return Result(trial=trial, status="ok", blocks=blocks)


def _block(*, wave: int, ms: float) -> Block:
    return Block(
        wave=wave,
        round=0,
        attempt=0,
        rebuild=0,
        session=1,
        started_ns=wave * SECOND_NS,
        latency_ns=(round(ms * 1e6),) * 3,
        cold=0,
        cpu_ns=1,
        load=0.0,
        clock_mhz=0.0,
    )
