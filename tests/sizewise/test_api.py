"""The public surface: what ``import sizewise as sw`` gives, and what it costs."""

from __future__ import annotations

import inspect
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import sizewise as sw
from netzoo.data.coco.dataset import write_coco
from netzoo.weights.checkpoint import Provenance, save_checkpoint
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import build_network
from sizewise.core.options.declared import options_of
from tests.bench.factories import trial, waves
from tests.bench.journal.files import filed
from tests.bench.models import colours
from tests.netzoo.factories import squares

SURFACE = {
    "tune",
    *("train", "export", "convert", "build", "bench", "evaluate", "explain", "predict"),
    *("report", "results", "load", "best", "compare", "check_data", "anchors"),
    *("AnchorOptions", "DataOptions", "FittedAnchors", "DataCheck"),
    *("TrainOptions", "ExportOptions", "PrecisionOptions", "BuildOptions", "SweepSettings"),
    *("EvaluateOptions", "ExplainOptions", "PredictOptions"),
    *("CompareOptions", "Budget", "Best", "Compared"),
    *("Size", "Sizes", "ExportedModel", "EngineArtifact", "Reporter", "SILENT", "SizewiseError"),
    *("Trained", "Converted", "Builds", "SweepOutcome", "Evaluation", "Explanation"),
    *("Predictions", "Report"),
    *("Results", "export_darknet", "DarknetFiles"),
    *("Tuned", "TuneOptions", "FixedTraining"),
    *("EnginePool", "Pooled", "PoolOptions"),
    *("traffic", "Traffic", "TrafficFiles", "TrafficOptions"),
    *("plan", "Plan", "Planned", "PlanOptions", "replay", "Replayed", "ReplayOptions"),
    "__version__",
}


def test_the_public_surface_is_this_and_nothing_more() -> None:
    assert set(sw.__all__) == set(dir(sw)) == SURFACE
    assert all(hasattr(sw, name) for name in SURFACE)
    with pytest.raises(AttributeError, match="no attribute 'frobnicate'"):
        sw.frobnicate  # noqa: B018


def test_importing_it_imports_nothing_heavy() -> None:
    script = "import sizewise, sys; print(' '.join({m.partition('.')[0] for m in sys.modules}))"
    said = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    loaded = set(said.stdout.split())
    assert not loaded & {
        "torch",
        "pandas",
        "numpy",
        "onnx",
        "onnxruntime",
        "typer",
        "rich",
        "scipy",
    }


@pytest.mark.parametrize(
    "name",
    [
        *("train", "tune", "export", "export_darknet", "convert", "build", "bench", "evaluate"),
        *("explain", "predict", "check_data", "anchors", "traffic", "plan", "replay"),
    ],
)
def test_every_function_is_typed_and_takes_a_reporter(name: str) -> None:
    signature = inspect.signature(getattr(sw, name))
    assert signature.parameters["reporter"].default is sw.SILENT
    assert signature.return_annotation is not inspect.Signature.empty


@pytest.mark.parametrize("name", sorted(name for name in SURFACE if name.endswith("Options")))
def test_every_option_is_explained(name: str) -> None:
    for known in options_of(getattr(sw, name)).values():
        assert known.help.endswith((".", ")"))
        assert max(len(sentence.split()) for sentence in known.help.split(". ")) <= 30


def test_a_sweep_is_silent_and_comes_back_as_a_table(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    colours(tmp_path / "model.onnx")
    outcome = sw.bench(
        tmp_path / "model.onnx",
        out=tmp_path,
        sizes="32",
        backends="onnxruntime",
        strategies=["static"],
        processes=1,
        rounds=1,
    )
    assert (outcome.measured, dict(outcome.statuses)) == (1, {"ok": 1})
    frame = sw.load(outcome.results)
    assert list(frame["size"]) == ["32x32"]
    assert (frame["latency_ms"] > 0).all()
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


def test_data_are_checked_and_anchors_fitted_for_a_training(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "squares"
    write_coco(squares(folder, 6), folder / "train.json")
    check = sw.check_data(folder, out=tmp_path / "out", pictures=4)
    (part,) = check.parts
    assert (part.counts.pictures, part.counts.objects, check.skipped) == (6, 18, 0)
    assert check.sheets["train"].is_file()
    with pytest.raises(sw.SizewiseError, match="Invalid value 'many' for pictures"):
        sw.check_data(folder, pictures="many")

    fitted = sw.anchors("yolov2-tiny", data=folder, sizes=[64, 96])
    assert fitted.boxes == 18
    assert fitted.after.mean_best_iou > fitted.before.mean_best_iou
    quick = {"width": 0.05, "steps": 1, "batch": 2, "sizes": [64, 96], "out": tmp_path}
    given, own = (
        Path(sw.train("yolov2-tiny", data=folder, **options, **quick)[0].checkpoint).read_bytes()  # type: ignore[arg-type]
        for options in ({"anchors": fitted.line}, {"replace": True})
    )
    assert given == own
    with pytest.raises(sw.SizewiseError, match="darknet19 has no anchors"):
        sw.anchors("darknet19", data=folder)
    assert capfd.readouterr() == ("", "")


def test_a_damaged_results_file_is_salvaged_as_by_the_command(tmp_path: Path) -> None:
    path = filed(tmp_path, *waves(np.full((3, 2, 5), 1e6), trial(0), trial(1)))
    saved = tmp_path / "saved.sqlite"
    assert sw.results(path).held.damage == ""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE block SET cpu_ns = 7 WHERE wave_id = 2 AND trial_id = 1")
    with pytest.raises(sw.SizewiseError, match="damaged"):
        sw.load(path)
    found = sw.results(str(path), salvage=saved)
    assert found.salvaged == saved
    assert "2 of 3 waves" in found.held.summary
    assert sw.results(saved).held.damage == ""
    with pytest.raises(sw.SizewiseError) as caught:
        sw.results(path, salvage=saved)
    assert caught.value.todo == "Name a new file with salvage."


def test_progress_and_remarks_reach_the_reporter(tmp_path: Path) -> None:
    class Heard:
        def __init__(self) -> None:
            self.stages: list[str] = []
            self.remarks: list[str] = []

        def stage(self, label: str, total: int) -> object:
            self.stages.append(label)
            return sw.SILENT.stage(label, total)

        def remark(self, text: str) -> None:
            self.remarks.append(text)

    colours(tmp_path / "model.onnx")
    heard = Heard()
    sw.build(
        tmp_path / "model.onnx",
        out=tmp_path / "engines",
        sizes="32",
        strategies="static",
        reporter=heard,  # type: ignore[arg-type]
    )
    assert heard.stages == ["Building engines"]


def test_darknets_files_are_written_from_python(tmp_path: Path) -> None:
    config = NetworkConfig(name="yolov3-tiny", classes=("a",), width=0.05)
    save_checkpoint(tmp_path / "a.safetensors", build_network(config), Provenance())
    whole = sw.export_darknet(tmp_path / "a.safetensors", out=tmp_path, size="64x96")
    assert [Path(file).suffix for file in whole.files] == [".weights", ".cfg", ".names"]
    assert "width=96\nheight=64\n" in Path(whole.files[1]).read_text()
    part = sw.export_darknet(str(tmp_path / "a.safetensors"), out=tmp_path, cut=13)
    assert (part.files, part.convolutions) == ((str(tmp_path / "yolov3-tiny.conv.13"),), 7)
    with pytest.raises(sw.SizewiseError, match="nms can't be given with format darknet"):
        sw.export_darknet(tmp_path / "a.safetensors", out=tmp_path, nms=True)
