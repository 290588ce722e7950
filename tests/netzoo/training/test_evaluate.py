from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from netzoo.data.class_names import find_classes
from netzoo.data.coco.dataset import Dataset, read_coco
from netzoo.data.faults import Noted
from netzoo.tasks.letterbox import Letterbox
from netzoo.training.evaluate import evaluate_network
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network
from sizewise.core.errors import InferenceError, InputError
from sizewise.core.specs import Size
from tests.bench.pictures import BOX, HEIGHT, WIDTH, write_pictures
from tests.netzoo.factories import CLASSES, narrow_detector, squares


class Oracle(Network):
    """Knows the answers, image after image, and gives them ``error`` pixels beside."""

    output_names = ("boxes", "scores")

    def __init__(
        self,
        data: Dataset,
        size: Size,
        error: float,
        classes: tuple[str, ...] = CLASSES,
        name: str = "yolov3",
    ) -> None:
        super().__init__(NetworkConfig(name=name, classes=classes), (32,))
        self._data = data
        self._size = size
        self._error = error
        self._next = 0

    def __deepcopy__(self, memo: object) -> Oracle:
        return self

    def forward(self, images: Tensor) -> list[Tensor]:
        batch = self._data.images[self._next : self._next + len(images)]
        self._next += len(images)
        boxes, scores = [], []
        for image in batch:
            source = Size(image.height, image.width)
            keep_shape = self.config.name != "yolov4-tiny"
            fit = Letterbox.fit(source, self._size, keep_shape=keep_shape)
            boxes.append(torch.from_numpy(fit.boxes_to_input(image.boxes)) + self._error)
            known = find_classes("squares", CLASSES, self.config.classes)[image.labels]
            scores.append(torch.eye(len(self.config.classes))[known])
        return [torch.stack(boxes), torch.stack(scores)]

    def decode(self, heads: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(heads)


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return squares(tmp_path, 7)


@pytest.mark.parametrize("name", ["yolov3", "yolov4-tiny"])
@pytest.mark.parametrize("size", [Size(96, 128), Size(64, 160), Size(256, 96)])
def test_right_answers_score_one_at_every_size(data: Dataset, size: Size, name: str) -> None:
    scores = evaluate_network(Oracle(data, size, 0.0, name=name), data, size, batch_size=3)
    assert scores["ap"] > 0.99


def test_classes_that_the_network_alone_knows_do_not_count(data: Dataset) -> None:
    size = Size(96, 128)
    oracle = Oracle(data, size, error=0.0, classes=("blue", "green", "red"))
    assert evaluate_network(oracle, data, size)["ap"] > 0.99
    with pytest.raises(InputError, match="blue are not among its 2 classes"):
        evaluate_network(Oracle(data, size, 0.0, classes=("green", "red")), data, size)


def test_pictures_that_cannot_be_read_are_as_if_they_were_not_there(data: Dataset) -> None:
    """Their objects are no misses, and the answers for others are still theirs."""
    size, broken = Size(96, 128), (1, 4)
    for number in broken:
        data.images[number].path.write_bytes(b"no picture")
    rest = replace(data, images=tuple(i for n, i in enumerate(data.images) if n not in broken))
    for error in (0.0, 2.0):
        noted = Noted()
        found = evaluate_network(Oracle(rest, size, error), data, size, batch_size=3, faults=noted)
        assert found == evaluate_network(Oracle(rest, size, error), rest, size)
        assert [fault.what for fault in noted.found] == [
            f"The picture {data.images[number].path} can't be decoded" for number in broken
        ]
    with pytest.raises(InputError, match=r"1\.png can't be decoded"):
        evaluate_network(Oracle(rest, size, 0.0), data, size)


def test_data_without_a_picture_that_can_be_read_have_no_scores(data: Dataset) -> None:
    for image in data.images:
        image.path.write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"none of its pictures can be read: The picture .*0\.png"):
        evaluate_network(narrow_detector(), data, Size(96, 128), faults=Noted())


def test_answers_beside_the_boxes_score_less(data: Dataset) -> None:
    size = Size(96, 128)
    assert evaluate_network(Oracle(data, size, error=30.0), data, size)["ap50"] < 0.3


def test_a_random_network_scores_next_to_nothing(data: Dataset) -> None:
    assert evaluate_network(narrow_detector(), data, Size(96, 128))["ap"] < 0.2


class Bright(Network):
    """Takes for an object what is brighter than ``threshold``, and knows it by ``slope``."""

    output_names = ("mask_logits",)

    def __init__(self, threshold: float = 0.6, slope: float = 1e3) -> None:
        super().__init__(NetworkConfig(name="multiscale", classes=CLASSES), (32,))
        self._threshold, self._slope = threshold, slope

    def forward(self, images: Tensor) -> list[Tensor]:
        return [self._slope * (images.mean(1, keepdim=True) - self._threshold)]

    def decode(self, heads: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(heads)


@pytest.fixture
def white_boxes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return read_coco(write_pictures(tmp_path_factory.mktemp("white")))


@pytest.mark.parametrize("size", [Size(HEIGHT, WIDTH), Size(96, 160), Size(128, 64)])
def test_right_masks_score_one_at_every_size(white_boxes: Dataset, size: Size) -> None:
    scores = evaluate_network(Bright(), white_boxes, size, batch_size=3)
    assert [scores["miou"], scores["f_measure"]] == pytest.approx([1, 1])
    assert scores["mae"] < 0.01


def test_a_mask_of_everything_scores_the_share_of_the_object(white_boxes: Dataset) -> None:
    scores = evaluate_network(Bright(threshold=-1), white_boxes, Size(HEIGHT, WIDTH))
    x0, y0, x1, y1 = BOX
    share = (x1 - x0) * (y1 - y0) / (HEIGHT * WIDTH)
    assert scores["miou"] == pytest.approx((0 + share) / 2)
    assert scores["mae"] == pytest.approx(1 - share)


def test_masks_that_are_missing_are_told(data: Dataset, white_boxes: Dataset) -> None:
    with pytest.raises(InputError, match="have no segmentation"):
        evaluate_network(Bright(), data, Size(96, 128))
    with pytest.raises(InputError, match="has no images"):
        evaluate_network(Bright(), replace(white_boxes, images=()), Size(96, 128))
    with pytest.raises(InferenceError, match="logits are NaN"):
        evaluate_network(Bright(slope=float("nan")), white_boxes, Size(96, 128))
