"""``evaluate`` says where pictures fitted the other way would give much more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

import sizewise as sw
from netzoo.data.choosing import chosen
from netzoo.data.coco.dataset import read_coco
from sizewise.core.errors import InputError
from sizewise.core.progress import SILENT, Stage
from sizewise.pipeline.accuracy import other_fit
from tests.sizewise.cli.finders import write_finder

pytestmark = pytest.mark.usefixtures("in_process")

BOX = (40, 20, 80, 60)


class Remarks:
    """A reporter that keeps remarks."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    @contextmanager
    def stage(self, title: str, steps: int) -> Iterator[Stage]:
        with SILENT.stage(title, steps) as stage:
            yield stage

    def remark(self, text: str) -> None:
        self.texts.append(text)


def write_data(
    folder: Path, width: int, height: int, *, count: int = 3, boxed: Sequence[int] = (1, 2, 3)
) -> Path:
    """So many pictures with a white rectangle, as COCO JSON: it is annotated in those of the ids
    ``boxed``."""
    images, annotations = [], []
    x0, y0, x1, y1 = BOX
    for number in range(1, count + 1):
        picture = Image.new("RGB", (width, height), (40, 60, 20))
        picture.paste((255, 255, 255), BOX)
        picture.save(folder / f"{number}.png")
        images.append(
            {"id": number, "file_name": f"{number}.png", "width": width, "height": height}
        )
        if number not in boxed:
            continue
        box = [x0, y0, x1 - x0, y1 - y0]
        area = box[2] * box[3]
        annotations.append(
            {"id": number, "image_id": number, "category_id": 2, "bbox": box, "area": area}
            | {"iscrowd": 0}
        )
    categories = [{"id": 1, "name": "dark"}, {"id": 2, "name": "white"}]
    path = folder / "val.json"
    content = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def write_blind_to_grey(path: Path) -> Path:
    """The finder, but blind where the first pixel is the grey of a letterbox."""
    proto = onnx.load(write_finder(path))
    graph = proto.graph
    for node in graph.node:
        node.output[:] = ["seen" if name == "scores" else name for name in node.output]
    graph.initializer.append(helper.make_tensor("at", TensorProto.INT64, [3], [0, 0, 0]))
    graph.initializer.append(helper.make_tensor("to", TensorProto.INT64, [3], [1, 1, 1]))
    graph.initializer.append(helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3]))
    graph.initializer.append(helper.make_tensor("inner", TensorProto.INT64, [1], [3]))
    graph.initializer.append(helper.make_tensor("grey", TensorProto.FLOAT, [], [114 / 255]))
    graph.initializer.append(helper.make_tensor("near", TensorProto.FLOAT, [], [0.01]))
    graph.node.extend(
        [
            helper.make_node("Slice", ["images", "at", "to", "axes"], ["corner"]),
            helper.make_node("Squeeze", ["corner", "inner"], ["first_pixel"]),
            helper.make_node("Sub", ["first_pixel", "grey"], ["off"]),
            helper.make_node("Abs", ["off"], ["distance"]),
            helper.make_node("Greater", ["distance", "near"], ["is_picture"]),
            helper.make_node("Cast", ["is_picture"], ["visible"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["seen", "visible"], ["scores"]),
        ]
    )
    onnx.save(proto, path)
    return path


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    return write_data(tmp_path, 192, 96)


def said_of(model: Path, data: Path, size: str = "96", fit: str | None = None) -> list[str]:
    reporter = Remarks()
    sw.evaluate(model, data=str(data), sizes=size, fit=fit, reporter=reporter)
    return [text for text in reporter.texts if "may have been trained so" in text]


def test_a_model_that_was_trained_on_stretched_pictures_is_told(tmp_path: Path, wide: Path) -> None:
    model = write_blind_to_grey(tmp_path / "stretched.onnx")
    (said,) = said_of(model, wide)
    assert said.startswith(
        "With fit stretch, AP50 is 1.000 in place of 0.000 (3 images with boxes, 96x96)"
    )
    assert not said_of(model, wide, fit="stretch")


def test_nothing_is_said_where_both_are_as_good_or_are_the_same(tmp_path: Path, wide: Path) -> None:
    assert not said_of(write_finder(tmp_path / "either.onnx"), wide)
    model = write_blind_to_grey(tmp_path / "stretched.onnx")
    assert not said_of(model, wide, size="96x192")


def test_it_is_tried_on_images_with_boxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where few images are annotated, a choice among all of them may have no box at all."""
    monkeypatch.setattr(other_fit, "IMAGES", 2)
    drawn = chosen(read_coco(write_data(tmp_path, 192, 96, count=6)), 2).images
    boxed = [number for number in range(1, 7) if number not in [one.id for one in drawn]]
    data = write_data(tmp_path, 192, 96, count=6, boxed=boxed)
    (said,) = said_of(write_blind_to_grey(tmp_path / "stretched.onnx"), data)
    assert "AP50 is 1.000 in place of 0.000 (2 images with boxes" in said


def test_whatever_fails_there_costs_the_remark_alone(
    tmp_path: Path, wide: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise InputError("No", "nothing fits", "Look.")

    monkeypatch.setattr(other_fit, "_score", fail)
    reporter = Remarks()
    model = write_finder(tmp_path / "either.onnx")
    found = sw.evaluate(model, data=str(wide), sizes="96", reporter=reporter)
    assert found.rows[0].scores["ap50"] == pytest.approx(1)
    assert "Whether fit stretch gives more is not known. No: nothing fits. Look." in reporter.texts
