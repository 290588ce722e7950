"""Files that take one size: measured and built at it where nothing else is said."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from bench.planning.settings import SweepSettings
from engines.planning.batches import Batch
from sizewise.cli.front import run_command_line
from sizewise.core.progress import SILENT, Stage
from sizewise.core.specs import Size, Sizes
from sizewise.pipeline.bench import foresee
from sizewise.pipeline.build import BuildOptions, build
from sizewise.pipeline.models.cards import usual_sizes
from sizewise.pipeline.models.fixed import as_files_take_it
from tests.engines.nets import write_net

DEFAULT = SweepSettings()


class Heard:
    """Keeps the remarks that it is told."""

    def __init__(self) -> None:
        self.remarks: list[str] = []

    def stage(self, label: str, total: int) -> AbstractContextManager[Stage]:
        return SILENT.stage(label, total)

    def remark(self, text: str) -> None:
        self.remarks.append(text)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_file_of_one_size_and_batch_is_measured_at_them(batch: int, tmp_path: Path) -> None:
    heard = Heard()
    model = write_net(tmp_path / "fixed.onnx", sides=(batch, 64, 96))
    fitted = as_files_take_it(DEFAULT, [model], heard)
    assert fitted.sizes == (Size(64, 96),)
    assert fitted.strategies == ("static",)
    assert fitted.batch == (Batch(batch),)
    (said,) = heard.remarks
    assert "fixed.onnx" in said
    assert "64x96" in said
    assert ("batch" in said) is (batch > 1)


def test_what_is_given_stays(tmp_path: Path) -> None:
    model = write_net(tmp_path / "fixed.onnx", sides=(4, 64, 96))
    given = SweepSettings(
        sizes=Sizes.parse("64"), strategies=("dynamic",), batch=(Batch(2),), backends=("openvino",)
    )
    assert as_files_take_it(given, [model], SILENT) is not None
    assert as_files_take_it(given, [model], SILENT) == given


@pytest.mark.parametrize("second", [("b", "h", "w"), (1, 96, 96), (1, 64, "w")])
def test_of_files_that_take_different_sizes_each_is_measured_at_its_own(
    second: tuple[Any, Any, Any], tmp_path: Path
) -> None:
    """The settings stay, and the plan fits them to each file."""
    heard = Heard()
    models = [
        write_net(tmp_path / "fixed.onnx", sides=(1, 64, 96)),
        write_net(tmp_path / "other.onnx", sides=second),
    ]
    assert as_files_take_it(DEFAULT, models, heard) == DEFAULT
    (said,) = heard.remarks
    assert "fixed.onnx: sizes 64x96, strategies static" in said
    assert ("other.onnx: sizes" in said) is (second != ("b", "h", "w"))


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    heard, models = Heard(), []
    for side in (64, 96):
        (tmp_path / str(side)).mkdir()
        models.append(write_net(tmp_path / str(side) / "net.onnx", sides=(1, side, side)))
    as_files_take_it(DEFAULT, models, heard)
    (said,) = heard.remarks
    assert "64/net.onnx: sizes 64x64" in said
    assert "96/net.onnx: sizes 96x96" in said


def test_one_fixed_side_leaves_the_usual_ones_of_the_other(tmp_path: Path) -> None:
    """Readers of text have one height."""
    model = write_net(tmp_path / "text.onnx", sides=("b", 64, "w"))
    fitted = as_files_take_it(DEFAULT, [model], SILENT)
    assert fitted.sizes == tuple(Size(64, size.width) for size in DEFAULT.sizes)
    assert fitted.strategies == DEFAULT.strategies
    assert not any(model.refusal(size) for size in fitted.sizes)


def test_a_back_end_without_static_engines_keeps_the_strategies(tmp_path: Path) -> None:
    """It has one program for every size, which may well run that of a fixed file."""
    model = write_net(tmp_path / "fixed.onnx", sides=(1, 64, 96))
    both = SweepSettings(backends=("onnxruntime", "torch_eager"))
    assert as_files_take_it(both, [model], SILENT).strategies == DEFAULT.strategies


def test_tables_of_a_sweep_say_all_themselves(tmp_path: Path) -> None:
    model = write_net(tmp_path / "fixed.onnx", sides=(1, 64, 96))
    settings = SweepSettings(sweep=({"sizes": Sizes.parse("64x96")},))
    found = foresee([model], settings, out=tmp_path)
    assert found.trials == 4


def test_bench_plans_that_size_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_net(tmp_path / "fixed.onnx", sides=(1, 64, 96)).path
    out = str(tmp_path / "out")
    assert run_command_line(["bench", str(path), "--dry-run", "--json", "--out", out]) == 0
    assert json.loads(capsys.readouterr().out)["trials"] == 2


def test_bench_plans_a_size_for_each_file_of_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [
        str(write_net(tmp_path / f"{side}.onnx", sides=(1, side, side)).path)
        for side in (320, 416, 640)
    ]
    out = str(tmp_path / "out")
    assert run_command_line(["bench", *paths, "--dry-run", "--json", "--out", out]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["trials"], found["engines"]) == (6, 6)  # in two back ends


def test_build_builds_that_size(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = write_net(tmp_path / "fixed.onnx", sides=(1, 64, 96))
    found = build(model, BuildOptions(), out=tmp_path / "engines")
    assert [one.artifact.spec.spans for one in found.built] == ["64x96"]
    assert not found.refused


@pytest.mark.parametrize(("height", "width"), [("h", "w"), (64, "w"), ("h", 96), (64, 96)], ids=str)
def test_usual_sizes_are_sizes_that_the_file_takes(
    height: int | str, width: int | str, tmp_path: Path
) -> None:
    model = write_net(tmp_path / "net.onnx", sides=(1, height, width), card=None)
    sizes = usual_sizes(model.card, model.image)
    assert not any(model.refusal(size) for size in sizes)
    assert Sizes.parse(sizes.text) == sizes
    assert len(sizes) == (1 if (height, width) == (64, 96) else 6)
