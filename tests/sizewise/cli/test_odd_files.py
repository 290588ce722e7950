"""Files in forms that people bring are built, measured and right, all through the command line: in
OpenVINO by evaluate, in ONNX Runtime by bench."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reports.load import load
from tests.sizewise.cli.conftest import Cli
from tests.sizewise.cli.odd_files import (
    ALL_DARK,
    RIGHT,
    SIDE,
    write_classes,
    write_grey_bytes,
    write_old,
    write_several,
)

pytest.importorskip("onnxruntime")
pytest.importorskip("openvino")
pytestmark = pytest.mark.usefixtures("in_process", "quiet_machine")
OTHER = ("--backend", "openvino")
QUICK = ("--processes", 1, "--rounds", 1, "--rigor", "quick", "--strategy", "static")


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_classes(tmp_path_factory.mktemp("classes"))


def top_1(cli: Cli, model: Path, classes: Path, *options: object) -> float:
    line = ("evaluate", model, "--data", classes, "--layout", "b_c", "--sizes", SIDE, "--json")
    said = cli(*line, *options)
    assert said.code == 0, said
    (row,) = json.loads(said.out)["rows"]
    return float(row["top1"])


def benched(
    cli: Cli, models: list[Path], classes: Path, out: Path, *options: object
) -> list[float]:
    """The accuracy of each engine that was measured."""
    line = (*models, "--data", classes, "--layout", "b_c", "--sizes", SIDE, *QUICK)
    said = cli(
        "bench", *line, "--allow-fallback", "--backend", "onnxruntime", "--out", out, *options
    )
    assert said.code == 0, said
    rows = load(out / "results.sqlite")
    assert set(rows["status"]) == {"ok"}
    assert (rows["latency_ms"] > 0).all()
    return sorted(rows["top1"])


def test_opsets_7_and_8_and_bytes_of_one_channel_that_comes_last(
    cli: Cli, classes: Path, tmp_path: Path
) -> None:
    """Grey is what Pillow and OpenCV make of colours: by the mean of the channels, one more picture
    would be wrong."""
    old = [write_old(tmp_path / f"opset-{opset}.onnx", opset) for opset in (7, 8)]
    grey = write_grey_bytes(tmp_path / "grey.onnx")
    assert top_1(cli, grey, classes, *OTHER) == pytest.approx(RIGHT)
    found = benched(cli, [*old, grey], classes, tmp_path / "out")
    assert found == pytest.approx([RIGHT] * 3)


def test_several_inputs_of_which_one_is_as_long_as_is_said(
    cli: Cli, classes: Path, tmp_path: Path
) -> None:
    model = write_several(tmp_path / "several.onnx")
    said = cli("build", model, "--sizes", SIDE, "--out", tmp_path)
    assert said.code == 1
    assert "nothing says how long n is. Say it: --input prompt=0:batchx8" in said.err
    mask = ("--input", "mask=1.0:batchx1xheightxwidth")
    prompt = ("--input", "prompt=0.5:batchx7")
    assert top_1(cli, model, classes, *mask, *prompt, *OTHER) == pytest.approx(RIGHT)
    prompt = ("--input", "prompt=3.0:batchx7")
    found = benched(cli, [model], classes, tmp_path / "out", *mask, *prompt)
    assert found == pytest.approx([ALL_DARK])
