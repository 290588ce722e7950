"""``sizewise export --data --max-loss-points``: what a precision costs, in points and layers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import Size
from sizewise.core.specs.explained.layers import EngineTime, LayerRun
from sizewise.pipeline.explanation.profiling import Profiles
from tests.bench.pictures import PICTURES, write_pictures
from tests.exporter.small_nets import picture_set
from tests.sizewise.cli.colour_nets import SIZES, colour_detector, colour_segmenter, layer
from tests.sizewise.cli.conftest import Cli
from tests.sizewise.cli.test_precision import contents, table

ASKED = ("--precision", "int8", "--calibration-sizes", "48x32", "--check-sizes")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("annotated"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain") / "pictures"
    picture_set(folder)
    return folder


@pytest.fixture
def alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """All layers gain the same, whatever this machine's profile is."""

    def profile(_: object, __: object, layers: Sequence[str], **___: object) -> Profiles:
        run = LayerRun(backend="fake", size=Size(48, 32), gained_ms=1.0)
        time = EngineTime(backend="fake", size=Size(48, 32), total_ms=9.0, layers_ms=9.0)
        return Profiles(runs=dict.fromkeys(layers, (run,)), engines=(time,))

    monkeypatch.setattr("sizewise.pipeline.accuracy.keeping.profile_layers", profile)


def test_the_accuracy_stands_beside_that_of_fp32(
    cli: Cli, data: Path, pictures: Path, tmp_path: Path
) -> None:
    """Of a layer that int8 can't hold, no colour is left, and every picture scores the same."""
    model = colour_detector(tmp_path / "net.onnx", spoilt=[2]).path
    asked = ("export", model, *ASKED, SIZES, "--calibrate", pictures, "--data", data)
    said = cli(*asked, "--out", tmp_path / "o")
    assert said.code == 0, said
    head, *rows = table(said, f"Accuracy in int8 and FP32, on {PICTURES} images")
    assert head[2:4] == ["AP fp32", "AP int8"]
    assert head[-1] == "loss in points"
    assert [row[:3] for row in rows] == [["48×32", "yes", "1.0000"], ["96×64", "no", "1.0000"]]
    card = read_model(tmp_path / "o" / "net.int8.onnx").card
    assert card.drop is not None
    assert 20 < card.drop < 60
    assert card.drop_limit is None
    for row in rows:
        assert float(row[-1]) == pytest.approx(100 * (1 - float(row[3])), abs=0.02)
    assert max(float(row[-1]) for row in rows) == pytest.approx(card.drop, abs=0.01)
    assert "does not run" not in said.err  # it was meant to run as it is written


def test_nothing_is_kept_where_nothing_is_lost(
    cli: Cli, data: Path, pictures: Path, tmp_path: Path
) -> None:
    model = colour_detector(tmp_path / "net.onnx").path
    asked = ("export", model, *ASKED, "48x32", "--calibrate", pictures, "--out", tmp_path / "o")
    said = cli(*asked, "--data", data, "--max-loss-points", 0.5, "--json")
    assert said.code == 0, said
    (made,) = json.loads(said.out)
    assert (made["card"]["kept"], made["card"]["drop_limit"]) == ([], 0.5)
    (score,) = made["scores"]
    assert score["drop_points"] == pytest.approx(0)
    assert score["parent"]["ap"] == pytest.approx(1)


@pytest.mark.usefixtures("alike")
def test_the_layer_that_costs_too_much_is_found_and_kept(
    cli: Cli, data: Path, pictures: Path, tmp_path: Path
) -> None:
    model = colour_detector(tmp_path / "net.onnx", spoilt=[2]).path
    asked = ("export", model, *ASKED, "48x32", "--calibrate", pictures, "--out", tmp_path / "o")
    said = cli(*asked, "--data", data, "--max-loss-points", 1)
    assert said.code == 0, said
    assert (
        "int8 loses more than 1 points of accuracy: searching for the layers to keep in FP32."
        in said.err
    )
    assert "ranked by their error at the heads per ms gained, in fake at 48x32." in said.err
    assert f"These layers stay in FP32: {layer(2)} (error " in said.err
    (row,) = table(said, "Accuracy in int8")[1:]
    assert row[-1] == "0.00"
    card = read_model(tmp_path / "o" / "net.int8.onnx").card
    assert (card.kept, card.drop_limit) == ((layer(2),), 1)
    (why,) = card.kept_for
    assert (why.layer, why.gained_ms, why.backends) == (layer(2), 1.0, ("fake",))
    assert why.error is not None
    assert why.error > 0.1
    assert card.drop == pytest.approx(0)
    assert f"1 layer in fp32 ({layer(2)}), accuracy loss at most 0.00 points" in said.err
    made = contents(tmp_path / "o")
    again = cli(*asked, "--data", data, "--max-drop", 1)  # its older name
    assert "not converted again" in again.err
    assert contents(tmp_path / "o") == made


@pytest.mark.slow
def test_with_profiles_of_this_machine_the_layer_is_found_too(
    cli: Cli, data: Path, pictures: Path, tmp_path: Path
) -> None:
    """Whatever they say: layers that gain nothing here may be kept beside it."""
    model = colour_detector(tmp_path / "net.onnx", spoilt=[2]).path
    asked = ("export", model, *ASKED, "48x32", "--calibrate", pictures, "--out", tmp_path / "o")
    said = cli(*asked, "--data", data, "--max-loss-points", 1)
    assert said.code == 0, said
    card = read_model(tmp_path / "o" / "net.int8.onnx").card
    assert layer(2) in card.kept
    assert card.kept == tuple(one.layer for one in card.kept_for)
    assert card.drop == pytest.approx(0)


def test_a_limit_that_can_not_be_met_names_layers_and_leaves_nothing(
    cli: Cli, data: Path, pictures: Path, tmp_path: Path
) -> None:
    model = colour_detector(tmp_path / "net.onnx", spoilt=[1, 2, 3]).path
    asked = ("export", model, *ASKED, "48x32", "--calibrate", pictures, "--out", tmp_path / "o")
    said = cli(*asked, "--data", data, "--max-loss-points", 1)
    assert said.code == 1, said
    last = said.err.strip().splitlines()[-1]
    assert last.startswith("sizewise: The accuracy loss is above the limit of 1 points")
    assert "with the 2 most sensitive layers in FP32" in last
    assert all(layer(index) in last for index in (1, 2, 3))
    assert "Traceback" not in said.err
    assert not any((tmp_path / "o").iterdir())


@pytest.mark.usefixtures("alike")
def test_masks_are_gated_on_their_iou(cli: Cli, data: Path, pictures: Path, tmp_path: Path) -> None:
    model = colour_segmenter(tmp_path / "light.onnx", spoilt=[1]).path
    asked = ("export", model, *ASKED, "48x32", "--calibrate", pictures, "--out", tmp_path / "o")
    said = cli(*asked, "--data", data, "--max-loss-points", 1)
    assert said.code == 0, said
    head, row = table(said, "Accuracy in int8")
    assert head[2:4] == ["mIoU fp32", "mIoU int8"]
    assert row[2:4] == ["1.0000", "1.0000"]
    assert read_model(tmp_path / "o" / "light.int8.onnx").card.kept == (layer(1),)


def test_colours_that_are_said_are_those_of_calibration_accuracy_and_card(
    cli: Cli, data: Path, pictures: Path, tmp_path: Path
) -> None:
    """With this deviation, the dark ground is bright enough for an object."""
    model = colour_segmenter(tmp_path / "light.onnx").path
    shown = ("--mean", "0,0,0", "--std", "0.2,0.2,0.2")
    asked = ("export", model, *ASKED, "48x32", "--calibrate", pictures, "--data", data, *shown)
    (made,) = json.loads(cli(*asked, "--out", tmp_path / "o", "--json").out)

    def evaluated(path: object, *options: str) -> float:
        said = cli("evaluate", path, "--data", data, "--sizes", "48x32", "--json", *options)
        (row,) = json.loads(said.out)["rows"]
        return float(row["miou"])

    (score,) = made["scores"]
    assert evaluated(model) > 0.99
    assert score["parent"]["miou"] == pytest.approx(evaluated(model, *shown), abs=1e-3)
    assert score["parent"]["miou"] < 0.6
    assert score["made"]["miou"] == pytest.approx(evaluated(made["path"]), abs=1e-2)
    card = read_model(Path(made["path"])).card
    assert card.preprocessing.std == (0.2,) * 3
    assert card.calibration is not None
    assert card.calibration.std == (0.2,) * 3


def test_other_data_are_measured_on_again(
    cli: Cli, data: Path, pictures: Path, tmp_path: Path
) -> None:
    """A limit that was kept on some data says nothing of others."""
    model = colour_detector(tmp_path / "net.onnx").path
    asked = ("export", model, *ASKED, "48x32", "--calibrate", pictures, "--out", tmp_path / "o")
    assert cli(*asked, "--data", data, "--max-loss-points", 1).code == 0
    annotated = json.loads(data.read_text())
    for image in annotated["images"]:
        picture = np.asarray(Image.open(data.parent / image["file_name"]))
        Image.fromarray(picture[::-1]).save(tmp_path / image["file_name"])
    (tmp_path / "val.json").write_text(json.dumps(annotated))
    others = cli(*asked, "--data", tmp_path / "val.json", "--max-loss-points", 1)
    assert others.code == 0, others
    assert "not converted again" not in others.err
    assert table(others, "Accuracy in int8")


def test_scores_are_what_evaluate_finds_in_both_files(
    cli: Cli, data: Path, pictures: Path, tmp_path: Path
) -> None:
    model = colour_segmenter(tmp_path / "light.onnx", spoilt=[3]).path
    asked = ("export", model, *ASKED, "48x32", "--calibrate", pictures, "--out", tmp_path / "o")
    (made,) = json.loads(cli(*asked, "--data", data, "--json").out)
    (score,) = made["scores"]
    for path, found in ((model, score["parent"]), (made["path"], score["made"])):
        said = cli("evaluate", path, "--data", data, "--sizes", "48x32", "--json")
        (row,) = json.loads(said.out)["rows"]
        assert row["miou"] == pytest.approx(found["miou"], abs=1e-3)


def test_nothing_can_be_lost_where_fp32_finds_nothing(cli: Cli, data: Path, tmp_path: Path) -> None:
    """As where a model's own colours were not said: no limit may pass that by."""
    model = colour_detector(tmp_path / "net.onnx").path
    elsewhere = json.loads(data.read_text())
    for annotation in elsewhere["annotations"]:
        annotation["bbox"] = [0, 0, 1, 1]
    other = data.with_name("elsewhere.json")
    other.write_text(json.dumps(elsewhere))
    sizes = ("--check-sizes", "48x32", "--out", tmp_path / "o")
    asked = ("export", model, "--precision", "fp16", *sizes)
    said = cli(*asked, "--data", other, "--max-loss-points", 100)
    assert said.code == 0, said
    assert "FP32 itself finds nothing right on elsewhere, so no accuracy loss can be" in said.err
    assert "Check how pictures are given (--fit, --input-format, --range, --mean, " in said.err
    said = cli(*asked, "--data", other, "--max-loss-points", 1)
    assert said.code == 1
    assert "No accuracy loss can be held against --max-loss-points: FP32 itself finds" in said.err
    right = cli(*asked, "--data", data, "--max-loss-points", 1)
    assert right.code == 0
    assert "finds nothing" not in right.err


def test_a_limit_above_all_that_fp32_reaches_is_said_to_say_nothing(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    model = colour_detector(tmp_path / "net.onnx").path
    partly = json.loads(data.read_text())
    for annotation in partly["annotations"][2:]:
        annotation["bbox"] = [0, 0, 1, 1]
    other = data.with_name("partly.json")
    other.write_text(json.dumps(partly))
    sizes = ("--check-sizes", "48x32", "--out", tmp_path / "o")
    limit = ("--max-loss-points", 90)
    said = cli("export", model, "--precision", "fp16", *sizes, "--data", other, *limit)
    assert said.code == 0, said
    assert "--max-loss-points 90 says nothing here: FP32 itself reaches" in said.err
    assert "points on partly." in said.err
