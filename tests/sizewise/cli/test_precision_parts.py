"""A detector of ``[B, 4 + C, N]`` whose scores int8 destroys: every table marks the scores."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from engines.reference import probe_images
from sizewise.core.onnxfiles.model import read_model, write_card
from sizewise.core.specs import ExportedModel
from tests.bench.pictures import write_pictures
from tests.exporter.mixed_nets import SIZES, mixed_detector, shared_layer
from tests.exporter.small_nets import picture_set, run
from tests.sizewise.cli.conftest import Cli, Said
from tests.sizewise.cli.test_precision import table

pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.usefixtures("in_process")
SIZE = SIZES[1]
EXCEEDS = "The error of int8 against FP32 exceeds the 20% allowed"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain") / "pictures"
    picture_set(folder)
    return folder


@pytest.fixture
def mixed(tmp_path: Path) -> ExportedModel:
    return mixed_detector(tmp_path / "net.onnx")


@pytest.fixture
def foreign(tmp_path: Path) -> ExportedModel:
    return mixed_detector(tmp_path / "foreign.onnx", None)


@pytest.fixture
def export(cli: Cli, pictures: Path, tmp_path: Path) -> Callable[..., Said]:
    """In int8, into the folder ``o``."""

    def call(model: ExportedModel, *options: object) -> Said:
        asked = ("export", model.path, "--precision", "int8", "--calibrate", pictures)
        sizes = ("--calibration-sizes", SIZE, "--check-sizes", SIZE)
        return cli(*asked, *sizes, *options, "--out", tmp_path / "o")

    return call


def marks(said: Said) -> dict[str, bool]:
    """Whether the rows of an output or part are marked."""
    rows = table(said, "Error of int8 against FP32")[1:]
    return {row[2]: row[3].endswith(" !") for row in rows}


def test_scores_that_are_lost_are_marked_beside_the_accuracy_and_in_the_engine(
    cli: Cli,
    export: Callable[..., Said],
    mixed: ExportedModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the correction of biases, which brings some of them back."""
    monkeypatch.setattr("exporter.conversion.evidence.channel_shifts", lambda *_: {})
    data = tmp_path / "data"
    data.mkdir()
    said = export(mixed, "--data", write_pictures(data))
    assert said.code == 0, said
    assert marks(said) == {"found boxes": False, "found scores": True}
    assert f"{EXCEEDS}, where marked with !." in said.err
    (row,) = table(said, "Accuracy in int8 and FP32")[1:]
    assert row[2:4] == ["1.0000", "0.0000"]
    (advice,) = (line for line in said.err.splitlines() if "add --keep" in line)
    assert advice.split()[-1].split(",")[0] == shared_layer(mixed)

    made = (tmp_path / "o" / "net.int8.onnx").rename(tmp_path / "net.int8.onnx")
    options = ("--sizes", SIZE, "--strategy", "static", "--allow-fallback")
    said = cli("build", made, *options, "--out", tmp_path / "engines")
    assert said.code == 3, said
    images = probe_images(mixed.image, 1, SIZE)
    ours, exact = (run(onnx.load(path), images)[0][:, 4:] for path in (made, mixed.path))
    assert np.abs(ours).max() == 0
    largest = np.abs(exact).max()
    cells = " ".join(said.out.replace("│", " ").split())
    # Engines round what can't be negative in half steps, so some of it is there again.
    assert re.search(rf"found scores [\d.]+ \(of {largest:.3g}\), [\d.]+% !", cells)
    assert "found boxes" in cells
    assert cells.count(" !") == 1
    assert f"{EXCEEDS}, where marked with !. It was measured on made-up images." in said.err
    assert "exceeded the 20% allowed for int8 when it was converted: found scores" in said.err


def test_an_unknown_layout_is_proposed(export: Callable[..., Said], foreign: ExportedModel) -> None:
    unknown = export(foreign)
    assert marks(unknown) == {"found": False}
    assert "found was judged as a whole" in unknown.err
    assert "Give --layout b_4c_n to judge each by itself." in unknown.err


def test_a_file_is_taken_again_unless_it_was_judged_as_a_whole(
    export: Callable[..., Said], foreign: ExportedModel, tmp_path: Path
) -> None:
    asked = (foreign, "--layout", "b_4c_n")
    assert marks(export(*asked)) == {"found boxes": False, "found scores": True}
    path = tmp_path / "o" / "foreign.int8.onnx"
    made = path.read_bytes()
    assert "not converted again" in export(*asked).err
    proto, card = onnx.load(path), read_model(path).card
    before = tuple(replace(one, part="") for one in card.deviations if one.part == "boxes")
    write_card(proto, replace(card, deviations=before))
    onnx.save(proto, path)
    assert "not converted again" not in export(*asked).err
    assert path.read_bytes() == made


def test_a_layout_that_is_not_the_file_s_own_is_refused(cli: Cli, mixed: ExportedModel) -> None:
    said = cli("build", mixed.path, "--layout", "b_n_5c")
    assert said.code == 2
    assert "net.onnx can't be read as b_n_5c" in said.err
    assert "Leave --layout out" in said.err
