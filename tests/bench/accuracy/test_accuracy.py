"""Through real engines: the AP of a detector that is right, or wrong, by construction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from bench.accuracy.engine import accuracy_of, demand_fit, evaluate_images, find_evaluator
from engines.base import Array, Session
from engines.feeding import infer_images
from engines.planning.axes import EngineAxes
from engines.planning.batches import Batch
from engines.planning.specs import engine_specs
from engines.store.cache import obtain_engine
from engines.store.opening import open_engine
from netzoo.data.choosing import chosen
from netzoo.data.coco.dataset import Dataset, read_coco
from netzoo.tasks.letterbox import Letterbox
from netzoo.tasks.task import Evaluator
from sizewise.core import codec
from sizewise.core.errors import InputError
from sizewise.core.evidence import read_evidence
from sizewise.core.further.reading import read_inputs
from sizewise.core.onnxfiles.model import with_inputs
from sizewise.core.specs import (
    ExportedModel,
    ModelCard,
    Preprocessing,
    Size,
    Sizes,
    TensorSpec,
)
from sizewise.core.trials import Accuracy
from tests.bench.models import CARD, brightness, colours, suppressed_colours
from tests.bench.pictures import BOX, HEIGHT, PICTURES, WIDTH, write_pictures

pytestmark = pytest.mark.usefixtures("built_here")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return read_coco(write_pictures(tmp_path_factory.mktemp("pictures")))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ExportedModel:
    return colours(tmp_path_factory.mktemp("model") / "colours.onnx")


def detector(
    folder: Path,
    size: Size,
    *,
    shift: float = 0,
    letterbox: bool = True,
    suppressed: bool = False,
) -> ExportedModel:
    """Finds BOX, moved by ``shift`` pixels of the picture, in inputs of ``size``."""
    fitted = Letterbox.fit(Size(HEIGHT, WIDTH), size, keep_shape=letterbox)
    moved = fitted.boxes_to_input(np.array(BOX, np.float32) + np.float32(shift))
    path, box = folder / "model.onnx", tuple(moved.tolist())
    if suppressed:
        return suppressed_colours(path, box)
    return colours(path, box, replace(CARD, letterbox=letterbox))


def measured(
    folder: Path, model: ExportedModel, data: Dataset, size: Size, *, batch: int = 1
) -> Accuracy:
    (spec,) = engine_specs(
        (
            EngineAxes(
                backends=("onnxruntime",),
                strategies=("dynamic",),
                sizes=Sizes((size,)),
                batch=(Batch(batch),),
                threads=1,
            ),
        )
    )
    demand_fit(model, data)
    evaluator = find_evaluator(model.card, data)
    with open_engine(obtain_engine(model, spec, folder / "engines")) as session:
        evaluate_images(session, size, data.images, evaluator)
    return accuracy_of(evaluator, data)


@pytest.mark.parametrize(
    ("size", "batch", "kind"),
    [
        ("48x32", 1, {}),
        ("64x96", 3, {}),
        ("96x40", 2, {}),
        ("24", 8, {}),
        ("96x40", 2, {"letterbox": False}),
        ("64x96", 3, {"suppressed": True}),
    ],
)
def test_a_detector_that_is_right_has_an_ap_of_one(
    tmp_path: Path, data: Dataset, size: str, batch: int, kind: dict[str, bool]
) -> None:
    model = detector(tmp_path, Size.parse(size), **kind)
    found = measured(tmp_path, model, data, Size.parse(size), batch=batch)
    assert (found.images, found.data_sha256) == (PICTURES, data.sha256)
    assert found.ap50 == pytest.approx(1)
    assert found.ap == pytest.approx(1)


def test_a_box_beside_the_object_finds_nothing(tmp_path: Path, data: Dataset) -> None:
    model = detector(tmp_path, Size(64, 96), shift=20)
    found = measured(tmp_path, model, data, Size(64, 96))
    assert (found.ap, found.ap50) == (0, 0)


def test_a_box_with_an_iou_of_six_tenths_counts_at_three_thresholds_of_ten(
    tmp_path: Path, data: Dataset
) -> None:
    (x0, y0, x1, y1), shift = BOX, 2.0
    shared = (x1 - x0 - shift) * (y1 - y0 - shift)
    iou = shared / (2 * (x1 - x0) * (y1 - y0) - shared)
    assert 0.65 < iou < 0.70
    model = detector(tmp_path, Size(48, 32), shift=shift)
    found = measured(tmp_path, model, data, Size(48, 32))
    assert found.ap50 == pytest.approx(1)
    assert found.ap == pytest.approx(0.4)


def test_the_engine_meets_full_batches_only(
    tmp_path: Path, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[int] = []

    def infer(
        session: Session, images: Sequence[Array], preprocessing: Preprocessing
    ) -> tuple[dict[str, Array], ...]:
        met.append(len(images))
        return infer_images(session, images, preprocessing)

    monkeypatch.setattr("bench.accuracy.engine.infer_images", infer)
    batch = PICTURES - 1
    found = measured(tmp_path, brightness(tmp_path / "m.onnx"), data, Size(48, 64), batch=batch)
    assert (met, found.images, found.miou) == ([batch, batch], PICTURES, 1)


@pytest.mark.parametrize(("size", "batch"), [("48x64", 1), ("64x48", 3)])
def test_a_segmenter_that_is_right_has_the_best_scores(
    tmp_path: Path, data: Dataset, size: str, batch: int
) -> None:
    model = brightness(tmp_path / "model.onnx")
    found = measured(tmp_path, model, data, Size.parse(size), batch=batch)
    assert (found.images, found.miou, found.f_measure, found.ap) == (PICTURES, 1, 1, None)


def test_the_error_of_a_segmenter_is_that_of_its_probabilities(
    tmp_path: Path, data: Dataset
) -> None:
    found = measured(tmp_path, brightness(tmp_path / "model.onnx"), data, Size(HEIGHT, WIDTH))
    x0, y0, x1, y1 = BOX
    share = (x1 - x0) * (y1 - y0) / (HEIGHT * WIDTH)
    dark = 150 / 255 / 3 - 0.6
    assert found.mae == pytest.approx(share * expit(-0.4) + (1 - share) * expit(dark), abs=1e-4)


@pytest.mark.parametrize(
    ("card", "why"),
    [
        (replace(CARD, task="unknown"), "does not say what its outputs mean"),
        (replace(CARD, layout="unknown"), "reads the layout unknown"),
        (replace(CARD, classes=("red", "green")), "knows red, green, the data red, blue"),
    ],
)
def test_a_model_that_does_not_fit_the_data_is_refused(
    data: Dataset, model: ExportedModel, card: ModelCard, why: str
) -> None:
    with pytest.raises(InputError, match=why):
        demand_fit(replace(model, card=card), data)


def right_about(data: Dataset) -> Evaluator:
    """Has been shown the truth of every image of ``data``."""
    evaluator = find_evaluator(CARD, data)
    for image in data.images:
        fitted = Letterbox.fit(Size(image.height, image.width), Size(64, 96))
        scores = np.eye(len(data.classes), dtype=np.float32)[image.labels][None]
        boxes = fitted.boxes_to_input(image.boxes)[None]
        evaluator.add(image, fitted, {"boxes": boxes, "scores": scores})
    return evaluator


def test_an_accuracy_has_evidence_and_crosses_the_channel(data: Dataset) -> None:
    found = accuracy_of(right_about(data), data)
    back = codec.from_json(codec.to_json(found), Accuracy)
    assert back == found
    assert (found.images, found.chosen) == (PICTURES, "")
    evidence = read_evidence(back.evidence)
    assert evidence.count == PICTURES
    assert evidence.metrics(np.ones((1, PICTURES)))["ap"] == pytest.approx(found.ap)


def test_of_some_images_an_accuracy_says_which(data: Dataset) -> None:
    some = chosen(data, 3)
    found = accuracy_of(right_about(some), some)
    assert (found.images, found.chosen) == (3, f"3 of {PICTURES}")
    assert found.data_sha256 == data.sha256
    assert read_evidence(found.evidence).count == 3


TREE = replace(CARD, classes=("thing", "blue", "red"), tree=(-1, 0, 0))


def test_of_a_tree_the_classes_of_the_data_count(data: Dataset) -> None:
    evaluator = find_evaluator(TREE, data)
    for image in data.images:
        fitted = Letterbox.fit(Size(image.height, image.width), Size(64, 96))
        scores = np.zeros((1, len(image.boxes), 3), np.float32)
        scores[..., 0] = 1
        for box, label in enumerate(image.labels):
            scores[0, box, TREE.classes.index(data.classes[label])] = 0.9
        evaluator.add(
            image, fitted, {"boxes": fitted.boxes_to_input(image.boxes)[None], "scores": scores}
        )
    assert evaluator.scores()["ap"] == pytest.approx(1)


def test_a_tree_without_a_class_of_the_data_is_refused(data: Dataset, model: ExportedModel) -> None:
    card = replace(TREE, classes=("thing", "blue", "green"))
    with pytest.raises(InputError, match="red are not among its 3 classes"):
        demand_fit(replace(model, card=card), data)


def test_a_model_that_takes_no_pictures_is_refused(data: Dataset, model: ExportedModel) -> None:
    taking_numbers = replace(model, inputs=(replace(model.inputs[0], dtype="int64"),))
    with pytest.raises(InputError, match="the model takes images int64"):
        demand_fit(taking_numbers, data)


def test_a_size_that_nobody_named_counts_at_square_sizes_alone(
    data: Dataset, model: ExportedModel
) -> None:
    """Some models take the width first, which no square size shows."""
    size = TensorSpec(name="orig_target_sizes", dtype="int64", shape=("batch", 2))
    sized = replace(model, inputs=(*model.inputs, size))
    square, oblong = Size(64, 64), Size(64, 96)
    demand_fit(sized, data, sizes=[square])
    with pytest.raises(InputError, match="width first, and 64x96 is not square"):
        demand_fit(sized, data, sizes=[square, oblong])
    said = with_inputs(sized, read_inputs(["orig_target_sizes=width,height"]))
    demand_fit(said, data, sizes=[square, oblong])


def test_data_without_objects_are_refused(data: Dataset, model: ExportedModel) -> None:
    bare = replace(
        data, images=tuple(replace(i, boxes=np.zeros((0, 4), np.float32)) for i in data.images)
    )
    with pytest.raises(InputError, match="nothing is annotated"):
        demand_fit(model, bare)
    demand_fit(model, data)


def test_a_segmenter_needs_images_with_masks(tmp_path: Path, data: Dataset) -> None:
    model = brightness(tmp_path / "model.onnx")
    boxed = replace(data, images=tuple(replace(i, segments=(None,)) for i in data.images))
    with pytest.raises(InputError, match="annotations without a segmentation"):
        demand_fit(model, boxed)
    with pytest.raises(InputError, match="no images in the data"):
        demand_fit(model, replace(data, images=()))
    demand_fit(model, data)
