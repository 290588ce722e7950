"""Accuracies of a sweep: of classifiers and of segmenters of classes, and as a user says."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.journal.store import Store
from bench.planning.settings import SweepSettings
from bench.sweep import SweepOutcome, sweep
from netzoo.tasks.letterbox import Letterbox
from reports.load import load, read_records
from reports.markdown import compose
from sizewise.core.errors import InputError, OptionError, UsageError
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.options.declared import fill
from sizewise.core.specs import EVALUATION, ExportedModel, ModelCard, Size
from sizewise.core.trials import Accuracy
from tests.bench.class_nets import classifier, segmenter, write_blocks, write_classified
from tests.bench.factories import launch_in_process, quietly
from tests.bench.models import brightness, colours
from tests.bench.pictures import BOX, HEIGHT, PICTURES, WIDTH, write_pictures

pytestmark = pytest.mark.usefixtures("built_here")

QUICK: dict[str, Any] = {
    **{"backends": ["onnxruntime"], "strategies": ["static"], "sizes": "48x64", "threads": 1},
    **{"processes": 1, "rounds": 1, "block_s": 0},
}
CLASSES = tuple("abcdefgh")


def swept(out: Path, *models: ExportedModel, **keys: Any) -> SweepOutcome:
    settings = fill(SweepSettings, QUICK | keys)
    return sweep(models, settings, out, launch=launch_in_process, watch=quietly)


def accuracy(outcome: SweepOutcome) -> Accuracy:
    with Store.open(outcome.results, read_only=True) as store:
        (result,) = store.results().values()
    assert not result.accuracy_reason
    assert result.accuracy is not None
    return result.accuracy


def page_of(outcome: SweepOutcome) -> str:
    """The report without plots and findings."""
    return compose(read_records(outcome.results), (), {})


def foreign(path: Path, task: str, layout: str) -> ExportedModel:
    model = read_model(path)
    return replace(model, card=ModelCard(network=path.stem, task=task, layout=layout))


@pytest.fixture
def model(tmp_path: Path) -> ExportedModel:
    """Finds the object of every picture."""
    fitted = Letterbox.fit(Size(HEIGHT, WIDTH), Size.parse(QUICK["sizes"]))
    box = fitted.boxes_to_input(np.array(BOX, np.float32))
    return colours(tmp_path / "colours.onnx", tuple(box.tolist()))


def test_a_classifier_has_top_1_and_top_5_with_intervals(tmp_path: Path) -> None:
    data = write_classified(tmp_path / "data", CLASSES)
    weights = np.random.default_rng(0).normal(size=(3, len(CLASSES)))
    net = foreign(classifier(tmp_path / "net.onnx", weights), "classification", "b_c")
    outcome = swept(tmp_path / "out", net, data=str(data.folder))
    found = accuracy(outcome)
    order = np.argsort(-(data.colours @ weights), axis=1, kind="stable")
    hits = order == data.labels[:, None]
    assert (found.top1, found.top5) == pytest.approx((hits[:, 0].mean(), hits[:, :5].any(1).mean()))
    assert (found.images, found.ap, found.miou) == (len(data.labels), None, None)
    row = load(outcome.results).iloc[0].to_dict()
    top1, low, high = (float(row[name]) for name in ("top1", "accuracy_low", "accuracy_high"))
    assert low < top1 < high
    assert top1 == pytest.approx(found.top1)
    page = page_of(outcome)
    assert f"{top1:.3f} ({low:.3f}–{high:.3f})" in page
    assert "top-5 (0–1)" in page
    some = accuracy(swept(tmp_path / "out", net, data=str(data.folder), image_count=5))
    assert (some.images, some.chosen) == (5, f"5 of {len(data.labels)}")


def test_a_segmenter_of_classes_has_its_ious_in_the_report(tmp_path: Path) -> None:
    data = write_blocks(tmp_path / "data")
    net = foreign(segmenter(tmp_path / "net.onnx", 2), "segmentation", "b_c_h_w")
    outcome = swept(tmp_path / "out", net, data=str(data.folder))
    found = accuracy(outcome)
    assert set(found.iou_by_class) == {"background", "red", "green", "blue"}
    assert found.miou == pytest.approx(np.mean(list(found.iou_by_class.values())))
    assert found.f_measure is None
    page = page_of(outcome)
    assert "IoU (0–1) of a class at 48×64" in page
    assert f"{found.iou_by_class['green']:.3f}" in page
    assert f"{found.miou:.3f} (" in page


def test_accuracies_of_other_nms_are_measured_and_kept_apart(
    tmp_path: Path, model: ExportedModel
) -> None:
    out, data = tmp_path / "out", str(write_pictures(tmp_path))
    usual = accuracy(swept(out, model, data=data))
    assert usual.suppression is None
    asked: dict[str, Any] = {"score_threshold": 0.9, "iou_threshold": 0.5}
    outcome = swept(out, model, data=data, **asked)
    assert outcome.measured == 1
    found = accuracy(outcome)
    assert found.suppression == replace(EVALUATION, **asked)
    assert found.data_sha256 == usual.data_sha256
    assert swept(out, model, data=data, **asked).measured == 0
    page = page_of(outcome)
    assert "(NMS: scores above 0.9, IoU up to 0.5, 300 boxes at most)" in page
    row = load(outcome.results).iloc[0]
    assert row["accuracy_nms"] == "scores above 0.9, IoU up to 0.5, 300 boxes at most"
    with sqlite3.connect(outcome.results) as connection:
        kept = sorted(chosen for (chosen,) in connection.execute("SELECT chosen FROM accuracy"))
    assert kept == ["", "NMS scores above 0.9, IoU up to 0.5, 300 boxes at most"]
    spelled_out = {"score_threshold": 0.001, "iou_threshold": 0.6, "max_detections": 300}
    again = accuracy(swept(out, model, data=data, **spelled_out))
    assert again == usual


def test_what_is_usual_stands_in_the_report(tmp_path: Path, model: ExportedModel) -> None:
    outcome = swept(tmp_path / "out", model, data=str(write_pictures(tmp_path)))
    page = page_of(outcome)
    assert f"on {PICTURES} images of the data set" in page
    assert "(NMS: scores above 0.001, IoU up to 0.6, 300 boxes at most)" in page


def test_accuracies_by_other_names_are_kept_apart(tmp_path: Path, model: ExportedModel) -> None:
    out, data = tmp_path / "out", str(write_pictures(tmp_path))
    right = accuracy(swept(out, model, data=data))
    wrong = accuracy(swept(out, model, data=data, names=["blue", "red"]))
    assert right.ap == pytest.approx(1)
    assert wrong.ap is not None
    assert wrong.ap < 0.7
    assert right.measured_on != wrong.measured_on
    with pytest.raises(InputError, match="there are 3, and it knows 2 classes"):
        swept(out, model, data=data, names=["a", "b", "c"])


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"score_threshold": 0.5}, "score_threshold can't be given alone.*Give data too"),
        ({"names": ["a", "b"]}, "names can't be given alone"),
        ({"images": "somewhere"}, "images can't be given alone"),
        ({"images": 3, "image_count": 4}, "images and image_count can't both be numbers"),
    ],
)
def test_settings_of_an_accuracy_that_is_not_measured_are_refused(
    tmp_path: Path, model: ExportedModel, asked: dict[str, Any], why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        swept(tmp_path / "out", model, **asked)


def test_a_folder_whose_name_is_a_number_is_not_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert fill(SweepSettings, {"images": "2017"}).accuracy.images == 2017
    (tmp_path / "2017").mkdir()
    with pytest.raises(OptionError, match=r"give \./2017, or the number as image_count"):
        fill(SweepSettings, {"images": "2017"})
    assert fill(SweepSettings, {"images": "./2017"}).accuracy.folder == Path("2017")


def test_settings_of_boxes_need_a_detector(tmp_path: Path, model: ExportedModel) -> None:
    light = brightness(tmp_path / "light.onnx")
    keys = {"data": str(write_pictures(tmp_path)), "max_detections": 9}
    with pytest.raises(UsageError, match="max_detections can't be given here"):
        swept(tmp_path / "out", light, **keys)
    outcome = swept(tmp_path / "out", light, model, **keys)
    with Store.open(outcome.results, read_only=True) as store:
        found = [result.accuracy for result in store.results().values()]
    assert [one.suppression is None for one in found if one] == [True, False]


@pytest.mark.parametrize("tables", [(), ({"image_count": 3}, {"images": 3})])
def test_pictures_lie_in_the_folder_that_is_named(
    tmp_path: Path, model: ExportedModel, tables: Sequence[dict[str, int]]
) -> None:
    data, notes = write_pictures(tmp_path), tmp_path / "notes"
    beside = accuracy(swept(tmp_path / "first", model, data=str(data)))
    notes.mkdir()
    moved = str(shutil.move(data, notes / "val.json"))
    keys = {"data": moved, "images": str(tmp_path)}
    found = accuracy(swept(tmp_path / "out", model, **keys, sweep=tables))
    assert found.data_sha256 == beside.data_sha256
    assert (found.ap == beside.ap) or tables
    assert found.images == (3 if tables else PICTURES)
    given = fill(SweepSettings, keys).plain()
    assert given["images"] == str(tmp_path)
    assert fill(SweepSettings, given).accuracy.folder == tmp_path
    (other,) = fill(SweepSettings, keys | {"sweep": [{"data": "digits"}]}).products()
    assert other.accuracy.folder is None
