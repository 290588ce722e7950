"""``sizewise export --nms``: of an ONNX file, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest

from tests.exporter.detectors import write_cells
from tests.sizewise.cli.conftest import Cli


def test_suppression_is_put_into_a_file_of_ours(cli: Cli, tmp_path: Path) -> None:
    source = write_cells(tmp_path / "cells.onnx").path
    options = ("--nms", "--nms-score", 0.5, "--nms-iou", 0.6, "--nms-max", 20)
    said = cli("export", source, *options, "--out", tmp_path / "o", "--json")
    assert said.code == 0, said
    (model,) = json.loads(said.out)
    assert model["path"] == str(tmp_path / "o" / "cells.nms.onnx")
    assert model["card"]["layout"] == "sizewise_nms"
    assert model["card"]["suppression"] == {
        "score_threshold": 0.5,
        "iou_threshold": 0.6,
        "max_detections": 20,
    }
    assert {check["output"] for check in model["card"]["parity"]} == {"detections"}
    operators = [node.op_type for node in onnx.load(model["path"]).graph.node]
    assert operators.count("NonMaxSuppression") == 1


def test_a_foreign_file_is_read_as_it_is_told(cli: Cli, tmp_path: Path) -> None:
    source = write_cells(tmp_path / "cells.onnx", "b_n_5c", card=None).path
    asked = ("export", source, "--nms", "--layout", "b_n_5c", "--stride", 8)
    said = cli(*asked, "--out", tmp_path / "o")
    assert said.code == 0, said
    assert "Parity with the source file" in " ".join(said.out.split())
    assert "stride 8" in said.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--nms", "--raw"), "--nms and --raw can't be given together"),
        (("--nms-iou", 0.5), "--nms-iou can't be given alone"),
        (("--nms", "--nms-score", 1.5), "the score threshold is 1.5"),
        (("--nms", "--nms-max", 0), "the number of detections is 0"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_anything_runs(
    cli: Cli, tmp_path: Path, options: tuple[object, ...], said: str
) -> None:
    found = cli("export", "yolov3", *options, "--out", tmp_path / "o")
    assert (found.code, said in found.err) == (2, True), found
    assert not (tmp_path / "o").exists()


def test_a_file_that_does_not_say_what_it_gives_is_refused(
    cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    found = cli("export", tiny_model, "--nms", "--out", tmp_path / "o")
    assert found.code == 2
    assert "its task is unknown, and only detectors find boxes" in found.err
