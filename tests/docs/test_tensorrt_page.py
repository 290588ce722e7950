"""docs/tensorrt.md says what the raw record says (docs/make/tensorrt)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from docs.make.tensorrt import builds, tables
from tests.engines.nets import write_net
from tests.engines.tensorrt.build.builds import spec_of


def _record() -> Any:
    return json.loads(tables.RECORD.read_text(encoding="utf-8"))


def test_the_page_is_what_the_record_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed = tables.PAGE.read_text(encoding="utf-8")
    copy = tmp_path / "page.md"
    copy.write_text(committed, encoding="utf-8")
    monkeypatch.setattr(tables, "PAGE", copy)
    tables.main()
    assert copy.read_text(encoding="utf-8") == committed


def test_every_network_precision_and_strategy_of_the_issue_is_in_the_record() -> None:
    found = {(c["network"], c["precision"], c["strategy"]) for c in _record()["cells"]}
    precisions = ("fp32", "fp16", "bf16", "int8", "fp8")
    wanted = {
        (network, precision, strategy)
        for network in builds.NETWORKS
        for precision in precisions
        for strategy in builds.STRATEGIES
    }
    assert wanted <= found


def test_sums_are_of_all_engines_and_an_engine_that_was_refused_is_no_sum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = _record()
    of_one = [c for c in record["cells"] if c["network"] == "yolov3" and c["precision"] == "int8"]
    of_one[-1] |= {"reason": "it was refused"}
    record["cells"] = of_one
    monkeypatch.setattr(tables, "RECORD", tmp_path / "record.json")
    tables.RECORD.write_text(json.dumps(record), encoding="utf-8")
    seconds = sum(cell["build_s"] for cell in of_one if cell["strategy"] == "static")
    *_, row = tables.builds()
    assert row.split("|")[3:6] == [f" {seconds:.1f} ", f" {of_one[-2]['build_s']:.1f} ", " – "]


def test_without_a_record_it_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "RECORD", tmp_path / "none.json")
    assert {tuple(table()) for table in tables.TABLES.values()} == {(tables.MISSING,)}


def test_a_build_is_recorded_and_not_kept(tmp_path: Path) -> None:
    model = write_net(tmp_path / "small.onnx")
    found = builds.record_build(model, spec_of("static"), tmp_path / "engines")
    assert found["build_s"] > 0
    assert found["size_bytes"] > found["memory"]["weights_bytes"]
    assert list((tmp_path / "engines").iterdir()) == []


def test_a_build_that_fails_is_recorded_with_its_reason(tmp_path: Path) -> None:
    model = write_net(tmp_path / "small.onnx")
    spec = spec_of("static", capabilities=("9.0",))
    assert "9.0" in builds.record_build(model, spec, tmp_path / "engines")["reason"]
