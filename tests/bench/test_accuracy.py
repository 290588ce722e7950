"""Through real engines: the AP of a detector that is right, or wrong, by construction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from bench.accuracy import demand_fit, find_judge, judge_images
from bench.plan import engine_specs
from bench.settings import SweepSettings
from engines.cache import obtain_engine
from engines.opening import open_engine
from netzoo.data.coco import Dataset, read_coco
from netzoo.tasks.letterbox import Letterbox
from sizewise.errors import InputError
from sizewise.specs import ModelCard, Size
from sizewise.trials import Accuracy
from tests.bench.models import CARD, brightness, colours

HEIGHT, WIDTH = 48, 32
BOX = (8, 16, 24, 40)  # x0 y0 x1 y1 in the picture
PICTURES = 7  # no multiple of the batch sizes


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return read_coco(write_pictures(tmp_path_factory.mktemp("pictures")))


def write_pictures(folder: Path) -> Path:
    """Red and blue pictures with a white rectangle, the object, at BOX."""
    x0, y0, x1, y1 = BOX
    coco: dict[str, Any] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 10, "name": "red"}, {"id": 20, "name": "blue"}],
    }
    for number in range(PICTURES):
        pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        pixels[:, :, 2 * (number % 2)] = 150
        pixels[y0:y1, x0:x1] = 255
        name = f"{number}.png"
        Image.fromarray(pixels).save(folder / name)
        size = {"height": HEIGHT, "width": WIDTH}
        coco["images"].append({"id": number + 5, "file_name": name} | size)
        coco["annotations"].append(
            {
                "id": number + 1,
                "image_id": number + 5,
                "category_id": 10 + 10 * (number % 2),
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "segmentation": [[x0, y0, x1, y0, x1, y1, x0, y1]],
            }
        )
    path = folder / "val.json"
    path.write_bytes(msgspec.json.encode(coco))
    return path


def measured(
    folder: Path, data: Dataset, size: Size, *, batch: int = 1, shift: float = 0, task: str = ""
) -> Accuracy:
    """Of a detector that finds BOX, moved by ``shift`` pixels of the picture, or of a segmenter."""
    fitted = Letterbox.fit(Size(HEIGHT, WIDTH), size)
    box = fitted.boxes_to_input(np.array(BOX, np.float32) + np.float32(shift))
    make = brightness if task == "segmentation" else colours
    model = make(folder / "model.onnx", *([] if task else [tuple(box.tolist())]))
    (spec,) = engine_specs(
        SweepSettings(
            backends=("onnxruntime",),
            strategies=("dynamic",),
            sizes=str(size),
            batch=(batch,),
            threads=1,
        )
    )
    judge = find_judge(model.card, data)
    with open_engine(obtain_engine(model, spec, folder / "engines")) as session:
        judge_images(session, size, data.images, judge)
    return judge.accuracy()


@pytest.mark.parametrize(("size", "batch"), [("48x32", 1), ("64x96", 3), ("96x40", 2), ("24", 8)])
def test_a_detector_that_is_right_has_an_ap_of_one(
    tmp_path: Path, data: Dataset, size: str, batch: int
) -> None:
    found = measured(tmp_path, data, Size.parse(size), batch=batch)
    assert (found.images, found.data_sha256) == (PICTURES, data.sha256)
    assert found.ap50 == pytest.approx(1)
    assert found.ap == pytest.approx(1)


def test_a_box_beside_the_object_finds_nothing(tmp_path: Path, data: Dataset) -> None:
    found = measured(tmp_path, data, Size(64, 96), shift=20)
    assert (found.ap, found.ap50) == (0, 0)


def test_a_box_with_an_iou_of_six_tenths_counts_at_three_thresholds_of_ten(
    tmp_path: Path, data: Dataset
) -> None:
    (x0, y0, x1, y1), shift = BOX, 2.0
    shared = (x1 - x0 - shift) * (y1 - y0 - shift)
    iou = shared / (2 * (x1 - x0) * (y1 - y0) - shared)
    assert 0.65 < iou < 0.70
    found = measured(tmp_path, data, Size(48, 32), shift=shift)
    assert found.ap50 == pytest.approx(1)
    assert found.ap == pytest.approx(0.4)


@pytest.mark.parametrize("batch", [1, 3])
def test_a_segmenter_that_is_right_has_a_miou_of_one(
    tmp_path: Path, data: Dataset, batch: int
) -> None:
    found = measured(tmp_path, data, Size(64, 48), batch=batch, task="segmentation")
    exact = measured(tmp_path, data, Size(48, 64), batch=batch, task="segmentation")
    assert exact.miou == 1
    assert found.miou is not None
    assert 0.9 < found.miou < 1


@pytest.mark.parametrize(
    ("card", "why"),
    [
        (replace(CARD, task="unknown"), "does not say what its outputs mean"),
        (replace(CARD, classes=("red", "green")), "knows red, green, the data red, blue"),
        (replace(CARD, letterbox=False), "wants its pictures stretched"),
    ],
)
def test_a_model_that_does_not_fit_the_data_is_refused(
    data: Dataset, card: ModelCard, why: str
) -> None:
    with pytest.raises(InputError, match=why):
        demand_fit("colours.onnx", card, data)


def test_data_without_objects_are_refused(data: Dataset) -> None:
    bare = replace(
        data, images=tuple(replace(i, boxes=np.zeros((0, 4), np.float32)) for i in data.images)
    )
    with pytest.raises(InputError, match="nothing is annotated"):
        demand_fit("colours.onnx", CARD, bare)
    demand_fit("colours.onnx", CARD, data)
